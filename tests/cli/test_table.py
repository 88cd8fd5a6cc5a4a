"""Tables of plain text: alignment, totals, and what gives way where there is no room."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from initkit.cli.table import Column, format_table

COLUMNS = (Column("name", shrinks=True), Column("count", ">"), Column("std", "."))
ROWS = [("h.0.attn.c_attn.weight", "1,000", "0.02"), ("b", "7", "12.5"), ("c", "70", "-")]


def test_columns_are_aligned() -> None:
    """Text stands at the left, counts at the right, decimals on their points; a rule sets off the total."""
    assert format_table(COLUMNS, ROWS, ("all", "1,077", "")).splitlines() == [
        "name                    count  std",
        "h.0.attn.c_attn.weight  1,000   0.02",
        "b                           7  12.5",
        "c                          70   -",
        "----------------------  -----  -----",
        "all                     1,077",
    ]


def test_a_table_gives_way_in_the_middle_of_its_cells() -> None:
    """Cells that are too long lose their middle, and only in columns that may."""
    lines = format_table(COLUMNS, ROWS, width=30).splitlines()
    assert max(map(len, lines)) == 30
    assert lines[1].startswith("h.0.att")
    assert "weight  1,000" in lines[1]


def test_columns_are_left_out_rather_than_cells_cut() -> None:
    """Columns that drop go first, by their numbers, and only as far as it takes; the total with them."""
    columns = [Column("name", shrinks=True), Column("a", drops=1), Column("b"), Column("c", drops=2)]
    rows = [["x" * 40, "aaaa", "bbbb", "cccc"]]
    tables = [
        [line.split() for line in format_table(columns, rows, rows[0], width).splitlines()]
        for width in (58, 48, 47, 41, 36, 35, 12)
    ]
    assert [table[0] for table in tables] == [
        ["name", "a", "b", "c"],
        ["name", "a", "b", "c"],
        ["name", "a", "b"],
        ["name", "b"],
        ["name", "b"],
        ["name", "b"],
        ["name", "b"],
    ]
    assert [table[1][1:] for table in tables[1:4]] == [["aaaa", "bbbb", "cccc"], ["aaaa", "bbbb"], ["bbbb"]]
    assert [len(table[1][0]) for table in tables] == [40, 30, 35, 35, 30, 29, 12]
    assert all([len(cells) for cells in table[1:]] == [len(table[0])] * 3 for table in tables)


def test_without_rows_there_is_a_heading() -> None:
    """An empty table is its headings alone."""
    assert format_table(COLUMNS, []) == "name  count  std"


@given(
    st.lists(st.tuples(*[st.text("ab.1", min_size=1, max_size=30)] * 3), max_size=5),
    st.integers(1, 100),
)
def test_every_width_is_kept_or_impossible(rows: list[tuple[str, str, str]], width: int) -> None:
    """A line is longer than the width only where every column that shrinks has shrunk as far as it may."""
    lines = format_table(COLUMNS, rows, width=width).splitlines()
    assert len(lines) == len(rows) + 1
    for line, row in zip(lines[1:], rows, strict=True):
        assert f" {row[1]}  " in line
        assert line.endswith(row[2])
    natural = format_table(COLUMNS, rows).splitlines()
    if max(map(len, natural)) <= width:
        assert lines == natural
    elif max(map(len, lines)) > width:
        assert all(len(line.split("  ")[0]) <= 12 for line in lines)
