"""The default generator: it advances, serves all threads, gives way to scopes, is new in a forked process."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import initkit as ik
from initkit import functional as init
from initkit.errors import ArgumentTypeError
from initkit.functional.generators import default_generator, drawing_from

# Both styles, with no word of a seed.
CALLS: dict[str, Any] = {
    "in place": lambda: init.normal_(np.empty(4)),
    "in place by fan": lambda: init.kaiming_normal_(np.empty((2, 2))),
    "new": lambda: init.kaiming_normal(2, 2),
    "of one dtype": lambda: init.randn32(4),
    "waiting": init.glorot_uniform(gain=2.0),
}


def _values(name: str) -> bytes:
    call = CALLS[name]
    values: bytes = (call(2, 2) if name == "waiting" else call()).tobytes()
    return values


@pytest.mark.parametrize("name", CALLS)
def test_default_advances(name: str) -> None:
    """No two calls are alike, and each takes one draw of the same generator."""
    before = default_generator().draws
    assert len({_values(name) for _ in range(5)}) == 5
    assert default_generator().draws == before + 5


def test_default_is_no_fixed_seed() -> None:
    """The seed comes from the operating system: it is long, and another process has another."""
    script = "from initkit.functional.generators import default_generator; print(default_generator().seed)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True)
    seeds = {int(done.stdout), default_generator().seed}
    assert len(seeds) == 2
    assert min(seeds) > 2**64


@pytest.mark.parametrize("name", CALLS)
def test_scopes_come_first(name: str) -> None:
    """Inside a scope all styles draw from it, in turn, and the default generator rests."""
    before = default_generator().draws
    runs = []
    for _ in range(2):
        with ik.seed_scope(42) as generator:
            runs.append([_values(name), _values(name)])
            assert generator.draws == 2
            assert default_generator() is generator
    assert runs[0] == runs[1]
    assert runs[0][0] != runs[0][1]
    assert default_generator().draws == before


def test_scopes_do_not_touch_what_has_a_seed() -> None:
    """A seed or a generator of the call's own counts more than a scope."""
    own = ik.SeedGenerator(3)
    with ik.seed_scope(42) as generator:
        init.normal_(np.empty(4), seed=7)
        init.kaiming_normal(own, 2, 2)
        init.randn32(own, 2, 2)
    assert generator.draws == 0
    assert own.draws == 2


def test_threads_share_the_default() -> None:
    """Threads that draw at once never get the same values, and no draw is lost."""
    before, barrier = default_generator().draws, threading.Barrier(4)

    def draw(_: int) -> list[bytes]:
        barrier.wait()
        return [init.randn32(4).tobytes() for _ in range(50)]

    with ThreadPoolExecutor(4) as pool:
        values = [value for part in pool.map(draw, range(4)) for value in part]
    assert len(set(values)) == 200
    assert default_generator().draws == before + 200


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_forked_processes_have_their_own() -> None:
    """A forked process does not repeat what its parent draws."""
    script = (
        "import os\nfrom initkit import functional as init\nread, write = os.pipe()\n"
        "if os.fork() == 0:\n    os.write(write, init.randn32(4).tobytes())\n    os._exit(0)\n"
        "os.wait()\nprint(os.read(read, 99) == init.randn32(4).tobytes())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.strip() == "False"


def test_drawing_from() -> None:
    """A given generator is the scope's; without one the default is, and a scope's own stays in force."""
    generator = ik.SeedGenerator(7)
    with drawing_from(generator) as scope:
        assert scope is generator
        with drawing_from(None) as inner:
            assert inner is generator
    with drawing_from(None) as scope:
        assert scope is default_generator()


@pytest.mark.parametrize("foreign", [np.random.default_rng(1), np.random.RandomState(1)])
def test_foreign_generators_are_refused(foreign: Any) -> None:
    """NumPy's generators are refused in every place, with what makes a seed of them; that works."""
    for call in (
        lambda: ik.HeNormal(seed=foreign),
        lambda: init.normal_(np.empty(3), seed=foreign),
        lambda: init.kaiming_normal(foreign, 2, 5),
        lambda: init.randn32(foreign, 2, 5),
    ):
        with pytest.raises(ArgumentTypeError, match="a generator of numpy's") as caught:
            call()
        expression = str(caught.value).partition("integer of its: ")[2].rstrip(".")
        generator = eval(expression, {"initkit": ik, "generator": foreign})
        assert isinstance(generator, ik.SeedGenerator)


@pytest.mark.parametrize("name", ["normal_", "kaiming_uniform_", "sparse_", "orthogonal_"])
def test_torchs_argument_is_explained(name: str) -> None:
    """`generator=`, as torch has it, is refused with what to write instead."""
    function: Any = getattr(init, name)
    arguments = (0.5,) if name == "sparse_" else ()
    with pytest.raises(ArgumentTypeError, match="a generator of numpy's"):
        function(np.empty((3, 3)), *arguments, generator=np.random.default_rng(1))
    with pytest.raises(ArgumentTypeError, match=f"{name} has no argument `generator`.*Write seed="):
        function(np.empty((3, 3)), *arguments, generator=ik.SeedGenerator(7))
    assert "generator" not in inspect.signature(function).parameters
