"""Scopes of a seed: whom they touch, how they nest, and whose they are."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import initkit as ik
from initkit.errors import ArgumentTypeError
from initkit.seed import constant_draw, current_scope, seed_scope


def test_scope_makes_unseeded_calls_reproducible() -> None:
    """Inside a scope, calls without a seed take its draws in turn; the same scope gives the same values."""
    runs = []
    for _ in range(2):
        with seed_scope(42) as generator:
            init = ik.RandomNormal()
            runs.append([init((4,)), init((4,)), ik.RandomUniform()((4,))])
        assert generator.draws == 3
    for one, other in zip(*runs, strict=True):
        assert one.tobytes() == other.tobytes()
    assert runs[0][0].tobytes() != runs[0][1].tobytes()
    assert runs[0][0].tobytes() == ik.RandomNormal(seed=42)((4,)).tobytes()


def test_scope_takes_a_generator() -> None:
    """A generator given to a scope is advanced by it."""
    generator = ik.SeedGenerator(7).child("model")
    with seed_scope(generator) as inner:
        assert inner is generator
        ik.HeNormal()((2, 2))
    assert generator.draws == 1


def test_scope_leaves_seeded_initializers_alone() -> None:
    """A seed of its own counts more than a scope."""
    own = ik.SeedGenerator(1)
    with seed_scope(42) as generator:
        fixed = ik.HeNormal(seed=3)((4, 4))
        ik.HeNormal(seed=own)((4, 4))
    assert generator.draws == 0
    assert own.draws == 1
    assert fixed.tobytes() == ik.HeNormal(seed=3)((4, 4)).tobytes()


def test_scopes_nest_and_end() -> None:
    """The innermost scope counts, the outer one returns after it, also when an exception ends it."""

    def fail_inside() -> None:
        with seed_scope(2) as inner:
            assert current_scope() is inner
            raise RuntimeError

    with seed_scope(1) as outer:
        with pytest.raises(RuntimeError):
            fail_inside()
        assert current_scope() is outer
    assert current_scope() is None


def test_scope_is_the_threads_own() -> None:
    """Scopes of threads that run at once do not meet, and a thread that is started is told its scope."""
    barrier = threading.Barrier(2)

    def run(seed: int) -> bytes:
        with seed_scope(seed):
            barrier.wait()
            values = b"".join(ik.RandomNormal()((3,)).tobytes() for _ in range(20))
            barrier.wait()
        return values

    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(run, (1, 2)))
    barrier = threading.Barrier(1)
    assert together == [run(1), run(2)]


def test_scope_is_the_tasks_own() -> None:
    """Two asyncio tasks that take turns each keep their scope."""

    async def run(seed: int) -> bytes:
        with seed_scope(seed):
            parts = []
            for _ in range(5):
                parts.append(ik.RandomNormal()((3,)).tobytes())
                await asyncio.sleep(0)
        return b"".join(parts)

    async def both() -> list[bytes]:
        return list(await asyncio.gather(run(1), run(2)))

    assert asyncio.run(both()) == [asyncio.run(run(1)), asyncio.run(run(2))]


def test_scope_decorates_a_function() -> None:
    """As a decorator it opens a scope of the same seed at every call."""

    @seed_scope(42)
    def build() -> np.ndarray[Any, Any]:
        values: np.ndarray[Any, Any] = ik.HeNormal()((3, 3))
        return values

    assert build().tobytes() == build().tobytes()


@pytest.mark.parametrize("wrong", [None, "42", 1.5, True])
def test_scope_needs_a_seed(wrong: Any) -> None:
    """A scope without a seed would make nothing reproducible, so it needs one."""
    with pytest.raises(ArgumentTypeError, match="`seed` argument"), seed_scope(wrong):
        pass


def test_constant_draw_takes_no_number() -> None:
    """Initializers that draw nothing leave a scope's generator where it is."""
    with seed_scope(42) as generator:
        ik.Zeros()((3,))
        assert constant_draw().backend.name == "numpy"
    assert generator.draws == 0


@pytest.fixture(autouse=True)
def _no_scope_is_left_open() -> Iterator[None]:
    """Every test ends outside any scope."""
    yield
    assert current_scope() is None
