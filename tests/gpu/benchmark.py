"""The speed of initkit on a GPU beside that of its peers, all measured in one run.

python -m tests.gpu.benchmark [--output build/gpu.md] [--seconds 1]
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import initkit as ik
from tests.gpu import peers
from tests.gpu.device import why_no_gpu
from tests.gpu.table import Case, Peer, markdown, rows
from tests.gpu.timing import Work, measure

ROOT = Path(__file__).parents[2]
LARGE = (8192, 8192)
SMALL = (64, 64)
ELEMENTS = LARGE[0] * LARGE[1]

# A peer's name, how to prepare its work, and how many times initkit's time is asked of it.
Rival = tuple[str, Callable[[], Work], float]


def main(arguments: list[str] | None = None) -> int:
    """Measure what can be, print the table, and write it; 1 if initkit itself could not be measured."""
    parser = argparse.ArgumentParser(description="Time initkit and its peers on a GPU.")
    parser.add_argument("--output", type=Path, help="where the table goes, too")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long to measure each (1)")
    options = parser.parse_args(arguments)
    if reason := why_no_gpu():
        print(f"Nothing was measured: {reason}")
        return 0
    # Before anything imports JAX, which else takes three quarters of the memory.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    timer = partial(timed, seconds=options.seconds)
    bandwidth, described = write_bandwidth(timer), facts()
    cases: list[Case] = []
    for case in every_case(timer):
        cases.append(case)
        print(*rows(case, bandwidth), sep="\n", flush=True)
        if options.output:
            # After every case, so that a run cut short leaves what it has measured.
            options.output.parent.mkdir(parents=True, exist_ok=True)
            report = markdown(described, bandwidth, cases)
            options.output.write_text(report, encoding="utf-8", newline="\n")
    print(f"\n{markdown(described, bandwidth, cases)}")
    return int(any(case.seconds is None for case in cases))


def timed(prepare: Callable[[], Work], seconds: float) -> tuple[float | None, str]:
    """The time of a call; or None, and why there is none."""
    try:
        return measure(prepare(), seconds), ""
    except ImportError as error:
        return None, str(error)
    except Exception as error:
        return None, f"{type(error).__name__}: {error}"
    finally:
        _free_memory()


Timer = Callable[[Callable[[], Work]], tuple[float | None, str]]


def _free_memory() -> None:
    """Give back what libraries keep for later, so that the next one finds memory."""
    import cupy

    cupy.get_default_memory_pool().free_all_blocks()
    if torch := sys.modules.get("torch"):
        torch.cuda.empty_cache()


def write_bandwidth(timer: Timer) -> float:
    """Bytes per second of the faster of the driver's fill and a kernel's, at the size of the large cases."""
    times = [timer(partial(fill, LARGE))[0] for fill in (peers.memset, peers.cupy_fill)]
    return 4 * ELEMENTS / min(found) if (found := [time for time in times if time]) else 0.0


def every_case(timer: Timer) -> Iterator[Case]:
    """Every line of the table, measured as it is asked for."""
    yield from law_cases(timer)
    yield from double_cases(timer)
    yield from view_cases(timer)
    yield from orthogonal_cases(timer)
    yield from small_cases(timer)
    yield from first_use_cases()


def compared(timer: Timer, title: str, own: Callable[[], Work], rivals: list[Rival], **asked: Any) -> Case:
    """A case, with everything in it measured."""
    seconds, why_not = timer(own)
    others = []
    for name, prepare, ratio in rivals:
        time, missing = timer(prepare)
        others.append(Peer(name, time, missing, ratio))
    return Case(title, seconds, why_not, peers=tuple(others), **asked)


def law_cases(timer: Timer) -> Iterator[Case]:
    """The laws, on arrays that exist already, and HeNormal, which makes its own."""
    fill, call = partial(partial, peers.own_fill), partial(partial, peers.own_call)
    torch, jax = partial(partial, peers.torch_fill), partial(partial, peers.jax_call)
    generator, state = partial(partial, peers.cupy_generator), partial(partial, peers.cupy_random_state)
    normal = ik.RandomNormal(stddev=1.0)
    single = {"nbytes": 4 * ELEMENTS}
    yield compared(
        timer,
        "uniform, float32, 8192²",
        fill(ik.RandomUniform(-1.0, 1.0), LARGE),
        [
            ("torch `uniform_`", torch("uniform_", LARGE, "float32", -1.0, 1.0), 0),
            ("CuPy `Generator.random`", generator("random", LARGE), 0),
            ("CuPy `RandomState.uniform`", state("uniform", LARGE, -1.0, 1.0), 0),
            ("JAX `uniform`, jit", partial(peers.jax_call, "uniform", LARGE), 0),
        ],
        asked_share=0.65,
        **single,
    )
    yield compared(
        timer,
        "normal, float32, 8192²",
        fill(normal, LARGE),
        [
            ("torch `normal_`", torch("normal_", LARGE), 2),
            ("CuPy `Generator.standard_normal`", generator("standard_normal", LARGE), 0),
            ("CuPy `RandomState.normal`", state("normal", LARGE, 0.0, 1.0), 0),
            ("JAX `normal`, jit", jax("normal", LARGE), 0),
        ],
        asked_share=0.5,
        **single,
    )
    yield compared(
        timer,
        "truncated ±2σ, float32, 8192²",
        fill(ik.TruncatedNormal(stddev=1.0), LARGE),
        [
            ("torch `trunc_normal_`", torch("trunc_normal_", LARGE, "float32", 0.0, 1.0, -2.0, 2.0), 10),
            ("JAX `truncated_normal`, jit", jax("truncated_normal", LARGE, "float32", -2.0, 2.0), 0),
        ],
        **single,
    )
    yield compared(
        timer,
        "normal, bfloat16, 8192²",
        fill(normal, LARGE, "bfloat16"),
        [
            ("torch `normal_`", torch("normal_", LARGE, "bfloat16"), 0),
            ("JAX `normal`, jit", jax("normal", LARGE, "bfloat16"), 0),
        ],
        nbytes=2 * ELEMENTS,
    )
    yield compared(
        timer,
        "HeNormal, new array, 8192²",
        call(ik.HeNormal(), LARGE),
        [
            ("torch `kaiming_normal_`", partial(peers.torch_call, "kaiming_normal_", LARGE), 0),
            ("JAX `he_normal`, jit", partial(peers.jax_initializer, "he_normal", LARGE), 0),
            ("Keras `HeNormal` on JAX", partial(peers.keras_initializer, "HeNormal", LARGE), 0),
        ],
        **single,
    )


def double_cases(timer: Timer) -> Iterator[Case]:
    """The laws in float64, whose draws and polynomials are longer."""
    fill, torch = partial(partial, peers.own_fill), partial(partial, peers.torch_fill)
    uniform, normal = ik.RandomUniform(-1.0, 1.0), ik.RandomNormal(stddev=1.0)
    yield compared(
        timer,
        "uniform, float64, 8192²",
        fill(uniform, LARGE, "float64"),
        [("torch `uniform_`", torch("uniform_", LARGE, "float64", -1.0, 1.0), 0)],
        nbytes=8 * ELEMENTS,
    )
    yield compared(
        timer,
        "normal, float64, 8192²",
        fill(normal, LARGE, "float64"),
        [("torch `normal_`", torch("normal_", LARGE, "float64"), 0)],
        nbytes=8 * ELEMENTS,
    )


def view_cases(timer: Timer) -> Iterator[Case]:
    """A law on memory that is not one run, which initkit fills through a buffer."""
    rows, columns = LARGE
    for title, base, view in (
        ("transposed", LARGE, peers.transposed),
        ("every second column", (rows, 2 * columns), peers.every_second_column),
    ):
        yield compared(
            timer,
            f"normal, float32, 8192², {title}",
            partial(peers.own_fill, ik.RandomNormal(stddev=1.0), base, view=view),
            [("torch `normal_`", partial(peers.torch_fill, "normal_", base, view=view), 0)],
            nbytes=4 * ELEMENTS,
        )


def orthogonal_cases(timer: Timer) -> Iterator[Case]:
    """Orthogonal matrices of three sizes."""
    for side in (1024, 4096, 8192):
        shape = (side, side)
        yield compared(
            timer,
            f"Orthogonal {side}²",
            partial(peers.own_call, ik.Orthogonal(), shape),
            [
                (
                    "torch `orthogonal_`",
                    partial(peers.torch_call, "orthogonal_", shape),
                    5 if side == 8192 else 0,
                ),
                ("JAX `orthogonal`, jit", partial(peers.jax_initializer, "orthogonal", shape), 0),
                ("Keras `Orthogonal` on JAX", partial(peers.keras_initializer, "Orthogonal", shape), 0),
            ],
        )


def small_cases(timer: Timer) -> Iterator[Case]:
    """Small tensors, where the host's time is what counts."""
    for title, number, asked in (("one call", 1, 25e-6), ("a thousand calls", 1000, 0.0)):
        yield compared(
            timer,
            f"HeNormal 64², {title}",
            partial(peers.own_small, ik.HeNormal(), SMALL, number),
            [
                ("torch `kaiming_normal_`", partial(peers.torch_small, "kaiming_normal_", SMALL, number), 0),
                ("JAX `he_normal`, jit", partial(peers.jax_initializer, "he_normal", SMALL, number), 0),
                ("Keras `HeNormal` on JAX", partial(peers.keras_initializer, "HeNormal", SMALL, number), 0),
            ],
            asked_seconds=asked,
        )


