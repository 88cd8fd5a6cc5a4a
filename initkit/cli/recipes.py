"""`initkit plan`: what a recipe comes to."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from initkit.cli.table import Column, format_table
from initkit.cli.text import print_json, show_initializer, show_number, show_shape, show_size, terminal_width
from initkit.draws import STREAM_VERSION
from initkit.recipe import Plan, PlannedTensor, Recipe
from initkit.recipe.planning.assignment import UnusedRule


def load_to_look_at(path: Path, seed: int | None) -> Recipe:
    """Read a recipe; a preset, which leaves its seed to its user, with 0 if there is no other.

    Args:
        path: The recipe's file, or the name of a preset.
        seed: The seed that was asked for, or None.

    Returns:
        The recipe.
    """
    recipe = Recipe.load(path)
    if seed is None and recipe.parsed.preset is not None:
        seed = 0
    return recipe.override(seed=seed)


def run_plan(arguments: Namespace) -> int:
    """Print what every tensor of a recipe would be.

    JSON: `recipe`, `seed`, `stream`, `parameters`, `bytes`, `variables` (name: value), `ties` (name: target),
    and `tensors`, a list of `name`, `shape`, `dtype`, `rule`, `match`, `line` (of the rule), `captures`,
    `initializer` (`class_name` and `config`; null where values are copied), `copied` (`file` and `name`, or
    null), `seed_path`, `mean`, `std` (null where not known), `parameters` and `bytes`; `skipped`, the names
    that rules leave out; and `unused`, the rules that take no tensor: `rule`, `match`, `line` and `reason`;
    and `remarks`, sentences on these and on values that round to 0.
    """
    recipe = load_to_look_at(arguments.recipe, arguments.seed)
    plan = recipe.override(dtype=arguments.dtype, only=tuple(arguments.only)).plan()
    if arguments.json:
        facts = {
            "recipe": str(arguments.recipe),
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
    print(_plan_table(plan))
    tied = f", {len(plan.ties)} more tied" if plan.ties else ""
    skipped = f", {len(plan.skipped)} left out" if plan.skipped else ""
    print(
        f"\n{len(plan.tensors):,} tensors{tied}{skipped}, {plan.parameters:,} parameters,"
        f" {show_size(plan.nbytes)}, seed {plan.seed}."
    )
    for remark in plan.remarks():
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


def _plan_table(plan: Plan) -> str:
    columns = (
        Column("tensor", shrinks=True),
        Column("shape"),
        Column("dtype"),
        Column("rule", ">"),
        Column("initializer", shrinks=True),
        Column("mean", "."),
        Column("std", "."),
    )
    rows = [
        (
            tensor.name,
            show_shape(tensor.shape),
            tensor.dtype.name,
            str(tensor.rule.number),
            tensor.rule.action if tensor.template is None else show_initializer(tensor.template),
            show_number(tensor.mean),
            show_number(tensor.std),
        )
        for tensor in plan.tensors
    ]
    rows += [
        (tie.name, show_shape(tie.shape), tie.dtype.name, "-", f"tied to {tie.target}", "", "")
        for tie in plan.ties
    ]
    return format_table(columns, rows, width=terminal_width())
