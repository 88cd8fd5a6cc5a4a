"""Which tensors differ between two recipes, two checkpoints, or a recipe and a checkpoint, and how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from initkit.documents import PlainData, write_inline
from initkit.initializer import Initializer
from initkit.recipe.building.drawing import ProgressCallback, check_progress
from initkit.recipe.building.work import PIECE_BYTES
from initkit.recipe.comparing.sides import Form, ReadInto, RecipeSide, Side, open_sides
from initkit.recipe.comparing.value_change import Account, ValueChange
from initkit.recipe.planning.planned import PlannedTensor
from initkit.recipe.writing.authoring import law_data
from initkit.region import Region

Array: TypeAlias = np.ndarray[Any, Any]
Status: TypeAlias = Literal["equal", "changed", "added", "removed"]

# Tensors that are told one by one where all are printed.
_MOST_TOLD = 20


@dataclass(frozen=True, slots=True)
class Change:
    """One way in which a tensor differs.

    Attributes:
        what: `"shape"`, `"dtype"`, `"tie"`, `"initializer"`, an argument of it as `"random_normal.stddev"`,
            `"rule"`, `"seed"` or `"path"`. Other seeds and paths mean other values of the same law.
        old: What it is on the first side, as text; None where it has none.
        new: The same of the second side.
    """

    what: str
    old: str | None
    new: str | None

    def __str__(self) -> str:
        return f"{self.what}: {self.old or 'none'} -> {self.new or 'none'}"


@dataclass(frozen=True, slots=True)
class TensorDifference:
    """What became of one tensor.

    Attributes:
        name: The tensor.
        status: `"equal"`, `"changed"`, `"added"` or `"removed"`.
        form: Dtype and shape, as text: those of the second side, unless it was removed.
        changes: How it differs, where that can be said in words.
        values: How its values differ, where they were looked at.
    """

    name: str
    status: Status
    form: str
    changes: tuple[Change, ...] = ()
    values: ValueChange | None = None

    def describe(self) -> list[str]:
        """A line for each thing that is to be said about it.

        Example:
            >>> change = Change("dtype", "float16", "float32")
            >>> TensorDifference("w", "changed", "float32 [2]", (change,)).describe()
            ['dtype: float16 -> float32']
        """
        if self.status in ("added", "removed"):
            return [self.form]
        return [*map(str, self.changes), *([] if self.values is None else [str(self.values)])]


@dataclass(frozen=True, slots=True)
class Difference:
    """What became of every tensor of two sides.

    Attributes:
        a: What the first side is, as text.
        b: What the second side is.
        tensors: One entry per tensor: those of the first side in its order, then those of the second alone.
        nbytes: How many bytes of values were compared; 0 for two recipes.
    """

    a: str
    b: str
    tensors: tuple[TensorDifference, ...]
    nbytes: int

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not self.changed

    @property
    def changed(self) -> tuple[TensorDifference, ...]:
        """Those that differ."""
        return tuple(tensor for tensor in self.tensors if tensor.status != "equal")

    @property
    def counts(self) -> dict[str, int]:
        """How many tensors have each status."""
        return dict(Counter(tensor.status for tensor in self.tensors))

    @property
    def summary(self) -> str:
        """How many tensors differ, in a line without its full stop."""
        sides, total = f"{self.a} and {self.b}", len(self.tensors)
        if self.equal:
            return f"{sides}: all {total:,} tensors are equal"
        counts = self.counts
        kinds = [f"{counts[kind]:,} {kind}" for kind in ("changed", "added", "removed") if kind in counts]
        return f"{sides}: {len(self.changed):,} of {total:,} tensors differ ({', '.join(kinds)})"

    def __str__(self) -> str:
        """Say what differs, the first of it tensor by tensor.

        Example:
            >>> import initkit as ik
            >>> recipe = ik.Recipe.preset("siren@1", seed=7)
            >>> print(diff(recipe.override(only="net.4.*"), recipe.override(seed=8, only="net.4.bias")))
            net.4.weight: removed: float32 [1, 256]
            net.4.bias: changed: seed: 7 -> 8
            <siren@1> and <siren@1>: 2 of 2 tensors differ (1 changed, 1 removed).
        """
        changed = self.changed
        lines = [
            f"{tensor.name}: {tensor.status}: {'; '.join(tensor.describe())}"
            for tensor in changed[:_MOST_TOLD]
        ]
        if len(changed) > _MOST_TOLD:
            lines.append(f"... and {len(changed) - _MOST_TOLD:,} more")
        return "\n".join([*lines, f"{self.summary}."])


def diff(a: object, b: object, *, progress: ProgressCallback | None = None) -> Difference:
    """Compare the tensors of recipes and checkpoints.

    Between two recipes nothing is drawn: values are equal where generator, initializer, shape and dtype are,
    and else the recipes' own words say why not. Of a checkpoint the values are compared: with those that a
    recipe draws, in the checkpoint's precision, or with those of another checkpoint, in the lower precision
    of the two; bit by bit, but within the tolerance of initializers that have one. Memory is bounded by a
    few pieces of a tensor; such initializers make their tensors whole.

    A tie is equal to its target, and need not be stored.

    Args:
        a: A `Recipe` or its `Plan`; a preset's name, as `gpt2@1`; or the path of a recipe, of a safetensors
            file, of a sharded checkpoint's index or of the folder that it is in.
        b: The same. A preset has the seed of the other side, if that is a recipe or was built from one, or
            else 0.
        progress: Called with the bytes compared, and those of all tensors, after every piece.

    Returns:
        What became of every tensor.

    Raises:
        ArgumentTypeError: A side is nothing of the kind, or `progress` is no function.
        FileAccessError: A file cannot be read.
        FileFormatError: A file is neither a recipe nor a checkpoint.
        RecipeError: A recipe has no meaning.

    Example:
        >>> import initkit as ik
        >>> base = "{initkit: 1, seed: 7, tensors: {a: [2], b: [3]}, rules: [{match: '*', init: zeros}]}"
        >>> recipes = [ik.Recipe.from_text(text) for text in (base, base.replace("a: [2]", "a: [2, 2]"))]
        >>> for tensor in diff(*recipes).tensors:
        ...     print(tensor.name, tensor.status, *tensor.describe())
        a changed shape: [2] -> [2, 2]
        b equal
    """
    check_progress(progress)
    with open_sides(a, b) as (old, new):
        if isinstance(old, RecipeSide) and isinstance(new, RecipeSide):
            words = _Words(old, new)
            tensors = [words.tensor(name) for name in _every_name(old, new)]
            return Difference(old.label, new.label, tuple(tensors), 0)
        comparison = _Comparison(old, new, progress)
        checked = [comparison.tensor(name) for name in _every_name(old, new)]
        return Difference(old.label, new.label, tuple(filter(None, checked)), comparison.nbytes)


def _every_name(old: Side, new: Side) -> list[str]:
    return list(dict.fromkeys([*old.names(), *old.ties, *new.names(), *new.ties]))


class _Words:
    """Compares what two recipes say, without drawing anything."""

    def __init__(self, old: RecipeSide, new: RecipeSide) -> None:
        self._sides = (old, new)
        # Many tensors share what makes their values.
        self._laws: dict[int, tuple[PlainData, bool]] = {}

    def tensor(self, name: str) -> TensorDifference:
        """Compare one tensor."""
        old, new = self._sides
        forms = [side.form(side.ties.get(name, name)) for side in self._sides]
        if (absent := _absent(name, *forms)) is not None:
            return absent
        ties = [side.ties.get(name) for side in self._sides]
        if ties[0] != ties[1]:
            changes = [Change("tie", *ties)]
        elif ties[0] is not None:
            changes = []
        else:
            changes = _form_changes(*forms)
            changes += self._law_changes(old.tensors[name], new.tensors[name])
        return _told(name, str(forms[1]), changes)

    def _law_changes(self, old: PlannedTensor, new: PlannedTensor) -> list[Change]:
        """In what two laws differ; and in their seeds, if both draw anything at all."""
        (old_law, old_draws), (new_law, new_draws) = self._law(old), self._law(new)
        changes = _argument_changes(old_law, new_law)
        if changes and old.rule.match != new.rule.match:
            changes.append(Change("rule", old.rule.match, new.rule.match))
        if old_draws and new_draws:
            if old.root.seed != new.root.seed:
                changes.append(Change("seed", str(old.root.seed), str(new.root.seed)))
            if old.seed_path != new.seed_path:
                changes.append(Change("path", " / ".join(old.seed_path), " / ".join(new.seed_path)))
        return changes

    def _law(self, tensor: PlannedTensor) -> tuple[PlainData, bool]:
        """What makes the values of a tensor, and whether it draws."""
        if tensor.copied is not None:
            return {"copy": {"file": str(tensor.copied.path), "name": tensor.copied.name}}, False
        assert tensor.template is not None
        key = id(tensor.template)
        if key not in self._laws:
            self._laws[key] = law_data(tensor.template), _draws(tensor.template)
        return self._laws[key]


def _draws(template: Initializer) -> bool:
    """Whether seeds matter; a class that only defines `__call__` may draw unseen."""
    return not (template.makes_regions and template.clone().take_draw().is_constant)


def _absent(name: str, old: Form | None, new: Form | None) -> TensorDifference | None:
    """What is to be said of a tensor that one side does not have."""
    if old is None:
        return TensorDifference(name, "added", str(new))
    return TensorDifference(name, "removed", str(old)) if new is None else None


def _told(name: str, form: str, changes: list[Change], values: ValueChange | None = None) -> TensorDifference:
    status: Status = "equal" if not changes and values is None else "changed"
    return TensorDifference(name, status, form, tuple(changes), values)


def _form_changes(old: Form | None, new: Form | None) -> list[Change]:
    assert old is not None
    assert new is not None
    changes = []
    if old.shape != new.shape:
        changes.append(Change("shape", str(list(old.shape)), str(list(new.shape))))
    if old.dtype_name != new.dtype_name:
        changes.append(Change("dtype", old.dtype_name, new.dtype_name))
    return changes


def _argument_changes(old: PlainData, new: PlainData) -> list[Change]:
    """In what two laws differ: in arguments, where their name is the same."""
    (old_name, old_arguments), (new_name, new_arguments) = map(_named, (old, new))
    if old_name != new_name:
        return [Change("initializer", write_inline(old), write_inline(new))]
    changes = []
    for argument in dict.fromkeys([*old_arguments, *new_arguments]):
        sides = (old_arguments, new_arguments)
        meant = [_meant(side[argument]) if argument in side else None for side in sides]
        if meant[0] != meant[1]:
            texts = (write_inline(side[argument]) if argument in side else "default" for side in sides)
            changes.append(Change(f"{old_name}.{argument}", *texts))
    return changes


def _meant(value: PlainData) -> str:
    """A text that is equal for values that mean the same, as 1 and 1.0 do, and for no others."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {_meant(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_meant, value)) + "]"
    # Minus zero is whole, but no integer.
    if isinstance(value, (bool, float)) and float(value).is_integer() and repr(value) != "-0.0":
        return repr(int(value))
    return repr(value)


