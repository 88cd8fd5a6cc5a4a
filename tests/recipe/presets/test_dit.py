"""DiT: the scheme of its paper's code, and a model of the same parts, initialized here once more."""

from __future__ import annotations

from math import sqrt

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from tests.recipe.presets.scheme import Law, check_model, check_scheme, constant, normal, preset, uniform
from tests.vision_libraries import timm


def positions(side: int, width: int) -> npt.NDArray[np.float64]:
    """Of every patch, row by row: sines and cosines of its column, then those of its row."""
    row, column = np.divmod(np.arange(side * side), side)
    frequencies = 10000.0 ** (-np.arange(width // 4) / (width // 4))
    angles = [np.outer(place, frequencies) for place in (column, row)]
    return np.hstack([part for angle in angles for part in (np.sin(angle), np.cos(angle))])[None]


def law(name: str, shape: tuple[int, ...]) -> Law:
    """Width 1152, patches of 4·2² numbers on a grid of 16·16."""
    if name == "pos_embed":
        return constant(positions(16, 1152))
    if name.endswith("bias") or "adaLN" in name or name.startswith("final_layer"):
        return constant(0)
    if name.startswith(("t_embedder", "y_embedder")):
        return normal(0.02)
    bound = sqrt(6 / (4 * 2 * 2 + 1152 if name.startswith("x_embedder") else sum(shape)))
    return uniform(-bound, bound)


def test_scheme() -> None:
    """Two blocks of DiT-XL/2 follow the scheme; all 28 have the published number of parameters."""
    check_scheme("dit@1", law, {"depth": 2})
    assert preset("dit@1").plan().parameters == 675_129_632


def modulation(width: int, parts: int) -> nn.Sequential:
    """What modulates a block, at first not at all."""
    layers = nn.Sequential(nn.SiLU(), nn.Linear(width, parts * width))
    return layers.apply(lambda module: [nn.init.zeros_(value) for value in module.parameters(False)])


def make_model() -> nn.Module:
    """A model of width 48 for images of 12·12 pixels, of timm's parts, as the repository's is."""
    width = 48
    layers, norm = timm.models.vision_transformer, {"elementwise_affine": False}

    def block() -> nn.ModuleDict:
        attention, mlp = layers.Attention(width, num_heads=2, qkv_bias=True), layers.Mlp(width, 4 * width)
        for layer in (attention.qkv, attention.proj, mlp.fc1, mlp.fc2):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
        norms = {"norm1": nn.LayerNorm(width, **norm), "norm2": nn.LayerNorm(width, **norm)}
        return nn.ModuleDict(
            {**norms, "attn": attention, "mlp": mlp, "adaLN_modulation": modulation(width, 6)}
        )

    patches = layers.PatchEmbed(12, 3, 4, width)
    bound = sqrt(6 / (4 * 3 * 3 + width))
    nn.init.uniform_(patches.proj.weight, -bound, bound)
    time = nn.Sequential(nn.Linear(256, width), nn.SiLU(), nn.Linear(width, width))
    labels = nn.Embedding(10 + 1, width)
    for weight in (time[0].weight, time[2].weight, labels.weight):
        nn.init.normal_(weight, std=0.02)
    for bias in (patches.proj.bias, time[0].bias, time[2].bias):
        nn.init.zeros_(bias)
    last = nn.Linear(width, 3 * 3 * 8)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    model = nn.ModuleDict(
        {
            "x_embedder": patches,
            "t_embedder": nn.ModuleDict({"mlp": time}),
            "y_embedder": nn.ModuleDict({"embedding_table": labels}),
            "blocks": nn.ModuleList(block() for _ in range(2)),
            "final_layer": nn.ModuleDict(
                {
                    "norm_final": nn.LayerNorm(width, **norm),
                    "linear": last,
                    "adaLN_modulation": modulation(width, 2),
                }
            ),
        }
    )
    model.pos_embed = nn.Parameter(torch.from_numpy(positions(4, width)).float(), requires_grad=False)
    return model


def test_a_model_of_the_same_parts() -> None:
    """A model put together of timm's parts, as the paper's code does, has the same tensors and laws."""
    sizes = {"depth": 2, "hidden_size": 48, "input_size": 12, "patch_size": 3, "num_classes": 10}
    check_model("dit@1", make_model, sizes)
