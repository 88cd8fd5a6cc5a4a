"""DeepSeek-V3: its report's scheme, and Hugging Face's models."""

from __future__ import annotations

from typing import Any

from tests.recipe.presets.libraries import import_transformers
from tests.recipe.presets.scheme import check_model, check_scheme, constant, normal

TINY = {
    "vocab_size": 67,
    "hidden_size": 32,
    "intermediate_size": 48,
    "moe_intermediate_size": 24,
    "num_hidden_layers": 3,
    "first_k_dense_replace": 1,
    "n_routed_experts": 8,
    "n_shared_experts": 2,
    "num_attention_heads": 4,
    "q_lora_rank": 12,
    "kv_lora_rank": 16,
    "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 4,
    "v_head_dim": 10,
    "initializer_range": 0.006,
}


def test_scheme() -> None:
    """Everything random is normal 0.006; the correction of the router begins at zero."""
    plan = check_scheme(
        "deepseek@1",
        lambda name, shape: constant(0 if "bias" in name else 1) if len(shape) == 1 else normal(0.006),
    )
    # 671B, as the report has it.
    assert plan.parameters == 671_026_419_200
    assert {tensor.name for tensor in plan.tensors if "layers.2.mlp" in tensor.name} == {
        f"model.layers.2.mlp.{kind}_proj.weight" for kind in ("gate", "up", "down")
    }


def test_transformers() -> None:
    """Hugging Face's model has the same tensors and constants, and with that range the same laws."""
    transformers = import_transformers()

    def make() -> Any:
        groups = {"n_group": 2, "topk_group": 1, "num_experts_per_tok": 2, "num_key_value_heads": 4}
        return transformers.DeepseekV3ForCausalLM(transformers.DeepseekV3Config(**TINY, **groups))

    check_model("deepseek@1", make, TINY)
