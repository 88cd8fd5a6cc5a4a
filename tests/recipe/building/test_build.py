"""Built files: their bytes, what another library reads in them, and what is left when a build fails."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from safetensors import safe_open

import initkit as ik
from initkit.errors import ArgumentTypeError, BackendError, FileMissingError, FileTakenError, RecipeError
from initkit.kernels.loader import thread_count
from initkit.recipe import Recipe, verify
from initkit.recipe.building.build import build
from tests.recipe.texts import recipe_text, tensors_and_rules

EVERYTHING = """
h.{0..2}.w: [33, 65]
half: {shape: [17], dtype: bfloat16}
eighth: {shape: [5, 3], dtype: float8_e4m3fn}
double: {shape: [9], dtype: float64}
flags: {shape: [3], dtype: bool}
count: {shape: [], dtype: int64}
empty: [0, 3]
head: {tie: h.1.w}
"""
RULES = (
    "{match: flags, init: ones}",
    "{match: count, init: {constant: {value: 7}}}",
    "{match: 'h.{layer}.w', init: {truncated_normal: {stddev: 0.1 / (layer + 1)}}}",
    "{match: '*', init: {random_uniform: {minval: -1, maxval: 1}}}",
)
RECIPE = Recipe.from_text(tensors_and_rules(EVERYTHING, *RULES), "r.yaml")

GOLDEN_TEXT = """initkit: 1
seed: 7
tensors:
  a: [2]
  b: {tie: a}
rules:
  - {match: a, init: random_uniform}
"""
GOLDEN_HEADER = (
    '{"__metadata__":{"format":"pt","initkit.recipe":"initkit: 1\\nseed: 7\\n'
    "tensors:\\n  a: [2]\\n  b: {tie: a}\\nrules:\\n  - {match: a, init: random_uniform}\\n"
    '","initkit.stream":"1","initkit.ties":"{\\"b\\": \\"a\\"}"},'
    '"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_golden_bytes(tmp_path: Path) -> None:
    """A file is the header, every byte of which is spelled out here, and the values; no time, no machine."""
    Recipe.from_text(GOLDEN_TEXT).build(tmp_path / "a.safetensors")
    header = GOLDEN_HEADER.encode()
    header += b" " * (-len(header) % 8)
    values = ik.RandomUniform(seed=ik.SeedGenerator(7).child("a"))(2)
    expected = len(header).to_bytes(8, "little") + header + values.tobytes()
    assert (tmp_path / "a.safetensors").read_bytes() == expected


@pytest.mark.parametrize("piece_bytes", [1, 100, 4096, 1 << 22])
def test_piece_size_changes_no_byte(tmp_path: Path, piece_bytes: int) -> None:
    """The file is the same however much is drawn and written at once."""
    RECIPE.build(tmp_path / "whole")
    build(RECIPE.plan(), tmp_path / "pieces", piece_bytes=piece_bytes)
    assert _digest(tmp_path / "pieces") == _digest(tmp_path / "whole")


def test_threads_and_engines_change_no_byte(tmp_path: Path) -> None:
    """The file is the same with one thread and many, from the compiled kernels and from NumPy alone."""
    recipe = tmp_path / "r.yaml"
    rules = ("{match: a, init: {truncated_normal: {stddev: 0.1}}}", "{match: b, init: random_normal}")
    text = tensors_and_rules("a: [700, 1000]\nb: {shape: [999, 333], dtype: bfloat16}", *rules)
    recipe.write_text(text, encoding="utf-8")
    digests = set()
    for variables in (
        {"INITKIT_NUM_THREADS": "1"},
        {"INITKIT_NUM_THREADS": "3"},
        {"INITKIT_SIMD": "numpy"},
    ):
        done = subprocess.run(
            [sys.executable, "-m", "initkit", "build", recipe, "-o", tmp_path / "out", "--force"],
            env={**os.environ, **variables},
            capture_output=True,
        )
        assert done.returncode == 0, done.stderr
        digests.add(_digest(tmp_path / "out"))
    assert len(digests) == 1


def test_another_library_reads_the_values(tmp_path: Path) -> None:
    """The safetensors library finds the tensors, dtypes and shapes, and the values of calls."""
    path = tmp_path / "model.safetensors"
    report = RECIPE.build(path)
    assert (report.path, report.files, report.nbytes) == (path, (path,), path.stat().st_size)
    assert (report.kept, report.complete) == (0, True)
    with safe_open(path, "pt") as file:
        stored = {name: file.get_tensor(name) for name in list(file.keys())}
        metadata = file.metadata()
    assert metadata == {
        "format": "pt",
        "initkit.recipe": RECIPE.text,
        "initkit.stream": "1",
        "initkit.ties": '{"head": "h.1.w"}',
    }
    assert set(stored) == {tensor.name for tensor in report.plan.tensors}
    seeds = ik.SeedGenerator(42)
    expected: dict[str, Any] = {
        f"h.{layer}.w": ik.TruncatedNormal(stddev=0.1 / (layer + 1), seed=seeds.child(f"h.{layer}.w"))(
            (33, 65)
        )
        for layer in range(3)
    }
    for name, shape, dtype in (
        ("half", 17, "bfloat16"),
        ("eighth", (5, 3), "float8_e4m3fn"),
        ("double", 9, "float64"),
    ):
        expected[name] = ik.RandomUniform(-1, 1, seed=seeds.child(name))(shape, dtype)
    expected |= {"flags": np.ones(3, bool), "count": np.array(7), "empty": np.empty((0, 3), np.float32)}
    assert expected.keys() == stored.keys()
    for name, values in expected.items():
        found = stored[name]
        assert str(found.dtype).removeprefix("torch.") == values.dtype.name
        assert tuple(found.shape) == values.shape
        # float64 holds every value of the narrower dtypes.
        wide = np.asarray(found.double())
        np.testing.assert_array_equal(wide, values.astype(np.float64))


def test_ties_are_not_stored(tmp_path: Path) -> None:
    """A tied tensor adds no bytes; metadata say what it is."""
    RECIPE.build(tmp_path / "tied")
    untied = Recipe.from_text(tensors_and_rules(EVERYTHING.replace("head: {tie: h.1.w}", ""), *RULES))
    untied.build(tmp_path / "untied")
    with safe_open(tmp_path / "untied", "np") as file:
        assert set(file.metadata()) == {"format", "initkit.recipe", "initkit.stream"}
    with safe_open(tmp_path / "tied", "np") as file:
        assert "head" not in file.keys()  # noqa: SIM118  # not a dict: it has no `in`
        assert json.loads(file.metadata()["initkit.ties"]) == {"head": "h.1.w"}


def test_matrix_products_are_drawn_whole(tmp_path: Path) -> None:
    """An orthogonal matrix in a file is, to the bit, what a call gives on this machine."""
    recipe = Recipe.from_text(tensors_and_rules("q: [70, 50]", "{match: q, init: orthogonal}"))
    build(recipe.plan(), tmp_path / "q", piece_bytes=256)
    with safe_open(tmp_path / "q", "np") as file:
        expected = ik.Orthogonal(seed=ik.SeedGenerator(42).child("q"))((70, 50))
        np.testing.assert_array_equal(file.get_tensor("q"), expected)


def test_existing_files_are_kept(tmp_path: Path) -> None:
    """Without a word about overwriting, what is there stays; with it, the file is replaced."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"years of training")
    with pytest.raises(FileTakenError) as caught:
        RECIPE.build(path)
    assert caught.value.filename == str(path)
    assert path.read_bytes() == b"years of training"
    RECIPE.build(path, overwrite=True)
    assert path.stat().st_size == RECIPE.build(tmp_path / "other").nbytes


