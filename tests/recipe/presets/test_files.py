"""The files of all presets: what they say of themselves is so."""

from __future__ import annotations

import re

import pytest

from initkit.documents import read_yaml
from initkit.recipe.presets import preset_names, preset_text
from tests.recipe.presets.scheme import preset


@pytest.mark.parametrize("name", preset_names())
def test_sizes_in_the_header(name: str) -> None:
    """The first sentence of the comment tells how many tensors and parameters the real model has."""
    comment = preset_text(name).partition("\ninitkit: 1\n")[0].replace("\n#", "")
    sentence = re.split(r"\.\s|\.$", comment)[0]
    _, tensors, parameters = re.split(r"([0-9,]+) tensors, ", sentence)
    plan = preset(name).plan()
    assert int(tensors.replace(",", "")) == len(plan.tensors)
    counts = [int(count.replace(",", "")) for count in re.findall(r"[0-9][0-9,]*", parameters)]
    assert sum(counts) == plan.parameters


@pytest.mark.parametrize("name", preset_names())
def test_keys(name: str) -> None:
    """A preset has its file's name and version, a source and all that a recipe needs but the user's seed."""
    data = read_yaml(preset_text(name)).data
    assert isinstance(data, dict)
    described = data["preset"]
    assert isinstance(described, dict)
    assert f"{described['name']}@{described['version']}" == name
    assert described["source"]
    assert "extends" in data or {"dtype", "variables", "tensors", "rules"} <= data.keys()
    assert "seed" not in data
