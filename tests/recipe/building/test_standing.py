"""What stands where a build would go, and which of it the error names."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from initkit.errors import FileTakenError
from initkit.recipe import Recipe
from initkit.recipe.building.build import build
from tests.recipe.texts import tensors_and_rules

TEXT = tensors_and_rules("a: [250]\nb: [15, 25]\nc: [550]", "{match: '*', init: random_normal}")
RECIPE = Recipe.from_text(TEXT)
SIZE = 1500


def _changed(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def _other(**changes: object) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        build(RECIPE.override(**changes).plan(), path, overwrite=True)  # type: ignore[arg-type]  # as named here

    return write


def _part(path: Path) -> None:
    """The first of several files, which says where the recipe is."""
    save_file({"a": np.zeros(3)}, path, metadata={"initkit.recipe_file": "model-00001-of-00002.safetensors"})


CASES: dict[str, tuple[Callable[[Path], object], str]] = {
    "value": (_changed, "its values are not those of this recipe (`initkit verify` tells which)"),
    "seed": (_other(seed=3), "it is of another recipe or other options"),
    "dtype": (_other(dtype="bfloat16"), "it is of another recipe or other options"),
    "only": (_other(only="a"), "it is of another recipe or other options"),
    "part": (_part, "it is of another recipe or other options"),
    "plain": (lambda path: save_file({"a": np.zeros(3)}, path), "it has no recipe of initkit's in it"),
    "cut": (
        lambda path: path.write_bytes(path.read_bytes()[:-10]),
        "its header is that of this build, and it has ",
    ),
    "text": (lambda path: path.write_text("precious"), "it is no whole safetensors file"),
    "empty": (lambda path: path.write_bytes(b""), "it is no whole safetensors file"),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("size", [None, SIZE])
def test_what_is_there(tmp_path: Path, size: int | None, case: str) -> None:
    """The error says what the file is, for one file and for one of several, and what to do."""
    write, clause = CASES[case]
    target = tmp_path / "out"
    path = Path(build(RECIPE.plan(), target, max_shard_size=size).files[-1])
    write(path)
    before = path.read_bytes()
    with pytest.raises(FileTakenError) as caught:
        build(RECIPE.plan(), target, max_shard_size=size)
    what, advice = "the file exists", "choose another name, or say --force (overwrite=True)"
    if size is not None:
        name = "the model" if case == "value" else path.name
        what, advice = f"{name} is there already", advice.replace("name", "folder")
    message = str(caught.value.strerror)
    assert message.startswith(f"{what}: {clause}")
    assert message.endswith(f"; {advice}")
    assert (caught.value.errno, caught.value.filename) == (errno.EEXIST, str(target))
    assert path.read_bytes() == before


def test_a_part_of_the_build(tmp_path: Path) -> None:
    """Where all that is there is of the build, the error names a file that is missing."""
    first, second, _ = build(RECIPE.plan(), tmp_path / "out", max_shard_size=SIZE).files
    Path(second).unlink()
    with pytest.raises(
        FileTakenError, match=r"00001-of.* is there already: of this build, .*00002-of.* is miss"
    ):
        build(RECIPE.plan(), tmp_path / "out", max_shard_size=SIZE)
    assert Path(first).exists()


def test_what_cannot_be_read(tmp_path: Path) -> None:
    """A link to nothing is there, too, and is not replaced."""
    (tmp_path / "out").symlink_to(tmp_path / "nothing")
    with pytest.raises(FileTakenError, match=r"the file exists: it cannot be read \(No such file"):
        build(RECIPE.plan(), tmp_path / "out")
