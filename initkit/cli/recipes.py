"""Recipes as commands are given them, and `initkit plan`: what one comes to."""

from __future__ import annotations

import errno
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from initkit.cli.table import Column, format_table
from initkit.cli.text import (
    print_json,
    show_number,
    show_shape,
    show_shared_initializer,
    show_size,
    terminal_width,
)
from initkit.draws import STREAM_VERSION
from initkit.errors import file_access_error
from initkit.recipe import Plan, PlannedTensor, Recipe
from initkit.recipe.language.pattern import expand_braces
from initkit.recipe.planning.assignment import UnusedRule
from initkit.recipe.planning.planned import PlannedTie
from initkit.recipe.text.loading import read_recipe
from initkit.recipe.writing.folding import fold_names

STANDARD_STREAM = "-"


def load_recipe(given: str) -> Recipe:
    """Read a recipe.

    Args:
        given: The recipe's file; the name of a preset; or `-` for standard input, which messages call
            `<stdin>`, and in which paths are relative to the working directory.

    Returns:
        The recipe.

    Raises:
        RecipeError: It is none.
        FileAccessError: It cannot be read.
    """
    if given != STANDARD_STREAM:
        return Recipe.load(Path(given))
    file = "<stdin>"
    if sys.stdin is None:
        raise file_access_error(errno.EBADF, "standard input is closed", file)
    try:
        return Recipe(read_recipe(sys.stdin.buffer, file))
    except OSError as error:
        raise file_access_error(error.errno, error.strerror or str(error), file) from error


def load_to_look_at(arguments: Namespace) -> tuple[Recipe, list[str]]:
    """Read a recipe; a preset, which leaves its seed to its user, with 0 if there is no other.

    Args:
        arguments: Those of a command with a recipe, `--seed` and `--set`.

    Returns:
        The recipe, and what its reader ought to know of its seed.
    """
    recipe, seed = load_recipe(arguments.recipe), arguments.seed
    remarks = []
    if seed is None and recipe.parsed.preset is not None:
        seed = 0
        remarks.append("A preset has no seed: values are those of seed 0; --seed gives another.")
    return recipe.override(seed=seed, variables=dict(arguments.set)), remarks


def run_plan(arguments: Namespace) -> int:
    """Print what every tensor of a recipe would be, one line for all of equal rule, shape and dtype.

    Names that differ in numbers or words share such a line, but for `--all`.

    JSON: `recipe`, `seed`, `stream`, `parameters`, `bytes`, `variables` (name: value), `ties` (name: target),
    and `tensors`, a list of `name`, `shape`, `dtype`, `rule`, `match`, `line` (of the rule), `captures`,
    `initializer` (`class_name` and `config`; null where values are copied), `copied` (`file` and `name`, or
    null), `seed_path`, `mean`, `std` (null where not known), `parameters` and `bytes`; `skipped`, the names
    that rules leave out; and `unused`, the rules that take no tensor: `rule`, `match`, `line` and `reason`;
    and `remarks`, sentences on these and on values that round to 0.
    """
    recipe, remarks = load_to_look_at(arguments)
    plan = recipe.override(dtype=arguments.dtype, only=tuple(arguments.only)).plan()
    if arguments.json:
        facts = {
            "recipe": recipe.parsed.file,
            "seed": plan.seed,
            "stream": STREAM_VERSION,
            "parameters": plan.parameters,
            "bytes": plan.nbytes,
            "variables": dict(plan.variables),
            "ties": {tie.name: tie.target for tie in plan.ties},
            "tensors": [_tensor_facts(tensor) for tensor in plan.tensors],
            "skipped": list(plan.skipped),
            "unused": [_unused_facts(unused) for unused in plan.unused()],
            "remarks": plan.remarks(),
        }
        print_json(facts)
        return 0
    groups, ties = _grouped(plan, apart=arguments.all), _grouped_ties(plan, apart=arguments.all)
    print(_plan_table(groups, ties, apart=arguments.all))
    tied = f", {len(plan.ties)} more tied" if plan.ties else ""
    skipped = f", {len(plan.skipped)} left out" if plan.skipped else ""
    print(
        f"\n{len(plan.tensors):,} tensors{tied}{skipped}, {plan.parameters:,} parameters,"
        f" {show_size(plan.nbytes)}, seed {plan.seed}."
    )
    if len(groups) < len(plan.tensors) or len(ties) < len(plan.ties):
        print("Names in braces stand for several; --all prints a line for each.")
    for remark in [*remarks, *plan.remarks()]:
        print(remark)
    return 0


