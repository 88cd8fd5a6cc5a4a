"""Small recipes, one section of which a test replaces."""

from __future__ import annotations

from textwrap import dedent

from initkit.recipe import Plan, Recipe

# Lines 1 to 2, 3, 4 to 6 and 7 to 9 of the whole.
SECTIONS = {
    "head": "initkit: 1\nseed: 42\n",
    "variables": "variables: {n_layer: 2, d: 4}\n",
    "tensors": "tensors:\n  a.weight: [4, 2]\n  a.bias: [2]\n",
    "rules": "rules:\n  - {match: '*.bias', init: zeros}\n  - {match: '*', init: random_normal}\n",
}


def recipe_text(**sections: str) -> str:
    """The text of a sound recipe, with some of its sections replaced."""
    return "".join(dedent(text) for text in {**SECTIONS, **sections}.values())


def tensors_and_rules(tensors: str, *rules: str) -> str:
    """The text of a recipe with these entries, each on a line of its own: tensors from 5 on, then rules."""
    lines = [line.strip() for line in tensors.strip().splitlines()]
    return recipe_text(
        tensors="tensors:\n" + "".join(f"  {line}\n" for line in lines),
        rules="rules:\n" + "".join(f"  - {rule}\n" for rule in rules),
    )


def plan_of(text: str) -> Plan:
    """The plan of a recipe in a file called r.yaml."""
    return Recipe.from_text(text, "r.yaml").plan()
