"""A recipe's values, written into arrays that exist."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np

from initkit.errors import ArgumentError, ArgumentTypeError, RecipeError, did_you_mean, nearest_names
from initkit.recipe.planning.plan import Plan
from initkit.targets import as_target

# What it may take to tell arrays from others that lie in between; beyond that they count as apart.
_MOST_WORK = 100_000


def fill_arrays(plan: Plan, arrays: object) -> None:
    """Write the values of all tensors and ties into arrays, each in the array's own dtype.

    Args:
        plan: The plan.
        arrays: The arrays by name, as a mapping or as pairs.

    Raises:
        RecipeError: A tensor has no array, an array no tensor, one has another shape, or two share memory
            that are not tied, or are tied and other views of it. Nothing has been written then.
        ArgumentTypeError: They are not given by name, or one cannot be written to in place; nothing has been
            written either.
        ArgumentError: One is read-only, several of its elements share memory, or two pairs have one name; as
            before.

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
    names = {tensor.name: [tensor.name] for tensor in plan.tensors}
    for tie in plan.ties:
        names[tie.target].append(tie.name)
    _check_memory(plan, by_name, names)
    for tensor in plan.tensors:
        for name in names[tensor.name]:
            tensor.fill(by_name[name])


def _by_name(arrays: object) -> Mapping[str, Any]:
    """Arrays by their names; pairs of both will do, as PyTorch's `named_parameters` gives."""
    if isinstance(arrays, Mapping):
        return arrays
    given: Any = arrays
    pairs: list[tuple[Any, Any]] | None = None
    with suppress(TypeError, ValueError):
        # What has keys is a mapping, if only by its looks, as PyTorch's ParameterDict.
        pairs = [(name, array) for name, array in (dict(given).items() if hasattr(given, "keys") else given)]
    if pairs is not None and all(isinstance(name, str) for name, _ in pairs):
        return _without_repeats(pairs)
    message = f"Arrays are needed by name. Received: {arrays!r:.100} of type {type(arrays).__name__}."
    message += " Allowed: a mapping from names to arrays. Of a PyTorch model, give model.state_dict()."
    raise ArgumentTypeError(message)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    by_name: dict[str, Any] = {}
    for name, array in pairs:
        if name in by_name:
            message = f"Two arrays have one name. Received: {name!r}. Allowed: a name of its own for each."
            message += " Of several models, fill one after the other."
            raise ArgumentError(message)
        by_name[name] = array
    return by_name


def _check(plan: Plan, arrays: Mapping[str, Any]) -> None:
    """Refuse arrays that do not fit, before any is written to."""
    shapes = {tensor.name: tensor.shape for tensor in plan.tensors}
    shapes |= {tie.name: tie.shape for tie in plan.ties}
    # What a rule skips is somebody else's, and a model has it all the same.
    known = shapes.keys() | set(plan.skipped)
    wrong: list[str] = []
    hint = ""
    if missing := [name for name in shapes if name not in arrays]:
        which = "the tensor" if len(missing) == 1 else f"{len(missing)} tensors, the first of them"
        wrong.append(f"no array for {which} {missing[0]!r}{_tied(plan, missing[0])}")
    if unknown := [name for name in arrays if name not in known]:
        hint = did_you_mean(nearest_names(unknown[0], shapes))
        which = "the array" if len(unknown) == 1 else f"{len(unknown)} arrays, the first of them"
        wrong.append(f"no tensor for {which} {unknown[0]!r}")
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


def _tied(plan: Plan, name: str) -> str:
    target = next((tie.target for tie in plan.ties if tie.name == name), None)
    return "" if target is None else f", which is tied to {target!r}"


class _Stretch(NamedTuple):
    """The memory from an array's first byte to its last; others may lie in between."""

    begin: int
    end: int
    position: int
    name: str
    stored_as: str
    address: int
    array: Any

    @property
    def view(self) -> tuple[object, ...]:
        """What tells where each element is, and how it is written."""
        # An axis of length 1 may have any stride.
        strides = [
            stride for length, stride in zip(self.array.shape, self.array.strides, strict=True) if length > 1
        ]
        return self.address, self.array.shape, strides, self.array.dtype


def _check_memory(plan: Plan, arrays: Mapping[str, Any], names: Mapping[str, list[str]]) -> None:
    """Refuse arrays that share memory and are to have different values: the last would overwrite others."""
    places = [(name, stored_as) for stored_as, several in names.items() for name in several]
    stretches = [_stretch(arrays[name], at, name, stored_as) for at, (name, stored_as) in enumerate(places)]
    reaching: list[_Stretch] = []
    for stretch in sorted(stretches, key=lambda stretch: stretch.begin):
        reaching = [before for before in reaching if before.end > stretch.begin]
        for before in reaching:
            tied = before.stored_as == stretch.stored_as
            if not (tied and before.view == stretch.view) and _share_memory(before, stretch):
                one, other = (both.name for both in sorted((before, stretch), key=lambda both: both.position))
                raise RecipeError(_shared(one, other, tied=tied), file=plan.recipe.file)
        reaching.append(stretch)


def _shared(one: str, other: str, *, tied: bool) -> str:
    if tied:
        message = "two arrays are tied and share memory, and each has its elements in other places of it."
        message += (
            f" Received: {one!r} and {other!r}. Allowed: the same view of the same memory, or memory of"
        )
        return f"{message} its own for each. Give the one array under both names, or a copy."
    message = "two arrays share memory, and the recipe has other values for each. Received:"
    message += f" {one!r} and {other!r}. Allowed: memory of its own for every tensor that is not"
    message += " tied to another. Tie them in the recipe, as by a first rule"
    return f"{message} {{match: {other}, tie: {one}}}, or untie them in the model."


def _stretch(array: Any, position: int, name: str, stored_as: str) -> _Stretch:
    view = as_target(array).array
    address = view.ctypes.data if isinstance(view, np.ndarray) else view.data.ptr
    steps = [(length - 1) * stride for length, stride in zip(view.shape, view.strides, strict=True)]
    first = address + sum(step for step in steps if step < 0)
    last = address + sum(step for step in steps if step > 0)
    end = last + view.dtype.itemsize if view.size else first
    return _Stretch(first, end, position, name, stored_as, address, view)


class _Elsewhere:
    """Memory on whichever device, as NumPy would see it if it were its own; it must not be read."""

    def __init__(self, stretch: _Stretch) -> None:
        self.__array_interface__ = {
            "version": 3,
            "data": (stretch.address, True),
            "shape": stretch.array.shape,
            "strides": stretch.array.strides,
            "typestr": f"|V{stretch.array.dtype.itemsize}",
        }


def _share_memory(one: _Stretch, other: _Stretch) -> bool:
    first, second = np.asarray(_Elsewhere(one)), np.asarray(_Elsewhere(other))
    with suppress(np.exceptions.TooHardError):
        return np.shares_memory(first, second, max_work=_MOST_WORK)  # type: ignore[arg-type]  # any number
    return False
