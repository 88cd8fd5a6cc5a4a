"""`initkit build`, `initkit plan` and `initkit verify`: whole models."""

from __future__ import annotations

import errno
import os
from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from initkit.cli.progress import progress_bar
from initkit.cli.table import Column, format_table
from initkit.cli.text import print_json, show_initializer, show_number, show_shape, show_size, terminal_width
from initkit.draws import STREAM_VERSION
from initkit.errors import ArgumentError, file_access_error
from initkit.recipe import BuildReport, Plan, PlannedTensor, Recipe, TensorCheck, Verification, verify


def run_build(arguments: Namespace) -> int:
    """Build a recipe into a file, and say what was written.

    JSON: `file`, `bytes` (of the file), `seconds`, `tensors`, `parameters`, `ties` (name: target), and
    `rules`, a list of `rule`, `match`, `line`, `initializer`, `dtype`, `tensors`, `parameters` and `bytes`.
    """
    recipe = Recipe.load(arguments.recipe)
    _check_output(arguments)
    with progress_bar("drawing") as progress:
        report = recipe.build(arguments.output, overwrite=arguments.force, progress=progress)
    groups = [_group_facts(group) for group in _groups(report.plan)]
    if arguments.json:
        facts = {
            "file": str(report.path),
            "bytes": report.nbytes,
            "seconds": report.seconds,
            "tensors": len(report.plan.tensors),
            "parameters": report.plan.parameters,
            "ties": {tie.name: tie.target for tie in report.plan.ties},
            "rules": groups,
        }
        print_json(facts)
    else:
        print(_build_table(report.plan, groups))
        print(_build_summary(report))
    return 0


def _check_output(arguments: Namespace) -> None:
    """Refuse to replace a file that nobody said may be replaced, and the recipe in any case."""
    output: Path = arguments.output
    if output.exists() and output.samefile(arguments.recipe):
        message = f"FILE is the recipe itself. Received: {output}. Choose another name."
        raise ArgumentError(message)
    if not arguments.force and os.path.lexists(output):
        message = "the file exists; choose another name, or say --force to replace it"
        raise file_access_error(errno.EEXIST, message, str(output))


def _groups(plan: Plan) -> list[list[PlannedTensor]]:
    """The tensors of each rule and dtype, in the order of the rules."""
    groups: dict[tuple[int, str], list[PlannedTensor]] = {}
    for tensor in sorted(plan.tensors, key=lambda tensor: tensor.rule.number):
        groups.setdefault((tensor.rule.number, tensor.dtype.name), []).append(tensor)
    return list(groups.values())


def _group_facts(tensors: Sequence[PlannedTensor]) -> dict[str, Any]:
    first = tensors[0]
    return {
        "rule": first.rule.number,
        "match": first.rule.match,
        "line": first.rule.line,
        "initializer": _shared_initializer(tensors),
        "dtype": first.dtype.name,
        "tensors": len(tensors),
        "parameters": sum(tensor.size for tensor in tensors),
        "bytes": sum(tensor.nbytes for tensor in tensors),
    }


def _shared_initializer(tensors: Sequence[PlannedTensor]) -> str:
    """What fills all of them: with numbers where these are the same, as the recipe says it where not."""
    shown = {show_initializer(tensor.initializer) for tensor in tensors}
    if len(shown) == 1:
        return shown.pop()
    spec = tensors[0].rule.init
    return f"{spec.name}({', '.join(f'{name}={value}' for name, value in spec.arguments.items())})"


def _build_table(plan: Plan, groups: Sequence[dict[str, Any]]) -> str:
    columns = (
        Column("rule", ">"),
        Column("match", shrinks=True),
        Column("initializer", shrinks=True),
        Column("dtype"),
        Column("tensors", ">"),
        Column("parameters", ">"),
        Column("size", ">"),
    )
    rows = [
        (
            str(group["rule"]),
            group["match"],
            group["initializer"],
            group["dtype"],
            f"{group['tensors']:,}",
            f"{group['parameters']:,}",
            show_size(group["bytes"]),
        )
        for group in groups
    ]
    total = ("", "total", "", "", f"{len(plan.tensors):,}", f"{plan.parameters:,}", show_size(plan.nbytes))
    return format_table(columns, rows, total, terminal_width())


