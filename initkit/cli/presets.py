"""`initkit presets`: recipes that are shipped with initkit."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from initkit.cli.table import Column, format_table
from initkit.cli.text import print_json, show_size, terminal_width
from initkit.recipe import Recipe
from initkit.recipe.presets import preset_names, preset_text


def run_presets(arguments: Namespace) -> int:
    """Print all presets, or the text of one.

    JSON: a list of `name` (with the version), `source`, `tensors`, `parameters`, `bytes`, and `variables`
    (name: value); or, for one preset, a mapping of these and `text`.
    """
    if arguments.name is not None:
        text = preset_text(arguments.name)
        if arguments.json:
            print_json({**_facts(arguments.name), "text": text})
        else:
            print(text, end="")
        return 0
    presets = [_facts(name) for name in preset_names()]
    if arguments.json:
        print_json(presets)
        return 0
    columns = (
        Column("preset"),
        Column("tensors", ">"),
        Column("parameters", ">"),
        Column("size", ">"),
        Column("source", shrinks=True),
    )
    rows = [
        (
            preset["name"],
            f"{preset['tensors']:,}",
            f"{preset['parameters']:,}",
            show_size(preset["bytes"]),
            preset["source"],
        )
        for preset in presets
    ]
    print(format_table(columns, rows, width=terminal_width()))
    print("\nSizes are those of the variables that a preset gives; `initkit presets NAME` prints its text.")
    return 0


def _facts(name: str) -> dict[str, Any]:
    # Nothing here depends on a seed, and a preset has none.
    recipe = Recipe.load(name).override(seed=0)
    plan, preset = recipe.plan(), recipe.parsed.preset
    assert preset is not None
    return {
        "name": name,
        "source": preset.source,
        "tensors": len(plan.tensors),
        "parameters": plan.parameters,
        "bytes": plan.nbytes,
        "variables": dict(plan.variables),
    }
