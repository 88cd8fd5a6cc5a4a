"""The benchmark's table, on invented numbers: it is written where no GPU is."""

from __future__ import annotations

import pytest

from tests.gpu.table import Case, Peer, duration, markdown, rows

FACTS = {"GPU": "Imaginary 9000", "driver": "1.2.3"}
CASE = Case(
    "normal, float32",
    seconds=100e-6,
    nbytes=200_000_000,
    asked_share=0.5,
    peers=(
        Peer("torch `normal_`", 250e-6, asked=2),
        Peer("JAX", 150e-6),
        Peer("Keras", None, "not installed"),
    ),
)


def test_the_whole_report() -> None:
    """Facts, bandwidth, and a row for every peer, with share, ratios and what is asked."""
    assert markdown(FACTS, 4e12, [CASE]).splitlines() == [
        "- GPU: Imaginary 9000",
        "- driver: 1.2.3",
        "- write bandwidth in this run: 4.00 TB/s",
        "",
        "| | initkit | of write bandwidth | asked | peer | its time | ratio | asked |",
        "|---|---|---|---|---|---|---|---|",
        "| normal, float32 | 100 µs | 50% | ≥ 50%, met | torch `normal_` | 250 µs | 2.5× | ≥ 2×, met |",
        "|  |  |  |  | JAX | 150 µs | 1.5× |  |",
        "|  |  |  |  | Keras | not measured: not installed |  |  |",
    ]


def test_what_is_missed_is_said() -> None:
    """A share, a ratio and a time that are not reached are said to be missed, others to be met."""
    slow = CASE._replace(seconds=130e-6)
    assert rows(slow, 4e12)[0].count("missed") == 2
    assert "≥ 50%, missed" in rows(slow, 4e12)[0]
    assert "≥ 2×, missed" in rows(slow, 4e12)[0]
    for seconds, missed in ((24e-6, False), (26e-6, True)):
        (row,) = rows(Case("one call", seconds, asked_seconds=25e-6), 4e12)
        assert ("missed" in row) is missed is not ("met" in row)
        assert "≤ 25 µs" in row


def test_what_could_not_be_measured() -> None:
    """Without initkit's time, a peer's or the bandwidth, the rest of the table stands."""
    failed = CASE._replace(seconds=None, why_not="RuntimeError: no|such\n  kernel")
    first, second, _ = rows(failed, 4e12)
    assert first.startswith("| normal, float32 | not measured: RuntimeError: no/such kernel |  |  | torch")
    assert first.endswith("| torch `normal_` | 250 µs |  |  |")
    assert second == "|  |  |  |  | JAX | 150 µs |  |  |"
    assert (
        rows(CASE, 0.0)[0]
        == "| normal, float32 | 100 µs |  |  | torch `normal_` | 250 µs | 2.5× | ≥ 2×, met |"
    )
    assert "bandwidth in this run: not measured" in markdown({}, 0.0, [])


@pytest.mark.parametrize("case", [CASE, CASE._replace(peers=()), Case("nothing")])
def test_every_row_has_the_tables_columns(case: Case) -> None:
    """Markdown needs as many cells in every row as in the head."""
    columns = {line.count("|") for line in markdown({}, 4e12, [case]).splitlines() if line.startswith("|")}
    assert columns == {9}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(2.0, "2 s"), (0.1234, "123 ms"), (1e-3, "1 ms"), (234.56e-6, "235 µs"), (4.2e-6, "4.2 µs")],
)
def test_durations(seconds: float, text: str) -> None:
    """Three digits, in the unit that suits."""
    assert duration(seconds) == text