def _named(law: PlainData) -> tuple[str, dict[str, PlainData]]:
    if isinstance(law, dict):
        ((name, arguments),) = law.items()
        assert isinstance(arguments, dict)
        return name, arguments
    return str(law), {}


class _Comparison:
    """Compares the values of two sides, piece by piece."""

    def __init__(self, old: Side, new: Side, progress: ProgressCallback | None) -> None:
        self._sides = (old, new)
        self._progress = progress
        self._total = sum(self._weight(name) for name in old.names())
        self._done = self._told = 0
        self.nbytes = 0

    def tensor(self, name: str) -> TensorDifference | None:
        """Compare one tensor; None for a tie that neither side stores."""
        if all(side.form(name) is None for side in self._sides):
            return None
        # A side that does not store a tie stores its target.
        names = [name if side.form(name) is not None else side.ties.get(name, name) for side in self._sides]
        old, new = (side.form(own) for side, own in zip(self._sides, names, strict=True))
        if (absent := _absent(name, old, new)) is not None:
            return absent
        assert old is not None
        assert new is not None
        changes = _form_changes(old, new)
        values = self._values(names, old, new) if old.shape == new.shape else None
        if values is not None and names[0] != names[1]:
            changes.append(Change("tie", *(None if own == name else own for own in names)))
        self._done += self._weight(name)
        self._report(0)
        return _told(name, str(new), changes, values)

    def _weight(self, name: str) -> int:
        """The bytes of a tensor, as far as they count for progress."""
        old, new = (side.form(name) for side in self._sides)
        return 0 if old is None or new is None else old.nbytes

    def _report(self, within: int) -> None:
        # What differs is gone through twice.
        self._told = max(self._told, self._done + within)
        if self._progress is not None:
            self._progress(self._told, self._total)

    def _values(self, names: list[str], old: Form, new: Form) -> ValueChange | None:
        """How the values differ; None where they do not."""
        packed = old.is_packed or new.is_packed
        if packed:
            if old.dtype_name != new.dtype_name or any(isinstance(side, RecipeSide) for side in self._sides):
                return None
            old = new = Form((old.nbytes,), "uint8")
        self.nbytes += new.nbytes
        tolerance = max(side.tolerance(name) for side, name in zip(self._sides, names, strict=True))
        account = Account(old.size, tolerance)
        with ExitStack() as stack:
            reads = []
            for side, name, other in zip(self._sides, names, (new, old), strict=True):
                dtype = "uint8" if packed else side.dtype_like(name, other.dtype_name)
                reads.append((stack.enter_context(side.reading(name, dtype)), dtype))
            # Most tensors are equal, and that alone is found out as fast as they can be read.
            if all(account.equal(*pieces) for pieces in self._pieces(reads, old, tolerance)):
                return None
            for pieces in self._pieces(reads, old, tolerance):
                account.add(*pieces)
        return account.change()

    def _pieces(
        self, reads: list[tuple[ReadInto, str]], form: Form, tolerance: float
    ) -> Iterator[tuple[Array, Array]]:
        """The values of both sides, as many at once as memory is meant for."""
        whole = Region.whole(form.shape)
        # What is not equal to the bit in parts has to be drawn whole.
        limit = PIECE_BYTES // form.numpy.itemsize if tolerance == 0 else max(form.size, 1)
        start = 0
        for box in whole.boxes(limit):
            part = whole.part(box)
            pieces = []
            for read, dtype in reads:
                pieces.append(np.empty(part.size, Form((), dtype).numpy))
                read(pieces[-1], part, start)
            yield pieces[0], pieces[1]
            start += part.size
            self._report(start * form.numpy.itemsize)
