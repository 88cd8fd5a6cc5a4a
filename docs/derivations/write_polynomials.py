"""Writes `initkit/kernels/polynomials.h` from `initkit/kernels/constants.py`.

The coefficients are fitted by fit_transforms.py and kept in Python; this turns them into straight-line C, one
rounded operation a line, in the order in which the NumPy twin evaluates them. Run it from the root of the
repository after changing a coefficient; a test compares the two files.

    python docs/derivations/write_polynomials.py
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from initkit.kernels import constants

HEADER = Path(__file__).parents[2] / "initkit" / "kernels" / "polynomials.h"

# C name, block in constants.py, whether a leading coefficient 1 belongs to it.
POLYNOMIALS = (
    ("ik_sine32", "SIN32", False),
    ("ik_cosine32", "COS32", False),
    ("ik_central32_numerator", "CENTRAL32_N", False),
    ("ik_central32_denominator", "CENTRAL32_D", True),
    ("ik_tail32_numerator", "TAIL32_N", False),
    ("ik_tail32_denominator", "TAIL32_D", True),
    ("ik_log64_series", "LOG64", False),
    ("ik_sine64", "SIN64", False),
    ("ik_cosine64", "COS64", False),
    ("ik_central64_numerator", "CENTRAL64_N", False),
    ("ik_central64_denominator", "CENTRAL64_D", True),
    ("ik_tail64_numerator", "TAIL64_N", False),
    ("ik_tail64_denominator", "TAIL64_D", True),
    ("ik_mills64_numerator", "MILLS64_N", False),
    ("ik_mills64_denominator", "MILLS64_D", True),
)
SINGLE_NUMBERS = ("TWO_LN2", "CENTRAL_LEAST_P", "CENTRAL_RATIO")
DOUBLE_NUMBERS = (*SINGLE_NUMBERS, "LN_TWO_PI")


def literal(value: float, single: bool) -> str:
    """A C literal of exactly the float32 or float64 next to `value`."""
    text = str(np.float32(value)) if single else repr(float(value))
    return text + "f" if single else text


def function(name: str, coefficients: Sequence[float], monic: bool) -> str:
    """The polynomial in Horner's order, lowest power first in `coefficients`."""
    single = "32" in name
    kind = "float" if single else "double"
    texts = [literal(value, single) for value in coefficients]
    first = f"x + {texts[-1]}" if monic else texts[-1]
    lines = [f"    {kind} total = {first};"]
    lines += [f"    total = total * x + {text};" for text in texts[-2::-1]]
    body = "\n".join(lines)
    return f"IK_INLINE {kind} {name}({kind} x) {{\n{body}\n    return total;\n}}\n"


def header() -> str:
    """The whole file."""
    parts = [
        "/* Written by docs/derivations/write_polynomials.py from constants.py; change that, run this. */\n"
        "#ifndef IK_POLYNOMIALS_H\n#define IK_POLYNOMIALS_H\n"
    ]
    numbers = [f"#define IK_{name}_32 {literal(getattr(constants, name), True)}" for name in SINGLE_NUMBERS]
    numbers += [f"#define IK_{name}_64 {literal(getattr(constants, name), False)}" for name in DOUBLE_NUMBERS]
    numbers += [
        f"#define IK_LOG32_{power} {literal(value, True)}" for power, value in enumerate(constants.LOG32)
    ]
    parts.append("\n".join(numbers) + "\n")
    parts += [function(name, getattr(constants, block), monic) for name, block, monic in POLYNOMIALS]
    return "\n".join([*parts, "#endif\n"])


if __name__ == "__main__":
    HEADER.write_text(header(), encoding="utf-8", newline="\n")
