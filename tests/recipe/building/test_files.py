"""Which tensors go into which file."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from initkit.errors import ArgumentError
from initkit.recipe.building.files import index_bytes, plan_file, plan_files
from tests.recipe.texts import plan_of, tensors_and_rules

LENGTHS = st.lists(st.integers(0, 20), min_size=1, max_size=20)


@given(LENGTHS, st.integers(1, 120))
def test_files_are_as_full_as_their_order_allows(lengths: list[int], most: int) -> None:
    """In the order of the plan, a file ends where the next tensor would make it too large."""
    tensors = "\n".join(f"w{number}: [{length}]" for number, length in enumerate(lengths))
    plan = plan_of(tensors_and_rules(tensors, "{match: '*', init: zeros}"))
    files = plan_files(plan, most)
    assert [tensor.name for file in files for tensor in file.tensors] == [
        tensor.name for tensor in plan.tensors
    ]
    sizes = [sum(tensor.nbytes for tensor in file.tensors) for file in files]
    for file, size, following in zip(files, sizes, files[1:], strict=False):
        assert size + following.tensors[0].nbytes > most
        assert size <= most or len([tensor for tensor in file.tensors if tensor.nbytes]) == 1
    names = [f"model-{number + 1:05d}-of-{len(files):05d}.safetensors" for number in range(len(files))]
    assert [file.name for file in files] == (names if len(files) > 1 else ["model.safetensors"])
    index = json.loads(index_bytes(files))
    assert index["metadata"]["total_size"] == plan.nbytes
    assert index["weight_map"] == {tensor.name: file.name for file in files for tensor in file.tensors}


def test_tensors_of_a_file_stand_in_the_order_of_their_bytes() -> None:
    """Larger elements come first, so that values are aligned."""
    tensors = "a: {shape: [3], dtype: bool}\nb: {shape: [3], dtype: float64}\nc: [3]"
    (file,) = plan_files(plan_of(tensors_and_rules(tensors, "{match: '*', init: zeros}")))
    assert [tensor.name for tensor in file.tensors] == list(file.layout.tensors) == ["b", "c", "a"]
    assert file.origin == file.layout.tensors["b"].start


def test_one_file_is_the_plans_file() -> None:
    """Without a size there is one file, of the layout that `plan_file` gives."""
    plan = plan_of(tensors_and_rules("a: [3]\nb: {tie: a}", "{match: '*', init: zeros}"))
    (file,) = plan_files(plan)
    assert file.layout == plan_file(plan)


def test_a_header_that_would_be_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """More tensors than a header has room for need several files, which the message says."""
    monkeypatch.setattr("initkit.io.safetensors._LONGEST_HEADER", 1000)
    plan = plan_of(tensors_and_rules("'w.{0..99}': [3]", "{match: '*', init: zeros}"))
    with pytest.raises(ArgumentError, match="Spread the tensors over several files"):
        plan_files(plan)
    assert len(plan_files(plan, 96)) == 13
