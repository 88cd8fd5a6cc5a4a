"""Files at URLs, by way of fsspec: object stores know no positions, so files are written whole, in order."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from initkit.errors import ArgumentError, BackendError
from initkit.io import Layout


def is_url(target: str | os.PathLike[str]) -> bool:
    """Whether a target is a URL, such as `s3://bucket/model`, and not a path.

    Example:
        >>> is_url("s3://bucket/model"), is_url("model"), is_url(Path("model"))
        (True, False, False)
    """
    return isinstance(target, str) and "://" in target


def path_or_url(text: str) -> str | Path:
    """A target as a person has written it: a URL as it is, anything else as a path.

    Example:
        >>> path_or_url("s3://bucket/model"), path_or_url("model").name
        ('s3://bucket/model', 'model')
    """
    return text if is_url(text) else Path(text)


def local_path(url: str) -> Path | None:
    """The path that a URL of a local or mounted file stands for; None for any other.

    Example:
        >>> local_path("file:///data/model"), local_path("s3://bucket/model")
        (PosixPath('/data/model'), None)
    """
    protocol, _, rest = url.partition("://")
    return Path(_fsspec().core.url_to_fs(url)[1]) if protocol in ("file", "local") and rest else None


def open_url(url: str, options: dict[str, Any]) -> tuple[Any, str]:
    """The file system that a URL is on, and the path there.

    Args:
        url: A URL.
        options: What fsspec is told beside it, such as credentials or an endpoint.

    Returns:
        The `fsspec.AbstractFileSystem`, and the path without a slash at its end.

    Raises:
        BackendError: fsspec, or what it needs for this kind of URL, is not installed.
        ArgumentError: fsspec knows no such URL.
    """
    try:
        system, path = _fsspec().core.url_to_fs(url, **options)
    except ImportError as error:
        message = f"fsspec cannot write there: {error}. Received: {url!r:.200}. Allowed: URLs whose file"
        message += " system is installed. Install it where the client runs and on all workers."
        raise BackendError(message) from error
    except ValueError as error:
        message = f"fsspec cannot write there: {error}. Received: {url!r:.200}. Allowed: URLs that fsspec"
        message += " knows. Write, for example, s3://bucket/folder."
        raise ArgumentError(message) from error
    return system, str(path).rstrip("/")


def write_object(system: Any, path: str, parts: Iterable[Any]) -> None:
    """Write a file that appears under its name when it is complete, if the store can do that.

    Args:
        system: An `fsspec.AbstractFileSystem`.
        path: The path.
        parts: Buffers of bytes, in order; each is used before the next one is asked for.

    Raises:
        OSError: The file system refuses.
    """
    # Without `autocommit`, closing hands the last bytes over, and committing gives the file its name.
    file = system.open(path, "wb", autocommit=False)
    try:
        for part in parts:
            file.write(part)
        file.close()
    except BaseException:
        with suppress(Exception):
            file.discard()
        raise
    if hasattr(file, "commit"):
        file.commit()


def is_whole(system: Any, path: str, layout: Layout) -> bool:
    """Whether a file of this header and size is there.

    Args:
        system: An `fsspec.AbstractFileSystem`.
        path: The path.
        layout: What stands where in the file.

    Returns:
        False also where there is no file.
    """
    try:
        if system.size(path) != layout.size:
            return False
        found: bytes = system.cat_file(path, start=0, end=len(layout.prefix))
    except FileNotFoundError:
        return False
    return found == layout.prefix


@cache
def _fsspec() -> Any:
    """fsspec, or an error that says what to install."""
    if find_spec("fsspec") is None:
        message = "URLs are written by fsspec, which is not installed. Received: a URL as the target."
        message += " Allowed: paths, without it. Install it with `pip install 'dask[array,distributed]'`."
        raise BackendError(message)
    import fsspec

    return fsspec
