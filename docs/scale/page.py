"""The generated parts of docs/scale.md: its tables, and the picture of the time over the number of cores."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, log10
from pathlib import Path
from random import Random

from docs.scale.simulation import Cluster, Outcome, by_scheduler, by_shares, measured, typical

PAGE = Path(__file__).parents[1] / "scale.md"
PICTURE = Path(__file__).with_name("time.svg")
BEGIN, END = "<!-- {}: written by python -m docs.scale -->", "<!-- end of {} -->"

SEEDS = range(5)
CORES = (1, 10, 100, 1_000, 10_000)
# Llama 3's own storage sustains 2 TB/s: "The Llama 3 Herd of Models", section 3.3.1. A smaller one, 100 GB/s.
STORAGES = {"2 TB/s": 2e12, "100 GB/s": 1e11}

_INK = "#808080"
_COLOURS = {"--dask": "#e07b2a", "--shard": "#4a8fd0"}
_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM = 560, 300, 60, 20, 460, 260

Builder = Callable[[Cluster, Random], Outcome]


def simulated(builder: Builder, cluster: Cluster) -> Outcome:
    """The typical one of several builds."""
    return typical([builder(cluster, Random(f"{seed} {cluster.cores}")) for seed in SEEDS])


def show_seconds(seconds: float) -> str:
    """A time in two or three digits.

    Example:
        >>> show_seconds(0.734), show_seconds(34.2), show_seconds(341.0), show_seconds(7300)
        ('0.7 s', '34 s', '5.7 min', '2.0 h')
    """
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5970 else f"{seconds / 3600:.1f} h"


def times() -> str:
    """The table of times over the number of cores."""
    head = ["cores", "tasks of `--dask`", "drawn, nothing written"]
    head += [f"{storage}, `{how}`" for storage in STORAGES for how in _COLOURS]
    rows = [head, ["--:"] * len(head)]
    for cores in CORES:
        drawn = simulated(by_shares, Cluster(cores, storage=0))
        row = [f"{cores:,}", f"{Cluster(cores).tasks:,} of {Cluster(cores).unit / 2**20:.0f} MiB"]
        row.append(show_seconds(drawn.seconds))
        for rate in STORAGES.values():
            for builder in (by_scheduler, by_shares):
                row.append(show_seconds(simulated(builder, Cluster(cores, storage=rate)).seconds))
        rows.append(row)
    return _table(rows)


def failures() -> str:
    """The table of what failures cost."""
    rows = [["failures of a node", "`--dask`", "tasks done again", "`--shard`", "shares begun again"]]
    rows.append(["---"] + ["--:"] * 4)
    usual = Cluster(100).failures
    for name, rate in (
        ("none", 0.0),
        (f"one in {1 / usual / 24:,.0f} days, as Llama 3's", usual),
        ("one in an hour", 1.0),
        ("one in a minute", 60.0),
    ):
        row = [name]
        for builder in (by_scheduler, by_shares):
            outcome = simulated(builder, Cluster(1_000, storage=1e11, failures=rate))
            row += [show_seconds(outcome.seconds), f"{outcome.lost}"]
        rows.append(row)
    return _table(rows)


def figures() -> str:
    """The table of what was measured."""
    found = measured()
    rows = [["measured", ""], ["---", "--:"]]
    rows.append(["one core draws normal bfloat16 values", f"{found['draw_bytes_per_second'] / 1e9:.2f} GB/s"])
    rows.append(["", f"{2e9 / found['draw_bytes_per_second']:.2f} ns per value"])
    rows.append(["one core writes, forced to the disk", f"{found['write_bytes_per_second'] / 1e9:.2f} GB/s"])
    rows.append(["spread of a task's time (standard deviation of its logarithm)", f"{found['spread']:.2f}"])
    rows.append(["client and scheduler hand out", f"{found['tasks_per_second']:,.0f} tasks per second"])
    return _table(rows)


def _table(rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def picture() -> str:
    """Time over cores, both logarithmic, as the text of an SVG file."""
    cores = [round(10 ** (step / 4)) for step in range(17)]
    lines = {}
    for how, builder in (("--dask", by_scheduler), ("--shard", by_shares)):
        lines[how] = [simulated(builder, Cluster(count, storage=2e12)).seconds for count in cores]
    ideal = [Cluster(count, storage=inf).total * Cluster(1).seconds_per_byte / count for count in cores]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}"'
        f' viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" font-family="sans-serif" font-size="11"',
        f' fill="{_INK}">',
        "<title>The time of a build of 2 TB over the number of cores</title>",
    ]
    for power in range(5):
        parts += _mark(_x(10**power), _BOTTOM + 16, f"{10**power:,}", "middle", _x(10**power), None)
    for power in range(-1, 5):
        parts += _mark(
            _LEFT - 6, _y(10.0**power) + 4, show_seconds(10.0**power), "end", None, _y(10.0**power)
        )
    parts.append(f'<text x="{(_LEFT + _RIGHT) // 2}" y="{_HEIGHT - 4}" text-anchor="middle">cores</text>')
    parts += _line(cores, ideal, _INK, "total work / cores", dashed=True)
    for how, seconds in lines.items():
        parts += _line(cores, seconds, _COLOURS[how], how)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _x(cores: float) -> int:
    return round(_LEFT + (_RIGHT - _LEFT) * log10(cores) / 4)


def _y(seconds: float) -> int:
    return round(_BOTTOM - (_BOTTOM - _TOP) * (log10(seconds) + 1) / 5)


def _mark(x: int, y: int, text: str, anchor: str, at_x: int | None, at_y: int | None) -> list[str]:
    """A number at an axis, and its line across."""
    ends = (at_x, _TOP, at_x, _BOTTOM) if at_y is None else (_LEFT, at_y, _RIGHT, at_y)
    x1, y1, x2, y2 = ends
    return [
        f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{_INK}" stroke-opacity="0.3"/>',
        f'<text x="{x}" y="{y}" text-anchor="{anchor}">{text}</text>',
    ]


def _line(
    cores: list[int], seconds: list[float], colour: str, name: str, *, dashed: bool = False
) -> list[str]:
    points = " ".join(f"{_x(count)},{_y(time)}" for count, time in zip(cores, seconds, strict=True))
    dashes = ' stroke-dasharray="4 4"' if dashed else ""
    return [
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>',
        f'<text x="{_RIGHT + 4}" y="{_y(seconds[-1]) + 4}" fill="{colour}">{name}</text>',
    ]


def generated_page(text: str) -> str:
    """The page with its tables made anew.

    Args:
        text: The page as it is.

    Returns:
        The page with what stands between the markers replaced.
    """
    for name, table in (("figures", figures()), ("times", times()), ("failures", failures())):
        begin, end = BEGIN.format(name), END.format(name)
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = f"{before}{begin}\n\n{table}\n\n{end}{after}"
    return text
