"""Builds on a Dask cluster of several processes: the bytes of one machine, whatever happens to workers."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import initkit as ik
from initkit.errors import FileMissingError, FileTakenError
from initkit.io.resumable_file import force_to_disk
from initkit.recipe import Plan
from initkit.recipe.building.build import build
from initkit.recipe.building.work import Work
from initkit.recipe.cluster import build_on_cluster as cluster_module
from initkit.recipe.cluster import dispatch, tasks
from initkit.recipe.cluster.build_on_cluster import build_on_cluster
from tests.recipe.clusters import digests, even_plan, local_cluster, varied_plan
from tests.recipe.texts import plan_of, recipe_text, tensors_and_rules

distributed = import_module("distributed")

SMALL = 100_000


@pytest.fixture(name="client", scope="module")
def _client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = str(tmp_path_factory.mktemp("workers"))
    with local_cluster(local_directory=folder) as cluster, distributed.Client(cluster) as client:
        yield client


@pytest.fixture(name="alone", scope="module")
def _alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one machine builds."""
    folder = tmp_path_factory.mktemp("alone")
    build(varied_plan(), folder / "varied")
    build(varied_plan(), folder / "varied_parts", max_shard_size="300kB")
    build(even_plan(), folder / "even")
    build(even_plan(), folder / "even_parts", max_shard_size="5MB")
    return folder


@pytest.mark.parametrize("unit_bytes", [10_000, None])
def test_one_file(client: Any, alone: Path, tmp_path: Path, unit_bytes: int | None) -> None:
    """A file has the same bytes, however it is cut into tasks; progress is told, and nothing is left."""
    told: list[tuple[int, int]] = []
    report = build_on_cluster(
        varied_plan(),
        tmp_path / "model",
        client,
        progress=lambda *both: told.append(both),
        unit_bytes=unit_bytes,
    )
    assert digests(tmp_path / "model") == digests(alone / "varied")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert (report.path, report.files, report.kept, report.complete) == (
        tmp_path / "model",
        (tmp_path / "model",),
        0,
        True,
    )
    assert report.nbytes == (tmp_path / "model").stat().st_size
    total = varied_plan().nbytes
    assert told == sorted(told)
    assert told[-1] == (total, total)


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_several_files(client: Any, alone: Path, tmp_path: Path, scheme: str) -> None:
    """A folder of files and its index are the same, and nothing else is left in it."""
    target = f"{scheme}{tmp_path / 'model'}"
    report = build_on_cluster(varied_plan(), target, client, max_shard_size="300kB", unit_bytes=SMALL)
    assert digests(tmp_path / "model") == digests(alone / "varied_parts")
    assert len(report.files) + 1 == len(list((tmp_path / "model").iterdir()))


