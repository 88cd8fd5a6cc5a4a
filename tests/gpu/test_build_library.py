"""The C library, built by a compiler alone."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

import pytest

from initkit.kernels.loader import _source_digest
from tests.gpu.build_library import FLAGS, INSTRUCTION_SETS, KERNELS, by_compiler, compiler, main


@pytest.mark.skipif(os.name != "posix" or not compiler(), reason="needs a C compiler of the Unix kind")
def test_a_compiler_is_enough(tmp_path: Path) -> None:
    """Without CMake the library is what the loader asks for: of these sources, with the baseline at least."""
    path = by_compiler(compiler().split(), tmp_path)
    assert path is not None
    library = ctypes.CDLL(str(path))
    library.ik_source_digest.restype = ctypes.c_char_p
    assert library.ik_source_digest().decode() == _source_digest(KERNELS)
    assert library.ik_use(b"baseline")


def test_flags_are_those_of_cmake() -> None:
    """What bears on values, and every instruction set, is named in CMakeLists.txt as well."""
    listed = (KERNELS / "CMakeLists.txt").read_text(encoding="utf-8")
    shared = [
        flag for flag in FLAGS if flag.startswith("-f") and flag not in ("-fPIC", "-fvisibility=hidden")
    ]
    assert "-ffp-contract=off" in shared
    for flag in (*shared, *(flag for flags in INSTRUCTION_SETS.values() for flag in flags)):
        assert flag in listed
    assert all(name in listed for name in INSTRUCTION_SETS)


def test_without_a_compiler_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nothing can be compiled, the proof goes on with the twin."""
    monkeypatch.setattr("tests.gpu.build_library.compiler", lambda: "")
    main()
    assert "NumPy twin" in capsys.readouterr().out
