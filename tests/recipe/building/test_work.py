"""The work of a build as every process knows it: files, units, shares, and sizes as people write them."""

from __future__ import annotations

import pickle
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from initkit.errors import ArgumentError, ArgumentTypeError
from initkit.recipe.building.work import Work, parse_size
from tests.recipe.texts import plan_of, tensors_and_rules

PLAN = plan_of(tensors_and_rules("'w.{0..9}': [10, 10]\nlast: [7]", "{match: '*', init: random_normal}"))


def test_units_fill_all_files() -> None:
    """The units of all files, written where they say, are the files without their headers."""
    work = Work(PLAN, 1000)
    assert len(work.files) == 5
    for number, file in enumerate(work.files):
        data = bytearray(file.layout.size)
        for unit in work.units(300, [number]):
            out = np.empty(unit.nbytes, np.uint8)
            work.draw(unit, out)
            data[unit.start : unit.start + unit.nbytes] = out.tobytes()
            pieces = list(work.pieces(unit, 100))
            assert sum(piece.nbytes for piece in pieces) == unit.nbytes
        for tensor in file.tensors:
            stored = file.layout.tensors[tensor.name]
            with tensor.drawing() as values:
                expected = np.asarray(values).tobytes()
            assert data[stored.start : stored.start + stored.nbytes] == expected
    assert {unit.file for unit in work.units(300)} == set(range(5))
    assert work.nbytes == PLAN.nbytes


def test_work_travels_as_a_recipe() -> None:
    """In another process the work has the same files, and units mean the same."""
    work = Work(PLAN, 1000)
    data = pickle.dumps(work)
    assert len(data) < len(PLAN.text) + 500
    other = pickle.loads(data)
    assert other.fingerprint == work.fingerprint
    assert [file.layout for file in other.files] == [file.layout for file in work.files]
    assert list(other.units(256)) == list(work.units(256))
    assert pickle.loads(data) is other


def test_paths_are_those_of_whoever_has_planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path in a recipe means the same file in a process whose working directory is another."""
    save_file({"w": np.arange(3, dtype=np.float32)}, tmp_path / "old.safetensors")
    monkeypatch.chdir(tmp_path)
    copying = plan_of(tensors_and_rules("w: [3]", "{match: w, copy: {file: old.safetensors, name: w}}"))
    work = Work(copying)
    data = pickle.dumps(work)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    other = pickle.loads(data)
    assert other.fingerprint == work.fingerprint
    (unit,) = other.units(100)
    out = np.empty(unit.nbytes, np.uint8)
    other.draw(unit, out)
    assert out.view(np.float32).tolist() == [0, 1, 2]


def test_fingerprints_differ() -> None:
    """Another size of files, or another recipe, is another build."""
    other = plan_of(tensors_and_rules("'w.{0..9}': [10, 10]\nlast: [7]", "{match: '*', init: ones}"))
    works = (Work(PLAN), Work(PLAN, 1000), Work(PLAN, 900), Work(other), Work(other, 1000))
    assert len({work.fingerprint for work in works}) == len(works) - 1


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_shares_are_disjoint_and_even(count: int) -> None:
    """The shares of all processes are all files, each once, and differ by one file at most."""
    work = Work(PLAN, 1000)
    shares = [work.share(number, count) for number in range(1, count + 1)]
    assert sorted(file for share in shares for file in share) == list(range(5))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_paths() -> None:
    """A single file has the name that was asked for; several have names of their own in a folder."""
    assert Work(PLAN).path_of(0, "x/y") == Path("x/y")
    assert Work(PLAN, 1000).path_of(1, "x") == Path("x/model-00002-of-00005.safetensors")
    assert Work(PLAN, 10**9).path_of(0, "x") == Path("x/model.safetensors")
    assert Work(PLAN).index() is Work(PLAN, 10**9).index() is None


@pytest.mark.parametrize(
    ("text", "nbytes"),
    [
        ("5GB", 5 * 10**9),
        ("5 GB", 5 * 10**9),
        ("5gb", 5 * 10**9),
        ("1.5MiB", 3 << 19),
        ("0.5k", 500),
        ("10", 10),
        ("10B", 10),
        ("2T", 2 * 10**12),
        ("1PiB", 1 << 50),
        (7, 7),
    ],
)
def test_sizes(text: int | str, nbytes: int) -> None:
    """Sizes are numbers, or numbers with a unit of powers of 1000 or of 1024."""
    assert parse_size(text) == nbytes


@pytest.mark.parametrize(
    "text", ["", "GB", "-5GB", "5XB", "1e9", "5 G B B", "0", -1, "0.0001B", "\u0665GB", "1.2.3"]
)
def test_what_is_no_size(text: int | str) -> None:
    """Anything else is refused with what to write instead."""
    with pytest.raises(ArgumentError, match="Write, for example, '5GB'"):
        parse_size(text)


@pytest.mark.parametrize("size", [1.5, None, True, b"5GB"])
def test_what_is_of_no_type_for_a_size(size: object) -> None:
    """Neither floats nor booleans are sizes."""
    with pytest.raises(ArgumentTypeError, match="A size must be an integer or text"):
        parse_size(size)  # type: ignore[arg-type]  # the error itself


@given(st.text())
def test_no_text_breaks_the_reader_of_sizes(text: str) -> None:
    """Whatever is written, it is a size or a refusal."""
    with suppress(ArgumentError):
        assert parse_size(text) > 0
