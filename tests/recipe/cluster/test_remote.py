"""Builds on a cluster to an object store: whole files, each by one worker, and the index last."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

import initkit as ik
from initkit.errors import FileTakenError
from initkit.recipe.building.build import build
from initkit.recipe.cluster import remote
from initkit.recipe.cluster.build_on_cluster import build_on_cluster
from tests.recipe.clusters import digests, even_plan, local_cluster, varied_plan
from tests.recipe.object_store import LOG_NAME, ObjectStore, register_store

distributed = import_module("distributed")

INDEX = "model/model.safetensors.index.json"


@pytest.fixture(name="client", scope="module")
def _client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = str(tmp_path_factory.mktemp("workers"))
    preload = ["from tests.recipe.object_store import register_store; register_store()"]
    register_store()
    with (
        local_cluster(local_directory=folder, preload=preload) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(name="alone", scope="module")
def _alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one machine builds."""
    folder = tmp_path_factory.mktemp("alone")
    build(varied_plan(), folder / "varied")
    build(varied_plan(), folder / "varied_parts", max_shard_size="300kB")
    build(even_plan(), folder / "even_parts", max_shard_size="2MB")
    return folder


def _objects(root: Path, under: str = "") -> dict[str, str]:
    """The SHA-256 of every object, by the end of its name."""
    return {
        unquote(path.name).removeprefix(under): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.iterdir()
        # A part of one is not seen by who uses the store.
        if path.name != LOG_NAME and not path.name.endswith(".part")
    }


def _order(root: Path) -> list[str]:
    """The names of the objects in the order in which they appeared, without tokens."""
    names = (root / LOG_NAME).read_text(encoding="utf-8").split()
    return [name for name in names if "cluster" not in name]


def test_several_files(client: Any, alone: Path, tmp_path: Path) -> None:
    """The objects have the bytes of the files that one machine writes; the index is the last to appear."""
    told: list[tuple[int, int]] = []
    report = build_on_cluster(
        varied_plan(),
        "bucket://model",
        client,
        max_shard_size="300kB",
        storage_options={"root": str(tmp_path)},
        progress=lambda *both: told.append(both),
    )
    assert _objects(tmp_path, "model/") == digests(alone / "varied_parts")
    assert _order(tmp_path)[-1] == INDEX
    assert str(report.path) == "bucket://model"
    assert told[-1] == (varied_plan().nbytes,) * 2


def test_one_file(client: Any, alone: Path, tmp_path: Path) -> None:
    """A single object is one task, and has the same bytes."""
    options = {"root": str(tmp_path)}
    build_on_cluster(varied_plan(), "bucket://a/b/model.safetensors", client, storage_options=options)
    assert _objects(tmp_path) == {"a/b/model.safetensors": digests(alone / "varied")[""]}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_worker(client: Any, alone: Path, tmp_path: Path) -> None:
    """A worker that is killed leaves no half of an object, and another one writes it."""
    killed: list[int] = []

    def kill(done: int, total: int) -> None:
        if done > total // 4 and not killed:
            killed.append(min(client.run(os.getpid).values()))
            os.kill(killed[0], signal.SIGKILL)

    options = {"root": str(tmp_path)}
    build_on_cluster(
        even_plan(), "bucket://model", client, max_shard_size="2MB", storage_options=options, progress=kill
    )
    assert killed
    assert _objects(tmp_path, "model/") == digests(alone / "even_parts")
    client.wait_for_workers(2)


def test_going_on(client: Any, alone: Path, tmp_path: Path) -> None:
    """Objects that are complete are not written again, unless that is asked for."""

    def interrupt(done: int, total: int) -> None:
        if done > total // 2:
            raise KeyboardInterrupt

    given: dict[str, Any] = {"max_shard_size": "2MB", "storage_options": {"root": str(tmp_path)}}
    with pytest.raises(KeyboardInterrupt) as caught:
        build_on_cluster(even_plan(), "bucket://model", client, progress=interrupt, **given)
    assert "are kept" in caught.value.__notes__[0]
    assert INDEX not in _order(tmp_path)
    report = build_on_cluster(even_plan(), "bucket://model", client, **given)
    assert report.kept > even_plan().nbytes // 2
    assert _objects(tmp_path, "model/") == digests(alone / "even_parts")
    with pytest.raises(FileTakenError):
        build_on_cluster(even_plan(), "bucket://model", client, **given)
    written = len(_order(tmp_path))
    assert build_on_cluster(even_plan(), "bucket://model", client, overwrite=True, **given).kept == 0
    assert len(_order(tmp_path)) == written + len(digests(alone / "even_parts"))
    assert _objects(tmp_path, "model/") == digests(alone / "even_parts")


def test_existing_objects_are_kept(client: Any, alone: Path, tmp_path: Path) -> None:
    """What is there is replaced only when that is allowed."""
    options = {"root": str(tmp_path)}
    ObjectStore(str(tmp_path)).pipe_file("model", b"years of training")
    with pytest.raises(FileTakenError, match="is there already"):
        build_on_cluster(varied_plan(), "bucket://model", client, storage_options=options)
    build_on_cluster(varied_plan(), "bucket://model", client, storage_options=options, overwrite=True)
    assert _objects(tmp_path) == {"model": digests(alone / "varied")[""]}


def test_an_older_model_goes(client: Any, alone: Path, tmp_path: Path) -> None:
    """Objects that loaders would take for this model are refused, or removed before the index appears."""
    options = {"root": str(tmp_path)}
    store = ObjectStore(str(tmp_path))
    for name in ("model.safetensors", "model-00009-of-00009.safetensors", "pytorch_model.bin"):
        store.pipe_file(f"model/{name}", b"old")
    given: dict[str, Any] = {"max_shard_size": "300kB", "storage_options": options}
    with pytest.raises(FileTakenError, match="would be loaded in place of this one"):
        build_on_cluster(varied_plan(), "bucket://model", client, **given)
    build_on_cluster(varied_plan(), "bucket://model", client, overwrite=True, **given)
    found = _objects(tmp_path, "model/")
    assert found.pop("pytorch_model.bin") == hashlib.sha256(b"old").hexdigest()
    assert found == digests(alone / "varied_parts")


def test_memory_is_not_shared(client: Any) -> None:
    """The memory of each process is its own, which is found out before anything is drawn."""
    with pytest.raises(FileNotFoundError, match="does not see what the client writes there"):
        build_on_cluster(varied_plan(), "memory://model", client)


def test_unknown_urls(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A URL that fsspec does not know is refused; and any, where there is no fsspec."""
    with pytest.raises(ik.ArgumentError, match="nosuch"):
        build_on_cluster(varied_plan(), "nosuch://model", client)
    remote._fsspec.cache_clear()
    monkeypatch.setitem(sys.modules, "fsspec", None)
    monkeypatch.setattr(remote, "find_spec", lambda name: None)
    with pytest.raises(ik.BackendError, match=r"pip install 'dask\[array,distributed\]'"):
        build_on_cluster(varied_plan(), "s3://model", client)


def test_a_failed_object_does_not_appear(tmp_path: Path) -> None:
    """Where writing fails in the middle, nothing stands under the name."""
    store = ObjectStore(str(tmp_path))

    def parts() -> Iterator[bytes]:
        yield b"half"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        remote.write_object(store, "model", parts())
    assert not store.exists("model")
    remote.write_object(store, "model", [b"ab", memoryview(b"cd")])
    assert store.cat_file("model") == b"abcd"
