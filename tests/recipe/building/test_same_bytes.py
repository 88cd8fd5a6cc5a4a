"""Whether stored bytes are those that are drawn; and so what a second build says of a finished one."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import initkit.recipe.building.build as build_module
from initkit.errors import FileTakenError
from initkit.recipe.building import same_bytes
from initkit.recipe.building.build import BuildReport, build
from initkit.recipe.building.drawing import Array
from initkit.recipe.building.same_bytes import StoredParts, hold_build
from initkit.recipe.building.work import Work
from tests.recipe.texts import plan_of, tensors_and_rules

# 3600 bytes of values; the three tensors are a file each where a file may have 1500.
TEXT = tensors_and_rules(
    "a: [250]\nb: [15, 25]\nc: {shape: [550], dtype: bfloat16}", "{match: '*', init: random_normal}"
)
PLAN = plan_of(TEXT)
SIZE = 1500


@pytest.mark.parametrize("dtype", [np.uint8, ml_dtypes.bfloat16, np.float32, np.complex64])
def test_parts_that_differ(monkeypatch: pytest.MonkeyPatch, dtype: type) -> None:
    """Those parts are found that have a value with another bit, with the index of their first value."""
    monkeypatch.setattr(same_bytes, "_PART_BYTES", 64)
    drawn: Array = np.arange(65).astype(dtype)
    stored = drawn.copy()
    step = 64 // drawn.itemsize
    assert list(StoredParts().differing(drawn, _reading(stored))) == []
    for index in {step, 64}:
        stored.view(np.uint8)[index * drawn.itemsize] ^= 1
    found = [
        (start, part.tobytes(), other.tobytes())
        for start, part, other in StoredParts().differing(drawn, _reading(stored))
    ]
    starts = sorted({step, 64 // step * step})
    expected = [(at, drawn[at : at + step].tobytes(), stored[at : at + step].tobytes()) for at in starts]
    assert found == expected


def _reading(stored: Array) -> Callable[[Array, int], None]:
    def read(buffer: Array, offset: int) -> None:
        buffer.view(np.uint8)[:] = stored.view(np.uint8)[offset : offset + buffer.nbytes]

    return read


def _flip(path: Path, position: int) -> None:
    with path.open("r+b") as file:
        file.seek(position)
        byte = file.read(1)[0]
        file.seek(position)
        file.write(bytes([byte ^ 1]))


@pytest.mark.parametrize("size", [None, SIZE])
def test_every_file_is_compared(tmp_path: Path, size: int | None) -> None:
    """The first and the last byte of the values of every file count, and progress goes up to all of them."""
    target = tmp_path / "out"
    build(PLAN, target, max_shard_size=size)
    work = Work(PLAN, size)
    numbers = list(range(len(work.files)))
    calls: list[tuple[int, int]] = []
    assert hold_build(work, numbers, target, lambda done, total: calls.append((done, total)))
    assert calls[-1] == (3600, 3600)
    for number, file in enumerate(work.files):
        for position in (file.origin, file.layout.size - 1):
            _flip(work.path_of(number, target), position)
            assert not hold_build(work, numbers, target)
            assert hold_build(work, [other for other in numbers if other != number], target)
            _flip(work.path_of(number, target), position)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("size", [None, 20_000])
def test_matrix_products_of_another_machine(tmp_path: Path, dtype: str, size: int | None) -> None:
    """Values within the tolerance are those of the build, and others are not; the rest has to be equal."""
    tensors = f"a: {{shape: [64, 32], dtype: {dtype}}}\nb: {{shape: [64, 32], dtype: {dtype}}}"
    plan = plan_of(tensors_and_rules(tensors, "{match: a, init: orthogonal}", "{match: b, init: he_normal}"))
    target = tmp_path / "out"
    build(plan, target, max_shard_size=size)
    work = Work(plan, size)
    path, layout = work.path_of(0, target), work.files[0].layout

    def changed(name: str, steps: int) -> bool:
        """Whether the build is taken for another one when one value is so many steps off."""
        tensor = layout.tensors[name]
        word = np.uint32 if dtype == "float32" else np.uint16
        whole, end = path.read_bytes(), tensor.start + tensor.nbytes
        values = np.frombuffer(bytearray(whole[tensor.start : end]), word)
        values[5] += steps
        path.write_bytes(whole[: tensor.start] + values.tobytes() + whole[end:])
        held = hold_build(work, [0], target)
        path.write_bytes(whole)
        return not held

    assert not changed("a", 1)
    assert changed("a", 1 << 9 if dtype == "float32" else 8)
    assert changed("b", 1)
    assert not changed("b", 0)


def _state(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    return {
        path.name: (path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes())
        for path in folder.iterdir()
        if path.is_file()
    }


def _build(folder: Path, size: int | None, **options: Any) -> BuildReport:
    """One file in the folder, or as many as it takes."""
    target = folder / "model.safetensors" if size is None else folder
    return build(PLAN, target, max_shard_size=size, **options)


@pytest.mark.parametrize("size", [None, SIZE, 10_000])
def test_a_finished_build_is_found_and_kept(tmp_path: Path, size: int | None) -> None:
    """A second build of a finished one writes nothing, and says that all was there."""
    first = _build(tmp_path, size)
    before = _state(tmp_path)
    told: list[str] = []
    again = _build(
        tmp_path,
        size,
        progress=lambda done, total: told.append("drawn"),
        comparing=lambda done, total: told.append("compared"),
    )
    assert set(told) == {"compared"}
    assert (again.complete, again.kept, again.drawn) == (True, 3600, 0)
    assert (again.files, again.nbytes) == (first.files, first.nbytes)
    assert _state(tmp_path) == before
    with pytest.raises(
        FileTakenError, match="header is that of this build, and its values were not compared"
    ):
        _build(tmp_path, size, restart=True)
    assert _build(tmp_path, size, overwrite=True).drawn == 3600
    assert _state(tmp_path) != before


@pytest.mark.parametrize("size", [None, SIZE, 10_000])
def test_trained_values_are_kept(tmp_path: Path, size: int | None) -> None:
    """A file of the same header whose values have changed is neither replaced nor taken for the build's."""
    for path in _build(tmp_path, size).files[-1:]:
        _flip(Path(path), Path(path).stat().st_size - 1)
    before = _state(tmp_path)
    told: list[int] = []
    with pytest.raises(FileTakenError, match=r"values are not those of this recipe .*--force") as caught:
        _build(tmp_path, size, comparing=lambda done, total: told.append(total))
    assert set(told) <= {3600}
    assert caught.value.errno == errno.EEXIST
    assert _state(tmp_path) == before


@pytest.mark.parametrize(
    ("size", "name"),
    [
        (None, ".model.safetensors.journal"),
        (None, ".model.safetensors.partial"),
        (SIZE, ".model-00001-of-00003.safetensors.journal"),
        (SIZE, "model-00001-of-00009.safetensors"),
        (10_000, ".model.safetensors.journal"),
        (10_000, "model-00001-of-00009.safetensors"),
    ],
)
def test_what_is_about_to_be_replaced_is_not_finished(tmp_path: Path, size: int | None, name: str) -> None:
    """Beside an unfinished build, or files that would be loaded in its place, a model is not the build's."""
    _build(tmp_path, size)
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(FileTakenError):
        _build(tmp_path, size)


def test_an_older_file_of_the_same_header_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build over a trained file that needs no index is gone on with, and does not take that for its own."""
    monkeypatch.setattr(build_module, "LEAST_KEPT_BYTES", 1)
    (path,) = _build(tmp_path, 10_000).files
    expected = Path(path).read_bytes()
    _flip(Path(path), len(expected) - 1)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _build(tmp_path, 10_000, overwrite=True, progress=stop, piece_bytes=500)
    assert _build(tmp_path, 10_000).complete
    assert Path(path).read_bytes() == expected
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.safetensors"]
