"""`initkit list`, `initkit show` and `initkit info`: what there is, and what it makes."""

from __future__ import annotations

import inspect
import re
from argparse import Namespace
from math import prod, sqrt
from textwrap import fill
from typing import Any, NamedTuple

import numpy as np

from initkit.cli.table import Column, format_table
from initkit.cli.text import print_json, show_number, show_shape, terminal_width
from initkit.diagnostics import show_config
from initkit.dtypes import resolve_dtype
from initkit.errors import ArgumentTypeError
from initkit.initializer import Initializer
from initkit.initializers.scaled_by_fan import ScaledByFan
from initkit.lazy import LazyArray, first_values
from initkit.recipe.comparing.law import formula_of
from initkit.region import Region
from initkit.registry import registry
from initkit.serialization import encode, from_yaml

_PIECE_ELEMENTS = 1 << 20
_FIRST_VALUES = 6


def run_list(arguments: Namespace) -> int:
    """Print every initializer that a name can mean, by the order of the alphabet.

    JSON: a list of `name` (for recipes), `class_name`, `names` (all that find it), `summary`, and `arguments`
    (name: default; null also where there is none).
    """
    found = [cls for cls in registry.classes().values() if issubclass(cls, Initializer)]
    classes = sorted(found, key=registry.short_name)
    if arguments.json:
        print_json([_class_facts(cls) for cls in classes])
        return 0
    columns = (Column("name"), Column("what it makes", shrinks=True))
    rows = [(registry.short_name(cls), _summary(cls)) for cls in classes]
    print(format_table(columns, rows, width=terminal_width()))
    print("\n`initkit show NAME` tells more about one.")
    return 0


def _class_facts(cls: type) -> dict[str, Any]:
    return {
        "name": registry.short_name(cls),
        "class_name": cls.__name__,
        "names": registry.names(cls),
        "summary": _summary(cls),
        "arguments": _defaults(cls),
    }


def _defaults(cls: type) -> dict[str, Any]:
    """The arguments that a recipe can give, with their defaults."""
    return {
        name: None if parameter.default is parameter.empty else encode(parameter.default)
        for name, parameter in inspect.signature(cls).parameters.items()
        if name != "seed"
    }


def _summary(cls: type) -> str:
    return (inspect.getdoc(cls) or "").partition("\n")[0]


class Statistics(NamedTuple):
    """What the values of a tensor are: complex ones by the modulus of their deviation, and by their parts."""

    mean: float
    std: float
    least: float
    greatest: float


def run_show(arguments: Namespace) -> int:
    """Print one initializer's config and formula, and what it makes of a shape.

    JSON: `name`, `names` (all that find it), `summary`, `formula` (or null), `config`, `shape`, `dtype`,
    `seed` (null where it has none of its own), `fan_in` and `fan_out` (null where fans play no part),
    `expected` (`mean` and `std`, or null), `drawn` (`mean`, `std`, `min` and `max`; null for an empty
    tensor), and `values`, the first six. Of a class that has to be given arguments: what `initkit list`
    tells, `formula` and `required`.
    """
    bare = _class_with_required_arguments(arguments.initializer)
    if bare is not None:
        facts = {**_class_facts(bare), "formula": formula_of(bare), "required": _required(bare)}
        print_json(facts) if arguments.json else _print_class(facts)
        return 0
    initializer = from_yaml(arguments.initializer)
    if not isinstance(initializer, Initializer):
        message = f"This is no initializer. Received: {arguments.initializer!r}. Allowed: the names that"
        message += " `initkit list` prints. Write, for example, he_normal."
        raise ArgumentTypeError(message)
    lazy = initializer.seeded(arguments.seed).lazy(arguments.shape, resolve_dtype(arguments.dtype))
    facts = _show_facts(lazy.initializer, lazy)
    if arguments.json:
        print_json(facts)
    else:
        _print_facts(facts, repr(lazy.initializer))
    return 0


def _class_with_required_arguments(text: str) -> type[Initializer] | None:
    """The class of a bare name, if it cannot be made without arguments."""
    name = text.strip()
    if not re.fullmatch(r"[\w>]+", name):
        return None
    cls = registry.find(name)
    return cls if issubclass(cls, Initializer) and _required(cls) else None


def _required(cls: type) -> list[str]:
    parameters = inspect.signature(cls).parameters
    return [name for name, parameter in parameters.items() if parameter.default is parameter.empty]


