"""Whether a checkpoint holds what a recipe says."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from initkit.documents import PlainData, read_json
from initkit.draws import STREAM_VERSION
from initkit.errors import FileFormatError
from initkit.io import Checkpoint, StoredTensor
from initkit.recipe.building.drawing import ProgressCallback, check_progress, draw_units
from initkit.recipe.building.files import (
    COPIES_KEY,
    RECIPE_DIGEST_KEY,
    RECIPE_FILE_KEY,
    RECIPE_KEY,
    STREAM_KEY,
)
from initkit.recipe.building.same_bytes import StoredParts, allowed_distance, distances
from initkit.recipe.building.units import Unit, cut_units, draw_unit, tensors_in
from initkit.recipe.building.work import PIECE_BYTES
from initkit.recipe.planning.plan import Plan, make_plan
from initkit.recipe.planning.planned import PlannedTensor
from initkit.recipe.planning.selection import NameSelection
from initkit.recipe.text.parse import parse_recipe
from initkit.recipe.text.specs import Selection

if TYPE_CHECKING:
    from initkit.recipe.recipe import Recipe

Array: TypeAlias = np.ndarray[Any, Any]
Status: TypeAlias = Literal["ok", "changed", "trained", "dtype", "shape", "missing", "unexpected"]

# Few enough for their differences, as float64, to need no new memory from the system, which takes far longer.
_MEASURED_VALUES = 1 << 16
# Tensors that are told one by one where all are printed.
_MOST_TOLD = 20


@dataclass(frozen=True, slots=True)
class TensorCheck:
    """What became of one tensor.

    Attributes:
        name: The tensor.
        status: `"ok"`; `"changed"` values, or `"trained"` where more than half of them differ; another
            `"dtype"` or `"shape"`; `"missing"` from the file; or `"unexpected"`, as the recipe does not have
            it.
        expected: Dtype and shape by the recipe, or None.
        found: Dtype and shape in the file, or None.
        changed: How many values differ; 0 where only the SHA-256 of copied values tells that some do.
        first: The index of the first value that differs, or None.
        difference: The largest absolute difference, or None; NaN where a value is no number.
    """

    name: str
    status: Status
    expected: str | None
    found: str | None
    changed: int = 0
    first: tuple[int, ...] | None = None
    difference: float | None = None

    def describe(self) -> str:
        """What is to be said about it, in a few words.

        Example:
            >>> TensorCheck("w", "changed", "float32 (8,)", "float32 (8,)", 2, (3,), 0.5).describe()
            '2 values differ, first at [3], by up to 0.5'
        """
        if self.status == "changed" and self.difference is None:
            return "the values are not those that were copied"
        if self.status in ("changed", "trained"):
            values = "1 value differs" if self.changed == 1 else f"{self.changed:,} values differ"
            return f"{values}, first at {list(self.first or ())}, by up to {self.difference:.3g}"
        if self.status in ("dtype", "shape"):
            return f"{self.found} instead of {self.expected}"
        return self.found or self.expected or ""


@dataclass(frozen=True, slots=True)
class Verification:
    """What became of every tensor of a checkpoint and of a recipe.

    Attributes:
        path: The file or the folder.
        plan: What the recipe says.
        tensors: One check per tensor: those of the recipe in its order, then those that it does not have.
        nbytes: How many bytes of values were compared.
    """

    path: Path
    plan: Plan
    tensors: tuple[TensorCheck, ...]
    nbytes: int

    @property
    def ok(self) -> bool:
        """Whether the checkpoint holds exactly what the recipe says."""
        return not self.failed

    @property
    def failed(self) -> tuple[TensorCheck, ...]:
        """Those that are not as the recipe says."""
        return tuple(check for check in self.tensors if check.status != "ok")

    def __str__(self) -> str:
        """Say what differs, the first of it tensor by tensor.

        Example:
            >>> import tempfile
            >>> from initkit.recipe import Recipe
            >>> text = "{initkit: 1, seed: 7, tensors: {w: [2], b: [2]}, rules: [{match: '*', init: ones}]}"
            >>> recipe = Recipe.from_text(text)
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     path = recipe.override(only="w").build(f"{folder}/model.safetensors").path
            ...     print(str(verify(path, recipe=recipe)).replace(folder, "folder"))
            b: missing: float32 (2,)
            folder/model.safetensors: 1 of 2 tensors are not as the recipe says (1 missing).
        """
        failed, total = self.failed, len(self.tensors)
        if not failed:
            return f"{self.path}: all {total:,} tensors are as the recipe says."
        lines = [f"{check.name}: {check.status}: {check.describe()}" for check in failed[:_MOST_TOLD]]
        if len(failed) > _MOST_TOLD:
            lines.append(f"... and {len(failed) - _MOST_TOLD:,} more")
        counts = Counter(check.status for check in failed)
        kinds = ", ".join(f"{count:,} {status}" for status, count in counts.items())
        differ = f"{len(failed):,} of {total:,} tensors are not as the recipe says ({kinds})."
        return "\n".join([*lines, f"{self.path}: {differ}"])


def verify(
    path: str | os.PathLike[str],
    *,
    recipe: Recipe | None = None,
    only: str | Sequence[str] = (),
    progress: ProgressCallback | None = None,
) -> Verification:
    """Draw the tensors of a checkpoint once more from its recipe, and compare.

    Values are compared bit by bit; those of `Orthogonal`, which depend on the machine, within the tolerance
    that it promises.

    Args:
        path: A safetensors file, an index, or a folder of files with an index, that `Recipe.build` made; with
            `recipe` any other one. Of one file of several, the tensors that belong there are compared.
        recipe: What to compare with; None takes the recipe inside.
        only: A pattern of names, as in rules, or several; only tensors that one of them matches are compared.
            Those that are only in the checkpoint count, too. None means all of them.
        progress: Called with the bytes compared, and those of all tensors, after every piece.

    Returns:
        What became of every tensor.

    Raises:
        FileFormatError: A file is no safetensors file, has no recipe in it, or was drawn by another stream.
        RecipeError: The recipe in it names classes that are not registered here, or has no meaning otherwise;
            or a pattern of `only` is none, or matches no name.
        ArgumentTypeError: `progress` is no function.
        FileAccessError: A file cannot be read.

    Example:
        >>> import tempfile
        >>> from initkit.recipe import Recipe
        >>> text = "{initkit: 1, seed: 7, tensors: {w: [2]}, rules: [{match: w, init: he_normal}]}"
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     report = Recipe.from_text(text).build(Path(folder) / "model.safetensors")
        ...     verify(report.path).ok
        True
    """
    check_progress(progress)
    with _open(path) as checkpoint:
        plan = _read_plan(checkpoint) if recipe is None else recipe.plan()
        names = [tensor.name for tensor in plan.tensors]
        if checkpoint.part is not None:
            names = [name for name in names if name in checkpoint.part or name in checkpoint.tensors]
        patterns = (only,) if isinstance(only, str) else only
        wanted = _chosen(plan, patterns, [*names, *checkpoint.tensors])
        planned = {tensor.name: tensor for tensor in plan.tensors}
        expected = [planned[name] for name in names if name in wanted]
        same_form = [tensor for tensor in expected if _form_status(tensor, checkpoint) == "ok"]
        recorded = [tensor for tensor in same_form if tensor.made is None and tensor.copied is None]
        same_form = [tensor for tensor in same_form if tensor.made is not None or tensor.copied is not None]
        # Values of larger elements first, so that all are aligned; then as the disk has them.
        same_form.sort(key=lambda tensor: (-tensor.dtype.numpy.itemsize, *checkpoint.position(tensor.name)))
        comparison = _Comparison(checkpoint, same_form, progress)
        draw_units(
            cut_units(same_form, PIECE_BYTES), comparison.draw, comparison.compare, done=comparison.tell
        )
        comparison.compare_digests(recorded)
        checks = [_check(tensor, checkpoint, comparison) for tensor in expected]
        for name, stored in checkpoint.tensors.items():
            if name not in planned and name in wanted:
                checks.append(TensorCheck(name, "unexpected", None, _form(stored.dtype_name, stored.shape)))
    return Verification(Path(path), plan, tuple(checks), comparison.nbytes)


def _chosen(plan: Plan, only: Sequence[str], names: Sequence[str]) -> set[str]:
    """The names that one of some patterns matches, and what they are tied to; all where there is none."""
    if not only:
        return set(names)
    selection = NameSelection(Selection(only=tuple(only)), plan.recipe.place, "verify", plan.variables)
    here = dict.fromkeys(names)
    # As in a build, a tied tensor is had by the one that is stored.
    ties = {tie.name: tie.target for tie in plan.ties if tie.target in here}
    chosen = {name for name in here | ties if selection.new_name(name) is not None}
    selection.check_used()
    return chosen | {target for name, target in ties.items() if name in chosen}


def _open(path: str | os.PathLike[str]) -> Checkpoint:
    if Path(path).suffix.lower() in (".yaml", ".yml"):
        message = (
            f"{os.fspath(path)} is a recipe by its name, and no model. Allowed: a safetensors file, a folder"
        )
        message += " of them, or an index. Write `initkit verify MODEL --recipe RECIPE` (verify(model,"
        message += " recipe=...)), or build the recipe first."
        raise FileFormatError(message)
    return Checkpoint(path)


def _read_plan(checkpoint: Checkpoint) -> Plan:
    metadata = checkpoint.metadata
    path = checkpoint.path
    if RECIPE_KEY not in metadata and RECIPE_FILE_KEY in metadata:
        metadata = {**metadata, **_recipe_of_sibling(checkpoint)}
    if RECIPE_KEY not in metadata:
        message = f"{path} has no recipe in it. Received: metadata {', '.join(metadata) or 'none'}."
        message += f" Allowed: files with {RECIPE_KEY!r}. Build it with `initkit build`, or name the recipe:"
        message += " `initkit verify MODEL --recipe RECIPE` (verify(model, recipe=...))."
        raise FileFormatError(message)
    stream = metadata.get(STREAM_KEY)
    if stream != str(STREAM_VERSION):
        message = f"{path} was drawn by another stream. Received: {stream!r}. Allowed:"
        message += f" {STREAM_VERSION}. Use the version of initkit that made it."
        raise FileFormatError(message)
    # What was copied is known by its digest, wherever it came from.
    return make_plan(parse_recipe(metadata[RECIPE_KEY], f"{path} (recipe)"), find_copies=False)


def _recipe_of_sibling(checkpoint: Checkpoint) -> dict[str, str]:
    """The recipe that one of several files only names the place of."""
    metadata = checkpoint.metadata
    # The name alone: what it says was written by somebody else.
    sibling = next(iter(checkpoint.layouts)).with_name(Path(metadata[RECIPE_FILE_KEY]).name)
    with _open(sibling) as other:
        text = other.metadata.get(RECIPE_KEY, "")
    if sha256(text.encode()).hexdigest() != metadata.get(RECIPE_DIGEST_KEY):
        message = (
            f"{sibling} has another recipe than {checkpoint.path}, which names it for its own. Received:"
        )
        message += f" another SHA-256 than {metadata.get(RECIPE_DIGEST_KEY)}. Put the file of the same build"
        message += " beside it, or name the recipe with --recipe (recipe=...)."
        raise FileFormatError(message)
    return {RECIPE_KEY: text}


def _form(dtype: str, shape: tuple[int, ...]) -> str:
    return f"{dtype} {shape}"


def _form_status(tensor: PlannedTensor, checkpoint: Checkpoint) -> Status:
    """Whether a tensor is in the file at all, and of the right form."""
    stored = checkpoint.tensors.get(tensor.name)
    if stored is None:
        return "missing"
    if stored.dtype_name != tensor.dtype.name:
        return "dtype"
    return "ok" if stored.shape == tensor.shape else "shape"


def _check(tensor: PlannedTensor, checkpoint: Checkpoint, comparison: _Comparison) -> TensorCheck:
    stored: StoredTensor | None = checkpoint.tensors.get(tensor.name)
    expected = _form(tensor.dtype.name, tensor.shape)
    found = None if stored is None else _form(stored.dtype_name, stored.shape)
    if tensor.name in comparison.other_copies:
        return TensorCheck(tensor.name, "changed", expected, found)
    change = comparison.changes.get(tensor.name)
    if change is None:
        return TensorCheck(tensor.name, _form_status(tensor, checkpoint), expected, found)
    first = tuple(int(at) for at in np.unravel_index(change.first, tensor.shape))
    # Training leaves hardly a value as it was; an accident, or one patched row, leaves most.
    status: Status = "trained" if 2 * change.count > tensor.size > 1 else "changed"
    return TensorCheck(tensor.name, status, expected, found, change.count, first, change.difference)


@dataclass(slots=True)
class _Change:
    """The values of one tensor that differ."""

    first: int
    count: int = 0
    difference: float = 0.0


class _Comparison:
    """Compares drawn values with those of a checkpoint, in several threads, and keeps what differs."""

    def __init__(
        self, checkpoint: Checkpoint, tensors: Sequence[PlannedTensor], progress: ProgressCallback | None
    ) -> None:
        self._checkpoint = checkpoint
        self._tensors = tensors
        self._progress = progress
        self._parts = StoredParts()
        self._lock = threading.Lock()
        self._done = 0
        self.nbytes = sum(tensor.nbytes for tensor in tensors)
        self.changes: dict[str, _Change] = {}
        self.other_copies: set[str] = set()

    def compare_digests(self, tensors: Sequence[PlannedTensor]) -> None:
        """Compare copied values with the SHA-256 that the build has left of them."""
        digests: dict[str, PlainData] = {}
        for layout in self._checkpoint.layouts.values():
            if COPIES_KEY in layout.metadata:
                said = read_json(layout.metadata[COPIES_KEY]).data
                digests |= said if isinstance(said, dict) else {}
        for tensor in tensors:
            digest = sha256()
            for start in range(0, tensor.nbytes, PIECE_BYTES):
                piece = np.empty(min(PIECE_BYTES, tensor.nbytes - start), np.uint8)
                self._checkpoint.read_into(piece, tensor.name, start)
                digest.update(piece.data)
            self.nbytes += tensor.nbytes
            if digests.get(tensor.name) != digest.hexdigest():
                self.other_copies.add(tensor.name)

    def draw(self, unit: Unit, out: Array) -> None:
        """Draw what will be compared."""
        draw_unit(self._tensors, unit, out)

    def tell(self, unit: Unit) -> None:
        """Report a unit that has been compared."""
        self._done += unit.nbytes
        if self._progress is not None:
            self._progress(self._done, self.nbytes)

    def compare(self, unit: Unit, out: Array) -> None:
        """Compare one unit."""
        if unit.last - unit.first > 1 and self._equals_run(unit, out):
            return
        for tensor, first, drawn in tensors_in(self._tensors, unit, out):
            read = partial(self._read, tensor.name, first * drawn.itemsize)
            for start, part, stored in self._parts.differing(drawn, read):
                for begin in range(0, part.size, _MEASURED_VALUES):
                    end = begin + _MEASURED_VALUES
                    self._measure(tensor, first + start + begin, part[begin:end], stored[begin:end])

    def _read(self, name: str, origin: int, buffer: Array, offset: int) -> None:
        self._checkpoint.read_into(buffer, name, origin + offset)

    def _equals_run(self, unit: Unit, out: Array) -> bool:
        """Whether small tensors stand together in the file too, and are all as drawn."""
        first, last = self._tensors[unit.first].name, self._tensors[unit.last - 1].name
        read = partial(self._read_run, first)
        together = self._checkpoint.is_run(first, last, unit.nbytes)
        return together and not any(True for _ in self._parts.differing(out, read))

    def _read_run(self, first: str, buffer: Array, offset: int) -> None:
        self._checkpoint.read_run(buffer, first, offset)

    def _measure(self, tensor: PlannedTensor, start: int, drawn: Array, stored: Array) -> None:
        bits = np.dtype(f"u{drawn.itemsize}")
        differs = drawn.view(bits) != stored.view(bits)
        off = distances(drawn, stored)
        if tensor.tolerance:
            differs &= ~(off <= allowed_distance(tensor, drawn))
        if count := int(np.count_nonzero(differs)):
            first = start + int(differs.argmax())
            furthest = off.max(where=differs, initial=0)
            with self._lock:
                change = self.changes.setdefault(tensor.name, _Change(first))
                change.first = min(change.first, first)
                change.count += count
                # max, and not Python's: NaN must not be lost.
                change.difference = float(np.max([change.difference, furthest]))
