"""Builds that end too early: what is kept, what a second one does, and what nobody may disturb."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

import initkit.io.journal as journal_module
import initkit.recipe.building.build as build_module
from initkit.errors import ArgumentError, FileAccessError, FileTakenError
from initkit.io import ResumableFile
from initkit.io.positional import PositionalFile
from initkit.io.resumable_file import progress_of
from initkit.recipe import Plan, verify
from initkit.recipe.building.build import build
from initkit.recipe.building.drawing import Array
from initkit.recipe.building.units import Unit
from initkit.recipe.building.work import Work
from tests.recipe.texts import plan_of, tensors_and_rules

# 64 pieces of 4000 bytes, and 20 runs of small tensors.
TENSORS = "'w.{0..7}': [80, 100]\n'small.{0..199}': {shape: [100], dtype: float32}"
RULES = ("{match: 'w.*', init: {random_normal: {stddev: 0.02}}}", "{match: '*', init: random_uniform}")
TEXT = tensors_and_rules(TENSORS, *RULES)
PLAN = plan_of(TEXT)
PIECE_BYTES = 4000
UNITS = 84

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process without telling it")


@pytest.fixture(autouse=True)
def _small_builds_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Builds of these tests are tiny, and treated like large ones."""
    monkeypatch.setattr(build_module, "LEAST_KEPT_BYTES", 1)


@pytest.fixture(name="drawn")
def _drawn(monkeypatch: pytest.MonkeyPatch) -> Counter[Unit]:
    """How often every unit has been drawn."""
    counts: Counter[Unit] = Counter()
    draw = Work.draw

    def counted(self: Work, unit: Unit, out: Array) -> None:
        counts[unit] += 1
        draw(self, unit, out)

    monkeypatch.setattr(Work, "draw", counted)
    return counts


def _names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _unbroken(folder: Path, plan: Plan = PLAN) -> str:
    """The digest of the file that a build makes which nothing happens to."""
    build(plan, folder / "unbroken")
    digest = _digest(folder / "unbroken")
    (folder / "unbroken").unlink()
    return digest


def _interrupt(path: Path, after: float, *, overwrite: bool = False) -> BaseException:
    """A build that Ctrl-C ends when that part of the bytes is there."""

    def stop(done: int, total: int) -> None:
        if done >= after * total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        build(PLAN, path, progress=stop, piece_bytes=PIECE_BYTES, overwrite=overwrite)
    return caught.value


@pytest.mark.parametrize("after", [0.01, 0.5, 0.99, 1.0])
def test_an_interrupted_build_is_gone_on_with(tmp_path: Path, drawn: Counter[Unit], after: float) -> None:
    """After Ctrl-C nothing has the name; the second call draws what is missing, and the file is the same."""
    expected = _unbroken(tmp_path)
    path = tmp_path / "m"
    drawn.clear()
    error = _interrupt(path, after)
    (note,) = error.__notes__
    assert "of 336,000 bytes have been written and are kept: run the same again to go on." in note
    assert not path.exists()
    first = sum(drawn.values())
    calls: list[tuple[int, int]] = []
    report = build(
        PLAN, path, piece_bytes=PIECE_BYTES, progress=lambda done, total: calls.append((done, total))
    )
    assert _digest(path) == expected
    assert report.kept >= after * 336_000 - 1
    assert calls[0] == (report.kept, 336_000)
    assert calls[-1] == (336_000, 336_000)
    assert sum(drawn.values()) == UNITS
    assert first * PIECE_BYTES == report.kept
    assert _names(tmp_path) == ["m"]


KILLED = """
import sys, time
from pathlib import Path
from initkit.recipe import Recipe
from initkit.recipe.building.build import build
from initkit.recipe.building.work import Work
log = open(sys.argv[3], "ab", buffering=0)
draw = Work.draw
def logged(self, unit, out):
    log.write(f"{unit.start}\\n".encode())
    time.sleep(0.004)
    draw(self, unit, out)
Work.draw = logged
build(Recipe.load(sys.argv[1]).plan(), sys.argv[2], piece_bytes=4000)
"""


