"""`make bench`: prints a table of times and of ratios to peers, all from this run."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import initkit as ik
from tests.bench.building import report_building
from tests.bench.peers import jax_call, keras_call, numpy_normal, own_call, own_fill, torch_fill
from tests.bench.timing import Stopwatch, Task

LARGE = (4096, 4096)
SQUARE = (2048, 2048)
SMALL = (64, 64)

RECIPE = Path(__file__).parents[2] / "examples" / "recipes" / "gpt2.yaml"


def main() -> None:
    """Measure everything and print it."""
    facts = ik.show_config("dict")
    print(
        f"initkit {facts['initkit']}, {facts['kernels']['instruction_set']}, {facts['threads']} threads;",
        end=" ",
    )
    print(", ".join(f"{name} {version(name)}" for name in ("numpy", "torch", "jax", "keras")), end="; ")
    print(f"Python {platform.python_version()}, {_processor()}")
    print("\nTimes are medians; every library has a process of its own, and they take turns.")
    print("Ratio: the peer's time over initkit's.\n")
    _print_row("float32, 4096², in place", "initkit", "peer", "ratio", "asked")
    stopwatch = Stopwatch()
    for title, tasks, shape, asked in _tasks():
        _report(title, stopwatch.side_by_side(tasks), shape, asked)
    _report_small(stopwatch)
    _print_row("import initkit, beyond NumPy", f"{_import_seconds() * 1e3:.0f} ms", "", "", "≤ 100 ms")
    seconds, megabytes = _build()
    _print_row("build GPT-2, float32", f"{seconds:.2f} s", f"{megabytes} MB", "", "≤ 1.5 s, ≤ 300 MB")
    report_building(_print_row)


def _tasks() -> list[tuple[str, dict[str, Task], tuple[int, int], float]]:
    uniform, normal = ik.RandomUniform(-1.0, 1.0, seed=7), ik.RandomNormal(stddev=1.0, seed=7)
    truncated, he = ik.TruncatedNormal(stddev=1.0, seed=7), ik.HeNormal(seed=7)
    keras = Task("keras", keras_call, ("HeNormal", LARGE))
    return [
        (
            "uniform",
            {"initkit": _own(uniform), "torch uniform_": _torch("uniform_", "float32", -1.0, 1.0)},
            LARGE,
            7,
        ),
        (
            "normal",
            {
                "initkit": _own(normal),
                "torch normal_": _torch("normal_", "float32"),
                "NumPy SFC64": Task("numpy", numpy_normal, (LARGE,)),
            },
            LARGE,
            8,
        ),
        (
            "truncated ±2σ",
            {
                "initkit": _own(truncated),
                "torch trunc_normal_": _torch("trunc_normal_", "float32", 0.0, 1.0, -2.0, 2.0),
            },
            LARGE,
            60,
        ),
        (
            "normal, bfloat16",
            {"initkit": _own(normal, "bfloat16"), "torch normal_": _torch("normal_", "bfloat16")},
            LARGE,
            8,
        ),
        ("HeNormal", {"initkit": _own(he), "Keras on JAX": keras}, LARGE, 15),
        (
            "HeNormal, new array",
            {
                "initkit": Task("initkit", own_call, (he, LARGE)),
                "Keras on JAX": keras,
                "JAX, jit": Task("jax", jax_call, (LARGE,)),
            },
            LARGE,
            15,
        ),
        (
            "Sparse, half zeros",
            {"initkit": _own(ik.Sparse(0.5, seed=7)), "torch sparse_": _torch("sparse_", "float32", 0.5)},
            LARGE,
            100,
        ),
        (
            "Orthogonal 2048²",
            {
                "initkit": Task("initkit", own_call, (ik.Orthogonal(seed=7), SQUARE)),
                "torch orthogonal_": Task("torch", torch_fill, ("orthogonal_", SQUARE, "float32")),
            },
            SQUARE,
            1.5,
        ),
    ]


def _own(initializer: ik.Initializer, dtype: str = "float32") -> Task:
    return Task("initkit", own_fill, (initializer, LARGE, dtype))


def _torch(name: str, dtype: str, *arguments: float) -> Task:
    return Task("torch", torch_fill, (name, LARGE, dtype, *arguments))


def _report(title: str, times: dict[str, float], shape: tuple[int, int], asked: float) -> None:
    own = times.pop("initkit")
    elements = shape[0] * shape[1]
    for position, (peer, seconds) in enumerate(times.items()):
        _print_row(
            title if position == 0 else "",
            f"{own * 1e3:.1f} ms, {own / elements * 1e9:.2f} ns",
            f"{peer} {seconds * 1e3:.0f} ms",
            f"{seconds / own:.1f}×",
            f"≥ {asked:g}×" if position == 0 else "",
        )


def _report_small(stopwatch: Stopwatch) -> None:
    tasks = {
        "initkit": Task("initkit", own_call, (ik.HeNormal(seed=7), SMALL)),
        "torch kaiming_normal_": Task("torch", torch_fill, ("kaiming_normal_", SMALL, "float32")),
    }
    own, peer = stopwatch.side_by_side(tasks).values()
    _print_row(
        "HeNormal 64², a call",
        f"{own * 1e6:.1f} µs",
        f"torch kaiming_normal_ {peer * 1e6:.1f} µs",
        f"{peer / own:.1f}×",
        "≤ 12 µs",
    )


def _print_row(title: str, own: str, peer: str, ratio: str, asked: str) -> None:
    print(f"{title:<30}{own:>20}{peer:>32}{ratio:>9}  {asked}", flush=True)


def _import_seconds() -> float:
    """What `import initkit` adds to `import numpy`; the least of several fresh processes."""
    code = "import time, numpy; s = time.perf_counter(); import initkit; print(time.perf_counter() - s)"
    # Compiled to bytecode once, as an installed package is, whatever this shell says.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return min(float(subprocess.check_output([sys.executable, "-c", code], env=kept)) for _ in range(7))


def _build() -> tuple[float, int]:
    """Seconds of a whole `initkit build`, start-up included, and its peak memory in MB (0 where unknown)."""
    with TemporaryDirectory() as folder:
        arguments = ["build", str(RECIPE), "-o", str(Path(folder) / "gpt2.safetensors")]
        start = perf_counter()
        output = subprocess.check_output([sys.executable, "-c", _BUILD_AND_TELL, *arguments], text=True)
        return perf_counter() - start, int(output.splitlines()[-1]) // 1024


# The kernel's own peak of this process' memory: what getrusage tells begins with that of the parent.
_BUILD_AND_TELL = """
import pathlib, sys
from initkit.cli import main
main(sys.argv[1:])
status = pathlib.Path("/proc/self/status")
lines = status.read_text().splitlines() if status.exists() else []
print(next((line.split()[1] for line in lines if line.startswith("VmHWM")), 0))
"""


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