def _build_summary(report: BuildReport) -> str:
    rate = show_size(report.nbytes / max(report.seconds, 1e-9))
    lines = [f"{tie.name} is tied to {tie.target} and not stored again." for tie in report.plan.ties]
    lines.append(f"Wrote {report.path}: {show_size(report.nbytes)} in {report.seconds:.2f} s, {rate}/s.")
    return "\n".join(lines)


def run_plan(arguments: Namespace) -> int:
    """Print what every tensor of a recipe would be.

    JSON: `recipe`, `seed`, `stream`, `parameters`, `bytes`, `variables` (name: value), `ties` (name: target),
    and `tensors`, a list of `name`, `shape`, `dtype`, `rule`, `match`, `line` (of the rule), `captures`,
    `initializer` (`class_name` and `config`), `mean`, `std` (null where not known), `parameters` and `bytes`.
    """
    plan = Recipe.load(arguments.recipe).plan()
    if arguments.json:
        facts = {
            "recipe": str(arguments.recipe),
            "seed": plan.recipe.seed,
            "stream": STREAM_VERSION,
            "parameters": plan.parameters,
            "bytes": plan.nbytes,
            "variables": dict(plan.variables),
            "ties": {tie.name: tie.target for tie in plan.ties},
            "tensors": [_tensor_facts(tensor) for tensor in plan.tensors],
        }
        print_json(facts)
        return 0
    print(_plan_table(plan))
    tied = f", {len(plan.ties)} more tied" if plan.ties else ""
    print(
        f"\n{len(plan.tensors):,} tensors{tied}, {plan.parameters:,} parameters, {show_size(plan.nbytes)}, "
        f"seed {plan.recipe.seed}."
    )
    return 0


def _tensor_facts(tensor: PlannedTensor) -> dict[str, Any]:
    config = tensor.initializer.get_config()
    config.pop("seed", None)
    return {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "dtype": tensor.dtype.name,
        "rule": tensor.rule.number,
        "match": tensor.rule.match,
        "line": tensor.rule.line,
        "captures": dict(tensor.captures),
        "initializer": {"class_name": type(tensor.initializer).__name__, "config": config},
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
            show_initializer(tensor.initializer),
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


def run_verify(arguments: Namespace) -> int:
    """Compare a file with what the recipe inside it gives.

    JSON: `file`, `ok`, `seconds`, `counts` (of every status), and `tensors`, a list of `name`, `status`
    (`ok`, `changed`, `missing`, `unexpected`, `dtype` or `shape`), `expected` and `found` (dtype and shape as
    text, or null), `changed` (values that differ), `first` (the index of the first one, or null) and
    `difference` (the largest one; null where it is no number).
    """
    started = perf_counter()
    with progress_bar("comparing") as progress:
        verification = verify(arguments.file, progress=progress)
    seconds = perf_counter() - started
    counts: Counter[str] = Counter(check.status for check in verification.tensors)
    if arguments.json:
        facts = {
            "file": str(arguments.file),
            "ok": verification.ok,
            "seconds": seconds,
            "counts": dict(counts),
            "tensors": [_check_facts(check) for check in verification.tensors],
        }
        print_json(facts)
    else:
        _print_verification(verification, counts, seconds)
    return 0 if verification.ok else 1


def _check_facts(check: TensorCheck) -> dict[str, Any]:
    return {
        "name": check.name,
        "status": check.status,
        "expected": check.expected,
        "found": check.found,
        "changed": check.changed,
        "first": None if check.first is None else list(check.first),
        "difference": check.difference,
    }


def _print_verification(verification: Verification, counts: Counter[str], seconds: float) -> None:
    failed = [check for check in verification.tensors if check.status != "ok"]
    if failed:
        columns = (Column("tensor", shrinks=True), Column("status"), Column("what is there", shrinks=True))
        rows = [(check.name, check.status, check.describe()) for check in failed]
        print(format_table(columns, rows, width=terminal_width()), end="\n\n")
    total = len(verification.tensors)
    amount = f"{show_size(verification.nbytes)} compared in {seconds:.2f} s"
    if failed:
        kinds = ", ".join(f"{count:,} {status}" for status, count in counts.items() if status != "ok")
        print(f"{verification.path}: {len(failed):,} of {total:,} tensors are not as the recipe in it says")
        print(f"({kinds}); {amount}.")
    else:
        print(f"{verification.path}: all {total:,} tensors are as the recipe in it says; {amount}.")
