"""Checkpoints of one file and of several, as other libraries write them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from initkit.errors import FileFormatError, FileMissingError
from initkit.io import Checkpoint

INDEX = "model.safetensors.index.json"
FILES = {"model-00001-of-00002.safetensors": ("a", "b"), "model-00002-of-00002.safetensors": ("c",)}
VALUES = {name: np.arange(4, dtype=np.float32) + 10 * number for number, name in enumerate("abc")}


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    """Two files with an index."""
    for file, names in FILES.items():
        save_file({name: VALUES[name] for name in names}, tmp_path / file, {"file": file, names[0]: ""})
    weight_map = {name: file for file, names in FILES.items() for name in names}
    (tmp_path / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    return tmp_path


def _values(checkpoint: Checkpoint) -> dict[str, list[float]]:
    found = {}
    for name in checkpoint.tensors:
        buffer = np.empty(3, np.float32)
        checkpoint.read_into(buffer, name, 4)
        found[name] = buffer.tolist()
    return found


@pytest.mark.parametrize("name", ["", INDEX])
def test_several_files(folder: Path, name: str) -> None:
    """A folder and its index give the tensors of all files, from several threads at once, too."""
    with Checkpoint(folder / name) as checkpoint:
        expected = {name: values[1:].tolist() for name, values in VALUES.items()}
        assert _values(checkpoint) == expected
        assert checkpoint.part is None
        assert checkpoint.metadata == {"file": "model-00001-of-00002.safetensors", "a": "", "c": ""}
        assert [checkpoint.position(name)[0] for name in "abc"] == [0, 0, 1]
        with ThreadPoolExecutor(4) as pool:
            assert all(found == expected for found in pool.map(lambda _: _values(checkpoint), range(50)))


def test_runs_of_tensors(folder: Path) -> None:
    """Tensors that stand together are read at once; those of two files, or with others between, are not."""
    with Checkpoint(folder) as checkpoint:
        run = np.zeros(7, np.float32)
        assert checkpoint.is_run("a", "b", 32)
        checkpoint.read_run(run, "a", 4)
        assert run.tolist() == [*VALUES["a"], *VALUES["b"]][1:]
        assert not checkpoint.is_run("b", "c", 32)
        assert not checkpoint.is_run("a", "b", 16)


def test_one_of_several(folder: Path) -> None:
    """One file of several knows by the index what belongs there, and by itself if there is none."""
    file = folder / "model-00001-of-00002.safetensors"
    save_file({"a": VALUES["a"]}, file)
    with Checkpoint(file) as checkpoint:
        assert set(checkpoint.tensors) == {"a"}
        assert checkpoint.part == frozenset("ab")
    (folder / INDEX).unlink()
    with Checkpoint(file) as checkpoint:
        assert checkpoint.part == frozenset("a")


def test_a_file_that_is_not_there(folder: Path) -> None:
    """The tensors of a missing file are missing; without any file there is no checkpoint."""
    (folder / "model-00002-of-00002.safetensors").unlink()
    with Checkpoint(folder) as checkpoint:
        assert set(checkpoint.tensors) == {"a", "b"}
    (folder / "model-00001-of-00002.safetensors").unlink()
    with pytest.raises(FileFormatError, match=r"None of the files that .* lists is there"):
        Checkpoint(folder)


def test_a_folder_with_one_file(tmp_path: Path) -> None:
    """A folder without an index is its only file."""
    save_file(VALUES, tmp_path / "weights.safetensors")
    with Checkpoint(tmp_path) as checkpoint:
        assert set(checkpoint.tensors) == set("abc")
        assert checkpoint.part is None


def test_an_unfinished_build(folder: Path) -> None:
    """Without its index, a folder of parts is not taken for a checkpoint, however many parts there are."""
    (folder / INDEX).unlink()
    with pytest.raises(FileFormatError, match=r"is an unfinished build, .*index is missing.* 2 whole files"):
        Checkpoint(folder)
    for number in (1, 2):
        (folder / f"model-0000{number}-of-00002.safetensors").replace(folder / f".{number}")
        with pytest.raises(FileFormatError, match="unfinished" if number == 1 else "has neither an index"):
            Checkpoint(folder)
    (folder / ".model.safetensors.partial").touch()
    with pytest.raises(FileFormatError, match=r"is an unfinished build, .*0 whole files"):
        Checkpoint(folder)


def test_folders_that_are_no_checkpoint(folder: Path, tmp_path: Path) -> None:
    """Nothing to read, or several things, is told with what there is."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileFormatError, match="has neither an index"):
        Checkpoint(tmp_path / "empty")
    (folder / "other.safetensors.index.json").write_text("{}")
    with pytest.raises(FileFormatError, match=r"has several. Received: model.*, other"):
        Checkpoint(folder)
    with pytest.raises(FileMissingError):
        Checkpoint(tmp_path / "none.safetensors")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"weight_map": []}',
        '{"weight_map": {"a": 1}}',
        '{"weight_map": {"a": "../model-00001-of-00002.safetensors"}}',
        '{"weight_map": {"a": "/etc/passwd"}}',
        '{"weight_map": {"a": ".."}}',
        '{"weight_map": {"a": ""}}',
    ],
    ids=range(9),
)
def test_what_is_no_index(folder: Path, text: str) -> None:
    """An index that is none, or that points out of its folder, is refused."""
    (folder / INDEX).write_text(text)
    with pytest.raises(FileFormatError, match="is no index of a checkpoint"):
        Checkpoint(folder)


def test_a_tensor_in_two_files(folder: Path) -> None:
    """Two tensors of one name are an error, since nobody knows which one is meant."""
    save_file(VALUES, folder / "model-00002-of-00002.safetensors")
    with pytest.raises(FileFormatError, match="Tensor 'a' is in two files"):
        Checkpoint(folder)
