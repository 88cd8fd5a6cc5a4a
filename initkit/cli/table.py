"""Tables of plain text, for terminals and for pipes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

_GAP = "  "
# Two dots would look like a range.
_CUT = "~"
_NARROWEST = 12
# Names that are cut further say less than the columns that can be left out for them.
_READABLE = 30


@dataclass(frozen=True, slots=True)
class Column:
    """How one column is headed and aligned.

    Attributes:
        title: The heading.
        align: `"<"` left, `">"` right, `"."` on the decimal point.
        shrinks: Whether its cells may be cut where the table is too wide.
        drops: Whether it may be left out there, rather than cells be cut short: 0 for no, and columns of
            higher numbers before others.
    """

    title: str
    align: Literal["<", ">", "."] = "<"
    shrinks: bool = False
    drops: int = 0


def format_table(
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    total: Sequence[str] | None = None,
    width: int | None = None,
) -> str:
    """Lay out rows of text under headings.

    Args:
        columns: One per cell of a row.
        rows: The cells.
        total: A last row, set off by a rule.
        width: The most characters of a line; None for as many as it takes. Only columns that drop or shrink
            give way, so lines can still be longer.

    Returns:
        Lines without trailing spaces, joined by newlines.

    Example:
        >>> print(format_table([Column("name"), Column("std", ".")], [["a", "0.125"], ["bc", "10"]]))
        name  std
        a      0.125
        bc    10
    """
    body = [list(row) for row in (*rows, *([] if total is None else [total]))]
    for at, column in enumerate(columns):
        if column.align == ".":
            for row, cell in zip(body, _on_the_point([row[at] for row in body]), strict=True):
                row[at] = cell
    widths = [max([len(column.title), *(len(row[at]) for row in body)]) for at, column in enumerate(columns)]
    if width is not None:
        kept = _kept(columns, widths, width)
        columns, widths = [columns[at] for at in kept], [widths[at] for at in kept]
        body = [[row[at] for at in kept] for row in body]
        _shrink(columns, widths, width)
    lines = [_line(columns, widths, [column.title for column in columns])]
    lines += [_line(columns, widths, row) for row in body]
    if total is not None:
        lines.insert(-1, _GAP.join("-" * width for width in widths))
    return "\n".join(lines)


def _on_the_point(cells: list[str]) -> list[str]:
    """The cells padded in front, so that their decimal points stand in one column."""
    whole = [len(cell.partition(".")[0]) for cell in cells]
    longest = max(whole, default=0)
    return [" " * (longest - length) + cell for cell, length in zip(cells, whole, strict=True)]


def _kept(columns: Sequence[Column], widths: Sequence[int], width: int) -> list[int]:
    """The columns that stay where not all have room."""
    least = [
        min(needed, _READABLE) if column.shrinks else needed
        for column, needed in zip(columns, widths, strict=True)
    ]
    kept = list(range(len(columns)))
    for at in sorted(kept, key=lambda at: columns[at].drops, reverse=True):
        if columns[at].drops and sum(least[i] + len(_GAP) for i in kept) - len(_GAP) > width:
            kept.remove(at)
    return kept


def _shrink(columns: Sequence[Column], widths: list[int], width: int) -> None:
    """Take what is too much from the widest columns that shrink."""
    excess = sum(widths) + len(_GAP) * (len(widths) - 1) - width
    while excess > 0:
        able = [at for at, column in enumerate(columns) if column.shrinks and widths[at] > _NARROWEST]
        if not able:
            return
        widest = max(able, key=lambda at: widths[at])
        widths[widest] -= 1
        excess -= 1


def _line(columns: Sequence[Column], widths: Sequence[int], cells: Sequence[str]) -> str:
    parts = []
    for column, width, cell in zip(columns, widths, cells, strict=True):
        text = _shortened(cell, width)
        parts.append(text.rjust(width) if column.align == ">" else text.ljust(width))
    return _GAP.join(parts).rstrip()


def _shortened(cell: str, width: int) -> str:
    """A cell cut in its middle where it is too long: names and arguments differ at both ends."""
    if len(cell) <= width:
        return cell
    last = (width - len(_CUT)) // 2
    return f"{cell[: width - len(_CUT) - last]}{_CUT}{cell[-last:]}"