def test_many_files(client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more files are open at a time than a process may have open."""
    monkeypatch.setattr("initkit.recipe.cluster.output._MOST_OPEN", 2)
    build(even_plan(), tmp_path / "alone", max_shard_size="1MB")
    build_on_cluster(even_plan(), tmp_path / "model", client, max_shard_size="1MB", unit_bytes="300kB")
    assert digests(tmp_path / "model") == digests(tmp_path / "alone")


def test_by_address(client: Any, alone: Path, tmp_path: Path) -> None:
    """A scheduler's address, or the file that it writes, stand for a client."""
    file = tmp_path / "scheduler.json"
    file.write_text(json.dumps({"address": client.scheduler.address}), encoding="utf-8")
    for number, address in enumerate((client.scheduler.address, str(file), file)):
        build_on_cluster(varied_plan(), tmp_path / str(number), address)
        assert digests(tmp_path / str(number)) == digests(alone / "varied")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_worker(alone: Path, tmp_path: Path) -> None:
    """A worker killed in mid-build costs the tasks that it was at, and no byte is other than without."""
    with local_cluster(2) as cluster, distributed.Client(cluster) as client:
        before = set(client.run(os.getpid).values())
        killed: list[int] = []

        def kill(done: int, total: int) -> None:
            if done > total // 4 and not killed:
                killed.append(min(before))
                os.kill(killed[0], signal.SIGKILL)

        build_on_cluster(even_plan(), tmp_path / "model", client, progress=kill, unit_bytes=SMALL)
        assert digests(tmp_path / "model") == digests(alone / "even")
        client.wait_for_workers(2)
        after = set(client.run(os.getpid).values())
        assert killed[0] not in after


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_the_last_worker_is_killed(alone: Path, tmp_path: Path) -> None:
    """Without any worker the build ends after a while, says what is kept, and one machine goes on with it."""
    with local_cluster(0) as cluster, distributed.Client(cluster) as client:
        address = cluster.scheduler_address
        worker = subprocess.Popen(
            [sys.executable, "-m", "distributed.cli.dask_worker", address, "--no-nanny", "--nthreads", "1"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=tmp_path,
        )

        def kill(done: int, total: int) -> None:
            if done > total // 4:
                worker.kill()

        target = tmp_path / "model"
        with pytest.raises(ik.BackendError, match="no workers") as caught:
            build_on_cluster(
                even_plan(),
                target,
                client,
                max_shard_size="5MB",
                progress=kill,
                unit_bytes=SMALL,
                patience=4.0,
            )
        worker.wait()
    assert "run the same again to go on" in caught.value.__notes__[0]
    assert not (target / "model.safetensors.index.json").exists()
    report = build(even_plan(), target, max_shard_size="5MB")
    assert report.kept > even_plan().nbytes // 5
    assert digests(target) == digests(alone / "even_parts")


def test_no_workers(tmp_path: Path) -> None:
    """A cluster without workers is an error before a file is begun."""
    with local_cluster(0) as cluster, distributed.Client(cluster) as client:
        with pytest.raises(ik.BackendError, match=r"no workers.*none for 0\.2 s"):
            build_on_cluster(varied_plan(), tmp_path / "model", client, patience=0.2)
        with pytest.raises(ik.BackendError, match="no workers"):
            build_on_cluster(varied_plan(), tmp_path / "f", client, max_shard_size="1MB", patience=0.2)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_is_gone_on_from(
    client: Any, alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After Ctrl-C the workers are let go, and a cluster or one machine goes on from what is there."""
    # Here, what one machine has written is always worth it.
    monkeypatch.setattr("initkit.recipe.building.build.LEAST_KEPT_BYTES", 0)

    def interrupt(done: int, total: int) -> None:
        if done > limit:
            raise KeyboardInterrupt

    target, plan = tmp_path / "model", even_plan()
    limit = plan.nbytes // 4
    with pytest.raises(KeyboardInterrupt) as caught:
        build_on_cluster(plan, target, client, progress=interrupt, unit_bytes=SMALL)
    assert "are kept" in caught.value.__notes__[0]
    assert not target.exists()
    limit = plan.nbytes * 3 // 4
    with pytest.raises(KeyboardInterrupt):
        build(plan, target, progress=interrupt, piece_bytes=SMALL)
    report = build_on_cluster(plan, target, client, unit_bytes=SMALL)
    assert report.kept > limit
    assert digests(target) == digests(alone / "even")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def _set(name: str, value: Any) -> None:
    setattr(tasks, name, value)


def _fail(number: int, times: int) -> None:
    """Have this worker's next forces to the disk fail."""
    left = [times]

    def failing(file: int) -> None:
        if left[0]:
            left[0] -= 1
            raise OSError(number, os.strerror(number))
        force_to_disk(file)

    _set("force_to_disk", failing)


def test_a_passing_error_is_tried_again(client: Any, alone: Path, tmp_path: Path) -> None:
    """An input/output error of a worker, as networks have them, is met by another attempt."""
    client.run(_fail, 5, 2)
    build_on_cluster(even_plan(), tmp_path / "model", client, unit_bytes=SMALL)
    assert digests(tmp_path / "model") == digests(alone / "even")


def test_a_lasting_error_ends_the_build(client: Any, alone: Path, tmp_path: Path) -> None:
    """A full disk ends the build at once, and what has been written is kept."""

    def fill(done: int, total: int) -> None:
        if not full and done > total // 4:
            full.append(True)
            client.run(_fail, 28, 1)

    full: list[bool] = []
    target = tmp_path / "model"
    with pytest.raises(ik.FileAccessError, match=r"[Nn]o space.*are kept") as caught:
        build_on_cluster(even_plan(), target, client, progress=fill, unit_bytes=SMALL)
    assert caught.value.errno == 28
    assert not target.exists()
    client.run(_fail, 0, 0)
    assert build_on_cluster(even_plan(), target, client, unit_bytes=SMALL).kept > 0
    assert digests(target) == digests(alone / "even")


def _hang(until: str) -> None:
    """Have this worker be at its tasks until there is a file, or until it gives up and says so in another."""

    def hanging(file: int) -> None:
        begun = time.monotonic()
        while not Path(until).exists():
            time.sleep(0.02)
            if time.monotonic() - begun > 20:
                Path(f"{until}.given_up").touch()
                break
        force_to_disk(file)

    _set("force_to_disk", hanging)


def test_stragglers_are_not_waited_for(
    client: Any, alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When a worker hangs, the others do what it was at; that it does so later harms nothing."""
    monkeypatch.setattr(dispatch, "_LEAST_STRAGGLER_SECONDS", 0.3)
    monkeypatch.setattr(dispatch, "_LOOK_SECONDS", 0.1)
    until = tmp_path / "until"
    slow = min(client.run(os.getpid))
    client.run(_hang, str(until), workers=[slow])
    try:
        build_on_cluster(even_plan(), tmp_path / "model", client, unit_bytes=1 << 20)
        assert not until.with_name("until.given_up").exists()
    finally:
        until.touch()
        client.run(_fail, 0, 0)
    assert digests(tmp_path / "model") == digests(alone / "even")
    time.sleep(0.1)
    assert digests(tmp_path / "model") == digests(alone / "even")


def test_existing_files_are_kept(client: Any, alone: Path, tmp_path: Path) -> None:
    """What is there is replaced only when that is allowed; an unfinished build of something else, too."""
    target = tmp_path / "model"
    target.write_bytes(b"years of training")
    with pytest.raises(FileTakenError):
        build_on_cluster(varied_plan(), target, client)
    assert target.read_bytes() == b"years of training"
    build_on_cluster(varied_plan(), target, client, overwrite=True)
    assert digests(target) == digests(alone / "varied")


def test_a_missing_folder_is_named(client: Any, tmp_path: Path) -> None:
    """A target that cannot be written to is an error before anything is drawn."""
    given: tuple[dict[str, Any], ...] = ({}, {"max_shard_size": "1MB"})
    for options in given:
        with pytest.raises(FileMissingError, match="there is no such folder"):
            build_on_cluster(varied_plan(), tmp_path / "nowhere" / "model", client, **options)
    assert list(tmp_path.iterdir()) == []


def test_the_scheduler_goes(tmp_path: Path) -> None:
    """When the scheduler is closed in mid-build, that is what the error says."""
    with (
        local_cluster(1, processes=False, protocol="tcp://") as cluster,
        distributed.Client(cluster) as client,
    ):

        def close(done: int, total: int) -> None:
            client.close()

        with pytest.raises(ik.BackendError, match="The scheduler has gone"):
            build_on_cluster(even_plan(), tmp_path / "model", client, progress=close, unit_bytes=SMALL)


def test_another_version_on_a_worker(client: Any, tmp_path: Path) -> None:
    """A worker with another initkit is refused before anything is drawn."""
    worker = min(client.run(os.getpid))
    client.run(_set, "__version__", "0.0.0", workers=[worker])
    try:
        with pytest.raises(ik.BackendError, match=r"Received: version 0\.0\.0") as caught:
            build_on_cluster(varied_plan(), tmp_path / "model", client)
    finally:
        client.run(_set, "__version__", ik.__version__)
    assert caught.value.__notes__ == [f"1 of 2 workers say so; the first is {worker}."]
    assert list(tmp_path.iterdir()) == []


def test_no_initkit_on_a_worker(tmp_path: Path) -> None:
    """A worker that cannot import initkit is told of, not only its traceback."""
    hide = "import sys; sys.modules['initkit.recipe.cluster.tasks'] = None"
    with (
        local_cluster(1, preload=[hide]) as cluster,
        distributed.Client(cluster) as client,
        pytest.raises(ik.BackendError, match="initkit cannot be imported by a worker"),
    ):
        build_on_cluster(varied_plan(), tmp_path / "model", client)
    assert list(tmp_path.iterdir()) == []


def test_not_a_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no client, or an address where nobody is, is refused."""
    with pytest.raises(ik.ArgumentTypeError, match=r"client=distributed\.Client"):
        build_on_cluster(varied_plan(), tmp_path / "model", object())
    monkeypatch.setattr(cluster_module, "_CONNECTING_SECONDS", 0.2)
    with pytest.raises(ik.BackendError, match="No scheduler can be reached"):
        build_on_cluster(varied_plan(), tmp_path / "model", "tcp://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ik.BackendError, match=r"pip install 'dask\[array,distributed\]'"):
        build_on_cluster(varied_plan(), tmp_path / "model", "tcp://127.0.0.1:9")


def _job(plan: Plan, target: Path, **changes: Any) -> tasks.Job:
    import pickle

    work = Work(plan)
    token = target.with_name("token")
    token.write_text("abc")
    given: dict[str, Any] = {
        "work": pickle.dumps(work),
        "fingerprint": work.fingerprint,
        "version": ik.__version__,
        "stream": 1,
        "target": str(target),
        "options": None,
        "token": (str(token), "abc"),
    }
    return tasks.Job(**{**given, **changes})


def test_a_folder_of_the_same_name(tmp_path: Path) -> None:
    """A worker whose folder is its own, and not the client's, finds that out."""
    plan, target = varied_plan(), tmp_path / "model"
    tasks.check_worker(_job(plan, target))
    for token in ((str(tmp_path / "nowhere"), "abc"), (str(tmp_path / "token"), "another's")):
        with pytest.raises(FileNotFoundError, match="does not see what the client writes there"):
            tasks.check_worker(_job(plan, target, token=token))
    task = tasks.Stretch(next(Work(plan).units(SMALL)))
    with pytest.raises(FileNotFoundError, match="does not see"):
        tasks.run_task(_job(plan, target), task)


def test_a_recipe_that_reads_otherwise(tmp_path: Path) -> None:
    """A worker that makes other files of the same text refuses its tasks."""
    job = _job(varied_plan(), tmp_path / "model", fingerprint="0" * 64)
    task = tasks.Stretch(next(Work(varied_plan()).units(SMALL)))
    with pytest.raises(ik.BackendError, match="reads the recipe differently"):
        tasks.run_task(job, task)


def test_what_a_worker_cannot_plan(tmp_path: Path) -> None:
    """An error of a worker that cannot plan the recipe names it, and is not tried again as a passing one."""
    save_file({"w": np.ones(3, np.float32)}, tmp_path / "old.safetensors")
    text = tensors_and_rules("w: [3]", "{match: w, copy: {file: old.safetensors, name: w}}")
    plan = ik.Recipe.from_text(text, str(tmp_path / "r.yaml")).plan()
    job = _job(plan, tmp_path / "model")
    task = tasks.Stretch(next(Work(plan).units(SMALL)))
    (tmp_path / "old.safetensors").unlink()
    with pytest.raises(
        ik.BackendError, match=rf"A worker \({platform.node()}\) cannot plan the recipe: .*old"
    ):
        tasks.run_task(job, task)


def test_stretches_are_noted_as_forced(client: Any, tmp_path: Path) -> None:
    """Workers force what they write before they report, and so the journal says."""

    def interrupt(done: int, total: int) -> None:
        if done > total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_on_cluster(even_plan(), tmp_path / "model", client, progress=interrupt, unit_bytes=SMALL)
    _, *lines = (tmp_path / ".model.journal").read_text(encoding="ascii").splitlines()
    assert {line.split()[2] for line in lines} == {"disk"}


def test_an_older_model_goes(client: Any, alone: Path, tmp_path: Path) -> None:
    """What loaders would take for this model is refused, or removed where that is said."""
    (tmp_path / "model.safetensors").write_bytes(b"old")
    with pytest.raises(FileTakenError):
        build_on_cluster(varied_plan(), tmp_path, client, max_shard_size="300kB")
    build_on_cluster(varied_plan(), tmp_path, client, max_shard_size="300kB", overwrite=True)
    assert digests(tmp_path) == digests(alone / "varied_parts")


def test_a_late_task_spares_another_build(tmp_path: Path) -> None:
    """A task that comes late does not write into the file of another recipe that has taken the place."""
    target = tmp_path / "model"
    task = tasks.Stretch(next(Work(varied_plan()).units(SMALL)))
    other = Work(plan_of(recipe_text())).files[0].layout
    partial = tmp_path / ".model.partial"
    partial.write_bytes(other.prefix.ljust(other.size, b"\0"))
    before = partial.read_bytes()
    with pytest.raises(ik.FileAccessError, match="another build has begun"):
        tasks.run_task(_job(varied_plan(), target), task)
    assert partial.read_bytes() == before
