"""`initkit explain` and `initkit schema`: what a recipe means, and what it may say."""

from __future__ import annotations

import re
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from textwrap import wrap
from typing import Any

from initkit.cli.recipes import load_to_look_at
from initkit.cli.text import print_json, terminal_width
from initkit.recipe import Plan
from initkit.recipe.comparing.explained_rules import explain_rules
from initkit.recipe.comparing.explanation import Explanation, explain
from initkit.recipe.writing.schema import schema_text
from initkit.serialization import encode

_MARGIN = 14


def run_explain(arguments: Namespace) -> int:
    """Print why a tensor of a recipe gets its values, and the first of them; of a pattern one per rule.

    JSON: `recipe`, `name`, `kind` (`drawn`, `copied`, `tied` or `skipped`), `place` (the file and the
    line), `shape`, `dtype`, `layers`, `tags`, `rule` (`number`, `place` and `text`; null for a tie that
    `tensors` says), `passed` (the rules before it, with `why_not`), `captures`, `fans_of` (the tensor
    whose fans are read, or null), `target` (of a tie), `copied` (file and name), `law` (null where
    nothing is drawn; else `text`, `summary`, `formula`, `arguments`, `shape`, `fans`, `mean`, `std`,
    `bounds` and `parts`, a list of pairs of a label and a law), `sources` (by argument: `text`, `value`
    and `names` of its expression), `tolerance`, `seed`, `seed_path`, `values` and `ties`. Of a pattern:
    `recipe`, `pattern`, and `explained`, a list of the same facts of one tensor per rule, each with
    `stands_for`, the names of all that the pattern matches and the rule takes.
    """
    recipe, remarks = load_to_look_at(arguments)
    plan, file = recipe.plan(), recipe.parsed.file
    if _is_pattern(arguments.tensor, plan):
        _explain_pattern(plan, arguments.tensor, file, arguments.json)
    else:
        explanation = explain(plan, arguments.tensor)
        if arguments.json:
            print_json({"recipe": file, **_explanation_facts(explanation)})
        else:
            _print_facts(explanation.facts())
    if not arguments.json:
        print(*remarks, sep="\n", end="\n" if remarks else "")
    return 0


def _is_pattern(text: str, plan: Plan) -> bool:
    """Whether a text has a wildcard, and is no name."""
    return re.search(r"[*?\[{]", text) is not None and all(named.name != text for named in plan.named)


def _explain_pattern(plan: Plan, pattern: str, file: str, as_json: bool) -> None:
    found = explain_rules(plan, pattern)
    if as_json:
        explained = [{**_explanation_facts(one.explanation), "stands_for": list(one.names)} for one in found]
        print_json({"recipe": file, "pattern": pattern, "explained": explained})
        return
    for one in found:
        _print_facts(one.facts())
        print()
    count = sum(len(one.names) for one in found)
    print(f"{pattern} matches {count:,} {'tensor' if count == 1 else 'tensors'}", end="")
    print("." if len(found) == 1 else "; above is the first that each rule takes.")


def _explanation_facts(explanation: Explanation) -> dict[str, Any]:
    facts = asdict(explanation)
    facts["values"] = [encode(value) for value in explanation.values]
    for rule in [facts["rule"]] if facts["rule"] else []:
        del rule["why_not"]
    return facts


def _print_facts(facts: Sequence[tuple[str, str]]) -> None:
    """Print facts as the text of an explanation has them, wrapped where a terminal is narrower."""
    width = terminal_width()
    for word, text in facts:
        head = word
        for line in text.split("\n"):
            for part in [line] if width is None else _wrapped(line, width - _MARGIN):
                print(f"{head:<{_MARGIN - 1}} {part}")
                head = ""


def _wrapped(line: str, width: int) -> list[str]:
    return wrap(line, max(width, 20), break_on_hyphens=False) or [""]


def run_schema(arguments: Namespace) -> int:
    """Print the JSON Schema of recipes."""
    sys.stdout.write(schema_text())
    return 0
