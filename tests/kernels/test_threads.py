"""Pieces over threads: every one once, errors, forks, interrupts, and the end of the interpreter."""

from __future__ import annotations

import gc
import os
import random
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from initkit.kernels import fill_normal, loader, threads
from initkit.kernels.threads import PIECE, run_pieces
from initkit.region import AffineMap

ROOT = Path(__file__).parents[2]
PATIENCE = 180.0
needs_library = pytest.mark.skipif(
    loader._open(ROOT / "initkit" / "kernels" / f"_initkit{loader._SUFFIX}")[0] is None,
    reason="needs the compiled kernels: NumPy computes on one thread",
)
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
needs_signals = pytest.mark.skipif(os.name != "posix", reason="this system has no timers that interrupt")


@pytest.fixture
def use_threads(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets how many threads are used."""
    return lambda number: monkeypatch.setenv("INITKIT_NUM_THREADS", str(number))


# ---- Pieces ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 2, 3, 16])
@pytest.mark.parametrize("count", [1, PIECE, PIECE + 1, 2 * PIECE, 5 * PIECE - 1])
def test_pieces_cover_everything_once(number: int, count: int, use_threads: Callable[[int], None]) -> None:
    """The pieces follow one another to the end, none too large unless one thread has it all."""
    use_threads(number)
    taken: list[tuple[int, int]] = []
    run_pieces(count, lambda first, length: taken.append((first, length)))
    taken.sort()
    ends = [first + length for first, length in taken]
    assert [first for first, _ in taken] == [0, *ends[:-1]]
    assert ends[-1] == count
    assert number == 1 or count <= PIECE or max(length for _, length in taken) <= PIECE


@pytest.mark.parametrize(("number", "count", "largest"), [(2, 64, 4), (2, 16, 2), (16, 64, 1), (1, 64, 64)])
def test_large_work_has_larger_pieces(
    number: int, count: int, largest: int, use_threads: Callable[[int], None]
) -> None:
    """Pieces grow while every thread still has four of them; one thread has all of it as one."""
    use_threads(number)
    taken: list[int] = []
    run_pieces(count * PIECE, lambda first, length: taken.append(length))
    assert max(taken) == largest * PIECE
    assert sum(taken) == count * PIECE


def test_threads_work_at_the_same_time(use_threads: Callable[[int], None]) -> None:
    """With three threads three pieces are worked on at once, by the caller and two others."""
    use_threads(3)
    workers = set()
    # Breaks, and so fails the test, unless three come together.
    together = threading.Barrier(3, timeout=PATIENCE)

    def work(first: int, length: int) -> None:
        workers.add(threading.get_ident())
        together.wait()

    run_pieces(3 * PIECE, work)
    assert len(workers) == 3
    assert threading.get_ident() in workers


@pytest.mark.parametrize("number", [1, 2, 4])
def test_no_more_threads_than_asked_for(number: int, use_threads: Callable[[int], None]) -> None:
    """However many pieces there are, no more of them are worked on at once than there are threads."""
    use_threads(16)
    run_pieces(16 * PIECE, lambda first, length: None)
    use_threads(number)
    active, most, lock = 0, 0, threading.Lock()

    def work(first: int, length: int) -> None:
        nonlocal active, most
        with lock:
            active += 1
            most = max(most, active)
        np.empty(1 << 16).fill(0.0)
        with lock:
            active -= 1

    run_pieces(40 * PIECE, work)
    assert most <= number
    assert active == 0


# ---- Errors ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("by_caller", [True, False])
def test_errors_reach_the_caller(
    by_caller: bool, error: type[BaseException], use_threads: Callable[[int], None]
) -> None:
    """An error in any thread is raised where the call was made; by then no thread is at work any more."""
    use_threads(3)
    caller, active, calls = threading.get_ident(), set(), []
    together = threading.Barrier(3, timeout=PATIENCE)

    def work(first: int, length: int) -> None:
        active.add(first)
        calls.append(first)
        try:
            if len(calls) <= 3:
                together.wait()
            if (threading.get_ident() == caller) == by_caller:
                raise error(f"at {first}")
            time.sleep(0.001)
        finally:
            active.discard(first)

    with pytest.raises(error, match="at "):
        run_pieces(1000 * PIECE, work)
    assert not active
    assert len(calls) < 1000


def test_after_an_error_all_is_well(use_threads: Callable[[int], None]) -> None:
    """The threads that met an error serve the next call."""
    use_threads(4)

    def fail(first: int, length: int) -> None:
        raise ValueError("refused")

    for _ in range(20):
        with pytest.raises(ValueError, match="refused"):
            run_pieces(8 * PIECE, fail)
    test_threads_work_at_the_same_time(use_threads)


def test_threads_that_cannot_be_started(
    use_threads: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the system refuses more threads, those that there are do all of it."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    use_threads(5)
    monkeypatch.setattr(threads, "_workers", threads._Workers())
    monkeypatch.setattr(threading.Thread, "start", refuse)
    taken: list[int] = []
    run_pieces(6 * PIECE, lambda first, length: taken.append(first))
    assert taken == [number * PIECE for number in range(6)]
    # Nobody would ever take them.
    assert threads._workers._jobs.empty()


# ---- Workers that come late, or stay long ------------------------------------------------------------------


def test_worker_that_comes_late_does_nothing(
    use_threads: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call does not wait for workers that never came; when they do, they touch nothing and hold nothing."""
    late: list[Callable[[], None]] = []
    monkeypatch.setattr(threads._workers, "ask", lambda number, job: late.extend([job] * number))
    use_threads(3)
    taken: list[int] = []

    def work(first: int, length: int) -> None:
        taken.append(first)

    run_pieces(4 * PIECE, work)
    assert len(taken) == 4
    kept = weakref.ref(work)
    del work
    gc.collect()
    assert kept() is None
    assert len(late) == 2
    for job in late:
        job()
    assert len(taken) == 4


def test_worker_that_stays_long_is_waited_for(
    use_threads: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call ends when the last piece is done, not when the last piece is taken."""
    workers: list[threading.Thread] = []
    held = threading.Event()
    done: list[int] = []
    caller = threading.get_ident()

    def join_at_once(number: int, job: Callable[[], None]) -> None:
        workers.append(threading.Thread(target=job))
        workers[0].start()
        assert held.wait(PATIENCE)

    def work(first: int, length: int) -> None:
        if threading.get_ident() != caller:
            held.set()
            # Until the caller has done all other pieces, and a little longer.
            while len(done) < 3:
                os.sched_yield() if hasattr(os, "sched_yield") else None
            np.zeros(1 << 20).sum()
        done.append(first)

    monkeypatch.setattr(threads._workers, "ask", join_at_once)
    use_threads(2)
    run_pieces(4 * PIECE, work)
    assert len(done) == 4
    workers[0].join()


def test_callers_with_any_numbers_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """While other callers make the pool grow, each call still does all of its pieces once."""
    chance = random.Random(5)
    monkeypatch.setattr(threads, "_workers", threads._Workers())
    monkeypatch.setattr(threads, "thread_count", lambda: chance.randint(2, 24))

    def call(number: int) -> bool:
        taken: list[tuple[int, int]] = []
        run_pieces(30 * PIECE, lambda first, length: taken.append((first, length)))
        taken.sort()
        ends = [first + length for first, length in taken]
        return [first for first, _ in taken] == [0, *ends[:-1]] and ends[-1] == 30 * PIECE

    with ThreadPoolExecutor(12) as callers:
        assert all(callers.map(call, range(300)))


# ---- Processes ---------------------------------------------------------------------------------------------

DRAW = """
import atexit, os, signal, sys, threading
from hashlib import sha256
import numpy as np
from initkit.kernels import fill_normal
from initkit.kernels.threads import PIECE
from initkit.region import AffineMap

def draw(pieces=4):
    out = np.empty(pieces * PIECE + 5, np.float32)
    fill_normal(out, AffineMap(0, out.shape, (1,)), (1, 2, 3, 4), 0.0, 1.0)
    return sha256(out.tobytes()).hexdigest()
"""


def digest() -> str:
    """What `draw()` gives in this process."""
    from hashlib import sha256

    out = np.empty(4 * PIECE + 5, np.float32)
    fill_normal(out, AffineMap(0, out.shape, (1,)), (1, 2, 3, 4), 0.0, 1.0)
    return sha256(out.tobytes()).hexdigest()


def run(program: Path, code: str) -> list[str]:
    """The lines that a program prints; it must end by itself, in order and without a word on stderr."""
    program.write_text(DRAW + code, encoding="utf-8")
    variables = {"PYTHONPATH": str(ROOT), "INITKIT_NUM_THREADS": "3", "INITKIT_SIMD": ""}
    done = subprocess.run(
        [sys.executable, program],
        env={**os.environ, **variables},
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


FORK = """
import warnings
warnings.simplefilter("ignore")  # newer Pythons warn that forks and threads do not mix; these do

def child():
    pid = os.fork()
    if not pid:
        print(draw(), flush=True)
        assert [thread.name for thread in threading.enumerate()][1:] == ["initkit-1", "initkit-2"]
        # As a child of multiprocessing ends, and then as a plain one.
        (os._exit if len(sys.argv) > 1 else sys.exit)(0)
    assert os.waitpid(pid, 0)[1] == 0
"""


@needs_library
@needs_fork
def test_forked_children_draw(tmp_path: Path) -> None:
    """A child process draws with threads of its own, forked before or after its parent had any."""
    code = f"{FORK}\nchild()\nprint(draw(), flush=True)\nchild()\nprint(draw(), flush=True)"
    lines = run(tmp_path / "program.py", code)
    assert lines == [digest()] * 4


@needs_library
@needs_fork
def test_fork_while_a_lock_is_held(tmp_path: Path) -> None:
    """A lock that was held at the moment of the fork, and that nobody will release, stops no child."""
    code = f"""{FORK}
from initkit.kernels import threads
draw()
with threads._workers._lock: child()
"""
    assert run(tmp_path / "program.py", code) == [digest()]


@needs_library
@needs_fork
def test_forks_in_the_midst_of_draws(tmp_path: Path) -> None:
    """A child may be forked while other threads of the parent are drawing, and holding whatever they hold."""
    code = f"""{FORK}
stop = threading.Event()
def keep_drawing():
    while not stop.is_set():
        draw(2)
others = [threading.Thread(target=keep_drawing) for _ in range(3)]
for other in others: other.start()
for _ in range(12): child()
stop.set()
for other in others: other.join()
"""
    assert run(tmp_path / "program.py", code) == [digest()] * 12


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_of_multiprocessing_draw(method: str, tmp_path: Path) -> None:
    """Workers of multiprocessing draw the same values as the process that started them."""
    import multiprocessing

    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system has no {method}")
    code = f"""
import multiprocessing, warnings
warnings.simplefilter("ignore")
if __name__ == "__main__":
    print(draw())
    with multiprocessing.get_context({method!r}).Pool(2) as pool:
        print(*pool.map(draw, [4, 4, 4]))
"""
    assert run(tmp_path / "program.py", code) == [digest()] * 4


@pytest.mark.parametrize("before", ["", "draw()"])
def test_draws_at_the_end_of_the_interpreter(before: str, tmp_path: Path) -> None:
    """Exit functions, and what is deleted last, draw still, whether there were threads before or not."""
    code = f"""
class Last:
    def __del__(self): print(self.draw(), flush=True)
    draw = staticmethod(draw)
last = Last()
atexit.register(lambda: print(draw(), flush=True))
{before}
"""
    assert run(tmp_path / "program.py", code) == [digest()] * 2


def test_exit_while_threads_draw(tmp_path: Path) -> None:
    """A main thread that ends waits for others that are drawing, and these finish."""
    code = """
def several():
    for _ in range(20): last = draw()
    print(last + "\\n", end="", flush=True)
for _ in range(3): threading.Thread(target=several).start()
"""
    assert run(tmp_path / "program.py", code) == [digest()] * 3


@needs_library
@needs_signals
def test_interrupts_at_any_moment(tmp_path: Path) -> None:
    """Interrupted again and again, calls neither crash nor hang, and later ones give the right values."""
    code = """
class Stop(BaseException): pass
def stop(*_): raise Stop
signal.signal(signal.SIGALRM, stop)
stopped = 0
for turn in range(150):
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0002 + turn * 0.00002)
        draw(12)
        signal.setitimer(signal.ITIMER_REAL, 0)
    except Stop:
        stopped += 1
signal.signal(signal.SIGALRM, signal.SIG_IGN)
assert stopped > 20, stopped
print(draw())
"""
    assert run(tmp_path / "program.py", code) == [digest()]
