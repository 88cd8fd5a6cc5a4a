"""What can be compared with what: recipes, which draw their values, and checkpoints, which hold them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import ml_dtypes
import numpy as np

from initkit.documents import read_json
from initkit.dtypes import DTYPES, resolve_dtype
from initkit.errors import ArgumentTypeError, ConfigError, file_access_error
from initkit.io import Checkpoint
from initkit.recipe.building.files import RECIPE_KEY, TIES_KEY
from initkit.recipe.planning.plan import Plan
from initkit.recipe.planning.planned import PlannedTensor
from initkit.recipe.planning.sources import open_checkpoint
from initkit.recipe.recipe import Recipe
from initkit.recipe.text.parse import parse_recipe
from initkit.region import Region

Array: TypeAlias = np.ndarray[Any, Any]
ReadInto: TypeAlias = Callable[[Array, Region, int], None]
"""Fills an array of one dimension with the values of a region, the first of which has that position."""

_PRESET = re.compile(r"[A-Za-z0-9_.-]+@[0-9]+")
_INDEX_SUFFIX = ".safetensors.index.json"


class Form(NamedTuple):
    """The shape of a tensor, and NumPy's name of its dtype.

    Attributes:
        shape: The shape.
        dtype_name: The name.
        stored: The bytes that a checkpoint has of it, if it is in one.
    """

    shape: tuple[int, ...]
    dtype_name: str
    stored: int | None = None

    @property
    def size(self) -> int:
        """The number of elements."""
        return prod(self.shape)

    @property
    def numpy(self) -> np.dtype[Any]:
        """The dtype."""
        return np.dtype(getattr(ml_dtypes, self.dtype_name, self.dtype_name))

    @property
    def nbytes(self) -> int:
        """The bytes that the tensor takes."""
        return self.size * self.numpy.itemsize if self.stored is None else self.stored

    @property
    def is_packed(self) -> bool:
        """Whether elements share bytes, as those of four and six bits do in checkpoints."""
        return self.nbytes != self.size * self.numpy.itemsize

    def __str__(self) -> str:
        return f"{self.dtype_name} {list(self.shape)}"


@dataclass(frozen=True, slots=True)
class RecipeSide:
    """A recipe as one side of a comparison.

    Attributes:
        label: What messages call it.
        plan: What it comes to.
        tensors: Its tensors by name.
        ties: The targets of its ties by name.
    """

    label: str
    plan: Plan
    tensors: Mapping[str, PlannedTensor]
    ties: Mapping[str, str]

    @property
    def seed(self) -> int:
        """The seed of all tensors."""
        return self.plan.seed

    def form(self, name: str) -> Form | None:
        """Shape and dtype of a tensor that is no tie, if there is one."""
        tensor = self.tensors.get(name)
        return None if tensor is None else Form(tensor.shape, tensor.dtype.name)

    def names(self) -> list[str]:
        """Every tensor that is no tie."""
        return list(self.tensors)

    def tolerance(self, name: str) -> float:
        """How far values may lie from those of another machine."""
        return self.tensors[name].tolerance

    def dtype_like(self, name: str, other: str) -> str:
        """In which dtype to take values that are compared with those of another one.

        All precisions are the same draw, so what is drawn can have the other one.
        """
        own = self.tensors[name]
        return other if own.copied is None and other in DTYPES else own.dtype.name

    @contextmanager
    def reading(self, name: str, dtype_name: str) -> Iterator[ReadInto]:
        """What makes the values of a tensor, in a dtype that `dtype_like` has said."""
        tensor = self.tensors[name]
        if tensor.dtype.name != dtype_name:
            tensor = replace(tensor, dtype=resolve_dtype(dtype_name))
        with tensor.drawing() as values:

            def read(out: Array, region: Region, start: int) -> None:
                values.fill(out.reshape(region.counts), region)

            yield read


class CheckpointSide:
    """The tensors of a safetensors file, or of several, as one side of a comparison.

    Args:
        label: What messages call it.
        checkpoint: The tensors.

    Attributes:
        label: What messages call it.
        ties: The targets of ties by name, where a file says so.
        seed: The seed of the recipe in the files, or None.
    """

    def __init__(self, label: str, checkpoint: Checkpoint) -> None:
        self.label = label
        self._checkpoint = checkpoint
        self.ties: dict[str, str] = {}
        self.seed: int | None = None
        for layout in checkpoint.layouts.values():
            self.ties |= _stored_ties(layout.metadata)
            self.seed = _stored_seed(layout.metadata) if self.seed is None else self.seed

    def form(self, name: str) -> Form | None:
        """Shape and dtype of a tensor, if there is one."""
        stored = self._checkpoint.tensors.get(name)
        return None if stored is None else Form(stored.shape, stored.dtype_name, stored.nbytes)

    def names(self) -> list[str]:
        """Every tensor."""
        return list(self._checkpoint.tensors)

    def tolerance(self, name: str) -> float:
        """None: what is stored is what it is."""
        return 0.0

    def dtype_like(self, name: str, other: str) -> str:
        """In which dtype to take values: the one that they are stored in."""
        return self._checkpoint.tensors[name].dtype_name

    @contextmanager
    def reading(self, name: str, dtype_name: str) -> Iterator[ReadInto]:
        """What reads the values of a tensor, in the dtype that they are stored in."""

        def read(out: Array, region: Region, start: int) -> None:
            self._checkpoint.read_into(out, name, start * out.itemsize)

        yield read


Side: TypeAlias = RecipeSide | CheckpointSide


@contextmanager
def open_sides(a: object, b: object) -> Iterator[tuple[Side, Side]]:
    """Open the two sides of a comparison.

    Args:
        a: A `Recipe` or its `Plan`; a preset's name, as `gpt2@1`; or the path of a recipe, of a safetensors
            file, of a sharded checkpoint's index or of the folder that it is in.
        b: The same.

    Yields:
        Both. A preset has no seed: it takes that of the other side's recipe, or of the recipe in the other
        side's files, or 0.

    Raises:
        ArgumentTypeError: One of them is nothing of the kind.
        FileAccessError: A file cannot be read.
        FileFormatError: A file is neither a recipe nor a checkpoint.
        RecipeError: A recipe has no meaning.
    """
    with ExitStack() as stack:
        opened: list[Side | None] = [None if _is_preset(given) else _open(given, stack) for given in (a, b)]
        seeds = [side.seed for side in opened if side is not None and side.seed is not None]
        sides = [
            side or _of_recipe(Recipe.preset(str(given), seed=(seeds or [0])[0]), str(given))
            for side, given in zip(opened, (a, b), strict=True)
        ]
        yield sides[0], sides[1]


def _is_preset(given: object) -> bool:
    return isinstance(given, str) and _PRESET.fullmatch(given) is not None and not Path(given).exists()


def _open(given: object, stack: ExitStack) -> Side:
    if isinstance(given, Recipe):
        return _of_recipe(given, given.parsed.file)
    if isinstance(given, Plan):
        return _of_plan(given, given.recipe.file)
    if not isinstance(given, (str, os.PathLike)):
        message = (
            f"This cannot be compared. Received: {given!r:.100} of type {type(given).__name__}. Allowed:"
        )
        message += " recipes, plans, names of presets, and paths of recipes and checkpoints. Give a path."
        raise ArgumentTypeError(message)
    path = Path(given)
    if path.is_dir() or path.name.endswith(_INDEX_SUFFIX) or _begins_as_safetensors(path):
        return CheckpointSide(str(path), stack.enter_context(open_checkpoint(path)))
    return _of_recipe(Recipe.load(path), str(path))


def _of_recipe(recipe: Recipe, label: str) -> RecipeSide:
    return _of_plan(recipe.plan(), label)


def _of_plan(plan: Plan, label: str) -> RecipeSide:
    tensors = {tensor.name: tensor for tensor in plan.tensors}
    return RecipeSide(label, plan, tensors, {tie.name: tie.target for tie in plan.ties})


def _begins_as_safetensors(path: Path) -> bool:
    """Whether a file has a header where safetensors files have theirs."""
    with _reading(path), path.open("rb") as file:
        return file.read(9)[8:] == b"{"


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what the system says of a file into an exception of ours."""
    try:
        yield
    except OSError as error:
        raise file_access_error(error.errno, error.strerror or str(error), str(path)) from error


def _stored_ties(metadata: Mapping[str, str]) -> dict[str, str]:
    """The ties that a file tells of; none where it tells nothing that can be read."""
    try:
        ties = read_json(metadata.get(TIES_KEY, "{}")).data
    except ConfigError:
        return {}
    return {name: str(target) for name, target in ties.items()} if isinstance(ties, dict) else {}


def _stored_seed(metadata: Mapping[str, str]) -> int | None:
    """The seed of the recipe that a file holds, if it holds one that can be read."""
    try:
        return parse_recipe(metadata.get(RECIPE_KEY, "")).seed
    except ConfigError:
        return None
