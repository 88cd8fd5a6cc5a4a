"""BERT: Hugging Face's scheme and models."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from tests.recipe.presets.libraries import import_transformers
from tests.recipe.presets.scheme import Law, check_model, check_scheme, constant, moments, normal, preset

TINY = {
    "vocab_size": 67,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "max_position_embeddings": 24,
    "initializer_range": 0.03,
}
WORDS = "bert.embeddings.word_embeddings.weight"


def law(name: str, shape: tuple[int, ...]) -> Law:
    """Normal 0.02, but for one row of 30,522."""
    if len(shape) == 1:
        return constant(0 if name.endswith("bias") else 1)
    if name == WORDS:
        return moments(0, 0.02 * sqrt(30521 / 30522))
    return normal(0.02)


def test_scheme() -> None:
    """BERT base has the published number of parameters, and a row of zeros for padding."""
    plan = check_scheme("bert@1", law)
    assert plan.parameters == 110_106_428
    words = preset("bert@1")[WORDS][:2]
    assert not words[0].any()
    assert np.count_nonzero(words[1]) == 768


def test_transformers() -> None:
    """Hugging Face's model has the same tensors, ties, constants and laws, and the same row of zeros."""
    transformers = import_transformers()

    def make() -> Any:
        config = transformers.BertConfig(**TINY, num_attention_heads=4, pad_token_id=0)
        return transformers.BertForPreTraining(config)

    state = check_model("bert@1", make, TINY)
    assert not state[WORDS][0].any()
    assert state[WORDS][1:].all()
