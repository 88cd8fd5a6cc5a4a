"""Keras' own tests of its initializers, taken from the installed wheel, pass with initkit's classes."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

import initkit

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("keras") is None, reason="Keras is not installed"),
]

ALL_TESTS = "keras.src.initializers"


class Outcome(NamedTuple):
    """How many tests passed, were skipped and failed, which ones failed, and what was printed."""

    passed: int
    skipped: int
    failed: list[str]
    output: str


def run_keras_tests(tests: str, backend: str, folder: Path, *plugins: str) -> Outcome:
    """Run tests of Keras in a process of their own, with the plugins that stand beside this file."""
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    report = folder / "report.xml"
    here, root = Path(__file__).parent, Path(initkit.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", "pytest.ini", "-p", "no:cacheprovider"]
        + [part for plugin in plugins for part in ("-p", plugin)]
        + [f"--junitxml={report}", "--pyargs", tests],
        cwd=folder,
        env=os.environ
        | {
            "KERAS_BACKEND": backend,
            # Keras' settings are those of a fresh installation, whatever this user has chosen.
            "KERAS_HOME": str(folder),
            "PYTHONPATH": os.pathsep.join([str(here), str(root)]),
            "PYTEST_ADDOPTS": "",
            "JAX_PLATFORMS": "cpu",
            # Two tests are for JAX with at least four devices.
            "XLA_FLAGS": "--xla_force_host_platform_device_count=4",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    assert report.exists(), done.stdout
    cases = list(ElementTree.parse(report).getroot().iter("testcase"))
    failed = [
        case.get("name", "")
        for case in cases
        if case.find("failure") is not None or case.find("error") is not None
    ]
    skipped = sum(case.find("skipped") is not None for case in cases)
    return Outcome(len(cases) - len(failed) - skipped, skipped, failed, done.stdout)


@pytest.mark.parametrize(("backend", "passed"), [("numpy", 20), ("torch", 20), ("jax", 22)])
def test_keras_own_tests_pass(backend: str, passed: int, tmp_path: Path) -> None:
    """All tests that the backend runs pass; two of the 22 are for JAX alone."""
    outcome = run_keras_tests(ALL_TESTS, backend, tmp_path, "initkit_in_keras")
    assert outcome.failed == [], outcome.output
    assert (outcome.passed, outcome.skipped) == (passed, 22 - passed), outcome.output


def test_classes_are_swapped(tmp_path: Path) -> None:
    """With one class of initkit broken, exactly Keras' test of that class fails."""
    tests = f"{ALL_TESTS}.constant_initializers_test"
    outcome = run_keras_tests(tests, "numpy", tmp_path, "initkit_in_keras", "broken_identity")
    assert outcome.failed == ["test_identity_initializer"], outcome.output
    assert outcome.passed == 5, outcome.output
