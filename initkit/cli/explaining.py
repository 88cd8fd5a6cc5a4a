"""`initkit explain` and `initkit schema`: what a recipe means, and what it may say."""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import asdict
from textwrap import wrap
from typing import Any

from initkit.cli.recipes import load_to_look_at
from initkit.cli.text import print_json, terminal_width
from initkit.recipe.comparing.explanation import Explanation, explain
from initkit.recipe.writing.schema import schema_text
from initkit.serialization import encode

_MARGIN = 14


def run_explain(arguments: Namespace) -> int:
    """Print why a tensor of a recipe gets its values, and the first of them.

    JSON: `recipe`, `name`, `kind` (`drawn`, `copied`, `tied` or `skipped`), `place` (the file and the line),
    `shape`, `dtype`, `layers`, `tags`, `rule` (`number`, `place` and `text`; null for a tie that `tensors` says), `passed` (the
    rules before it, with `why_not`), `captures`, `target` (of a tie), `copied` (file and name), `law` (null
    where nothing is drawn; else `text`, `summary`, `formula`, `arguments`, `shape`, `fans`, `mean`, `std`,
    `bounds` and `parts`, a list of pairs of a label and a law), `sources` (by argument: `text`, `value`
    and `names` of its expression),
    `tolerance`, `seed`, `seed_path`, `values` and `ties`.
    """
    recipe = load_to_look_at(arguments.recipe, arguments.seed)
    explanation = explain(recipe.plan(), arguments.tensor)
    if arguments.json:
        print_json({"recipe": str(arguments.recipe), **_explanation_facts(explanation)})
    else:
        _print_explanation(explanation)
    return 0


def _explanation_facts(explanation: Explanation) -> dict[str, Any]:
    facts = asdict(explanation)
    facts["values"] = [encode(value) for value in explanation.values]
    for rule in [facts["rule"]] if facts["rule"] else []:
        del rule["why_not"]
    return facts


def _print_explanation(explanation: Explanation) -> None:
    """Print the facts, wrapped where a terminal is narrower."""
    width = terminal_width()
    if width is None:
        print(explanation)
        return
    for word, text in explanation.facts():
        head = word
        for line in text.split("\n"):
            for part in wrap(line, max(width - _MARGIN, 20), break_on_hyphens=False) or [""]:
                print(f"{head:<{_MARGIN - 1}} {part}")
                head = ""


def run_schema(arguments: Namespace) -> int:
    """Print the JSON Schema of recipes."""
    sys.stdout.write(schema_text())
    return 0
