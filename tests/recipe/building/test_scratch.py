"""Memory for what is drawn whole: in a file where it is much, and ordinary memory where that cannot be."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import initkit.recipe.building.scratch as scratch_module
from initkit.recipe.building.scratch import Array, scratch


def _filled(nbytes: int, folder: Path | None) -> tuple[Array, int]:
    """Memory with numbers in it, and how much ordinary memory was taken for it."""
    numbers = (np.arange(nbytes) % 251).astype(np.uint8)
    tracemalloc.start()
    try:
        memory = scratch(nbytes, folder)
        memory[:] = numbers
        taken = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (memory == numbers).all()
    return memory, taken


def scratch_taken(folder: Path, reserved: int) -> int:
    """How much ordinary memory is taken for a MiB, where some room is for something else."""
    tracemalloc.start()
    try:
        memory = scratch(1 << 20, folder, reserved)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        del memory


@pytest.mark.parametrize("allocates", [True, False])
def test_much_memory_is_a_files(allocates: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It can be written and read like any other, is aligned, and leaves no file behind."""
    monkeypatch.setattr(scratch_module, "_MOST_IN_MEMORY", 1 << 16)
    if not allocates:
        # As on systems that cannot have room kept.
        monkeypatch.delattr("os.posix_fallocate", raising=False)
    memory, taken = _filled(3_000_001, tmp_path)
    assert taken < 1 << 20
    assert memory.ctypes.data % 64 == 0
    assert not [*tmp_path.iterdir()]
    assert _filled(1 << 16, tmp_path)[1] >= 1 << 16


def test_without_room_for_a_file_it_is_ordinary_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no file can be made, or the disk is full, nothing is lost but memory."""
    monkeypatch.setattr(scratch_module, "_MOST_IN_MEMORY", 0)
    assert _filled(1 << 20, tmp_path / "none")[1] >= 1 << 20

    with monkeypatch.context() as patch:
        patch.setattr(scratch_module, "free_bytes", lambda folder: 3 << 20)
        assert scratch_taken(tmp_path, reserved=(2 << 20) - 1) < 1 << 19
        assert scratch_taken(tmp_path, reserved=2 << 20) >= 1 << 20

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(scratch_module, "_take_room", full)
    assert _filled(1 << 20, tmp_path)[1] >= 1 << 20