FIRST_USE = """
import sys, cupy
cupy.zeros(1).sum()
cupy.cuda.Device().synchronize()
from time import perf_counter
import initkit as ik
start = perf_counter()
getattr(ik, sys.argv[1])(seed=ik.SeedGenerator(7, backend="cupy"))((64, 64))
cupy.cuda.Device().synchronize()
print(perf_counter() - start)
"""


def first_use_cases() -> Iterator[Case]:
    """A new process' first call, with an empty cache of compiled kernels and with a filled one."""
    for name in ("HeNormal", "Orthogonal"):
        with TemporaryDirectory() as cache:
            variables = {**os.environ, "CUPY_CACHE_DIR": cache, "CUPY_CACHE_IN_MEMORY": "0"}
            for state in ("empty", "filled"):
                done = subprocess.run(
                    [sys.executable, "-c", FIRST_USE, name],
                    cwd=ROOT,
                    env=variables,
                    capture_output=True,
                    encoding="utf-8",
                    check=False,
                )
                title = f"{name} 64², the first call, {state} cache"
                why_not = (done.stderr.strip().splitlines() or ["it failed"])[-1] if done.returncode else ""
                # Libraries may have words of their own to print before it.
                yield Case(title, float(done.stdout.split()[-1]) if not why_not else None, why_not)


