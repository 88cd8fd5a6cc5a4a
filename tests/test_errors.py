"""The exception tree, and the words that errors have in common."""

from __future__ import annotations

import copy
import errno
import inspect
import pickle
import re

import pytest

from initkit import errors
from initkit.errors import (
    ConfigError,
    InitkitError,
    RecipeError,
    UnknownNameError,
    did_you_mean,
    nearest_names,
)

CLASSES = [cls for cls in vars(errors).values() if inspect.isclass(cls) and issubclass(cls, InitkitError)]
MADE = [
    UnknownNameError("no such name", "he_norml", ("he_normal",)),
    ConfigError("bad", file="a.yaml", line=3),
    ConfigError("bad", line=3),
    RecipeError("bad", file="a.yaml"),
    errors.ShapeError("bad"),
]


def test_tree_in_docstring_is_the_tree() -> None:
    """The picture in the module's docstring has every class under its real parent, with its built-in one."""
    drawn: dict[str, tuple[str, str]] = {}
    parents: list[str] = []
    for line in (errors.__doc__ or "").split("```")[1].splitlines():
        if match := re.match(r"([│ ]*)(?:[├└]── )?(\w+)(?: \((\w+)\))?", line):
            depth = len(match[1]) // 4 + ("──" in line)
            parents[depth:] = [match[2]]
            drawn[match[2]] = (parents[depth - 1] if depth else "Exception", match[3] or "")
    assert drawn == {
        cls.__name__: (
            cls.__bases__[0].__name__,
            cls.__bases__[1].__name__ if len(cls.__bases__) > 1 else "",
        )
        for cls in CLASSES
    }


@pytest.mark.parametrize(
    ("name", "builtin"),
    [
        ("ShapeError", ValueError),
        ("SeedError", ValueError),
        ("RecipeError", ValueError),
        ("UnknownNameError", ValueError),
        ("DTypeError", TypeError),
        ("RegionIndexError", IndexError),
        ("BackendError", RuntimeError),
        ("FileFormatError", ValueError),
    ],
)
def test_built_in_type_catches(name: str, builtin: type[Exception]) -> None:
    """Code that catches Python's own exception types goes on working."""
    assert issubclass(getattr(errors, name), (builtin,))
    assert issubclass(getattr(errors, name), InitkitError)


@pytest.mark.parametrize("error", MADE, ids=lambda error: f"{type(error).__name__}: {error}")
@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))]
)
def test_copies_keep_every_part(error: InitkitError, copied: object) -> None:
    """Copies and pickles, as between processes, keep the type, the message and the parts."""
    again = copied(error)  # type: ignore[operator]  # one of the three functions above
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ({"file": "a.yaml", "line": 3}, "a.yaml:3: bad"),
        ({"line": 3}, "<string>:3: bad"),
        ({"file": "a.yaml"}, "a.yaml: bad"),
        ({}, "bad"),
    ],
)
def test_config_error_begins_with_its_place(place: dict[str, str | int], message: str) -> None:
    """File and line stand in front, where editors look for them, and are attributes too."""
    error = ConfigError("bad", **place)  # type: ignore[arg-type]  # the table's values are of the right types
    assert str(error) == message
    assert (error.reason, error.file, error.line) == ("bad", place.get("file"), place.get("line"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("HeNorml", ("HeNormal",)),
        ("he_norml", ("he_normal",)),
        ("HE_NORMAL", ("HeNormal",)),
        ("henormal", ("he_normal",)),
        ("glorot-uniform", ("glorot_uniform",)),
        ("zzzz", ()),
        ("", ()),
    ],
)
def test_nearest_names_keeps_the_style(name: str, expected: tuple[str, ...]) -> None:
    """Near names are found whatever their case, in the spelling that the asker uses."""
    known = ["HeNormal", "he_normal", "GlorotUniform", "glorot_uniform", "Zeros", "zeros"]
    assert nearest_names(name, known)[:1] == expected


def test_nearest_names_limits() -> None:
    """No more names than asked for come back, the best first."""
    assert nearest_names("ab1", ["ab1", "ab2", "ab3", "ab4"], limit=2)[0] == "ab1"
    assert len(nearest_names("ab1", ["ab1", "ab2", "ab3", "ab4"], limit=2)) == 2


def test_did_you_mean() -> None:
    """The sentence names every suggestion, and is nothing without any."""
    assert did_you_mean(()) == ""
    assert did_you_mean(["a", "b"]) == " Did you mean 'a' or 'b'?"


@pytest.mark.parametrize(
    ("number", "built_in"),
    [
        (errno.ENOENT, FileNotFoundError),
        (errno.EEXIST, FileExistsError),
        (errno.EACCES, PermissionError),
        (errno.EPERM, PermissionError),
        (errno.EISDIR, IsADirectoryError),
        (errno.ENOSPC, OSError),
    ],
)
def test_file_access_errors_are_both(number: int, built_in: type[OSError]) -> None:
    """An error about a file is initkit's own and the built-in one that Python would raise, with its parts."""
    error = errors.file_access_error(number, "cannot be used", "folder/x")
    assert isinstance(error, errors.FileAccessError)
    assert isinstance(error, built_in)
    assert (error.errno, error.strerror, error.filename) == (number, "cannot be used", "folder/x")
    assert type(pickle.loads(pickle.dumps(error))) is type(error)