def _unused_facts(unused: UnusedRule) -> dict[str, Any]:
    rule = unused.rule.rule
    return {"rule": rule.number, "match": rule.match, "line": rule.line, "reason": unused.reason}


def _tensor_facts(tensor: PlannedTensor) -> dict[str, Any]:
    template = tensor.template
    config = {} if template is None else template.get_config()
    config.pop("seed", None)
    return {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "dtype": tensor.dtype.name,
        "rule": tensor.rule.number,
        "match": tensor.rule.match,
        "line": tensor.rule.line,
        "captures": dict(tensor.captures),
        "seed_path": list(tensor.seed_path),
        "copied": tensor.copied and {"file": str(tensor.copied.path), "name": tensor.copied.name},
        "initializer": None
        if template is None
        else {"class_name": type(template).__name__, "config": config},
        "mean": tensor.mean,
        "std": tensor.std,
        "parameters": tensor.size,
        "bytes": tensor.nbytes,
    }


def _grouped(plan: Plan, *, apart: bool) -> list[tuple[str, list[PlannedTensor]]]:
    """The tensors that share a line, under a name with braces; each under its own where they stand apart."""
    if apart:
        return [(tensor.name, [tensor]) for tensor in plan.tensors]
    by_name = {tensor.name: tensor for tensor in plan.tensors}
    said = [(tensor.name, (tensor.rule.number, tensor.shape, tensor.dtype.name)) for tensor in plan.tensors]
    return [(text, [by_name[name] for name in expand_braces(text)]) for text, _ in fold_names(said)]


def _grouped_ties(plan: Plan, *, apart: bool) -> list[tuple[str, list[PlannedTie]]]:
    """The same of ties: those that one line of the recipe makes share a line here."""
    if apart:
        return [(tie.name, [tie]) for tie in plan.ties]
    by_name = {tie.name: tie for tie in plan.ties}
    said = [
        (tie.name, (tie.place.file, tie.place.path, tie.shape, tie.dtype.name)) for tie in by_name.values()
    ]
    return [(text, [by_name[name] for name in expand_braces(text)]) for text, _ in fold_names(said)]


def _plan_table(
    groups: Sequence[tuple[str, Sequence[PlannedTensor]]],
    ties: Sequence[tuple[str, Sequence[PlannedTie]]],
    *,
    apart: bool,
) -> str:
    columns = [
        Column("tensor", shrinks=True),
        Column("shape"),
        # What is the same for all is missed least.
        Column("dtype", drops=len({tensors[0].dtype for _, tensors in groups}) == 1),
        Column("rule", ">"),
        Column("initializer", shrinks=True),
        Column("mean", ".", drops=2),
        Column("std", "."),
    ]
    if not apart:
        titles = ("tensors", "parameters", "size")
        columns += [Column(title, ">", drops=number) for number, title in enumerate(titles, 3)]
    rows = [_tensor_row(name, tensors)[: len(columns)] for name, tensors in groups]
    rows += [_tie_row(name, tied)[: len(columns)] for name, tied in ties]
    return format_table(columns, rows, width=terminal_width())


def _tensor_row(name: str, tensors: Sequence[PlannedTensor]) -> tuple[str, ...]:
    first = tensors[0]
    # Many tensors share what makes their values.
    made = {id(tensor.made): tensor for tensor in tensors}.values()
    return (
        name,
        show_shape(first.shape),
        first.dtype.name,
        str(first.rule.number),
        show_shared_initializer(tensors),
        _show_span([tensor.mean for tensor in made]),
        _show_span([tensor.std for tensor in made]),
        f"{len(tensors):,}",
        f"{len(tensors) * first.size:,}",
        show_size(len(tensors) * first.nbytes),
    )


def _tie_row(name: str, ties: Sequence[PlannedTie]) -> tuple[str, ...]:
    first = ties[0]
    target = first.target
    if len(ties) > 1:
        targets = fold_names([(tie, None) for tie in dict.fromkeys(tie.target for tie in ties)])
        target = targets[0][0] if len(targets) == 1 else "several; see --all"
    shape, count = show_shape(first.shape), f"{len(ties):,}"
    return (name, shape, first.dtype.name, "-", f"tied to {target}", "", "", count, "", "")


def _show_span(numbers: Sequence[float | None]) -> str:
    """A number that is the same for all, or the least and the greatest; a dash where one is not known."""
    known = [number for number in numbers if number is not None]
    if len(known) < len(numbers):
        return show_number(None)
    least, greatest = show_number(min(known)), show_number(max(known))
    return least if least == greatest else f"{least}..{greatest}"