@posix
def test_killed_at_random_moments(tmp_path: Path) -> None:
    """However often and whenever it is killed, a build makes the same file; what is done stays done."""
    expected = _unbroken(tmp_path)
    recipe, path, log = tmp_path / "r.yaml", tmp_path / "m", tmp_path / "log"
    recipe.write_text(TEXT, encoding="utf-8")
    command = [sys.executable, "-c", KILLED, str(recipe), str(path), str(log)]
    chance = random.Random(5)
    kills = 0
    for _ in range(40):
        drawn_before = log.stat().st_size if log.exists() else 0
        process = subprocess.Popen(command, stderr=subprocess.PIPE)
        # Killed soon after it has drawn something: each build gets a little further.
        while process.poll() is None and (log.stat().st_size if log.exists() else 0) == drawn_before:
            time.sleep(0.001)
        time.sleep(chance.random() * 0.08)
        if process.poll() is None:
            process.kill()
            kills += 1
            assert not path.exists() or path.stat().st_size > 336_000
        _, errors = process.communicate()
        assert process.returncode in (0, -signal.SIGKILL), errors
        if path.exists() and not path.with_name(".m.journal").exists():
            break
    assert kills >= 4
    assert _digest(path) == expected
    assert _names(tmp_path) == ["log", "m", "r.yaml"]
    draws = Counter(log.read_text().split())
    assert len(draws) == UNITS
    # A thread can lose the unit that it is at, every time.
    assert sum(draws.values()) <= UNITS + kills * (1 + (os.cpu_count() or 1))


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_says_what_is_kept(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM end the command soon, with what is done and how to go on; the next one goes on."""
    recipe, path = tmp_path / "r.yaml", tmp_path / "q.safetensors"
    # Orthogonal matrices are slow to make: the build would take minutes.
    rules = ("{match: big, init: zeros}", "{match: '*', init: orthogonal}")
    text = tensors_and_rules("big: [5000, 5000]\n'q.{0..299}': [1200, 1200]", *rules)
    recipe.write_text(text, encoding="utf-8")
    # Where the tests run in the background, Ctrl-C is ignored, and so it would be by what they start.
    script = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)"
    script += "; from initkit.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", script, "build", str(recipe), "-o", str(path)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, encoding="utf-8")
    journal = tmp_path / ".q.safetensors.journal"
    deadline = time.monotonic() + 60
    while (not journal.exists() or journal.stat().st_size < 1000) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert "Traceback" not in errors
    assert "of 1,828,000,000 bytes have been written and are kept: run the same again to go on." in errors
    assert _names(tmp_path) == [journal.name, ".q.safetensors.partial", "r.yaml"]
    found = progress_of(path, Work(plan_of(text)).files[0].layout)
    assert 64 << 20 <= found.nbytes < 1_828_000_000


def test_pieces_of_another_size(tmp_path: Path) -> None:
    """A build is gone on with in larger pieces too; progress never tells more than there is."""
    expected = _unbroken(tmp_path)
    _interrupt(tmp_path / "m", 0.5)
    calls: list[tuple[int, int]] = []
    report = build(
        PLAN, tmp_path / "m", progress=lambda done, total: calls.append((done, total)), piece_bytes=30_000
    )
    assert report.kept >= 168_000
    assert max(calls) == calls[-1] == (336_000, 336_000)
    assert _digest(tmp_path / "m") == expected


def test_small_builds_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is made again in a moment is not kept, and nothing is said of it."""
    monkeypatch.setattr(build_module, "LEAST_KEPT_BYTES", 64 << 20)
    error = _interrupt(tmp_path / "m", 0.5)
    assert not getattr(error, "__notes__", ())
    assert _names(tmp_path) == []


def test_a_changed_recipe_is_refused(tmp_path: Path) -> None:
    """What another recipe has begun is neither continued nor lost, until it is to be discarded."""
    path = tmp_path / "m"
    _interrupt(path, 0.5)
    before = {entry: entry.read_bytes() for entry in tmp_path.iterdir()}
    other = plan_of(TEXT.replace("0.02", "0.03"))
    with pytest.raises(FileTakenError, match=r"another recipe.*finish that.*--restart \(restart=True\)"):
        build(other, path)
    assert {entry: entry.read_bytes() for entry in tmp_path.iterdir()} == before
    report = build(other, path, restart=True)
    assert report.kept == 0
    assert verify(path).ok
    assert _names(tmp_path) == ["m"]


def test_restart_discards_what_is_there(tmp_path: Path, drawn: Counter[Unit]) -> None:
    """With `restart` everything is drawn again, of the same recipe too."""
    _interrupt(tmp_path / "m", 0.5)
    drawn.clear()
    assert build(PLAN, tmp_path / "m", restart=True, piece_bytes=PIECE_BYTES).kept == 0
    assert sum(drawn.values()) == UNITS


def test_overwriting_is_interrupted(tmp_path: Path) -> None:
    """What stood under the name stays until the new file is whole, and the same call goes on."""
    path = tmp_path / "m"
    path.write_bytes(b"years of training")
    _interrupt(path, 0.5, overwrite=True)
    assert path.read_bytes() == b"years of training"
    with pytest.raises(FileTakenError, match=r"unfinished build, .*say --force \(overwrite=True\)"):
        build(PLAN, path)
    assert build(PLAN, path, overwrite=True).kept > 0
    assert verify(path).ok
    assert _names(tmp_path) == ["m"]


def test_killed_between_naming_and_cleaning_up(tmp_path: Path, drawn: Counter[Unit]) -> None:
    """Killed when the file has its name already, the second build removes what is left, and draws nothing."""
    path = tmp_path / "m"
    layout = Work(PLAN).files[0].layout
    build(PLAN, path)
    with ResumableFile(path, layout) as file:
        file._journal.note(len(layout.prefix), layout.size)
        file._partial.unlink()
    drawn.clear()
    report = build(PLAN, path)
    assert report.kept == 336_000
    assert not drawn
    assert _names(tmp_path) == ["m"]


def test_power_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a restart of the machine, what may never have reached the disk is drawn again."""
    path = tmp_path / "m"
    expected = _unbroken(tmp_path)
    _interrupt(path, 0.7)
    partial = tmp_path / ".m.partial"
    header = len(Work(PLAN).files[0].layout.prefix)
    with partial.open("r+b") as file:
        file.seek(header)
        file.write(bytes(336_000))
    monkeypatch.setattr(journal_module, "running_system", lambda: "after")
    assert build(PLAN, path).kept == 0
    assert _digest(path) == expected


def test_power_failure_between_naming_and_cleaning_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that has its name, and may never have reached the disk, is drawn again without a word."""
    path = tmp_path / "m"
    expected = _unbroken(tmp_path)
    monkeypatch.setattr(ResumableFile, "forget", ResumableFile.close)
    build(PLAN, path)
    monkeypatch.undo()
    with path.open("r+b") as file:
        file.seek(-8, os.SEEK_END)
        file.write(bytes(8))
    monkeypatch.setattr(journal_module, "running_system", lambda: "after")
    assert build(PLAN, path).kept == 0
    assert _digest(path) == expected
    assert _names(tmp_path) == ["m"]


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, "No space left on device"),
        (errno.EIO, "Input/output error"),
        (errno.ESTALE, "Stale file handle"),
    ],
)
def test_a_disk_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, message: str
) -> None:
    """A full disk or a vanished mount is told with what has been kept; once mended, the build goes on."""
    expected = _unbroken(tmp_path)
    path = tmp_path / "m"
    write = PositionalFile.write
    written: list[int] = []

    def fail(self: PositionalFile, data: memoryview, position: int) -> None:
        written.append(len(data))
        if len(written) > 40:
            raise OSError(number, os.strerror(number))
        write(self, data, position)

    with monkeypatch.context() as patch:
        patch.setattr(PositionalFile, "write", fail)
        with pytest.raises(FileAccessError, match=message) as caught:
            build(PLAN, path, piece_bytes=PIECE_BYTES)
    assert (caught.value.errno, caught.value.filename) == (number, str(path))
    assert "bytes have been written and are kept: run the same again to go on" in str(caught.value)
    assert not path.exists()
    assert build(PLAN, path, piece_bytes=PIECE_BYTES).kept >= 30 * PIECE_BYTES
    assert _digest(path) == expected


