"""Builds, wherever they are done: here, as one of several processes, or on a cluster."""

from __future__ import annotations

from os import PathLike
from typing import Any

from initkit.errors import ArgumentError, ArgumentTypeError
from initkit.recipe.building.build import BuildReport
from initkit.recipe.building.build import build as build_here
from initkit.recipe.building.drawing import ProgressCallback, check_progress
from initkit.recipe.cluster.build_on_cluster import build_on_cluster
from initkit.recipe.cluster.remote import is_url
from initkit.recipe.planning.plan import Plan
from initkit.recipe.recipe import Recipe


def build(
    recipe: Recipe | Plan | str | PathLike[str],
    path: str | PathLike[str],
    *,
    overwrite: bool = False,
    max_shard_size: int | str | None = None,
    shard: tuple[int, int] | None = None,
    restart: bool = False,
    sync: bool = False,
    client: Any = None,
    storage_options: dict[str, Any] | None = None,
    progress: ProgressCallback | None = None,
    comparing: ProgressCallback | None = None,
) -> BuildReport:
    """Draw all tensors of a recipe into safetensors files.

    An interrupted build is gone on with by the same call. The same recipe gives the same bytes, however it is
    divided among processes and machines.

    Args:
        recipe: A recipe, its plan, or the path of its file.
        path: The file; with `max_shard_size` the folder of files, which is made if its parent exists. With
            `client` also a URL that fsspec knows, as `"s3://bucket/llama"`.
        overwrite: Whether files of these names may be replaced; and, of a folder, other files that would be
            taken for the model (`model.safetensors`, `model-*-of-*.safetensors` and their index) removed,
            when the build is complete.
        max_shard_size: The most bytes of values in a file, as an integer or as text such as `"5GB"`; files
            and index are named as Hugging Face's libraries name them. None for one file.
        shard: `(k, n)`: write the share of the `k`-th of `n` processes, from 1, alone.
        restart: Whether to discard what an interrupted build has left, of this recipe or of another.
        sync: Whether to wait until the files are safe from a power failure; on a cluster they always are.
        client: A `distributed.Client`, or the address of a scheduler, to spread the work over a Dask cluster.
        storage_options: What fsspec is told beside a URL.
        progress: Called with the bytes drawn, and those of all tensors.
        comparing: Called in place of it where the whole build is there, and is compared; None for `progress`.

    Returns:
        What was written, and how long it took.

    Raises:
        RecipeError: Something in the recipe has no meaning.
        FileTakenError: A file exists, and `overwrite` is false; or an unfinished build of another recipe is
            there, and `restart` is false.
        FileAccessError: A file cannot be written; the message says what has been kept.
        ArgumentError: Options that do not go together, or without a meaning.
        ArgumentTypeError: `progress` is no function.
        BackendError: The cluster cannot be used.

    Example:
        >>> import tempfile
        >>> import initkit as ik
        >>> recipe = ik.Recipe.preset("siren@1", seed=7)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     report = ik.recipe.build(recipe, f"{folder}/siren", max_shard_size="700kB")
        >>> [file.name for file in report.files]
        ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors']
    """
    check_progress(progress, comparing)
    plan = _plan(recipe)
    if client is not None:
        if shard is not None:
            message = "A cluster divides the work itself. Received: client and shard. Allowed: one of the"
            message += " two. Leave out the share (--shard)."
            raise ArgumentError(message)
        return build_on_cluster(
            plan,
            path,
            client,
            overwrite=overwrite,
            max_shard_size=max_shard_size,
            restart=restart,
            progress=progress,
            storage_options=storage_options,
        )
    if is_url(path) or storage_options:
        message = f"Only a cluster writes to a URL. Received: {path}. Allowed: a path, or a URL with a"
        message += " client. Say client=distributed.Client() (--dask ADDRESS), which may be one of this"
        message += " machine alone."
        raise ArgumentError(message)
    return build_here(
        plan,
        path,
        overwrite=overwrite,
        max_shard_size=max_shard_size,
        shard=shard,
        restart=restart,
        sync=sync,
        progress=progress,
        comparing=comparing,
    )


def _plan(recipe: Recipe | Plan | str | PathLike[str]) -> Plan:
    if isinstance(recipe, Plan):
        return recipe
    if isinstance(recipe, (str, PathLike)):
        recipe = Recipe.load(recipe)
    if not isinstance(recipe, Recipe):
        message = f"This is no recipe. Received: {recipe!r:.100} of type {type(recipe).__name__}. Allowed: a"
        message += " Recipe, a Plan, or a path. Read it with Recipe.load or Recipe.from_text."
        raise ArgumentTypeError(message)
    return recipe.plan()
