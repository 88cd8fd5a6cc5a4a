"""LoRA: the scheme of its authors' code, and the adapters of peft."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

from tests.recipe.presets.libraries import import_transformers
from tests.recipe.presets.scheme import check_model, check_scheme, constant, uniform

TINY = {
    "r": 6,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}


def test_scheme() -> None:
    """A is uniform within 1/√4096 = 1/64, B is 0; an adapter of rank 8 has the size that peft tells."""
    plan = check_scheme(
        "lora@1", lambda name, shape: constant(0) if "lora_B" in name else uniform(-1 / 64, 1 / 64)
    )
    assert plan.parameters == 3_407_872
    assert {tensor.shape for tensor in plan.tensors} == {(8, 4096), (4096, 8), (1024, 8)}


def test_peft() -> None:
    """The adapter that peft makes for a Llama has the same tensors, constants and laws."""
    transformers = import_transformers()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peft: Any = import_module("peft")
    sizes = {name: value for name, value in TINY.items() if name != "r"}

    def make() -> Any:
        base = transformers.LlamaForCausalLM(
            transformers.LlamaConfig(**sizes, vocab_size=67, intermediate_size=48)
        )
        return peft.get_peft_model_state_dict(peft.get_peft_model(base, peft.LoraConfig(r=6)))

    check_model("lora@1", make, TINY)