def test_a_disk_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where even removing fails, the error is the first one, and not the last."""

    def write(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    def unlink(*_: object, **__: object) -> None:
        raise OSError(errno.ESTALE, "Stale file handle")

    # Begun before the disk goes: what fails is the first piece.
    ResumableFile(tmp_path / "m", Work(PLAN).files[0].layout).open().close()
    monkeypatch.setattr(build_module, "LEAST_KEPT_BYTES", 1 << 30)
    monkeypatch.setattr(PositionalFile, "write", write)
    monkeypatch.setattr(Path, "unlink", unlink)
    with pytest.raises(FileAccessError, match="Input/output error; nothing of it is kept"):
        build(PLAN, tmp_path / "m")


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    """Where the folder has gone with what was written, nothing is said to be kept."""
    folder = tmp_path / "mount"
    folder.mkdir()

    def lose(done: int, total: int) -> None:
        if folder.exists() and done > 20 * PIECE_BYTES:
            shutil.rmtree(folder)
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))

    with pytest.raises(FileAccessError, match="nothing of it is kept"):
        build(PLAN, folder / "m", piece_bytes=PIECE_BYTES, progress=lose)


def test_two_builds_of_one_file(tmp_path: Path) -> None:
    """While one build writes a file, a second one is refused, and the first is not disturbed."""
    path = tmp_path / "m"
    refused: list[str] = []

    def again(done: int, total: int) -> None:
        with pytest.raises(FileTakenError, match="another process is writing it now") as caught:
            build(PLAN, path, restart=done % 2 == 0)
        refused.append(str(caught.value))

    build(PLAN, path, progress=again, piece_bytes=100_000)
    assert len(refused) >= 4
    assert verify(path).ok
    assert _names(tmp_path) == ["m"]


@posix
def test_a_read_only_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing may be written, that is said before anything is drawn."""
    folder = tmp_path / "read-only"
    folder.mkdir(mode=0o500)
    if os.access(folder, os.W_OK):
        # A superuser may write anywhere but where the system itself refuses.
        folder = Path("/proc")
        monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=1 << 40))
    with pytest.raises(FileAccessError, match="no file can be made in this folder"):
        build(PLAN, folder / "m")


def test_sync_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `sync` the file is forced to the disk before it has its name, and the folder after."""
    calls: list[str] = []
    monkeypatch.setattr("initkit.io.resumable_file.force_to_disk", lambda file: calls.append("file"))
    monkeypatch.setattr("initkit.io.resumable_file.force_folder", lambda folder: calls.append("folder"))
    build(PLAN, tmp_path / "m", sync=True)
    assert calls == ["file", "folder"]


def test_shares_need_files(tmp_path: Path) -> None:
    """A single file has no shares, and there is no share 0 or 3 of 2."""
    with pytest.raises(ArgumentError, match="One file cannot be shared among processes"):
        build(PLAN, tmp_path / "m", shard=(1, 2))
    for shard in ((0, 2), (3, 2)):
        with pytest.raises(ArgumentError, match=f"Received: {shard[0]} of 2. Allowed: 1 of n to n of n"):
            build(PLAN, tmp_path, max_shard_size=1000, shard=shard)
    assert _names(tmp_path) == []
