"""SIREN: its paper's scheme, and the network of its authors' notebook, written here once more."""

from __future__ import annotations

from math import sqrt

import torch

from tests.recipe.presets.scheme import Law, check_model, check_scheme, uniform


def law(name: str, shape: tuple[int, ...]) -> Law:
    """Two coordinates, 256 features, and sines of 30 times what a layer gives."""
    inputs = 2 if name.startswith("net.0.") else 256
    bound = 1 / sqrt(inputs)
    if name.endswith("weight"):
        bound = 1 / 2 if inputs == 2 else sqrt(6 / 256) / 30
    return uniform(-bound, bound)


def test_scheme() -> None:
    """The network that fits an image has the number of parameters of five layers."""
    plan = check_scheme("siren@1", law)
    assert plan.parameters == (2 * 256 + 256) + 3 * (256 * 256 + 256) + (256 + 1)


def test_other_sizes() -> None:
    """A network for sounds, of torch's own linear layers, has the same tensors and laws."""

    def make() -> dict[str, torch.Tensor]:
        state: dict[str, torch.Tensor] = {}
        for number, (inputs, outputs) in enumerate([(1, 48), (48, 48), (48, 48), (48, 2)]):
            layer = torch.nn.Linear(inputs, outputs)
            bound = sqrt(6 / inputs) / 20 if number else 1 / inputs
            torch.nn.init.uniform_(layer.weight, -bound, bound)
            within = "" if number == 3 else "linear."
            state |= {f"net.{number}.{within}{name}": value for name, value in layer.state_dict().items()}
        return state

    sizes = {"in_features": 1, "hidden_features": 48, "hidden_layers": 2, "out_features": 2}
    check_model("siren@1", make, {**sizes, "omega": 20})
