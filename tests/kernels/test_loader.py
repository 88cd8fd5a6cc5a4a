"""Which engine runs, why, and what is said where none can be had."""

from __future__ import annotations

import _ctypes
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import initkit as ik
from initkit.errors import BackendError
from initkit.kernels import loader
from initkit.kernels.loader import Engine, default_float_mode, engine, thread_count

ROOT = Path(__file__).parents[2]
KERNELS = ROOT / "initkit" / "kernels"
FOREIGN = "neon" if platform.machine().lower() in ("x86_64", "amd64") else "avx2"
needs_library = pytest.mark.skipif(
    engine().library is None, reason=f"needs the compiled kernels: {engine().reason}"
)

Choose = Callable[..., Engine]


@pytest.fixture
def choose(monkeypatch: pytest.MonkeyPatch) -> Iterator[Choose]:
    """Chooses an engine as a new process does, given INITKIT_SIMD and the folder of the kernels."""

    def chosen(simd: str = "", folder: Path = KERNELS) -> Engine:
        monkeypatch.setenv("INITKIT_SIMD", simd)
        monkeypatch.setattr(loader, "__file__", str(folder / "loader.py"))
        return engine.__wrapped__()

    yield chosen
    # The library keeps the last choice, so that of this process is made again.
    monkeypatch.undo()
    engine.__wrapped__()


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The library and its sources, copied to a folder of their own, as in a source tree."""
    library = engine().library
    assert library is not None
    for path in (library, *KERNELS.glob("*.c"), *KERNELS.glob("*.h"), KERNELS / "CMakeLists.txt"):
        shutil.copy(path, tmp_path)
    return tmp_path


# ---- INITKIT_SIMD ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["numpy", " NumPy "])
def test_twin_can_be_forced(value: str, choose: Choose) -> None:
    """With INITKIT_SIMD=numpy, in any case, the library is not even looked for."""
    assert choose(value, Path("nowhere")) == Engine(None, None, "numpy", None, "INITKIT_SIMD asks for it.")


@needs_library
@pytest.mark.parametrize("value", ["baseline", "BASELINE "])
def test_instruction_set_can_be_forced(value: str, choose: Choose) -> None:
    """A named instruction set is used, and the reason says who asked for it."""
    chosen = choose(value)
    assert chosen.instruction_set == "baseline"
    assert chosen.reason == "INITKIT_SIMD asks for it."
    assert chosen.library == engine().library


@needs_library
def test_fastest_is_chosen(choose: Choose) -> None:
    """Without the variable it is the first of those that can be forced."""
    chosen = choose()
    assert chosen.reason == "The fastest that this processor has."
    for faster in loader.INSTRUCTION_SETS[: loader.INSTRUCTION_SETS.index(chosen.instruction_set)]:
        with pytest.raises(BackendError):
            choose(faster)


@pytest.mark.parametrize("value", ["sse2", "avx-512", "none", "0", "numpy,avx2"])
def test_unknown_engine(value: str, choose: Choose) -> None:
    """A name that no engine has is refused, with all that there are."""
    names = "avx512, avx2, neon, baseline, numpy"
    pattern = rf"^INITKIT_SIMD names no engine\. Received: '{value}'\. Allowed: {names}\. Unset it for"
    with pytest.raises(BackendError, match=pattern):
        choose(value)


@needs_library
def test_engine_of_another_processor(choose: Choose) -> None:
    """An instruction set that this processor cannot have is refused, with those that it has."""
    pattern = rf"^INITKIT_SIMD asks for .* Received: '{FOREIGN}'\. Allowed: .*baseline, numpy\. Unset it for"
    with pytest.raises(BackendError, match=pattern) as caught:
        choose(FOREIGN)
    allowed = str(caught.value).partition("Allowed: ")[2].partition(".")[0].split(", ")
    assert FOREIGN not in allowed
    for name in allowed:
        assert choose(name).instruction_set == name


def test_chosen_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first draw the variable has no effect, in any thread."""
    before = engine()
    monkeypatch.setenv("INITKIT_SIMD", "nonsense")
    with ThreadPoolExecutor(4) as pool:
        assert all(chosen is before for chosen in pool.map(lambda _: engine(), range(8)))


# ---- Libraries that cannot be used -------------------------------------------------------------------------


def test_no_library(choose: Choose, tmp_path: Path) -> None:
    """Where there is no library NumPy computes, and the reason says where one would be and what to do."""
    chosen = choose("", tmp_path)
    assert (chosen.fill, chosen.float_mode, chosen.instruction_set, chosen.library) == (
        None,
        None,
        "numpy",
        None,
    )
    assert chosen.reason.startswith(f"There are no compiled kernels at {tmp_path}")
    assert chosen.reason.endswith("Reinstall initkit where a C compiler works.")


def test_no_library_for_what_is_forced(choose: Choose, tmp_path: Path) -> None:
    """Who forces an instruction set is told that it cannot be had, and why."""
    pattern = (
        r"^INITKIT_SIMD asks .*Received: 'avx2'\. Allowed: numpy\. There are no .* Unset INITKIT_SIMD to run"
    )
    with pytest.raises(BackendError, match=pattern):
        choose("avx2", tmp_path)


def other_library() -> bytes:
    """A library that can be loaded, but is another one."""
    return Path(_ctypes.__file__).read_bytes()


DAMAGED: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "text": lambda: b"not a library\n" * 1000,
    "cut short": lambda: other_library()[:300],
    "another": other_library,
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_damaged_library(damage: str, choose: Choose, tmp_path: Path) -> None:
    """A file that cannot be loaded, or is another library, is not used, and the reason names it."""
    path = tmp_path / f"_initkit{loader._SUFFIX}"
    path.write_bytes(DAMAGED[damage]())
    chosen = choose("", tmp_path)
    assert chosen.instruction_set == "numpy"
    assert chosen.reason.startswith(f"The compiled kernels at {path} cannot be loaded: ")
    assert chosen.reason.endswith(". Reinstall initkit where a C compiler works.")


