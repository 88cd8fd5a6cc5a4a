"""Every exception that initkit raises on purpose.

```
InitkitError
├── ArgumentError (ValueError)            a value that is not allowed
│   ├── ShapeError                        a shape, or one that does not fit the initializer
│   ├── SeedError                         a seed, a name in a seed's path
│   ├── UnknownNameError                  no initializer or option has that name
│   └── ConfigError                       a config, YAML or JSON text that cannot be read
│       └── RecipeError                   the same in a recipe
│           └── TensorNameError (KeyError) a tensor that a recipe does not have
├── ArgumentTypeError (TypeError)         a value of the wrong type
│   └── DTypeError                        an unknown dtype, or one this initializer cannot make
├── RegionIndexError (IndexError)         an index outside a tensor, or of a kind not supported
├── BackendError (RuntimeError)           an array library or device that cannot be used here
├── FileAccessError (OSError)             a file or folder that cannot be read or written
│   ├── FileMissingError (FileNotFoundError)
│   ├── FileTakenError (FileExistsError)
│   ├── FileForbiddenError (PermissionError)
│   └── FileIsFolderError (IsADirectoryError)
└── FileFormatError (ValueError)          a file that is not what its name says
```

Each class also derives from the built-in exception in brackets, so `except ValueError` keeps working.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from difflib import get_close_matches


class InitkitError(Exception):
    """The common ancestor of every exception that initkit raises on purpose."""


class ArgumentError(InitkitError, ValueError):
    """A value is not allowed: a negative scale, an unknown mode, bounds in the wrong order."""


class ShapeError(ArgumentError):
    """A shape is malformed or does not fit the initializer."""


class SeedError(ArgumentError):
    """A seed is negative, or a name in a seed's path is empty."""


class UnknownNameError(ArgumentError):
    """No initializer is known under a name; `suggestions` holds the nearest known ones."""

    def __init__(self, message: str, name: str, suggestions: tuple[str, ...] = ()) -> None:
        """Keep the parts beside the message, so that programs can read them."""
        super().__init__(message)
        self.name = name
        self.suggestions = suggestions

    def __reduce__(self) -> tuple[type[UnknownNameError], tuple[str, str, tuple[str, ...]]]:
        """Pickle with every part (`Exception` alone would keep only the message)."""
        return type(self), (str(self), self.name, self.suggestions)


class ConfigError(ArgumentError):
    """A config, YAML or JSON text cannot be read; `file` and `line` say where, when known."""

    def __init__(self, message: str, *, file: str | None = None, line: int | None = None) -> None:
        """Put the place in front of the message, as compilers do."""
        place = file or ""
        if line is not None:
            place = f"{place or '<string>'}:{line}"
        super().__init__(f"{place}: {message}" if place else message)
        self.reason = message
        self.file = file
        self.line = line

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        """Pickle with every part (`Exception` alone would keep only the message)."""
        return _rebuild_config_error, (type(self), self.reason, self.file, self.line)


class RecipeError(ConfigError):
    """A recipe says something that cannot be done; `file` and `line` say where."""


class TensorNameError(RecipeError, KeyError):
    """A recipe has no tensor of that name."""

    def __str__(self) -> str:
        """The message as it is: KeyError alone would show it in quotes."""
        return ValueError.__str__(self)


class ArgumentTypeError(InitkitError, TypeError):
    """A value has the wrong type."""


class DTypeError(ArgumentTypeError):
    """A dtype is unknown, or the initializer cannot make it."""


class RegionIndexError(InitkitError, IndexError):
    """An index lies outside a tensor, or is of a kind that slices alone cannot serve."""


class BackendError(InitkitError, RuntimeError):
    """An array library or a device cannot be used here."""


class FileAccessError(InitkitError, OSError):
    """A file or folder cannot be read or written; made by `file_access_error`, which picks the subclass."""


class FileMissingError(FileAccessError, FileNotFoundError):
    """There is no such file or folder."""


class FileTakenError(FileAccessError, FileExistsError):
    """The file exists already, and may not be overwritten."""


class FileForbiddenError(FileAccessError, PermissionError):
    """The system does not permit it."""


class FileIsFolderError(FileAccessError, IsADirectoryError):
    """A folder stands where a file was meant."""


_BY_ERRNO: dict[int | None, type[FileAccessError]] = {
    errno.ENOENT: FileMissingError,
    errno.EEXIST: FileTakenError,
    errno.EACCES: FileForbiddenError,
    errno.EPERM: FileForbiddenError,
    errno.EISDIR: FileIsFolderError,
}


def file_access_error(number: int | None, message: str, path: str) -> FileAccessError:
    """The exception that fits an error number, as Python's own `OSError` would pick it.

    Args:
        number: One of the module `errno`.
        message: What was wrong, and what to do.
        path: The file or folder.

    Returns:
        An instance of `FileAccessError` or of the subclass that also is the built-in exception.

    Example:
        >>> isinstance(file_access_error(errno.ENOENT, "there is no such folder", "x"), FileNotFoundError)
        True
    """
    return _BY_ERRNO.get(number, FileAccessError)(number, message, path)


class FileFormatError(InitkitError, ValueError):
    """A file is not what its name says, or is damaged."""


def _rebuild_config_error(
    cls: type[ConfigError], reason: str, file: str | None, line: int | None
) -> ConfigError:
    return cls(reason, file=file, line=line)


def nearest_names(name: str, known: Iterable[str], limit: int = 3) -> tuple[str, ...]:
    """The known names that look most like `name`, best first, ignoring case.

    Args:
        name: What was asked for.
        known: The names that exist. Of two that differ in case and underscores only, the one written in
            the style of `name` is taken.
        limit: How many to return at most.

    Returns:
        At most `limit` of `known`; empty when nothing is similar.

    Example:
        >>> nearest_names("glorot_unifrm", ["GlorotUniform", "he_normal", "glorot_uniform"])
        ('glorot_uniform',)
    """
    by_folded: dict[str, str] = {}
    for candidate in sorted(
        known, key=lambda known_name: (known_name.islower() != name.islower(), known_name)
    ):
        by_folded.setdefault(_folded(candidate), candidate)
    return tuple(by_folded[match] for match in get_close_matches(_folded(name), by_folded, limit, 0.6))


def _folded(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def did_you_mean(suggestions: Iterable[str]) -> str:
    """The sentence that ends an error about an unknown name; empty without suggestions.

    Args:
        suggestions: Names, best first.

    Returns:
        A sentence that starts with a space, or an empty string.

    Example:
        >>> did_you_mean(["he_normal"])
        " Did you mean 'he_normal'?"
    """
    quoted = [repr(name) for name in suggestions]
    return f" Did you mean {' or '.join(quoted)}?" if quoted else ""
