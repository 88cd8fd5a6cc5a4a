"""A recipe that says everything by itself: nothing inherited, no other file to look into."""

from __future__ import annotations

import os
from math import isinf
from pathlib import Path
from typing import TYPE_CHECKING

from initkit.documents import PlainData, json_text
from initkit.dtypes import resolve_dtype
from initkit.recipe.language.arithmetic import Number
from initkit.recipe.language.pattern import escape_braces
from initkit.recipe.planning.named import NamedTensor
from initkit.recipe.text.specs import Rule, tensor_entry

if TYPE_CHECKING:
    from initkit.recipe.planning.plan import Plan


def resolved_text(plan: Plan) -> str:
    """Write a plan as a recipe that gives an equal one wherever it is read.

    Variables stand with their values, tensors with their shapes, and rules as they were written, but for
    those that take no tensor. It is JSON, and so YAML: programs read it, and quickly.

    Args:
        plan: The plan.

    Returns:
        The text; the same for equal plans.

    Example:
        >>> from initkit.recipe import Recipe
        >>> recipe = Recipe.from_text("{initkit: 1, extends: gpt2@1, seed: 7, variables: {n_layer: 2, d: 8}}")
        >>> text = resolved_text(recipe.plan())
        >>> Recipe.from_text(text).plan().tensors[3].shape == recipe.plan().tensors[3].shape
        True
    """
    merged = plan.merged
    default = resolve_dtype(merged.dtype).name
    tensors: dict[str, PlainData] = {}
    ties = {tie.name: tie.target for tie in plan.ties}
    stored = {tensor.name for tensor in plan.tensors}
    for tensor in plan.named:
        name = escape_braces(tensor.name)
        if tensor.name in ties:
            tensors[name] = {"tie": ties[tensor.name]}
        elif tensor.name in stored:
            assert isinstance(tensor, NamedTensor)
            own = None if tensor.dtype.name == default else tensor.dtype.name
            tensors[name] = tensor_entry(tensor.shape, own, tensor.layers, tensor.tags)
    asked = {tensor.fans_of for tensor in plan.tensors if tensor.fans_of is not None}
    # What is not stored, and tells others their fans.
    absent = {name: shape for name, shape in sorted(asked) if name not in stored and name not in ties}
    tensors |= {escape_braces(name): tensor_entry(shape, None, skip=True) for name, shape in absent.items()}
    drawing = [rule.rule for rule in plan.rules if not (rule.rule.skip or rule.rule.tie)]
    data: dict[str, PlainData] = {"initkit": 1, "seed": plan.seed, "dtype": default}
    if merged.layout is not None:
        data["layout"] = merged.layout
    data["variables"] = {name: _plain(value) for name, value in plan.variables.items()}
    data["tensors"] = tensors
    folder = Path(plan.recipe.file).parent
    data["rules"] = [_written(rule, folder) for rule in drawing if rule.number in plan.used]
    return json_text(data, compact=True)


def _written(rule: Rule, folder: Path) -> dict[str, PlainData]:
    """A rule as it was written, but for the path of what it copies, which its recipe's folder decides."""
    data = dict(rule.data)
    home = Path(rule.place.file).parent
    if rule.copy is not None and home != folder and not Path(rule.copy.file).expanduser().is_absolute():
        path = Path(os.path.relpath(home / rule.copy.file, folder)).as_posix()
        copy: dict[str, PlainData] = {"file": path}
        if rule.copy.name is not None:
            copy["name"] = rule.copy.name
        data["copy"] = copy
    return data


def _plain(value: Number) -> PlainData:
    """A number, or the expression of one that JSON does not have."""
    return ("inf" if value > 0 else "-inf") if isinstance(value, float) and isinf(value) else value
