"""What `show_config` tells of this installation."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

import initkit as ik
from initkit.kernels import loader


def test_facts_for_programs() -> None:
    """The dict has every key, with the facts that other sources tell as well."""
    facts = ik.show_config("dict")
    running = loader.engine()
    assert list(facts) == [
        "initkit",
        "stream",
        "python",
        "platform",
        "numpy",
        "kernels",
        "threads",
        "backends",
    ]
    assert facts["initkit"] == ik.__version__
    assert facts["stream"] == 1
    assert facts["python"].endswith(platform.python_version())
    assert facts["platform"].startswith(sys.platform)
    assert facts["numpy"] == np.__version__ == version("numpy")
    assert facts["threads"] == loader.thread_count()
    assert facts["kernels"] == {
        "instruction_set": running.instruction_set,
        "library": str(running.library or "none"),
        "reason": running.reason,
    }


def test_library_in_use_is_a_file_with_a_reason() -> None:
    """The library that is named exists, and one sentence says why this instruction set runs."""
    kernels = ik.show_config("dict")["kernels"]
    assert kernels["library"] == "none" or Path(kernels["library"]).is_file()
    assert kernels["reason"].endswith(".")


def test_source_tree_without_kernels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In the folder of a clone Python finds the sources first; the reason says so, and what to do."""
    monkeypatch.delenv(loader.SIMD_VARIABLE, raising=False)
    monkeypatch.setattr(loader, "__file__", str(tmp_path / "initkit" / "kernels" / "loader.py"))
    without = loader.engine.__wrapped__().reason
    assert without.startswith("There are no compiled kernels at")
    assert without.endswith("Reinstall initkit where a C compiler works.")
    (tmp_path / "pyproject.toml").touch()
    reason = loader.engine.__wrapped__().reason
    assert reason.startswith(f"initkit was imported from a source tree, {tmp_path}, in which no kernels were")
    assert "any other folder uses an installed initkit; `pip install -e .` builds" in reason
    assert "Reinstall" not in reason


def test_every_backend_is_listed() -> None:
    """NumPy is available with its version; CuPy is too, or the message says what is missing."""
    backends = ik.show_config("dict")["backends"]
    assert set(backends) == {"numpy", "cupy"}
    assert backends["numpy"] == f"available, numpy {version('numpy')}"
    assert backends["cupy"].startswith("available") or "Received: backend='cupy'" in backends["cupy"]


def test_printed_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """Without an argument the facts are printed, one a line, groups indented; nothing is returned."""
    shown = ik.show_config()
    assert shown is None
    lines = capsys.readouterr().out.splitlines()
    facts = ik.show_config("dict")
    assert f"initkit:           {ik.__version__}" in lines
    assert f"threads:           {facts['threads']}" in lines
    assert "kernels:" in lines
    assert f"  instruction_set: {facts['kernels']['instruction_set']}" in lines
    assert f"  numpy:           {facts['backends']['numpy']}" in lines


def test_forced_engine_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """With INITKIT_SIMD=numpy the twin is in use, because the variable asks for it."""
    monkeypatch.setenv("INITKIT_SIMD", "numpy")
    loader.engine.cache_clear()
    try:
        kernels = ik.show_config("dict")["kernels"]
    finally:
        loader.engine.cache_clear()
    assert kernels == {"instruction_set": "numpy", "library": "none", "reason": "INITKIT_SIMD asks for it."}


@pytest.mark.parametrize("mode", ["json", "", None, 1])
def test_unknown_mode(mode: object) -> None:
    """Another mode is refused, with what was given and what there is."""
    with pytest.raises(
        ik.ArgumentError, match=r"Received: .*Allowed: 'stdout', 'dict'\. Leave it out"
    ) as caught:
        ik.show_config(mode)  # type: ignore[call-overload]  # the mistake under test
    assert repr(mode) in str(caught.value)


def test_import_stays_light() -> None:
    """`import initkit` imports neither the reader of metadata nor the thread pool, which are slow."""
    code = "import sys, initkit; print(*sys.modules)"
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", env=variables, check=True
    )
    imported = set(done.stdout.split())
    assert "initkit.diagnostics" in imported
    assert not imported & {"importlib.metadata", "concurrent.futures.thread"}
