"""A recipe's values, written into arrays that exist."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from initkit.errors import ArgumentTypeError, RecipeError, did_you_mean, nearest_names
from initkit.recipe.planning.plan import Plan


def fill_arrays(plan: Plan, arrays: object) -> None:
    """Write the values of all tensors and ties into arrays, each in the array's own dtype.

    Args:
        plan: The plan.
        arrays: The arrays by name, as a mapping or as pairs.

    Raises:
        RecipeError: A tensor has no array, an array no tensor, or one has another shape. Nothing has been
            written then.
        ArgumentTypeError: They are not given by name, or one cannot be written to in place.

    Example:
        >>> import numpy as np
        >>> from initkit.recipe import Recipe
        >>> text = "{initkit: 1, seed: 7, tensors: {w: [2]}, rules: [{match: w, init: ones}]}"
        >>> array = np.empty(2)
        >>> fill_arrays(Recipe.from_text(text).plan(), {"w": array})
        >>> array.tolist()
        [1.0, 1.0]
    """
    by_name = _by_name(arrays)
    _check(plan, by_name)
    ties: dict[str, list[str]] = {}
    for tie in plan.ties:
        ties.setdefault(tie.target, []).append(tie.name)
    for tensor in plan.tensors:
        for name in (tensor.name, *ties.get(tensor.name, ())):
            tensor.fill(by_name[name])


def _by_name(arrays: object) -> Mapping[str, Any]:
    """Arrays by their names; pairs of both will do, as PyTorch's `named_parameters` gives."""
    if isinstance(arrays, Mapping):
        return arrays
    with suppress(TypeError, ValueError):
        pairs: dict[Any, Any] = dict(arrays)  # type: ignore[call-overload]  # anything may come in here
        if all(isinstance(name, str) for name in pairs):
            return pairs
    message = f"Arrays are needed by name. Received: {arrays!r:.100} of type {type(arrays).__name__}."
    message += " Allowed: a mapping from names to arrays. Of a PyTorch model, give model.state_dict()."
    raise ArgumentTypeError(message)


def _check(plan: Plan, arrays: Mapping[str, Any]) -> None:
    """Refuse arrays that do not fit, before any is written to."""
    shapes = {tensor.name: tensor.shape for tensor in plan.tensors}
    shapes |= {tie.name: tie.shape for tie in plan.ties}
    # What a rule skips is somebody else's, and a model has it all the same.
    known = shapes.keys() | set(plan.skipped)
    wrong: list[str] = []
    hint = ""
    if missing := [name for name in shapes if name not in arrays]:
        wrong.append(f"no array for {len(missing)} tensors, {missing[0]!r} the first")
    if unknown := [name for name in arrays if name not in known]:
        hint = did_you_mean(nearest_names(unknown[0], shapes))
        wrong.append(f"no tensor for {len(unknown)} arrays, {unknown[0]!r} the first")
    for name, shape in shapes.items():
        given = tuple(getattr(arrays.get(name), "shape", shape))
        if given != shape:
            wrong.append(f"an array of shape {given} for {name!r}, which has shape {shape}")
            break
    if wrong:
        message = f"these arrays cannot be filled. Received: {'; '.join(wrong)}. Allowed: an array of its"
        message += " shape for every tensor and tie, and no other but for what rules skip. Take out the"
        message += f" others, or add them to the recipe.{hint}"
        raise RecipeError(message, file=plan.recipe.file)
