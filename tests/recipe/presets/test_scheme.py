"""The checks that presets are tested with see what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any

import pytest
import torch

from tests.recipe.presets.scheme import Law, check_model, check_scheme, constant, normal, preset, uniform

TINY = {"n_layer": 1, "n_vocab": 67, "n_ctx": 24, "d": 32}
State = dict[str, torch.Tensor]


def law(name: str, shape: tuple[int, ...]) -> Law:
    """GPT-2's, of one layer."""
    if len(shape) == 1:
        return constant(0 if name.endswith("bias") else 1)
    if name == "wpe.weight":
        return normal(0.01)
    return normal(0.02 / sqrt(2) if "c_proj" in name else 0.02)


def make_model() -> State:
    """A state that PyTorch draws by that scheme."""
    plan = preset("gpt2@1", TINY).plan()
    state = {tensor.name: torch.empty(tensor.shape) for tensor in plan.tensors}
    for name, tensor in state.items():
        expected = law(name, tuple(tensor.shape))
        tensor.normal_(expected.mean, expected.std)
    return {**state, "lm_head.weight": state["wte.weight"]}


def test_right_ones_pass() -> None:
    """A law and a model that are right."""
    check_scheme("gpt2@1", law, TINY)
    check_model("gpt2@1", make_model, TINY)
    check_model(
        "gpt2@1", make_model, TINY, other=lambda name, shape: normal(0.02) if name == "wte.weight" else None
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        pytest.param(normal(0.0200001), "wte.weight: planned 0.0 ± 0.02, and not", id="deviation"),
        pytest.param(normal(0.02, 1e-9), "wte.weight: planned 0.0 ± 0.02, and not", id="mean"),
        pytest.param(uniform(-0.02 * sqrt(3), 0.02 * sqrt(3)), "another law", id="law"),
        pytest.param(constant(0.0), "wte.weight: planned 0.0 ± 0.02, and not", id="constant"),
    ],
)
def test_wrong_laws_are_seen(wrong: Law, message: str) -> None:
    """In what is planned, or in what is drawn where the plan alone cannot tell."""
    with pytest.raises(AssertionError, match=message):
        check_scheme("gpt2@1", lambda name, shape: wrong if name == "wte.weight" else law(name, shape), TINY)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda state: state.pop("wpe.weight"), "only in the preset.*wpe", id="missing"),
        pytest.param(lambda state: state.update(more=torch.ones(2)), "only in the model.*more", id="more"),
        pytest.param(
            lambda state: state.update({"ln_f.bias": torch.zeros(3)}), "other shapes.*ln_f.bias", id="shape"
        ),
        pytest.param(
            lambda state: state.update({"lm_head.weight": torch.ones(67, 32)}), "lm_head.weight", id="untied"
        ),
        pytest.param(
            lambda state: state.update({"h.0.ln_1.bias": state["h.0.ln_2.bias"]}),
            "tied in the model alone.*h.0.ln_2.bias",
            id="tied",
        ),
        pytest.param(lambda state: state["ln_f.weight"].mul_(1.001), "ln_f.weight", id="constant"),
        pytest.param(lambda state: state["ln_f.bias"].normal_(), "ln_f.bias is drawn in one", id="drawn"),
        pytest.param(lambda state: state["wte.weight"].fill_(1), "wte.weight is drawn in one", id="fixed"),
        pytest.param(
            lambda state: state["h.0.mlp.c_proj.weight"].mul_(1.1), "h.0.mlp.c_proj.weight", id="deviation"
        ),
        pytest.param(lambda state: state["wte.weight"].add_(0.003), "wte.weight", id="mean"),
    ],
)
def test_wrong_models_are_seen(change: Callable[[State], Any], message: str) -> None:
    """Names, shapes, ties, values that are always the same, and moments."""

    def make() -> State:
        state = make_model()
        change(state)
        return state

    with pytest.raises(AssertionError, match=message):
        check_model("gpt2@1", make, TINY)
