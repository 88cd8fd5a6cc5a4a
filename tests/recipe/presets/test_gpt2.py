"""GPT-2: OpenAI's scheme, and Hugging Face's models."""

from __future__ import annotations

from math import sqrt
from typing import Any

from tests.recipe.presets.libraries import import_transformers
from tests.recipe.presets.scheme import Law, check_model, check_scheme, constant, normal

TINY = {"n_layer": 3, "n_vocab": 67, "n_ctx": 24, "d": 32}


def law(name: str, shape: tuple[int, ...]) -> Law:
    """OpenAI's code: 0.02, positions 0.01; its paper: two residual branches in each of 12 layers."""
    if name.endswith("bias"):
        return constant(0)
    if ".ln_" in name or name.startswith("ln_f"):
        return constant(1)
    if name == "wpe.weight":
        return normal(0.01)
    return normal(0.02 / sqrt(24) if "c_proj" in name else 0.02)


def test_scheme() -> None:
    """GPT-2 small has the published number of parameters, by the published scheme."""
    plan = check_scheme("gpt2@1", law)
    assert plan.parameters == 124_439_808
    assert [(tie.name, tie.target) for tie in plan.ties] == [("lm_head.weight", "wte.weight")]


def test_transformers() -> None:
    """Hugging Face's model has the same tensors, and with its own range of positions the same laws."""
    transformers = import_transformers()

    def make() -> dict[str, Any]:
        config = transformers.GPT2Config(n_layer=3, vocab_size=67, n_positions=24, n_embd=32, n_head=2)
        state = transformers.GPT2LMHeadModel(config).state_dict()
        return {name.removeprefix("transformer."): tensor for name, tensor in state.items()}

    check_model("gpt2@1", make, {**TINY, "position_range": 0.02})
