"""All the work of a build: its files, and the units that one process, many, or a cluster draw of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from initkit.errors import ArgumentError, ArgumentTypeError
from initkit.recipe.building.files import INDEX_NAME, PlannedFile, index_bytes, plan_files
from initkit.recipe.building.units import Unit, cut_units, draw_unit, split_unit
from initkit.recipe.planning.copying import StoredArray
from initkit.recipe.planning.plan import Plan, make_plan
from initkit.recipe.text.parse import parse_recipe

# Small enough to stay in a processor's cache until it is written, large enough to keep several cores busy.
PIECE_BYTES = 4 << 20


class Work:
    """The files of a build and the units of work that fill them.

    It follows from the plan and the size of a file alone: every process that has the same recipe has the same
    files and the same units. Pickled, it is the recipe's text, and planned again where it is unpickled.

    Args:
        plan: The plan.
        max_shard_size: The most bytes of values in a file; None for one file.
        read_copied: As for `plan_files`; without, nothing may be built.

    Attributes:
        plan: The plan.
        max_shard_size: The most bytes of values in a file; None for one file.
        files: The files; units name them by their position here.

    Raises:
        ArgumentError: A header or a file would be too large for the format.
        BackendError: This machine keeps numbers big end first, which the format does not.

    Example:
        >>> from initkit.recipe import Recipe
        >>> text = "{initkit: 1, seed: 7, tensors: {'w.{0..3}': [8]}, rules: [{match: '*', init: he_normal}]}"
        >>> work = Work(Recipe.from_text(text).plan(), max_shard_size=64)
        >>> [file.name for file in work.files]
        ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors']
        >>> [(unit.file, unit.nbytes) for unit in work.units(32)]
        [(0, 32), (0, 32), (1, 32), (1, 32)]
        >>> out = np.empty(32, np.uint8)
        >>> work.draw(next(work.units(32)), out)
        >>> bool((out.view(np.float32) == Recipe.from_text(text)["w.0"][:]).all())
        True
    """

    def __init__(self, plan: Plan, max_shard_size: int | None = None, *, read_copied: bool = True) -> None:
        self.plan = plan
        self.max_shard_size = max_shard_size
        self.files: tuple[PlannedFile, ...] = plan_files(plan, max_shard_size, read_copied=read_copied)

    @property
    def nbytes(self) -> int:
        """The bytes of all values."""
        return self.values_bytes(range(len(self.files)))

    def values_bytes(self, numbers: Iterable[int]) -> int:
        """The bytes of the values in some files.

        Args:
            numbers: The numbers of the files.

        Returns:
            How many there are.
        """
        return sum(self.files[number].layout.size - self.files[number].origin for number in numbers)

    @property
    def is_folder(self) -> bool:
        """Whether the target is a folder of files, and not one file."""
        return self.max_shard_size is not None

    @property
    def fingerprint(self) -> str:
        """What tells this build from one of another recipe or other options; 64 hexadecimal digits."""
        digest = sha256()
        for file in self.files:
            digest.update(sha256(file.name.encode()).digest() + sha256(file.layout.prefix).digest())
        return digest.hexdigest()

    def path_of(self, file: int, target: str | os.PathLike[str]) -> Path:
        """The path of a file.

        Args:
            file: Its number.
            target: What the build was told to write: the file, or the folder of files.

        Returns:
            The path.
        """
        return Path(target) / self.files[file].name if self.is_folder else Path(target)

    @property
    def names(self) -> frozenset[str]:
        """The names of all files in a folder, the index included."""
        names = [file.name for file in self.files]
        return frozenset([*names, INDEX_NAME] if len(names) > 1 else names)

    def index(self) -> tuple[str, bytes] | None:
        """The name and the bytes of the index; None where a single file needs none."""
        return (INDEX_NAME, index_bytes(self.files)) if len(self.files) > 1 else None

    def units(self, unit_bytes: int, files: Sequence[int] | None = None) -> Iterator[Unit]:
        """The units of work, in the order of the files and of their bytes.

        Args:
            unit_bytes: The most bytes of a unit. Only a tensor that has to be drawn whole makes a larger one.
            files: The numbers of some files; None for all.

        Yields:
            The units. They leave no gap between the header and the end of a file.
        """
        for number in range(len(self.files)) if files is None else files:
            file = self.files[number]
            yield from cut_units(file.tensors, unit_bytes, file=number, origin=file.origin)

    def pieces(self, unit: Unit, piece_bytes: int = PIECE_BYTES) -> Iterator[Unit]:
        """A unit as smaller ones, so that it is drawn in little memory."""
        return split_unit(self.files[unit.file].tensors, unit, piece_bytes)

    def draw(self, unit: Unit, out: np.ndarray[Any, Any]) -> None:
        """Draw the bytes of a unit, to be written at `unit.start`.

        May be called from several threads at once.

        Args:
            unit: The unit.
            out: `unit.nbytes` elements of uint8, which begin where a float64 may.
        """
        draw_unit(self.files[unit.file].tensors, unit, out)

    def share(self, number: int, count: int) -> list[int]:
        """The files that one of several processes writes, of about as many bytes as those of the others.

        Args:
            number: Which process, from 1.
            count: How many processes there are.

        Returns:
            The numbers of its files, in ascending order; none where there are more processes than files.
        """
        loads = [0] * count
        mine = []
        # The largest first, each to whoever has least so far: so shares differ by one file at most.
        for file in sorted(range(len(self.files)), key=lambda file: -self.files[file].layout.size):
            owner = loads.index(min(loads))
            loads[owner] += self.files[file].layout.size
            if owner == number - 1:
                mine.append(file)
        return sorted(mine)

    def __reduce__(self) -> tuple[Callable[..., Work], tuple[str, str, int | None, tuple[str, ...]]]:
        """Pickle the text, which is short where the plan is long."""
        digests = tuple(stored.digest for stored in _copied(self.plan))
        # Paths in the text are relative to its folder, and another process may be at home in another one.
        file = str(Path(self.plan.recipe.file).absolute())
        return _work_of, (self.plan.text, file, self.max_shard_size, digests)


@lru_cache(maxsize=2)
def _work_of(text: str, file: str, max_shard_size: int | None, digests: tuple[str, ...]) -> Work:
    # Kept, so that a worker of a cluster plans once and not for every task.
    plan = make_plan(parse_recipe(text, file))
    for stored, digest in zip(_copied(plan), digests, strict=True):
        # One process has read all that is copied; the others need not.
        stored.digest = digest
    return Work(plan, max_shard_size)


def _copied(plan: Plan) -> list[StoredArray]:
    """What a plan copies, in its order."""
    return [tensor.copied for tensor in plan.tensors if tensor.copied is not None]


_SIZE_UNITS = {"": 1, "B": 1}
for _power, _letter in enumerate("KMGTP", 1):
    _SIZE_UNITS |= {f"{_letter}B": 1000**_power, _letter: 1000**_power, f"{_letter}IB": 1024**_power}


def parse_size(size: int | str) -> int:
    """A number of bytes, as an integer or as text.

    Args:
        size: A positive integer, or text such as `"5GB"` (powers of 1000) or `"512MiB"` (powers of 1024).

    Returns:
        The number of bytes.

    Raises:
        ArgumentTypeError: It is neither an integer nor text.
        ArgumentError: It is no size, or not positive.

    Example:
        >>> parse_size("5GB"), parse_size("1.5 MiB"), parse_size(100)
        (5000000000, 1572864, 100)
    """
    if isinstance(size, bool) or not isinstance(size, (int, str)):
        message = f"A size must be an integer or text. Received: {size!r:.80} of type {type(size).__name__}."
        message += " Allowed: bytes, or text such as '5GB' or '512MiB'. Write, for example, '5GB'."
        raise ArgumentTypeError(message)
    nbytes = size if isinstance(size, int) else _parsed_size(size)
    if nbytes is None or nbytes < 1:
        message = f"This is no size. Received: {size!r:.80}. Allowed: from 1 byte up, as a number with one of"
        message += " B, kB, MB, GB, TB, PB, KiB, MiB, GiB, TiB, PiB. Write, for example, '5GB'."
        raise ArgumentError(message)
    return nbytes


def _parsed_size(text: str) -> int | None:
    stripped = text.strip().upper()
    digits = stripped.rstrip("BIKMGTP ")
    factor = _SIZE_UNITS.get(stripped[len(digits) :].strip())
    whole, _, fraction = digits.partition(".")
    if factor is None or not (whole + fraction).isascii() or not (whole + fraction).isdecimal():
        return None
    return int(whole + fraction) * factor // int(f"1{'0' * len(fraction)}")
