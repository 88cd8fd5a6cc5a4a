"""`initkit diff`: in what two recipes or checkpoints differ."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from time import perf_counter

from initkit.cli.progress import progress_reporter
from initkit.cli.recipes import STANDARD_STREAM, load_recipe
from initkit.cli.table import Column, format_table
from initkit.cli.text import print_json, show_size, terminal_width
from initkit.errors import ArgumentError
from initkit.recipe import Recipe
from initkit.recipe.comparing.difference import Difference, TensorDifference, diff
from initkit.recipe.writing.folding import fold_names


def run_diff(arguments: Namespace) -> int:
    """Print the tensors that differ between two recipes or checkpoints, and how; 1 if any does.

    JSON: `a`, `b`, `equal`, `seconds`, `bytes` (of values compared), `counts` (of every status), and
    `tensors`, a list of those that differ: `name`, `status` (`changed`, `added` or `removed`), `form` (dtype
    and shape as text), `changes` (a list of `what`, `old` and `new`), and `values` (null where they were not
    compared, or are equal; else `changed`, `size`, `largest`, `distance`, `old_norm` and `new_norm`; null for
    what is no number).
    """
    started = perf_counter()
    if arguments.a == arguments.b == STANDARD_STREAM:
        message = "Both sides cannot be read from standard input. Received: - and -. Allowed: it once. Save"
        message += " one of the recipes to a file."
        raise ArgumentError(message)
    a, b = _side(arguments.a), _side(arguments.b)
    with progress_reporter("comparing", as_json=arguments.json) as progress:
        difference = diff(a, b, progress=progress)
    seconds = perf_counter() - started
    if arguments.json:
        facts = {
            "a": difference.a,
            "b": difference.b,
            "equal": difference.equal,
            "seconds": seconds,
            "bytes": difference.nbytes,
            "counts": difference.counts,
            "tensors": [asdict(tensor) for tensor in difference.changed],
        }
        print_json(facts)
    else:
        _print_difference(difference, seconds)
    return 0 if difference.equal else 1


def _side(given: str) -> str | Recipe:
    return load_recipe(given) if given == STANDARD_STREAM else given


def _print_difference(difference: Difference, seconds: float) -> None:
    """A line for each thing that differs; names of which the same is to be said share one."""
    if not difference.equal:
        columns = (Column("tensor", shrinks=True), Column(""), Column("how", shrinks=True))
        print(format_table(columns, _rows(difference.changed), width=terminal_width()), end="\n\n")
    amount = f"; {show_size(difference.nbytes)} compared in {seconds:.2f} s" if difference.nbytes else ""
    print(f"{difference.summary}{amount}.")


def _rows(tensors: Sequence[TensorDifference]) -> list[tuple[str, str, str]]:
    said = [(tensor.name, (tensor.status, tuple(tensor.describe()))) for tensor in tensors]
    rows: list[tuple[str, str, str]] = []
    for name, (status, lines) in fold_names(said):
        rows.append((name, status, lines[0]))
        rows += [("", "", line) for line in lines[1:]]
    return rows
