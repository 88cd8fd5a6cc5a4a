"""One entry for all builds: from a recipe, a plan or a path, here or on a cluster."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import initkit as ik
from initkit.cli import main
from initkit.errors import ArgumentError, ArgumentTypeError
from tests.recipe.clusters import digests, local_cluster

distributed: Any = import_module("distributed")

TEXT = "initkit: 1\nseed: 7\ntensors: {'w.{0..9}': [100, 50]}\nrules: [{match: '*', init: he_normal}]\n"


@pytest.fixture(name="recipe")
def _recipe(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_whatever_a_recipe_is_given_as(recipe: Path, tmp_path: Path) -> None:
    """A path, a recipe, its plan and its method make the same files."""
    loaded = ik.Recipe.load(recipe)
    ik.recipe.build(recipe, tmp_path / "a", max_shard_size="50kB")
    ik.recipe.build(loaded, tmp_path / "b", max_shard_size=50_000)
    ik.recipe.build(loaded.plan(), tmp_path / "c", max_shard_size="50kB")
    loaded.build(tmp_path / "d", max_shard_size="50kB")
    assert len({tuple(sorted(digests(tmp_path / name).items())) for name in "abcd"}) == 1


def test_on_a_cluster(recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A client, its address and the command's --dask build what one process builds."""
    ik.recipe.build(recipe, tmp_path / "alone")
    with local_cluster(local_directory=str(tmp_path)) as cluster, distributed.Client(cluster) as client:
        ik.recipe.build(recipe, tmp_path / "client", client=client)
        where = ["-o", str(tmp_path / "command"), "--dask", cluster.scheduler_address]
        assert main(["build", str(recipe), *where, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["complete"] is True
    assert digests(tmp_path / "client") == digests(tmp_path / "alone")
    assert digests(tmp_path / "command") == digests(tmp_path / "alone")


@pytest.mark.parametrize(
    ("target", "options", "words"),
    [
        ("x", {"client": "tcp://nowhere:1", "shard": (1, 2)}, "A cluster divides the work itself"),
        ("s3://bucket/x", {}, "Only a cluster writes to a URL. Received: s3://bucket/x"),
        ("x", {"storage_options": {"key": 1}}, "Only a cluster writes to a URL"),
    ],
)
def test_what_does_not_go_together(recipe: Path, target: str, options: dict[str, Any], words: str) -> None:
    """Options that contradict each other are refused before anything is made."""
    with pytest.raises(ArgumentError, match=words):
        ik.recipe.build(recipe, target, **options)


def test_what_is_no_recipe() -> None:
    """Something else than a recipe is refused by its type."""
    with pytest.raises(ArgumentTypeError, match="Received: 3 of type int"):
        ik.recipe.build(3, "x")  # type: ignore[arg-type]  # what is tested


def test_the_command_refuses_a_dry_run_of_a_url(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is at a URL is not looked at."""
    assert main(["build", str(recipe), "-o", "s3://bucket/x", "--dry-run"]) == 2
    assert "What is at a URL is not looked at" in capsys.readouterr().err