def facts() -> dict[str, str]:
    """The GPU, the driver, and the versions of everything that was measured."""
    import cupy

    runtime = cupy.cuda.runtime
    properties = runtime.getDeviceProperties(cupy.cuda.Device().id)
    name = properties["name"].decode()
    described = {
        "GPU": f"{name}, {properties['multiProcessorCount']} multiprocessors, "
        f"compute capability {properties['major']}.{properties['minor']}, "
        f"{properties['totalGlobalMem'] / 2**30:.0f} GiB",
        "driver": _driver(),
        "CUDA": f"driver {_cuda(runtime.driverGetVersion())}, runtime {_cuda(runtime.runtimeGetVersion())}, "
        f"NVRTC {'.'.join(map(str, cupy.cuda.nvrtc.getVersion()))}",
        "initkit": ik.__version__,
        "CuPy": cupy.__version__,
    }
    for library in ("torch", "jax", "keras", "numpy"):
        try:
            described[library] = version(library)
        except PackageNotFoundError:
            described[library] = "not installed"
    described["Python"] = f"{platform.python_version()}, {platform.machine()}"
    described["times"] = "medians of batches of queued calls; ratio: the peer's time over initkit's"
    return described


def _cuda(number: int) -> str:
    return f"{number // 1000}.{number % 1000 // 10}"


def _driver() -> str:
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        return subprocess.check_output(query, encoding="utf-8", timeout=60).splitlines()[0].strip()
    except (OSError, subprocess.SubprocessError, IndexError):
        return "unknown"


if __name__ == "__main__":
    sys.exit(main())
