"""A build whose units are drawn by the workers of a Dask cluster; Dask is imported when one is begun."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

from initkit.draws import STREAM_VERSION
from initkit.errors import ArgumentTypeError, BackendError
from initkit.recipe.building.build import BuildReport
from initkit.recipe.building.drawing import ProgressCallback
from initkit.recipe.building.work import Work, parse_size
from initkit.recipe.cluster.dispatch import Dispatch, no_workers
from initkit.recipe.cluster.output import ClusterOutput, ObjectOutput, SharedOutput
from initkit.recipe.cluster.remote import is_url, local_path
from initkit.recipe.cluster.tasks import Job, check_worker
from initkit.recipe.planning.plan import Plan
from initkit.version import __version__

# A scheduler hands out a thousand tasks per second or so, whatever their size; so there are not many more
# than it takes for all threads to end together.
_TASKS_PER_THREAD = 16
_MOST_TASKS = 4_000
# Less than the one is drawn in the time that a task costs; more than the other is a pity to lose.
_LEAST_UNIT, _LARGEST_UNIT = 4 << 20, 1 << 30
# How long to wait for workers where there are none, before giving up.
PATIENCE_SECONDS = 60.0

_CONNECTING_SECONDS = 30


def build_on_cluster(
    plan: Plan,
    target: str | os.PathLike[str],
    client: Any,
    *,
    overwrite: bool = False,
    max_shard_size: int | str | None = None,
    restart: bool = False,
    progress: ProgressCallback | None = None,
    storage_options: dict[str, Any] | None = None,
    unit_bytes: int | str | None = None,
    patience: float = PATIENCE_SECONDS,
) -> BuildReport:
    """Draw all tensors of a plan on a Dask cluster, into the same bytes that one machine would write.

    The target is a path on a folder that the client and all workers share, or a URL that fsspec knows. On a
    path, workers write stretches of hidden files beside it, which get their names when they are whole; what
    has been written when a build is interrupted is kept, as by a build without a cluster, and either goes on
    with what the other has begun. At a URL, a worker writes a whole file at a time, which appears when it is
    complete: so `max_shard_size` is what divides the work there, and files that are complete are kept.

    Workers send nothing to each other and nothing but a word back to the client. A worker that dies costs the
    tasks that it was at; these are done again by others, as are tasks that take far longer than the rest.

    Args:
        plan: The plan.
        target: The file; with `max_shard_size` the folder of files. `file://` is a path.
        client: A `distributed.Client`, or the address of a scheduler: `"tcp://host:8786"`, or the path of the
            JSON file that a scheduler writes.
        overwrite: Whether files of these names may be replaced.
        max_shard_size: The most bytes of values in a file, as an integer or as text such as `"5GB"`.
        restart: Whether to discard what an interrupted build has left, of this recipe or of another.
        progress: Called with the bytes of values that have been written, and those of all tensors.
        storage_options: What fsspec is told beside a URL, such as an endpoint. Workers are sent it, too, so
            rather let credentials come from their environment.
        unit_bytes: The most bytes of a task on a path, as an integer or text; None for `unit_size`. It
            changes no value.
        patience: How many seconds to wait for workers while there are none.

    Returns:
        What was written. The path is the URL, where one was given.

    Raises:
        BackendError: Dask is not installed, the scheduler cannot be reached or has gone, there are no workers
            for longer than `patience`, or one has another version of initkit or none.
        FileAccessError: A file cannot be written, or a worker does not see the client's files; the message
            says what has been kept.
        ArgumentError: A file would be too large for the format, or a size has no meaning.
        ArgumentTypeError: `client` is neither a client nor an address.
    """
    started = perf_counter()
    work = Work(plan, None if max_shard_size is None else parse_size(max_shard_size))
    path = local_path(str(target)) if is_url(target) else Path(target)
    with connected(client) as found:
        output: ClusterOutput
        if path is None:
            url = str(target)
            output = ObjectOutput(
                work, progress, url, storage_options or {}, overwrite=overwrite, restart=restart
            )
        else:
            whole = path.absolute()
            threads = sum(found.nthreads().values())
            size = unit_size(work.nbytes, threads) if unit_bytes is None else parse_size(unit_bytes)
            output = SharedOutput(
                work, progress, whole, overwrite=overwrite, restart=restart, unit_bytes=size
            )
        with output.begun() as token:
            job = Job(
                work=pickle.dumps(work),
                fingerprint=work.fingerprint,
                version=__version__,
                stream=STREAM_VERSION,
                target=output.place,
                options=output.options,
                token=token,
            )
            check_cluster(found, job, patience)
            output.run(Dispatch(found, job, patience))
    numbers = range(len(work.files))
    return BuildReport(
        path=str(target) if path is None else path,
        plan=plan,
        files=tuple(output.name_of(number) for number in numbers),
        nbytes=sum(file.layout.size for file in work.files),
        kept=output.kept,
        drawn=max(work.nbytes - output.kept, 0),
        complete=True,
        seconds=perf_counter() - started,
    )


def unit_size(nbytes: int, threads: int) -> int:
    """How much of a build is one task.

    Args:
        nbytes: The bytes of all values.
        threads: How many tasks the cluster runs at a time.

    Returns:
        The most bytes of a task: a sixteenth of a thread's share, from 4 MiB to 1 GiB; and so much that there
        are no more than 4,000 tasks.

    Example:
        >>> [f"{unit_size(2 * 10**12, threads) / 2**20:.0f} MiB" for threads in (8, 1_000, 10_000)]
        ['1024 MiB', '477 MiB', '477 MiB']
    """
    share = nbytes // (_TASKS_PER_THREAD * max(threads, 1))
    return max(min(max(share, _LEAST_UNIT), _LARGEST_UNIT), -(-nbytes // _MOST_TASKS))


@contextmanager
def connected(client: Any) -> Iterator[Any]:
    """A client of a cluster, closed at the end if it was made here.

    Args:
        client: A `distributed.Client`, or the address of a scheduler, or the path of its file.

    Yields:
        The client.

    Raises:
        BackendError: Dask's scheduler is not installed or cannot be reached.
        ArgumentTypeError: It is neither.
    """
    distributed = _imported_distributed()
    if isinstance(client, (str, os.PathLike)):
        address = os.fspath(client)
        if ":" not in address and not Path(address).is_file():
            message = f"There is no such file of a scheduler. Received: {address!r:.200}. Allowed: the"
            message += " address of a running scheduler, such as 'tcp://host:8786', or the JSON file that it"
            message += " writes. Start one with `dask scheduler --scheduler-file FILE`."
            raise BackendError(message)
        where = {"scheduler_file": address} if Path(address).is_file() else {"address": address}
        try:
            made = distributed.Client(**where, timeout=_CONNECTING_SECONDS, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            message = f"No scheduler can be reached: {error}. Received: {address!r:.200}. Allowed: the"
            message += " address of a running one, such as 'tcp://host:8786', or the JSON file that it"
            message += " writes. Start one with `dask scheduler`."
            raise BackendError(message) from error
        with made:
            yield made
    elif isinstance(client, distributed.Client) and not client.asynchronous:
        yield client
    else:
        message = f"A client of a cluster is needed. Received: {client!r:.200} of type"
        message += f" {type(client).__name__}. Allowed: a distributed.Client that is not asynchronous, or a"
        message += " scheduler's address. Write client=distributed.Client('tcp://host:8786')."
        raise ArgumentTypeError(message)


def check_cluster(client: Any, job: Job, patience: float) -> None:
    """Refuse a cluster that cannot build, before anything is drawn.

    Args:
        client: A `distributed.Client`.
        job: The build.
        patience: How many seconds to wait for the first worker.

    Raises:
        BackendError: There are no workers, or one has another version of initkit or none.
        FileAccessError: A worker does not see the target.
    """
    try:
        client.wait_for_workers(1, timeout=patience)
    except TimeoutError as error:
        raise no_workers(patience) from error
    # Without the recipe, which is large, and which the tasks bring.
    answers = client.run(check_worker, replace(job, work=b""), on_error="return")
    failed = {worker: said for worker, said in answers.items() if isinstance(said, Exception)}
    for worker, said in failed.items():
        # An error before the function is there comes as the text of itself.
        if isinstance(said, ImportError) or str(said).startswith(("ImportError", "ModuleNotFoundError")):
            message = f"initkit cannot be imported by a worker. Received: {said} from {worker}. Allowed:"
            message += f" workers that have initkit {job.version}. Install it where they run."
            raise BackendError(message) from said
        said.add_note(f"{len(failed):,} of {len(answers):,} workers say so; the first is {worker}.")
        raise said


def _imported_distributed() -> Any:
    """Dask's distributed scheduler, or an error that says what to install."""
    try:
        if find_spec("distributed") is None:
            raise ImportError
        import distributed
    except (ImportError, ValueError) as error:
        message = "Dask's scheduler cannot be imported. Received: a build on a cluster. Allowed: Dask with"
        message += " its distributed scheduler. Install it with `pip install 'dask[array,distributed]'`, on"
        message += " all machines."
        raise BackendError(message) from error
    return distributed
