"""Tasks handed to a Dask cluster a few at a time, until every one has been done by somebody."""

from __future__ import annotations

import errno
import secrets
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any

from initkit.errors import BackendError
from initkit.recipe.cluster.tasks import Job, Task, hand_over, run_task

# So many tasks per thread are with the scheduler: workers never wait for the client, and a cluster that is
# slow to forget has little to forget.
_TASKS_PER_THREAD = 3
_LEAST_TASKS = 128
# The scheduler groups tasks by the words of their keys. Where the job is of another group, the tasks go to
# whoever is idle; where it is not, to the one worker that has the job.
_JOB_KEY, _TASK_KEY = "initkit_job", "initkit_draw"
_ATTEMPTS = 5
_LOOK_SECONDS = 1.0
# When no task has been done for so many times as long as one takes on average, and all have been handed out,
# somebody is slow or hangs, and others are idle.
_STRAGGLER = 4.0
_LEAST_STRAGGLER_SECONDS = 10.0
_MOST_COPIES = 4
# What another attempt would meet again.
_LASTING = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ESTALE}


class _Item:
    """A task, and what has become of it."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.failures = 0
        self.finished = False
        self.futures: dict[str, Any] = {}


class Dispatch:
    """Has the workers of a cluster do tasks that can be done any number of times.

    Args:
        client: A `distributed.Client`.
        job: What every task is part of.
        patience: How many seconds to wait for workers while there are none.
    """

    def __init__(self, client: Any, job: Job, patience: float) -> None:
        self._client = client
        self._job = job
        self._patience = patience
        self._name = f"{job.fingerprint[:12]}-{secrets.token_hex(4)}"
        self._number = 0
        self._shared: Any = None
        self._threads = 1
        self._items: dict[str, _Item] = {}
        self._results: SimpleQueue[Any] = SimpleQueue()
        self._done = 0
        self._begun = monotonic()
        self._exhausted = False
        # When there were workers; when something was last heard of a task; and that, or one handed out again.
        self._seen = self._heard = self._spoken = monotonic()

    def run(self, tasks: Iterator[Task | None], done: Callable[[Task], None]) -> None:
        """Have all tasks done.

        Args:
            tasks: The tasks; taken one by one, as there is room. None means that others have to be done
                first.
            done: Called in this thread with every task that has been done, once.

        Raises:
            BackendError: The scheduler has gone, there are no workers, or a task's workers die each time.
            Exception: Whatever a task raised that another attempt would not mend. No task is begun any more
                then; those that are running go on to their ends.
        """
        try:
            self._share_job()
            self._count_threads()
            self._begun = monotonic()
            while True:
                self._fill(tasks)
                if not self._items:
                    return
                try:
                    future = self._results.get(timeout=_LOOK_SECONDS)
                except Empty:
                    self._look()
                else:
                    self._take(future, done)
        finally:
            self._cancel([future for item in self._items.values() for future in item.futures.values()])
            self._shared = None

    def _share_job(self) -> None:
        """Make the job a result of the cluster: a worker is sent it once; if lost, it is made again."""
        with warnings.catch_warnings():
            # The recipe's text may be large; it is sent to the scheduler this once.
            warnings.filterwarnings("ignore", "Sending large graph", UserWarning)
            key = f"{_JOB_KEY}-{self._name}-{secrets.token_hex(4)}"
            self._shared = self._client.submit(hand_over, self._job, key=key, pure=False)

    def _count_threads(self) -> None:
        threads = sum(self._client.nthreads().values())
        if threads:
            self._threads = threads

    def _fill(self, tasks: Iterator[Task | None]) -> None:
        most = max(_TASKS_PER_THREAD * self._threads, _LEAST_TASKS)
        # Many at once: a message to the scheduler costs as much as a task.
        if self._exhausted or len(self._items) > most - max(most // 4, 1):
            return
        items = []
        for task in tasks:
            if task is not None:
                items.append(_Item(task))
            if task is None or len(self._items) + len(items) >= most:
                break
        else:
            self._exhausted = True
        if items:
            self._submit(items)

    def _submit(self, items: Sequence[_Item], priority: int = 0, workers: Sequence[str] = ()) -> None:
        keys = [f"{_TASK_KEY}-{self._name}-{self._number + ahead}" for ahead in range(len(items))]
        self._number += len(items)
        tasks = [item.task for item in items]
        shared = [self._shared] * len(items)
        where = {"workers": list(workers), "allow_other_workers": True} if workers else {}
        try:
            futures = self._client.map(
                run_task, shared, tasks, key=keys, pure=False, priority=priority, **where
            )
        except Exception as error:
            self._refuse_closed(error)
            raise
        for item, future in zip(items, futures, strict=True):
            item.futures[future.key] = future
            self._items[future.key] = item
            future.add_done_callback(self._results.put)

    def _take(self, future: Any, done: Callable[[Task], None]) -> None:
        """See what has become of a task."""
        item = self._items.pop(future.key, None)
        if item is None:
            return
        self._seen = self._heard = self._spoken = monotonic()
        del item.futures[future.key]
        if item.finished:
            return
        if future.status == "finished":
            item.finished = True
            self._done += 1
            for key in item.futures:
                del self._items[key]
            self._cancel(list(item.futures.values()))
            done(item.task)
        else:
            self._mend(item, future)

    def _mend(self, item: _Item, future: Any) -> None:
        """Have a task that failed done again, if that may help."""
        error = future.exception() if future.status == "error" else None
        self._refuse_closed(error)
        item.failures += 1
        if error is not None and not _may_pass(error):
            raise error
        if item.failures >= _ATTEMPTS:
            if isinstance(error, OSError):
                raise error
            message = f"A task has failed {item.failures} times. Received: {error or future.status!r:.300}."
            message += " Allowed: workers that live as long as a task takes. Look into the workers' logs;"
            message += " what ends them is often a limit of memory."
            raise BackendError(message) from error
        if error is None:
            # Its result was lost with the workers, or another client has cancelled it.
            self._share_job()
        if not item.futures:
            self._submit([item], priority=1)

    def _look(self) -> None:
        """While nothing happens: are there workers, and is there somebody who could help the last ones?"""
        self._refuse_closed(None)
        silent = monotonic() - self._seen
        if silent > min(self._patience / 4, 5.0):
            threads = sum(self._client.nthreads().values())
            if threads:
                self._threads, self._seen = threads, monotonic()
            elif silent > self._patience:
                raise no_workers(self._patience)
        self._help_stragglers()

    def _help_stragglers(self) -> None:
        """Give tasks that nothing is heard of to others, too, once these have nothing else to do."""
        if not self._exhausted or not self._done:
            return
        average = self._threads * (self._heard - self._begun) / self._done
        if monotonic() - self._spoken > max(_STRAGGLER * average, _LEAST_STRAGGLER_SECONDS):
            waiting = {id(item): item for item in self._items.values() if len(item.futures) < _MOST_COPIES}
            if waiting:
                # All of them: whoever hangs may have many more waiting than it was at.
                self._submit(list(waiting.values()), priority=1, workers=self._idle_workers())
            self._spoken = monotonic()

    def _idle_workers(self) -> list[str]:
        """The workers that none of the tasks is with: whoever hangs would be given the copies as well."""
        with suppress(OSError, ValueError):
            at_work = self._client.processing()
            return [worker for worker, keys in at_work.items() if not any(key in self._items for key in keys)]
        return []

    def _refuse_closed(self, error: Exception | None) -> None:
        if self._client.status not in ("running", "connecting"):
            message = f"The scheduler has gone. Received: a client that is {self._client.status}. Allowed:"
            message += " one that is connected. Start the cluster again, and run the same build to go on."
            raise BackendError(message) from error

    def _cancel(self, futures: list[Any]) -> None:
        if futures and self._client.status == "running":
            with suppress(Exception):
                self._client.cancel(futures, force=True)


def no_workers(patience: float) -> BackendError:
    """The error of a cluster without workers.

    Args:
        patience: How many seconds were waited.

    Returns:
        The error, to be raised.
    """
    message = f"The cluster has no workers. Received: none for {patience:g} s. Allowed: one or more. Start"
    message += " workers, as with `dask worker ADDRESS`; where they are long in coming, raise `patience`."
    return BackendError(message)


def _may_pass(error: BaseException) -> bool:
    """Whether another attempt may go better: a worker has died, or a network has stumbled."""
    if isinstance(error, OSError):
        return error.errno not in _LASTING
    # By name, since this module is imported where Dask is not.
    return type(error).__name__ in ("KilledWorker", "CancelledError", "FutureCancelledError")
