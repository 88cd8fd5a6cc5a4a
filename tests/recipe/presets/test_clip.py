"""CLIP: Hugging Face's scheme, and Hugging Face's models."""

from __future__ import annotations

from typing import Any

from tests.recipe.presets.libraries import import_transformers
from tests.recipe.presets.scheme import Law, check_model, check_scheme, constant, normal

TINY = {
    "text_layers": 2,
    "text_hidden": 32,
    "text_mlp": 48,
    "vocab_size": 53,
    "max_position_embeddings": 9,
    "vision_layers": 3,
    "vision_hidden": 40,
    "vision_mlp": 56,
    "image_size": 24,
    "patch_size": 8,
    "projection_dim": 24,
    "logit_scale_init_value": 1.5,
}
FACTORS = {"factor": 3, "text_factor": 0.5, "vision_factor": 2, "initializer_range": 0.05}


def law(name: str, shape: tuple[int, ...]) -> Law:
    """Widths 512 and 768, 12 layers in either tower, and factors of 1."""
    width = 512 if name.startswith("text") else 768
    if name == "logit_scale":
        return constant(2.6592)
    if name.endswith("bias"):
        return constant(0)
    if "norm" in name or "layrnorm" in name:
        return constant(1)
    if "embedding.weight" in name:
        return normal(0.02)
    if "_projection" in name or "out_proj" in name or "class_embedding" in name:
        return normal(width**-0.5)
    if "fc1" in name:
        return normal((2 * width) ** -0.5)
    return normal(width**-0.5 * 24**-0.5)


def test_scheme() -> None:
    """CLIP ViT-B/32 has the published number of parameters, by Hugging Face's scheme."""
    assert check_scheme("clip@1", law).parameters == 151_277_313


def test_transformers() -> None:
    """Hugging Face's model has the same tensors, and with other factors of either tower the same laws."""
    transformers = import_transformers()

    def make() -> Any:
        text = {
            "num_hidden_layers": 2,
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_attention_heads": 2,
            "vocab_size": 53,
            "max_position_embeddings": 9,
            "initializer_factor": 0.5,
            "bos_token_id": 0,
            "eos_token_id": 1,
        }
        vision = {
            "num_hidden_layers": 3,
            "hidden_size": 40,
            "intermediate_size": 56,
            "num_attention_heads": 2,
            "image_size": 24,
            "patch_size": 8,
            "initializer_factor": 2.0,
            "initializer_range": 0.05,
        }
        config = transformers.CLIPConfig(
            text_config=text,
            vision_config=vision,
            projection_dim=24,
            logit_scale_init_value=1.5,
            initializer_factor=3.0,
        )
        return transformers.CLIPModel(config)

    check_model("clip@1", make, {**TINY, **FACTORS})
