"""From a plan to a safetensors file, streamed in bounded memory."""

from __future__ import annotations

import errno
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from initkit.documents import write_json
from initkit.draws import STREAM_VERSION
from initkit.errors import BackendError, file_access_error
from initkit.io import FileWriter, Layout, TensorEntry, plan_layout
from initkit.recipe.drawing import PIECE_BYTES, Piece, ProgressCallback, draw_pieces
from initkit.recipe.plan import Plan

# The keys of what a file says about itself.
RECIPE_KEY = "initkit.recipe"
STREAM_KEY = "initkit.stream"
TIES_KEY = "initkit.ties"


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build wrote.

    Attributes:
        path: The file.
        plan: What is in it.
        nbytes: The size of the file.
        seconds: How long drawing and writing took.
    """

    path: Path
    plan: Plan
    nbytes: int
    seconds: float


def plan_file(plan: Plan) -> Layout:
    """Decide what stands where in the file of a plan.

    The metadata hold the recipe's text, the stream's version, and the ties; and no time, version or name of a
    machine, so that a recipe gives the same file everywhere.

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
    if sys.byteorder != "little":
        message = (
            "safetensors files hold numbers little end first, and initkit writes them as they lie in memory."
        )
        message += f" Received: a {sys.byteorder}-endian machine. Build the file on x86 or ARM."
        raise BackendError(message)
    # Readers in PyTorch's world refuse files whose format they do not know.
    metadata = {"format": "pt", RECIPE_KEY: plan.recipe.text, STREAM_KEY: str(STREAM_VERSION)}
    if plan.ties:
        metadata[TIES_KEY] = write_json({tie.name: tie.target for tie in plan.ties})
    entries = (TensorEntry(tensor.name, tensor.dtype.name, tensor.shape) for tensor in plan.tensors)
    return plan_layout(entries, metadata)


def build(
    plan: Plan,
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    progress: ProgressCallback | None = None,
    piece_bytes: int = PIECE_BYTES,
) -> BuildReport:
    """Draw all tensors of a plan into a safetensors file.

    Values are drawn and written in pieces, at the same time. The file appears under its name when it is
    whole; on any exception, Ctrl-C included, nothing of it is left.

    Args:
        plan: The plan.
        path: The file.
        overwrite: Whether a file of that name may be replaced.
        progress: Called with the bytes drawn, and those of all tensors, after every piece.
        piece_bytes: The size of a piece. It changes no value.

    Returns:
        What was written.

    Raises:
        FileTakenError: The file exists, and `overwrite` is false.
        FileAccessError: The file cannot be written.
        ArgumentError: The file would be too large for the format.
    """
    if not overwrite and os.path.lexists(path):
        message = "the file exists; choose another name, or allow it to be overwritten"
        raise file_access_error(errno.EEXIST, message, os.fspath(path))
    started = perf_counter()
    layout = plan_file(plan)
    planned = {tensor.name: tensor for tensor in plan.tensors}
    with FileWriter(path, layout) as writer:

        def write(piece: Piece) -> None:
            writer.write(piece.tensor.name, piece.start * piece.values.itemsize, piece.values)

        in_file_order = [planned[name] for name in layout.tensors]
        draw_pieces(in_file_order, write, progress=progress, piece_bytes=piece_bytes)
    return BuildReport(Path(path), plan, layout.size, perf_counter() - started)
