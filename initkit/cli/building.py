"""`initkit build` and `initkit verify`: whole models written, and compared with what they should be."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from initkit.cli.progress import progress_reporter
from initkit.cli.recipes import STANDARD_STREAM, load_recipe
from initkit.cli.table import Column, format_table
from initkit.cli.text import print_json, show_shared_initializer, show_size, terminal_width
from initkit.documents import write_json
from initkit.errors import ArgumentError
from initkit.recipe import (
    BuildReport,
    Plan,
    PlannedTensor,
    Recipe,
    TensorCheck,
    Verification,
    build,
    verify,
)
from initkit.recipe.building.preview import BuildPreview, FilePreview, preview
from initkit.recipe.language.pattern import expand_braces
from initkit.recipe.writing.folding import fold_names


def run_build(arguments: Namespace) -> int:
    """Build a recipe into a file or several, and say what was written.

    JSON: `file` (the file or the folder), `files`, `bytes` (of these files), `kept` (bytes of values that an
    interrupted build had written), `complete` (false while other shares are unfinished), `seconds`,
    `tensors`, `parameters`, `ties` (name: target), and `rules`, a list of `rule`, `match`, `line`,
    `where` (what the rule asks besides the name), `initializer`, `dtype`, `tensors`, `parameters` and
    `bytes`. Of a dry run: `file`, `files` (a list of `file`, `bytes`, `kept` and `status`), `others` (files
    of another model, which `--force` removes), `foreign` (whether an unfinished build of another recipe is
    there, which `--restart` discards), `taken` (whether what stands under the names cannot be the same build,
    and needs `--force`), `bytes_missing`, `bytes_free`, and the last four. While it runs, lines of JSON on
    stderr: `event` (`progress`, `note` or `error`), and `work`, `done`, `total`, `bytes_per_second` and
    `seconds_left` (null where not known), or `message`.
    """
    recipe = load_recipe(arguments.recipe)
    _check_output(arguments, Path(recipe.parsed.file))
    recipe = recipe.override(
        seed=arguments.seed,
        dtype=arguments.dtype,
        only=tuple(arguments.only),
        variables=dict(arguments.set),
    )
    plan = recipe.plan()
    options = {"max_shard_size": arguments.max_shard_size, "shard": arguments.shard}
    if arguments.dry_run:
        if not isinstance(arguments.output, Path):
            message = f"What is at a URL is not looked at. Received: {arguments.output} and --dry-run."
            message += " Allowed: a path. `initkit plan` prints the tensors."
            raise ArgumentError(message)
        found = preview(plan, arguments.output, **options)
        _print_preview(arguments, plan, found)
        in_the_way = found.taken or found.others
        blocked = (found.foreign and not arguments.restart) or (in_the_way and not arguments.force)
        return 1 if blocked or found.free < found.missing else 0
    with _told(arguments.json), progress_reporter("drawing", as_json=arguments.json) as progress:
        report = build(
            plan,
            arguments.output,
            overwrite=arguments.force,
            restart=arguments.restart,
            sync=arguments.sync,
            client=arguments.dask,
            progress=progress,
            comparing=partial(progress, work="comparing"),
            **options,
        )
    if arguments.json:
        facts = {
            "file": str(report.path),
            "files": [str(path) for path in report.files],
            "bytes": report.nbytes,
            "kept": report.kept,
            "complete": report.complete,
            "seconds": report.seconds,
        }
        print_json(facts | _plan_facts(plan))
    else:
        if arguments.shard is None:
            # What all shares write together would be told as often as there are shares.
            print(_build_table(plan, [_group_facts(group) for group in _groups(plan)]))
            for tie in plan.ties:
                print(f"{tie.name} is tied to {tie.target} and not stored again.")
        print(_build_summary(report))
    return 0


def _check_output(arguments: Namespace, recipe: Path) -> None:
    """Refuse to replace the recipe, and to write where nothing can be written in its place."""
    output: Path | str = arguments.output
    if not isinstance(output, Path):
        return
    if str(output) == STANDARD_STREAM:
        message = "A model is written in many places at once, and not to standard output. Received: -o -."
        message += " Allowed: the path of a file. Name one."
        raise ArgumentError(message)
    if output.is_file() and recipe.is_file() and output.samefile(recipe):
        message = f"FILE is the recipe itself. Received: {output}. Choose another name."
        raise ArgumentError(message)


@contextmanager
def _told(as_json: bool) -> Iterator[None]:
    """Say what an interrupted or failed build has left, which its exception carries."""
    try:
        yield
    except BaseException as error:
        for note in getattr(error, "__notes__", ()):
            line = json.dumps({"event": "note", "message": note}) if as_json else f"initkit: {note}"
            print(line, file=sys.stderr)
        raise


def _plan_facts(plan: Plan) -> dict[str, Any]:
    return {
        "tensors": len(plan.tensors),
        "parameters": plan.parameters,
        "ties": {tie.name: tie.target for tie in plan.ties},
        "rules": [_group_facts(group) for group in _groups(plan)],
    }


def _print_preview(arguments: Namespace, plan: Plan, found: BuildPreview) -> None:
    """What a build would do."""
    if arguments.json:
        files = [
            {"file": str(file.path), "bytes": file.nbytes, "kept": file.kept, "status": file.status}
            for file in found.files
        ]
        facts: dict[str, Any] = {"file": str(arguments.output), "files": files}
        facts |= {"others": [str(path) for path in found.others]}
        facts |= {"foreign": found.foreign, "taken": found.taken}
        facts |= {"bytes_missing": found.missing, "bytes_free": found.free}
        print_json(facts | _plan_facts(plan))
        return
    columns = (Column("file", shrinks=True), Column("size", ">"), Column("status", shrinks=True))
    force, restart = arguments.force, arguments.restart
    rows = [
        (str(file.path), show_size(file.nbytes), _describe(file, found.taken, force=force, restart=restart))
        for file in found.files
    ]
    rows += [(str(path), "", _OTHER[force]) for path in found.others]
    if found.foreign and all(file.status != "foreign" for file in found.files):
        kept = "has an unfinished build of another recipe or other options"
        rows.append((str(arguments.output), "", f"{kept}: {_FOREIGN[restart]}"))
    if found.taken and all(file.status not in ("exists", "other") for file in found.files):
        rows.append((str(arguments.output), "", f"what stands there {_TAKEN[force]}"))
    print(format_table(columns, rows, width=terminal_width()))
    enough = "enough" if found.free >= found.missing else "NOT enough"
    print(f"\n{len(plan.tensors):,} tensors, {show_size(found.missing)} to write; the disk has", end=" ")
    print(f"{show_size(found.free)} free, which is {enough}. Nothing was written.")


# Whether --force was given.
_OTHER = {True: "of another model: is removed", False: "of another model: needs --force"}
_TAKEN = {True: "is replaced", False: "needs --force"}


# Whether --restart was.
_FOREIGN = {True: "is discarded", False: "needs --restart"}


def _describe(file: FilePreview, taken: bool, *, force: bool, restart: bool) -> str:
    return {
        "new": "to be written",
        "resumed": f"{show_size(file.kept)} of it are there, from an interrupted build",
        "finished": "whole, from an interrupted build",
        "exists": f"exists: {_TAKEN[force]}{'' if force or taken else ', unless it is the same'}",
        # An unfinished build of this recipe, which goes on, was allowed to replace it.
        "other": f"exists, and is another: {_TAKEN[force or not taken]}",
        "foreign": f"unfinished, of another recipe or other options: {_FOREIGN[restart]}",
    }[file.status]


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
        "where": dict(first.rule.where),
        "initializer": show_shared_initializer(tensors),
        "dtype": first.dtype.name,
        "tensors": len(tensors),
        "parameters": sum(tensor.size for tensor in tensors),
        "bytes": sum(tensor.nbytes for tensor in tensors),
    }


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
            _show_match(group),
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


def _show_match(group: dict[str, Any]) -> str:
    """A rule's pattern, and what else it asks of a tensor."""
    asks = ", ".join(
        f"{key} {value if isinstance(value, (str, int)) else write_json(value)}"
        for key, value in group["where"].items()
    )
    return f"{group['match']} where {asks}" if asks else str(group["match"])


