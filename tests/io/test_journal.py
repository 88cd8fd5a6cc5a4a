"""Journals: what is read back after any kind of end."""

from __future__ import annotations

from pathlib import Path

import pytest

import initkit.io.journal as journal_module
from initkit.io.journal import Journal, read_journal
from initkit.io.lock import lock_file

IDENTITY = "0" * 64


def _write(path: Path, stretches: list[tuple[int, int]], *, forced: bool = False) -> None:
    journal = Journal(path)
    assert journal.open()
    journal.begin(IDENTITY)
    for start, stop in stretches:
        journal.note(start, stop, forced=forced)
    journal.close()


def test_what_was_noted_is_read_back(tmp_path: Path) -> None:
    """A second opening knows what the file will be, and what has been written; and so does a mere reader."""
    path = tmp_path / "j"
    _write(path, [(8, 16), (24, 32)])
    journal = Journal(path)
    assert journal.open()
    assert (journal.identity, list(journal.done)) == (IDENTITY, [(8, 16), (24, 32)])
    journal.note(16, 24)
    identity, done, _ = read_journal(path)
    assert (identity, list(done)) == (IDENTITY, [(8, 32)])
    journal.close()


def test_a_journal_cut_anywhere_is_a_shorter_journal(tmp_path: Path) -> None:
    """Cut off anywhere, a journal says less, never something else, and can be gone on with."""
    path = tmp_path / "j"
    _write(path, [(0, 10), (10, 20), (20, 30)])
    data = path.read_bytes()
    seen = set()
    for length in range(len(data) + 1):
        path.write_bytes(data[:length])
        journal = Journal(path)
        assert journal.open()
        assert journal.identity in (None, IDENTITY)
        assert list(journal.done) in ([], [(0, 10)], [(0, 20)], [(0, 30)])
        seen.add(journal.done.nbytes)
        if journal.identity:
            journal.note(30, 40)
            assert read_journal(path)[1].nbytes == journal.done.nbytes
        journal.close()
    assert seen == {0, 10, 20, 30}


def test_a_flipped_bit_ends_the_journal(tmp_path: Path) -> None:
    """A damaged line, and those after it, count for nothing."""
    path = tmp_path / "j"
    _write(path, [(0, 10), (10, 20), (20, 30)])
    data = path.read_bytes()
    for position in range(data.index(b"\n10 20") + 1, len(data)):
        damaged = bytearray(data)
        damaged[position] ^= 1
        path.write_bytes(damaged)
        assert list(read_journal(path)[1]) in ([(0, 10)], [(0, 20)])


def test_only_what_was_forced_survives_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a restart of the machine, or on another one, what had not been forced to the disk counts not."""
    path = tmp_path / "j"
    _write(path, [(0, 10)], forced=True)
    journal = Journal(path)
    journal.open()
    journal.note(10, 20)
    assert list(journal.done) == [(0, 20)]
    journal.close()
    monkeypatch.setattr(journal_module, "running_system", lambda: "another")
    assert list(read_journal(path)[1]) == [(0, 10)]
    assert list(read_journal(path, anywhere=True)[1]) == [(0, 20)]


def test_one_owner(tmp_path: Path) -> None:
    """While a journal is open nobody else can open it; removed, it is made anew."""
    one, other = Journal(tmp_path / "j"), Journal(tmp_path / "j")
    assert one.open()
    assert not other.open()
    one.begin(IDENTITY)
    one.remove()
    assert list(tmp_path.iterdir()) == []
    assert other.open()
    assert other.identity is None
    other.remove()


def test_a_journal_that_is_removed_while_another_opens_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who gets the lock of a file that has just been removed takes the one that is there now."""
    path = tmp_path / "j"
    calls: list[int] = []

    def remove_first(file: int, *, wait: bool) -> bool:
        if not calls:
            path.unlink()
        calls.append(file)
        return lock_file(file, wait=wait)

    monkeypatch.setattr(journal_module, "lock_file", remove_first)
    journal = Journal(path)
    assert journal.open()
    journal.begin(IDENTITY)
    assert len(calls) == 2
    assert read_journal(path)[0] == IDENTITY
    journal.close()


def test_what_is_no_journal(tmp_path: Path) -> None:
    """A file of something else says nothing."""
    (tmp_path / "j").write_text("initkit journal 2 abc 00000000\n")
    assert read_journal(tmp_path / "j")[0] is None
    assert read_journal(tmp_path / "none")[0] is None
