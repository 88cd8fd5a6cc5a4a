"""Threads that draw: everything once, errors in the caller, and nobody at work afterwards."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import initkit as ik
import initkit.kernels.threads as threads_module
import initkit.recipe.building.drawing as drawing_module
from initkit.errors import ArgumentError
from initkit.recipe.building.drawing import Array, check_memory, draw_units
from initkit.recipe.building.units import Unit
from tests.recipe.texts import plan_of, tensors_and_rules


def _units(count: int, nbytes: int = 64) -> list[Unit]:
    return [Unit(0, number, number + 1, None, number * nbytes, nbytes) for number in range(count)]


def _draw(unit: Unit, out: Array) -> None:
    out[:] = unit.first % 251


def _left() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("initkit-draw")]


@pytest.mark.parametrize("piece_bytes", [16, 64, 1 << 20])
def test_every_unit_is_drawn_consumed_and_told_once(piece_bytes: int) -> None:
    """Each unit's bytes are handed over once, and then told in the caller's thread; larger units, too."""
    units = _units(500)
    consumed: list[Unit] = []
    told: list[Unit] = []

    def consume(unit: Unit, out: Array) -> None:
        assert threading.current_thread() is not threading.main_thread()
        assert out.tolist() == [unit.first % 251] * 64
        consumed.append(unit)

    def done(unit: Unit) -> None:
        assert threading.current_thread() is threading.main_thread()
        assert unit in consumed
        told.append(unit)

    draw_units(units, _draw, consume, done=done, piece_bytes=piece_bytes)
    assert sorted(consumed) == sorted(told) == units
    assert not _left()


def test_drawing_goes_on_while_a_unit_is_consumed() -> None:
    """The next units are drawn while one is being written."""
    other_drawn = threading.Event()

    def draw(unit: Unit, out: Array) -> None:
        if unit.first == 1:
            other_drawn.set()

    def consume(unit: Unit, out: Array) -> None:
        if unit.first == 0:
            assert other_drawn.wait(30)

    draw_units(_units(2), draw, consume)


def test_memory_is_aligned() -> None:
    """Units are drawn where a cache line begins."""
    addresses: list[int] = []
    draw_units(_units(20), _draw, lambda unit, out: addresses.append(out.ctypes.data))
    assert not [address for address in addresses if address % 64]


def test_one_large_unit_exists_at_a_time() -> None:
    """Units larger than a piece wait for each other, so that their memory is not needed twice."""
    alone = threading.Lock()

    def draw(unit: Unit, out: Array) -> None:
        assert alone.acquire(blocking=False)

    def consume(unit: Unit, out: Array) -> None:
        time.sleep(0.001)
        alone.release()

    # Larger than what is drawn alone for being small.
    draw_units(_units(20, 1 << 18), draw, consume, piece_bytes=1 << 16)


def test_nothing_to_draw() -> None:
    """No units, no calls."""
    draw_units((), _draw, lambda unit, out: pytest.fail("a unit of nothing"))


@pytest.mark.parametrize("where", ["draw", "consume", "units"])
def test_an_error_in_a_thread_ends_drawing(where: str) -> None:
    """What is raised in a thread comes out in the caller's, and the rest is not drawn."""
    drawn: list[int] = []

    def fail(at: str, number: int) -> None:
        if at == where and number == 3:
            raise OSError(28, "No space left on device")

    def units() -> Iterator[Unit]:
        for unit in _units(10_000):
            fail("units", unit.first)
            yield unit

    def draw(unit: Unit, out: Array) -> None:
        drawn.append(unit.first)
        fail("draw", unit.first)
        time.sleep(0.0005)

    with pytest.raises(OSError, match="No space left"):
        draw_units(units(), draw, lambda unit, out: fail("consume", unit.first))
    assert len(drawn) < 1000
    assert not _left()