@pytest.mark.parametrize("exception", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize("before", [None, b"years of training"])
def test_a_failed_build_leaves_nothing(
    tmp_path: Path, exception: type[BaseException], before: bytes | None
) -> None:
    """After any exception in mid-build the folder is as it was."""
    path = tmp_path / "model.safetensors"
    if before is not None:
        path.write_bytes(before)

    def fail(done: int, total: int) -> None:
        if done > total // 2:
            raise exception

    with pytest.raises(exception):
        build(RECIPE.plan(), path, overwrite=True, progress=fail, piece_bytes=1000)
    assert [entry.read_bytes() for entry in tmp_path.iterdir()] == ([] if before is None else [before])


def test_nothing_is_written_for_a_recipe_without_meaning(tmp_path: Path) -> None:
    """A recipe is planned before the first byte is written."""
    with pytest.raises(RecipeError):
        Recipe.from_text(recipe_text(variables="variables: {}\n", tensors="tensors:\n  a: [d]\n")).build(
            tmp_path / "a"
        )
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """A target that cannot be written to is an error before anything is drawn."""
    with pytest.raises(FileMissingError, match="nowhere"):
        RECIPE.build(tmp_path / "nowhere" / "a.safetensors")


def test_memory_does_not_grow_with_the_tensor(tmp_path: Path) -> None:
    """Building a tensor of 200 MB takes a few pieces of memory, and so does verifying it."""
    plan = Recipe.from_text(tensors_and_rules("a: [50000, 1000]", "{match: a, init: zeros}")).plan()
    tracemalloc.start()
    try:
        build(plan, tmp_path / "a")
        assert verify(tmp_path / "a").ok
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # For every thread a piece of drawn values and one of stored ones.
    assert peak < (thread_count() + 1) * 12e6 + 5e6


def test_float8_values_are_rounded_once(tmp_path: Path) -> None:
    """A file of float8 holds the float32 draw rounded to nearest even, as a call gives it."""
    rule = "{match: w, init: {random_normal: {stddev: 1}}}"
    values = {}
    for dtype in ("float32", "float8_e5m2"):
        text = tensors_and_rules(f"w: {{shape: [1000], dtype: {dtype}}}", rule)
        Recipe.from_text(text).build(tmp_path / dtype)
        with safe_open(tmp_path / dtype, "pt") as file:
            values[dtype] = np.asarray(file.get_tensor("w").float())
    rounded = values["float32"].astype(ml_dtypes.float8_e5m2).astype(np.float32)
    np.testing.assert_array_equal(values["float8_e5m2"], rounded)


def test_big_endian_machines_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where numbers lie the other way round, no file is written rather than a wrong one."""
    monkeypatch.setattr("sys.byteorder", "big")
    with pytest.raises(BackendError, match=r"big-endian machine\. Build the file on x86 or ARM"):
        Recipe.from_text(recipe_text()).build(tmp_path / "model.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_progress_that_is_no_function(tmp_path: Path) -> None:
    """It is refused before anything is begun; by what compares, too."""
    RECIPE.build(tmp_path / "there")
    for call in (
        lambda: RECIPE.build(tmp_path / "out", progress=True),
        lambda: RECIPE.build(tmp_path / "out", comparing=1),
        lambda: verify(tmp_path / "there", progress=True),  # type: ignore[arg-type]  # that is the test
        lambda: ik.recipe.diff(RECIPE, tmp_path / "there", progress=True),  # type: ignore[arg-type]  # the same
    ):
        with pytest.raises(ArgumentTypeError, match="Progress is told to a function"):
            call()
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
