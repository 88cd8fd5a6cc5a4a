"""Progress where nobody watches: lines now and then, for people or for programs."""

from __future__ import annotations

import json

import pytest

import initkit.cli.progress as progress_module
from initkit.cli.progress import progress_reporter


class _Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(name="clock")
def _clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    clock = _Clock()
    monkeypatch.setattr(progress_module, "perf_counter", clock)
    return clock


def _work(clock: _Clock, as_json: bool) -> None:
    """25 seconds at 1 GB/s, of which the first 15 GB were there already."""
    with progress_reporter("drawing", as_json=as_json) as update:
        for second in range(26):
            update((15 + second) * 10**9, 40 * 10**9)
            clock.now += 1


def test_lines_for_people(clock: _Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """Every ten seconds there is a line with the share, the rate and the time left, and one at the end."""
    _work(clock, as_json=False)
    assert capsys.readouterr().err.splitlines() == [
        "drawing: 25 GB of 40 GB, 62%, 1 GB/s, 15 s left",
        "drawing: 35 GB of 40 GB, 88%, 1 GB/s, 5 s left",
        "drawing: 40 GB of 40 GB, 100%, 1 GB/s, 0 s left",
    ]


def test_lines_for_programs(clock: _Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """Every second there is a line of JSON; what was there at the start does not count for the rate."""
    _work(clock, as_json=True)
    out, err = capsys.readouterr()
    assert out == ""
    events = [json.loads(line) for line in err.splitlines()]
    assert len(events) == 25
    assert events[4] == {
        "event": "progress",
        "work": "drawing",
        "done": 20 * 10**9,
        "total": 40 * 10**9,
        "bytes_per_second": 10**9,
        "seconds_left": 20.0,
    }


def test_other_work(clock: _Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """What is done in place of the work of the title is told by its own name."""
    with progress_reporter("drawing") as update:
        clock.now += 60
        update(1, 2, work="comparing")
    assert capsys.readouterr().err == "comparing: 1 B of 2 B, 50%\n"


@pytest.mark.parametrize("as_json", [True, False])
def test_short_work_says_nothing(clock: _Clock, capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    """Work that is done before a line is due has none."""
    with progress_reporter("drawing", as_json=as_json) as update:
        update(1, 2)
        update(2, 2)
    assert capsys.readouterr() == ("", "")


def test_no_rate_without_time(clock: _Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing has been done yet there is no rate, and no time left."""
    with progress_reporter("drawing") as update:
        clock.now += 60
        update(0, 0)
    assert capsys.readouterr().err == "drawing: 0 B of 0 B, 0%\n"
