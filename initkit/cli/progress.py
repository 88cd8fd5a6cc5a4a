"""How far long work has come: a bar where somebody is watching, lines now and then where nobody is."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Protocol

from initkit.cli.text import show_size


class Update(Protocol):
    """What is told how far the work has come."""

    def __call__(self, done: int, total: int, work: str | None = None) -> None:
        """Take the bytes done, those in all, and what is being done where the title does not say it."""


# A log that is read later; and one that a program reads now.
_LINE_SECONDS = 10.0
_JSON_SECONDS = 1.0


@contextmanager
def progress_reporter(title: str, *, as_json: bool = False) -> Iterator[Update]:
    """Show how much is done, on stderr.

    On a terminal that is a bar, where rich is installed. Elsewhere it is a line every ten seconds, so that
    short work says nothing; for programs a line of JSON every second.

    Args:
        title: What is being done.
        as_json: Whether a program reads it.

    Yields:
        A function of the bytes done and the bytes in all; and of what is done, where that is not the title.
    """
    if as_json:
        yield _Lines(title, _JSON_SECONDS, _print_event)
        return
    if not sys.stderr.isatty():
        yield _Lines(title, _LINE_SECONDS, _print_line)
        return
    try:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )
    except ImportError:
        yield _Lines(title, _LINE_SECONDS, _print_line)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)

        def update(done: int, total: int, work: str | None = None) -> None:
            bar.update(task, description=work or title, completed=done, total=total)

        yield update


class _Lines:
    """Lines at intervals, and one more when all is done; short work has none."""

    def __init__(
        self, title: str, interval: float, show: Callable[[str, int, int, float | None], None]
    ) -> None:
        self._title = title
        self._interval = interval
        self._show = show
        self._before: int | None = None
        self._begun = False
        self._started = self._shown = perf_counter()

    def __call__(self, done: int, total: int, work: str | None = None) -> None:
        """Take note of the bytes done, and show them if it is time."""
        now = perf_counter()
        if self._before is None:
            # What was there at the start took no time now.
            self._before, self._started = done, now
        last = done >= total and self._begun
        if last or now - self._shown >= self._interval:
            self._shown = now
            self._begun = True
            seconds = now - self._started
            rate = (done - self._before) / seconds if seconds > 0 and done > self._before else None
            self._show(work or self._title, done, total, rate)


def _print_line(title: str, done: int, total: int, rate: float | None) -> None:
    line = f"{title}: {show_size(done)} of {show_size(total)}, {done / max(total, 1):.0%}"
    if rate is not None:
        line += f", {show_size(rate)}/s, {(total - done) / rate:.0f} s left"
    print(line, file=sys.stderr, flush=True)


def _print_event(title: str, done: int, total: int, rate: float | None) -> None:
    left = None if rate is None else round((total - done) / rate, 1)
    event: dict[str, object] = {"event": "progress", "work": title, "done": done, "total": total}
    event |= {"bytes_per_second": None if rate is None else round(rate), "seconds_left": left}
    print(json.dumps(event), file=sys.stderr, flush=True)