def _build_summary(report: BuildReport) -> str:
    lines = []
    count, size = len(report.files), show_size(report.nbytes)
    what = f"{report.path}: "
    if report.files != (report.path,):
        what += f"{count:,} {'file' if count == 1 else 'files'}, "
    if not count:
        lines.append(f"Wrote nothing to {report.path}: there are more shares than files.")
    elif report.kept and not report.drawn:
        lines.append(f"{what}{size}: all of it is there already, and nothing was written.")
    else:
        # Of a file that is gone on with, only the rest is written now.
        rate = show_size((report.nbytes - report.kept) / max(report.seconds, 1e-9))
        lines.append(f"Wrote {what}{size} in {report.seconds:.2f} s, {rate}/s.")
    if report.kept and report.drawn:
        lines.append(f"{show_size(report.kept)} of it were there already and were not drawn again.")
    lines += report.plan.remarks()
    if not report.complete:
        lines.append("Other shares are not finished yet; the last one to finish writes the index.")
    return "\n".join(lines)


def _recipe_to_verify(arguments: Namespace) -> Recipe | None:
    """The recipe to compare with, or None for the one in the file."""
    changes = {"seed": arguments.seed, "dtype": arguments.dtype, "variables": dict(arguments.set)}
    if arguments.recipe is not None:
        return load_recipe(arguments.recipe).override(**changes)
    if any(changes.values()) or arguments.seed == 0:
        message = "What the recipe in the file says cannot be changed. Received: --seed, --dtype or --set"
        message += " without --recipe. Allowed: with --recipe RECIPE. Name a recipe, or leave them out."
        raise ArgumentError(message)
    return None


