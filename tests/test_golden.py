"""Golden digests: the values of stream 1 are today what they were when it was published."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import import_module
from typing import Any

import pytest

import initkit as ik
from initkit.draws import STREAM_VERSION
from tests.catalogue import ENTRIES
from tests.golden import digests
from tests.golden.__main__ import main

KEPT = digests.read()

# Draw 0 of seed 7, element by element.
PUBLISHED = {
    "uniform": [
        "0x1.c03bd3c777695p-1",
        "0x1.71782fc0aac4cp-1",
        "0x1.a2b3c541439b5p-1",
        "0x1.2be8a88d27b2dp-1",
    ],
    "normal": [
        "-0x1.76b7b20000000p-4",
        "-0x1.03e3360000000p-1",
        "-0x1.16bdce0000000p-1",
        "-0x1.4d4b8a0000000p-2",
    ],
    "truncated": [
        "0x1.12b2a80000000p+0",
        "0x1.1da2400000000p-1",
        "0x1.b5029c0000000p-1",
        "0x1.a736b80000000p-3",
    ],
}


@pytest.fixture(name="now", scope="module")
def _now() -> dict[str, str]:
    """What this installation gives."""
    return digests.computed()


@pytest.mark.parametrize("entry", [str(entry) for entry in ENTRIES if entry.exact])
def test_values_are_those_of_the_stream(entry: str, now: dict[str, str]) -> None:
    """Every value of every exact initializer, in every dtype, is the one that was published."""
    expected = {label: digest for label, digest in KEPT.items() if label.split(" | ")[0] == entry}
    assert expected
    assert {label: now[label] for label in expected} == expected


def test_every_entry_has_its_lines(now: dict[str, str]) -> None:
    """No entry of the catalogue is without digests, and no digest without an entry."""
    assert set(now) == set(KEPT)


def test_the_file_is_of_this_stream() -> None:
    """The file says which stream it holds; another stream gets another file."""
    assert f"# Stream {STREAM_VERSION}: " in digests.DIGESTS.read_text(encoding="utf-8")
    assert STREAM_VERSION == 1


def test_digests_tell_values_apart() -> None:
    """Other seeds, shapes and dtypes have other digests, where there is anything to tell."""
    drawn = {
        label: digest
        for label, digest in KEPT.items()
        if re.search(r"Random|Truncated", label) and not re.search(r"\(0, 3\)|\(\) \| float8", label)
    }
    assert len(set(drawn.values())) == len(drawn) > 50


def test_published_values() -> None:
    """A few values in full, for a reader who wants to check an implementation of their own."""
    drawn = {
        "uniform": ik.RandomUniform(0.0, 1.0, seed=7)((4,), "float64"),
        "normal": ik.RandomNormal(0.0, 1.0, seed=7)((4,)),
        "truncated": ik.TruncatedNormal(0.0, 1.0, seed=7)((4,)),
    }
    assert {law: [value.hex() for value in values.tolist()] for law, values in drawn.items()} == PUBLISHED


def test_a_changed_value_is_not_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Any, capsys: Any) -> None:
    """The command adds lines, refuses to change or drop any, and replaces them only when told to."""
    path = tmp_path / "digests.txt"
    monkeypatch.setattr(digests, "DIGESTS", path)
    values = {"a": "1", "b": "2"}
    for name in ("tests.golden.digests.computed", "tests.golden.__main__.computed"):
        monkeypatch.setattr(name, lambda: dict(values))
    assert main([]) is None
    assert digests.read() == values
    values["c"] = "3"
    assert main([]) is None
    assert digests.read() == values
    before = path.read_bytes()
    values["a"] = "4"
    del values["b"]
    assert "changed: a\ngone:    b\nNothing was written" in (main([]) or "")
    assert path.read_bytes() == before
    assert "Unknown arguments" in (main(["--force"]) or "")
    assert path.read_bytes() == before
    assert main(["--replace"]) is None
    assert digests.read() == values
    assert "2 lines" in capsys.readouterr().out


# Whatever NumPy has of its own for this processor, beyond what every processor of its kind has.
_DISPATCHED = " ".join(import_module("numpy._core._multiarray_umath").__cpu_dispatch__)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"INITKIT_SIMD": "baseline", "INITKIT_NUM_THREADS": "3"},
        {"INITKIT_SIMD": "numpy", "NPY_DISABLE_CPU_FEATURES": _DISPATCHED},
    ],
    ids=["as it is", "baseline", "twin without SIMD"],
)
def test_the_command_runs(environment: dict[str, str]) -> None:
    """As it is documented, on the file as it is, the command changes nothing, on whatever engine."""
    before = digests.DIGESTS.read_bytes()
    done = subprocess.run(
        [sys.executable, "-m", "tests.golden"],
        cwd=digests.DIGESTS.parents[2],
        env={**os.environ, **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "0 of them new, 0 replaced" in done.stdout
    assert digests.DIGESTS.read_bytes() == before