@pytest.mark.parametrize("where", ["draw", "consume"])
def test_an_error_keeps_no_memory(where: str) -> None:
    """The memory of a large unit is given back while somebody still has the error."""
    memory: list[weakref.ref[Array]] = []

    def fail(unit: Unit, out: Array) -> None:
        memory.append(weakref.ref(out))
        raise OSError(28, "No space left on device")

    draw, consume = (fail, _draw) if where == "draw" else (_draw, fail)
    with pytest.raises(OSError, match="No space") as caught:
        draw_units(_units(1), draw, consume, piece_bytes=16)
    assert caught.value is not None
    assert [reference() for reference in memory] == [None]


def test_no_thread_is_left_after_an_interrupt() -> None:
    """An exception in the caller, such as Ctrl-C, leaves when the threads have ended what they began."""
    busy: set[int] = set()

    def consume(unit: Unit, out: Array) -> None:
        busy.add(unit.first)
        time.sleep(0.005)
        busy.discard(unit.first)

    def interrupt(unit: Unit) -> None:
        if unit.first > 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw_units(_units(10_000), _draw, consume, done=interrupt)
    assert not busy
    assert not _left()


def test_tensors_that_cannot_fit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tensor that only a call can draw and that is larger than memory is an error at once."""

    @ik.register("tests_of_drawing")
    class CalledAlone(ik.Initializer):
        def __call__(self, shape: Any, dtype: Any = None) -> Any:
            return np.zeros(shape)

    tensors = "q: {shape: [2000, 1000], dtype: bfloat16}\no: [9000, 9000]\nw: [100000, 100000]"
    rules = ("{match: q, init: tests_of_drawing>CalledAlone}", "{match: o, init: orthogonal}")
    plan = plan_of(tensors_and_rules(tensors, *rules, "{match: w, init: he_normal}"))
    monkeypatch.setattr(drawing_module, "_memory_bytes", lambda: 8_000_000)
    check_memory(plan.tensors)
    monkeypatch.setattr(drawing_module, "_memory_bytes", lambda: 7_999_999)
    with pytest.raises(ArgumentError, match=r"Tensor 'q' does not fit in memory.*up to 7,999,999 bytes"):
        check_memory(plan.tensors)
    monkeypatch.setattr(drawing_module, "_memory_bytes", lambda: 0)
    check_memory(plan.tensors)


def test_the_machine_has_memory() -> None:
    """On this machine the size of memory is known, or said not to be."""
    memory = drawing_module._memory_bytes()
    assert memory == 0 or memory > np.empty(1000, np.uint8).nbytes


@pytest.mark.parametrize(
    ("cores", "piece_bytes", "asked"), [(2, 8 << 20, False), (2, 1 << 20, True), (17, 8 << 20, True)]
)
def test_units_are_not_shared_out_among_threads_that_have_their_own(
    monkeypatch: pytest.MonkeyPatch, cores: int, piece_bytes: int, asked: bool
) -> None:
    """The kernels use other cores for a unit that is alone, or where there are more cores than drawers."""
    monkeypatch.setattr(drawing_module, "thread_count", lambda: cores)
    monkeypatch.setattr(threads_module, "thread_count", lambda: cores)
    calls: list[int] = []
    monkeypatch.setattr(threads_module._workers, "ask", lambda number, job: calls.append(number))
    plan = plan_of(tensors_and_rules("a: [1000, 1000]", "{match: a, init: random_uniform}"))
    (tensor,) = plan.tensors
    drawn: list[Array] = []

    def draw(unit: Unit, out: Array) -> None:
        tensor.fill(out.view(np.float32).reshape(1000, 1000))
        drawn.append(out.copy())

    draw_units([Unit(0, 0, 1, None, 0, 4_000_000)], draw, lambda unit, out: None, piece_bytes=piece_bytes)
    assert bool(calls) == asked
    np.testing.assert_array_equal(drawn[0].view(np.float32), np.asarray(tensor.values()).reshape(-1))