def run_verify(arguments: Namespace) -> int:
    """Compare a checkpoint with what the recipe inside it, or another one, gives.

    Names that differ in numbers or words share a line where the same is wrong, but for `--all`.

    JSON: `file`, `bytes` (compared), `ok`, `seconds`, `counts` (of every status), and `tensors`, a list of
    `name`, `status` (`ok`, `changed`, `trained`, `missing`, `unexpected`, `dtype` or `shape`), `expected` and
    `found` (dtype and shape as text, or null), `changed` (values that differ), `first` (the index of the
    first one, or null) and `difference` (the largest one; null where it is no number).
    """
    started = perf_counter()
    recipe = _recipe_to_verify(arguments)
    with progress_reporter("comparing", as_json=arguments.json) as progress:
        verification = verify(arguments.file, recipe=recipe, only=arguments.only, progress=progress)
    seconds = perf_counter() - started
    if arguments.json:
        facts = {
            "file": str(arguments.file),
            "ok": verification.ok,
            "bytes": verification.nbytes,
            "seconds": seconds,
            "counts": dict(Counter(check.status for check in verification.tensors)),
            "tensors": [_check_facts(check) for check in verification.tensors],
        }
        print_json(facts)
    else:
        says = "the recipe in it says" if recipe is None else f"{recipe.parsed.file} says"
        _print_verification(verification, seconds, says, apart=arguments.all)
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


def _print_verification(verification: Verification, seconds: float, says: str, *, apart: bool) -> None:
    failed = verification.failed
    if failed:
        columns = [Column("tensor", shrinks=True), Column("status"), Column("what is there", shrinks=True)]
        groups = [(check.name, [check]) for check in failed] if apart else _grouped(failed)
        if not apart:
            columns.append(Column("tensors", ">", drops=1))
        rows = [
            (name, checks[0].status, _what_is_there(checks), f"{len(checks):,}")[: len(columns)]
            for name, checks in groups
        ]
        print(format_table(columns, rows, width=terminal_width()), end="\n\n")
        if len(groups) < len(failed):
            print("Names in braces stand for several; --all prints a line for each.")
    total = len(verification.tensors)
    rate = show_size(verification.nbytes / max(seconds, 1e-9))
    amount = f"{show_size(verification.nbytes)} compared in {seconds:.2f} s, {rate}/s"
    if failed:
        counts = Counter(check.status for check in failed)
        kinds = ", ".join(f"{count:,} {status}" for status, count in counts.items())
        print(f"{verification.path}: {len(failed):,} of {total:,} tensors are not as {says}")
        print(f"({kinds}); {amount}.")
    else:
        print(f"{verification.path}: all {total:,} tensors are as {says}; {amount}.")


def _grouped(checks: Sequence[TensorCheck]) -> list[tuple[str, list[TensorCheck]]]:
    """The tensors that share a line, under a name with braces."""
    by_name = {check.name: check for check in checks}
    # Of copied values it is not known by how much they differ.
    said = [
        (check.name, (check.status, check.expected, check.found, check.difference is None))
        for check in checks
    ]
    return [(text, [by_name[name] for name in expand_braces(text)]) for text, _ in fold_names(said)]


def _what_is_there(checks: Sequence[TensorCheck]) -> str:
    """What is to be said of tensors that share a line."""
    first = checks[0]
    if first.found is None:
        return "-"
    if len(checks) == 1 or first.difference is None:
        return first.describe()
    # np.max, and not Python's: NaN must not be lost.
    largest = np.max([check.difference for check in checks])
    return f"{sum(check.changed for check in checks):,} values differ, by up to {largest:.3g}"
