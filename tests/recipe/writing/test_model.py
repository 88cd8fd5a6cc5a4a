"""The layers that hold the tensors of a model: those that PyTorch itself names."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest

from initkit.recipe.writing.model import Said, is_model, said_by, tensors_of

torch = import_module("torch")


def test_layers_are_those_of_the_path() -> None:
    """Each name of a state dict has the types of all modules on its way, and of no other."""
    model = torch.nn.TransformerEncoder(torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2)
    said = said_by(model, model.state_dict())
    assert said.keys() == model.state_dict().keys()
    for name, (types, tags) in said.items():
        *path, _ = name.split(".")
        modules = [model]
        for part in path:
            modules.append(modules[-1].get_submodule(part))
        assert types == tuple(type(module).__name__ for module in modules)
        assert tags == ()


def test_a_layer_in_two_places() -> None:
    """Tensors of a layer that is used twice have a name, and layers, for each place."""
    shared = torch.nn.Linear(2, 2)
    model = torch.nn.ModuleDict({"a": shared, "b": torch.nn.Sequential(shared)})
    said = said_by(model, model.state_dict())
    assert said["a.weight"].layers == ("ModuleDict", "Linear")
    assert said["b.0.weight"].layers == ("ModuleDict", "Sequential", "Linear")


def test_parameters_of_the_model_itself_and_buffers() -> None:
    """A parameter without a layer is the model's own; buffers are tagged, and have no entry if not stored."""
    model = torch.nn.BatchNorm1d(3)
    model.register_buffer("scratch", torch.zeros(1), persistent=False)
    layers, buffers = ("BatchNorm1d",), ("running_mean", "running_var", "num_batches_tracked")
    parameters = dict.fromkeys(("weight", "bias"), Said(layers, ()))
    assert said_by(model, model.state_dict()) == parameters | dict.fromkeys(
        buffers, Said(layers, ("buffer",))
    )


def test_layers_whose_weights_are_computed() -> None:
    """A parametrized layer counts as what it was, and what is computed from as its own."""
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Conv1d(4, 4, 3))
    torch.nn.utils.parametrizations.weight_norm(model[0])
    torch.nn.utils.parametrizations.spectral_norm(model[1])
    said = said_by(model, model.state_dict())
    assert said.keys() == model.state_dict().keys()
    assert {said[name].layers for name in said if name.startswith("0.")} == {("Sequential", "Linear")}
    assert {said[name].layers for name in said if name.startswith("1.")} == {("Sequential", "Conv1d")}
    assert said["1.parametrizations.weight.0._u"].tags == ("buffer",)


def test_what_is_no_tensor_is_left_out() -> None:
    """Layers may keep state of any kind in a state dict, and no recipe has it."""

    class Counting(torch.nn.Linear):  # type: ignore[misc, name-defined]  # imported while it runs
        def get_extra_state(self) -> dict[str, int]:
            return {"x": 1}

    assert [*tensors_of(torch.nn.Sequential(Counting(2, 2)))] == ["0.weight", "0.bias"]


@pytest.mark.parametrize(
    ("given", "is_one"), [(torch.nn.Linear(1, 1), True), (torch.nn.Linear, False), ({}, False), (np, False)]
)
def test_what_is_a_model(given: object, is_one: bool) -> None:
    """A mapping, a state dict among them, is none."""
    assert is_model(given) is is_one