def _print_class(facts: dict[str, Any]) -> None:
    """What there is to say of a class before it has arguments."""
    _print_fact("initializer", facts["name"])
    if others := [name for name in facts["names"] if name != facts["name"]]:
        _print_fact("other names", ", ".join(others))
    _print_fact("summary", facts["summary"])
    if facts["formula"]:
        _print_fact("formula", facts["formula"])
    required = facts["required"]
    told = (name if name in required else f"{name}={value!r}" for name, value in facts["arguments"].items())
    _print_fact("arguments", ", ".join(told))
    print(
        f"\nIt needs {' and '.join(required)}. Write them in YAML: '{facts['name']}: {{{required[0]}: ...}}'."
    )


def _show_facts(initializer: Initializer, lazy: LazyArray) -> dict[str, Any]:
    moments = initializer.moments(lazy.shape, lazy.dtype)
    drawn = _statistics(lazy)
    fans = initializer.fans_of(lazy.shape) if isinstance(initializer, ScaledByFan) else None
    return {
        "name": registry.short_name(type(initializer)),
        "names": registry.names(type(initializer)),
        "summary": _summary(type(initializer)),
        "formula": formula_of(type(initializer)),
        "config": initializer.get_config(),
        "shape": list(lazy.shape),
        "dtype": lazy.dtype.name,
        "seed": getattr(initializer, "seed", None),
        "fan_in": fans and fans.fan_in,
        "fan_out": fans and fans.fan_out,
        "expected": moments and {"mean": moments.mean, "std": moments.std},
        "drawn": drawn and {"mean": drawn.mean, "std": drawn.std, "min": drawn.least, "max": drawn.greatest},
        "values": [encode(value) for value in first_values(lazy, _FIRST_VALUES)],
    }


def _show_value(value: Any) -> str:
    """A value, as `encode` gives it."""
    if isinstance(value, dict):
        value = complex(**value["config"])
    return f"{value:.6g}" if isinstance(value, (float, complex)) else str(value)


def _statistics(lazy: LazyArray) -> Statistics | None:
    """Mean, standard deviation and range, in pieces, so that any shape can be looked at."""
    count, mean, squares = 0, 0j, 0.0
    least, greatest = float("inf"), float("-inf")
    whole = Region.whole(lazy.shape)
    for box in whole.boxes(_PIECE_ELEMENTS):
        values = np.ravel(lazy[box])
        wide = values.astype(np.complex128 if values.dtype.kind == "c" else np.float64)
        parts = wide.view(np.float64)
        least, greatest = min(least, float(parts.min())), max(greatest, float(parts.max()))
        # Chan, Golub and LeVeque's way to join the moments of two samples.
        step = complex(wide.mean()) - mean
        joined = count + wide.size
        squares += float(wide.var()) * wide.size + abs(step) ** 2 * count * wide.size / joined
        mean += step * wide.size / joined
        count = joined
    return Statistics(mean.real, sqrt(squares / count), least, greatest) if count else None


def _print_facts(facts: dict[str, Any], expression: str) -> None:
    shape = tuple(facts["shape"])
    _print_fact("initializer", facts["name"])
    if others := [name for name in facts["names"] if name != facts["name"]]:
        _print_fact("other names", ", ".join(others))
    _print_fact("summary", facts["summary"])
    if facts["formula"]:
        _print_fact("formula", facts["formula"])
    _print_fact("in Python", expression)
    _print_fact("tensor", f"{show_shape(shape)} {facts['dtype']}, {prod(shape):,} values")
    if facts["fan_in"] is not None:
        _print_fact("fans", f"fan_in {facts['fan_in']:,}, fan_out {facts['fan_out']:,}")
    _print_fact("first values", ", ".join(map(_show_value, facts["values"])) or "-")
    columns = (Column(""), *(Column(title, ".") for title in ("mean", "std", "min", "max")))
    rows = [
        (name, *(show_number((facts[name] or {}).get(key)) for key in ("mean", "std", "min", "max")))
        for name in ("expected", "drawn")
    ]
    print(f"\n{format_table(columns, rows)}")


def _print_fact(name: str, text: str) -> None:
    """One fact under its name, wrapped where a terminal is narrower."""
    width = terminal_width()
    print(
        f"{name:<13} {text}"
        if width is None
        else fill(text, width, initial_indent=f"{name:<13} ", subsequent_indent=" " * 14)
    )


def run_info(arguments: Namespace) -> int:
    """Print what this installation runs on; JSON: the dict of `initkit.show_config("dict")`."""
    if arguments.json:
        print_json(show_config("dict"))
    else:
        show_config()
    return 0
