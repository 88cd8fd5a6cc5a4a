"""Arrays that are made once: which are kept, who makes them, and what is left where making fails."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from initkit.initializers.kept_arrays import KeptArrays

Array = np.ndarray[Any, Any]


def _numbered(position: int) -> Array:
    return np.array([position])


def test_what_is_kept_is_not_made_again() -> None:
    """A second request gets the arrays of the first one, in its own order."""
    kept = KeptArrays(most=3)
    first = kept.find(["a", "b", "c"], _numbered)
    assert [array.tolist() for array in first] == [[0], [1], [2]]
    again = kept.find(["c", "a"], lambda position: pytest.fail("made again"))
    assert again[0] is first[2]
    assert again[1] is first[0]


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    """With room for two, the one that was used since stays."""
    kept = KeptArrays(most=2)
    kept.find(["a", "b"], _numbered)
    kept.find(["a"], _numbered)
    kept.find(["c"], _numbered)
    made = []
    for key in ("a", "c", "b"):

        def make(position: int, key: str = key) -> Array:
            made.append(key)
            return _numbered(position)

        kept.find([key], make)
    assert made == ["b"]


def test_more_than_there_is_room_for() -> None:
    """All arrays of one request are there, however few are kept."""
    found = KeptArrays(most=1).find(range(5), _numbered)
    assert [int(array[0]) for array in found] == [0, 1, 2, 3, 4]


def test_forgotten_arrays_are_made_again() -> None:
    """As in a forked process, to which locks of its parent mean nothing."""
    kept = KeptArrays(most=2)
    (before,) = kept.find(["a"], _numbered)
    kept.forget()
    assert kept.find(["a"], _numbered)[0] is not before


def test_threads_share_the_work() -> None:
    """While one thread makes the first array another one makes the second, and each is made once."""
    kept, made = KeptArrays(most=8), []
    both_at_work = threading.Barrier(2)

    def make(position: int) -> Array:
        made.append(position)
        both_at_work.wait(timeout=30)
        return _numbered(position)

    with ThreadPoolExecutor(2) as threads:
        found = [future.result() for future in [threads.submit(kept.find, "ab", make) for _ in range(2)]]
    assert sorted(made) == [0, 1]
    assert [array.tolist() for array in found[0]] == [[0], [1]]
    assert all(one is other for one, other in zip(*found, strict=True))


def test_whoever_waited_makes_what_another_thread_could_not() -> None:
    """An error is that of the thread in which it arose."""
    kept, begun, waiting = KeptArrays(most=8), threading.Event(), threading.Event()

    def fail(position: int) -> Array:
        begun.set()
        assert waiting.wait(timeout=30)
        raise MemoryError

    def find() -> list[Array]:
        assert begun.wait(timeout=30)
        waiting.set()
        return kept.find(["a"], _numbered)

    with ThreadPoolExecutor(2) as threads:
        failed, found = threads.submit(kept.find, ["a"], fail), threads.submit(find)
        assert isinstance(failed.exception(), MemoryError)
        assert found.result()[0].tolist() == [0]
    assert not kept._making
