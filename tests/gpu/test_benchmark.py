"""The benchmark's cases, with invented times: what is compared, what is asked, and what a failure leaves."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.gpu import benchmark
from tests.gpu.table import Case, markdown
from tests.gpu.timing import Work

Prepared = Callable[[], Work]


@pytest.fixture(name="asked_for")
def _asked_for() -> list[Any]:
    """What was to be timed, in order."""
    return []


@pytest.fixture(name="cases")
def _cases(asked_for: list[Any], monkeypatch: pytest.MonkeyPatch) -> list[Case]:
    """All cases but those of a first use, each of which takes 1 ms."""

    def timer(prepare: Prepared) -> tuple[float | None, str]:
        asked_for.append(prepare)
        return 1e-3, ""

    monkeypatch.setattr(benchmark, "first_use_cases", lambda: iter(()))
    return list(benchmark.every_case(timer))


def test_what_is_asked(cases: list[Case]) -> None:
    """The targets stand beside the cases that they are of, and nowhere else."""
    shares = {case.title: case.asked_share for case in cases if case.asked_share}
    assert shares == {"uniform, float32, 8192²": 0.65, "normal, float32, 8192²": 0.5}
    assert {case.title: case.asked_seconds for case in cases if case.asked_seconds} == {
        "HeNormal 64², one call": 25e-6
    }
    ratios = {(case.title, peer.name): peer.asked for case in cases for peer in case.peers if peer.asked}
    assert ratios == {
        ("normal, float32, 8192²", "torch `normal_`"): 2,
        ("truncated ±2σ, float32, 8192²", "torch `trunc_normal_`"): 10,
        ("Orthogonal 8192²", "torch `orthogonal_`"): 5,
    }


def test_every_case_has_torch_beside_it(cases: list[Case]) -> None:
    """The peers that the ratios name are there; three sizes of Orthogonal, one call and a thousand."""
    assert all(case.peers[0].name.startswith("torch") for case in cases)
    titles = [case.title for case in cases]
    assert len(set(titles)) == len(titles) == 14
    assert "| HeNormal 64², a thousand calls | 1 ms |" in markdown({}, 4e12, cases)


def test_both_fill_the_same_view(cases: list[Case], asked_for: list[Any]) -> None:
    """Of views, initkit and torch have one of the same shape and strides, and as many elements as ever."""
    torch = pytest.importorskip("torch")
    asked = [each for each in asked_for if "view" in each.keywords]
    assert [each.func.__name__ for each in asked] == ["own_fill", "torch_fill"] * 2
    for own, others in (asked[:2], asked[2:]):
        view = own.keywords["view"]
        assert (own.args[1], view) == (others.args[1], others.keywords["view"])
        # A smaller matrix of as many axes lies in the same way.
        small = tuple(length // 1024 for length in own.args[1])
        array, tensor = view(np.empty(small, np.float32)), view(torch.empty(small))
        assert array.shape == tuple(tensor.shape) == (8, 8)
        assert array.strides == tuple(4 * stride for stride in tensor.stride())
        assert not array.flags.c_contiguous
        assert not tensor.is_contiguous()


def test_functions_of_torch_are_there(cases: list[Case], asked_for: list[Any]) -> None:
    """Every name that is looked up in torch.nn.init is one."""
    torch = pytest.importorskip("torch")
    names = {each.args[0] for each in asked_for if each.func.__name__.startswith("torch")}
    assert len(names) >= 5
    assert all(callable(getattr(torch.nn.init, name)) for name in names)


def test_functions_of_jax_are_there(cases: list[Case], asked_for: list[Any]) -> None:
    """Every name that is looked up in JAX is one."""
    jax = pytest.importorskip("jax")
    laws = {each.args[0] for each in asked_for if each.func.__name__ == "jax_call"}
    initializers = {each.args[0] for each in asked_for if each.func.__name__ == "jax_initializer"}
    assert laws == {"uniform", "normal", "truncated_normal"}
    assert all(callable(getattr(jax.random, name)) for name in laws)
    assert all(callable(getattr(jax.nn.initializers, name)) for name in initializers)


def test_what_fails_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that is not there, or breaks, is told of; nothing else stops."""
    monkeypatch.setattr(benchmark, "_free_memory", lambda: None)

    def missing() -> Work:
        raise ImportError("No module named 'keras'")

    def broken() -> Work:
        raise RuntimeError("out of memory")

    timer = partial(benchmark.timed, seconds=0.01)
    case = benchmark.compared(timer, "title", broken, [("keras", missing, 0), ("torch", broken, 2)])
    assert case.seconds is None
    assert case.why_not == "RuntimeError: out of memory"
    assert [peer.why_not for peer in case.peers] == ["No module named 'keras'", "RuntimeError: out of memory"]


def test_without_a_gpu_nothing_is_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The reason is printed, and no table is written."""
    monkeypatch.setattr(benchmark, "why_no_gpu", lambda: "no GPU: none")
    assert benchmark.main(["--output", str(tmp_path / "gpu.md")]) == 0
    assert "no GPU: none" in capsys.readouterr().out
    assert not any(tmp_path.iterdir())