@needs_library
@pytest.mark.parametrize("name", ["fill.c", "laws.h", "CMakeLists.txt"])
def test_library_older_than_its_sources(name: str, choose: Choose, copied: Path) -> None:
    """Any change of a source makes the library stale, and the reason has the command that builds it anew."""
    assert choose("", copied).library == copied / f"_initkit{loader._SUFFIX}"
    with (copied / name).open("ab") as file:
        file.write(b"\n")
    stale = choose("", copied)
    assert stale.instruction_set == "numpy"
    assert stale.reason.startswith(f"The compiled kernels at {copied}")
    assert "older than their sources" in stale.reason
    command = stale.reason.partition("`")[2].partition("`")[0]
    assert f"\n{command}\n" in (ROOT / "docs" / "kernels.md").read_text(encoding="utf-8")
    with pytest.raises(BackendError, match="older than their sources"):
        choose("baseline", copied)


@needs_library
def test_another_file_among_the_sources(choose: Choose, copied: Path) -> None:
    """A source more, or one less, makes the library stale too; a Python file does not."""
    (copied / "notes.py").write_bytes(b"")
    assert choose("", copied).library is not None
    (copied / "zz.h").write_bytes(b"")
    assert choose("", copied).library is None
    (copied / "zz.h").unlink()
    assert choose("", copied).library is not None
    (copied / "laws.h").unlink()
    assert choose("", copied).library is None


@needs_library
def test_installed_library_has_no_sources(choose: Choose, copied: Path) -> None:
    """A wheel has headers but no C files; there the library is used as it is."""
    for path in (*copied.glob("*.c"), copied / "CMakeLists.txt", copied / "laws.h"):
        path.unlink()
    assert choose("", copied).library is not None


# ---- INITKIT_NUM_THREADS -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "count"), [("1", 1), ("16", 16), (" 3 ", 3), ("256", 256), ("007", 7)])
def test_number_of_threads(text: str, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable says how many threads there are."""
    monkeypatch.setenv("INITKIT_NUM_THREADS", text)
    assert thread_count() == count


@pytest.mark.parametrize("text", ["0", "-1", "257", "1.5", "two", "1e3", "²", "9" * 5000, "2 3", "+2"])
def test_wrong_number_of_threads(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anything but a number from 1 to 256 is refused, with what came and what to do."""
    monkeypatch.setenv("INITKIT_NUM_THREADS", text)
    pattern = (
        r"^INITKIT_NUM_THREADS is no .*Received: '.*Allowed: integers from 1 to 256\. Unset it to use every"
    )
    with pytest.raises(BackendError, match=pattern) as caught:
        thread_count()
    assert repr(text)[:100] in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(("processors", "count"), [(1, 1), (3, 3), (300, 256)])
def test_every_processor_of_the_process(processors: int, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the variable, or with an empty one, there are as many as it may run on, up to 256."""
    monkeypatch.setenv("INITKIT_NUM_THREADS", "")
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(processors)), raising=False)
    assert thread_count() == count


@pytest.mark.parametrize(("processors", "count"), [(5, 5), (None, 1)])
def test_every_processor_of_the_machine(
    processors: int | None, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Systems that do not pin processes tell the number of all processors, or none."""
    monkeypatch.delenv("INITKIT_NUM_THREADS", raising=False)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    assert thread_count() == count


# ---- What users see ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"INITKIT_SIMD": "sse"}, "INITKIT_SIMD names no engine"),
        ({"INITKIT_SIMD": FOREIGN}, "INITKIT_SIMD asks for"),
        ({"INITKIT_NUM_THREADS": "many"}, "INITKIT_NUM_THREADS is no number"),
    ],
    ids=str,
)
def test_draws_raise_what_the_loader_says(variables: dict[str, str], words: str) -> None:
    """In a process with wrong variables a draw raises, and so does show_config; `import initkit` does not."""
    code = """
import initkit as ik
for call in (lambda: ik.HeNormal(seed=1)((1024, 1024)), ik.show_config):
    try: call()
    except ik.BackendError as error: print(error)
"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INITKIT_")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**environment, **variables},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.startswith(words) for line in done.stdout.splitlines()] == [True, True]


# ---- The floating-point mode -------------------------------------------------------------------------------


def product_is_zero() -> bool:
    """Whether a product that is subnormal is flushed to zero."""
    return bool(np.float32(1e-30) * np.float32(1e-10) == 0)


def fail_in_default_mode() -> None:
    """Raise an error that says how numbers are rounded there."""
    with default_float_mode():
        raise ArithmeticError(product_is_zero())


@needs_library
def test_mode_comes_back_after_an_error() -> None:
    """Whatever happens in between, the calling thread's mode is afterwards what it was."""
    float_mode = engine().float_mode
    flushing = 0x9FC0 if FOREIGN == "neon" else 1 << 24
    before = float_mode(flushing)
    try:
        with pytest.raises(ArithmeticError) as caught:
            fail_in_default_mode()
        flushed = product_is_zero()
        other = float_mode(flushing)
    finally:
        float_mode(before)
    assert caught.value.args == (False,)
    assert flushed
    assert other & flushing == flushing


def test_mode_of_the_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the library the mode is left alone, and draws still work."""
    monkeypatch.setattr(loader, "engine", lambda: Engine(None, None, "numpy", None, ""))
    with default_float_mode():
        assert ik.RandomNormal(seed=3)((2,)).shape == (2,)
