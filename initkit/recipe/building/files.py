"""Which files a build makes, what stands where in each, and the index that lists them."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from initkit.documents import PlainData, write_json
from initkit.draws import STREAM_VERSION
from initkit.errors import BackendError
from initkit.io import Layout, TensorEntry, plan_layout
from initkit.recipe.planning.plan import Plan
from initkit.recipe.planning.planned import PlannedTensor

# The keys of what a file says about itself.
RECIPE_KEY = "initkit.recipe"
RECIPE_FILE_KEY = "initkit.recipe_file"
RECIPE_DIGEST_KEY = "initkit.recipe_sha256"
STREAM_KEY = "initkit.stream"
TIES_KEY = "initkit.ties"
COPIES_KEY = "initkit.copies"

INDEX_NAME = "model.safetensors.index.json"
SINGLE_NAME = "model.safetensors"

# What loaders in Hugging Face's world look for in a folder, whichever build it is of.
_MODEL_NAME = re.compile(r"model(-\d{5,}-of-\d{5,})?\.safetensors|model\.safetensors\.index\.json")

# As long as any SHA-256.
_NO_DIGEST = "0" * 64

# A longer recipe, which lists its tensors one by one, stands in the first file of several alone.
MOST_REPEATED_TEXT = 1 << 20


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """One file of a build.

    Attributes:
        name: Its name in a folder of several.
        layout: What stands where in it.
        tensors: Its tensors, in the order of their bytes.
    """

    name: str
    layout: Layout
    tensors: tuple[PlannedTensor, ...]

    @property
    def origin(self) -> int:
        """The position of the first tensor's first byte."""
        return len(self.layout.prefix)


def is_model_name(name: str) -> bool:
    """Whether a file of that name is taken for a model, or a part of one, by those who load a folder.

    Example:
        >>> [is_model_name(name) for name in ("model.safetensors", "model-00001-of-00002.safetensors", "x")]
        [True, True, False]
    """
    return _MODEL_NAME.fullmatch(name) is not None


def other_files(folder: Path, names: Collection[str]) -> list[Path]:
    """The files in a folder that are taken for a model, and are not of a build.

    They would be loaded in the place of the build's: loaders prefer `model.safetensors` to an index.

    Args:
        folder: The folder.
        names: The names of the build's own files.

    Returns:
        Their paths, in the order of the names; none where there is no such folder.
    """
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if is_model_name(path.name) and path.name not in names and not path.is_dir()
    )


def plan_file(plan: Plan) -> Layout:
    """Decide what stands where in the file of a plan.

    The metadata hold the recipe's text, the stream's version, the ties, and the SHA-256 of what is copied;
    and no time, version or name of a machine, so that a recipe gives the same file everywhere.

    Args:
        plan: The plan.

    Returns:
        The layout.

    Raises:
        ArgumentError: The header or the file would be too large for the format.
        BackendError: This machine keeps numbers big end first, which the format does not.

    Example:
        >>> from initkit.recipe import Recipe
        >>> text = "{initkit: 1, seed: 7, tensors: {w: [2]}, rules: [{match: w, init: ones}]}"
        >>> sorted(plan_file(Recipe.from_text(text).plan()).metadata)
        ['format', 'initkit.recipe', 'initkit.stream']
    """
    return _planned_file(plan, SINGLE_NAME, plan.tensors, {RECIPE_KEY: plan.text}).layout


def plan_files(
    plan: Plan, max_shard_size: int | None = None, *, read_copied: bool = True
) -> tuple[PlannedFile, ...]:
    """Divide the tensors of a plan among files.

    Tensors go into a file in the order of the plan until the next one would make it too large; one that is
    too large by itself has a file of its own. Files are named as Hugging Face's libraries name them:
    `model-00001-of-00003.safetensors`, and `model.safetensors` where one is enough.

    Every file says the whole recipe. Where that is longer than a megabyte, only the first of several does,
    and the others name that file and the SHA-256 of the text in it.

    Args:
        plan: The plan.
        max_shard_size: The most bytes of values in a file; None for one file.
        read_copied: Whether to read what is copied for its SHA-256; else zeros stand for it, and only the
            sizes and names are those of the build.

    Returns:
        The files. The same plan and size give the same ones.

    Raises:
        ArgumentError: A header or a file would be too large for the format.
        BackendError: This machine keeps numbers big end first, which the format does not.
    """
    groups = [plan.tensors] if max_shard_size is None else _groups(plan.tensors, max_shard_size)
    names = [SINGLE_NAME]
    if len(groups) > 1:
        names = [
            f"model-{number:05d}-of-{len(groups):05d}.safetensors" for number in range(1, len(groups) + 1)
        ]
    text = plan.text
    size = len(text.encode())
    files = []
    for name, tensors in zip(names, groups, strict=True):
        says = {RECIPE_KEY: text}
        if size > MOST_REPEATED_TEXT and name != names[0]:
            says = {RECIPE_FILE_KEY: names[0], RECIPE_DIGEST_KEY: sha256(text.encode()).hexdigest()}
        files.append(_planned_file(plan, name, tensors, says, read_copied))
    return tuple(files)


def _groups(tensors: Iterable[PlannedTensor], most: int) -> list[tuple[PlannedTensor, ...]]:
    """The tensors of every file, as Hugging Face's libraries divide them."""
    groups: list[list[PlannedTensor]] = [[]]
    nbytes = 0
    for tensor in tensors:
        if groups[-1] and nbytes + tensor.nbytes > most:
            groups.append([])
            nbytes = 0
        groups[-1].append(tensor)
        nbytes += tensor.nbytes
    return [tuple(group) for group in groups]


def _planned_file(
    plan: Plan, name: str, tensors: Sequence[PlannedTensor], says: dict[str, str], read_copied: bool = True
) -> PlannedFile:
    if sys.byteorder != "little":
        message = (
            "safetensors files hold numbers little end first, and initkit writes them as they lie in memory."
        )
        message += f" Received: a {sys.byteorder}-endian machine. Build the file on x86 or ARM."
        raise BackendError(message)
    # Readers in PyTorch's world refuse files whose format they do not know.
    metadata = {"format": "pt", **says, STREAM_KEY: str(STREAM_VERSION)}
    by_name = {tensor.name: tensor for tensor in tensors}
    ties: dict[str, PlainData] = {tie.name: tie.target for tie in plan.ties if tie.target in by_name}
    if ties:
        metadata[TIES_KEY] = write_json(ties)
    copies: dict[str, PlainData] = {
        tensor.name: tensor.copied.digest if read_copied else _NO_DIGEST
        for tensor in tensors
        if tensor.copied is not None
    }
    if copies:
        metadata[COPIES_KEY] = write_json(copies)
    entries = (TensorEntry(tensor.name, tensor.dtype.name, tensor.shape) for tensor in tensors)
    layout = plan_layout(entries, metadata)
    return PlannedFile(name, layout, tuple(by_name[stored] for stored in layout.tensors))


def index_bytes(files: Sequence[PlannedFile]) -> bytes:
    """The index of several files, as Hugging Face's libraries write it.

    Args:
        files: The files.

    Returns:
        JSON: `metadata.total_size`, the bytes of all tensors, and `weight_map`, from tensor to file.
    """
    total = sum(tensor.nbytes for file in files for tensor in file.tensors)
    weight_map = {tensor.name: file.name for file in files for tensor in file.tensors}
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    return (json.dumps(index, indent=2, sort_keys=True) + "\n").encode()
