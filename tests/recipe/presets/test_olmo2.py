"""OLMo 2: its own scheme, and Hugging Face's models."""

from __future__ import annotations

from typing import Any

from tests.recipe.presets.libraries import import_transformers
from tests.recipe.presets.scheme import check_model, check_scheme, constant, normal, truncated

TINY = {
    "vocab_size": 67,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}


def test_scheme() -> None:
    """All is 0.02 cut at three deviations, and norms are 1; the 7B model has its published number."""
    plan = check_scheme("olmo2@1", lambda name, shape: constant(1) if "norm" in name else truncated(0.02, 3))
    assert plan.parameters == 7_298_617_344
    assert not plan.ties


def test_transformers() -> None:
    """Hugging Face's model has the same tensors and constants; what is random is not cut."""
    transformers = import_transformers()

    def make() -> Any:
        return transformers.Olmo2ForCausalLM(transformers.Olmo2Config(**TINY, pad_token_id=None))

    check_model("olmo2@1", make, TINY, other=lambda name, shape: None if "norm" in name else normal(0.02))
    check_model("olmo2@1", make, {**TINY, "cutoff": 1000})
