"""The benchmark's table, in Markdown: times, ratios and shares from one run, beside what is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Peer(NamedTuple):
    """What another library took for the same work.

    Attributes:
        name: The library, and what of it.
        seconds: The time of a call; None where it could not be measured.
        why_not: Why it could not.
        asked: How many times initkit's time this should be; 0 where nothing is asked.
    """

    name: str
    seconds: float | None = None
    why_not: str = ""
    asked: float = 0.0


class Case(NamedTuple):
    """One line of work, as initkit and its peers did it.

    Attributes:
        title: What is done.
        seconds: initkit's time; None where it could not be measured.
        why_not: Why it could not.
        nbytes: How many bytes are written; 0 where memory does not matter.
        asked_share: The share of the write bandwidth that is asked for; 0 for none.
        asked_seconds: The time that is asked for; 0 for none.
        peers: The others.
    """

    title: str
    seconds: float | None = None
    why_not: str = ""
    nbytes: int = 0
    asked_share: float = 0.0
    asked_seconds: float = 0.0
    peers: tuple[Peer, ...] = ()


def markdown(facts: Mapping[str, str], bandwidth: float, cases: Iterable[Case]) -> str:
    """The whole report.

    Args:
        facts: What was measured on, by name.
        bandwidth: The write bandwidth of the same run, in bytes per second; 0 where it was not measured.
        cases: The lines, in order.

    Returns:
        A list of the facts and a table, as Markdown.
    """
    lines = [f"- {name}: {value}" for name, value in facts.items()]
    written = f"{bandwidth / 1e12:.2f} TB/s" if bandwidth else "not measured"
    lines += [f"- write bandwidth in this run: {written}", ""]
    lines += [
        "| | initkit | of write bandwidth | asked | peer | its time | ratio | asked |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for case in cases:
        lines += rows(case, bandwidth)
    return "\n".join(lines) + "\n"


def rows(case: Case, bandwidth: float) -> list[str]:
    """The table's rows of one case: one for each peer, or one."""
    own = duration(case.seconds) if case.seconds is not None else _not(case.why_not)
    share, asked = "", ""
    if case.seconds and case.nbytes and bandwidth:
        reached = case.nbytes / case.seconds / bandwidth
        share = f"{reached:.0%}"
        asked = _asked(f"≥ {case.asked_share:.0%}", reached >= case.asked_share) if case.asked_share else ""
    if case.asked_seconds and case.seconds is not None:
        asked = _asked(f"≤ {duration(case.asked_seconds)}", case.seconds <= case.asked_seconds)
    listed = []
    for position, peer in enumerate(case.peers or (Peer(""),)):
        first = (case.title, own, share, asked) if position == 0 else ("", "", "", "")
        listed.append(f"| {' | '.join((*first, *_beside(case, peer)))} |")
    return listed


def _beside(case: Case, peer: Peer) -> tuple[str, str, str, str]:
    if peer.seconds is None:
        return peer.name, _not(peer.why_not) if peer.name else "", "", ""
    if not case.seconds:
        return peer.name, duration(peer.seconds), "", ""
    ratio = peer.seconds / case.seconds
    asked = _asked(f"≥ {peer.asked:g}×", ratio >= peer.asked) if peer.asked else ""
    return peer.name, duration(peer.seconds), f"{ratio:.1f}×", asked


def _asked(target: str, met: bool) -> str:
    return f"{target}, {'met' if met else 'missed'}"


def _not(why: str) -> str:
    # A message of several lines, or with the table's own sign, would end the row.
    text = " ".join(why.split()).replace("|", "/")
    return f"not measured: {text[:160]}" if text else "not measured"


def duration(seconds: float) -> str:
    """A time to three digits, in the unit that suits it."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"
