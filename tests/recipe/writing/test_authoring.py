"""Recipes made in Python: the text that people would write, and the same tensors and laws when it is read."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import initkit as ik
from initkit.dtypes import resolve_dtype
from initkit.errors import (
    ArgumentError,
    ArgumentTypeError,
    DTypeError,
    RecipeError,
    SeedError,
)
from initkit.recipe import Recipe
from initkit.recipe.writing.authoring import compose, initializer_data
from initkit.registry import registry
from tests.catalogue import ENTRIES, Entry


class Described(NamedTuple):
    """All that a recipe wants to know of an array."""

    shape: tuple[int, ...]
    dtype: Any


def _text(**changes: Any) -> str:
    arguments: dict[str, Any] = {"seed": 7, "tensors": {"w": [2]}, "rules": [("*", "ones")], **changes}
    return compose(**arguments)


GPT2 = """\
initkit: 1
seed: 42
dtype: bfloat16
variables: {n_layer: 3, d: 8, ff: 4 * d}
tensors:
  wte.weight: [100, d]
  "h.{0..2}.ln_{1,2}.{weight,bias}": [d]
  "h.{0..2}.attn.{q,k,v}_proj.weight": [d, d]
  "h.{0..2}.mlp.c_proj.weight": {shape: [ff, d], dtype: float32}
  "h.{0..n_layer-1}.extra": [1]
  lm_head.weight: {tie: wte.weight}
rules:
  - {match: "*.bias", init: zeros}
  - {match: "*.ln_*", init: ones}
  - {match: "*.c_proj.*", init: {random_normal: {stddev: 0.02 / sqrt(2 * n_layer)}}}
  - {match: "h.{layer}.extra", where: {ndim: 1}, init: {constant: {value: layer}}, dtype: float64}
  - {match: "*", init: {scale: {initializer: {random_normal: {stddev: 0.02}}, factor: 0.5}}}
"""


def test_text_reads_as_if_written_by_a_person() -> None:
    """Braces, customary order of keys, one line per entry, short mappings inline, no defaults."""
    tensors: dict[str, Any] = {"wte.weight": [100, "d"]}
    for layer in range(3):
        for part in ("ln_1", "ln_2"):
            tensors |= {f"h.{layer}.{part}.{kind}": ("d",) for kind in ("weight", "bias")}
        tensors |= {f"h.{layer}.attn.{part}_proj.weight": ["d", "d"] for part in "qkv"}
        tensors[f"h.{layer}.mlp.c_proj.weight"] = {"shape": ["ff", "d"], "dtype": np.float32}
    tensors["h.{0..n_layer-1}.extra"] = [1]
    tensors["lm_head.weight"] = {"tie": "wte.weight"}
    text = compose(
        seed=42,
        dtype="bfloat16",
        variables={"n_layer": np.int64(3), "d": 8, "ff": "4 * d"},
        tensors=tensors,
        rules=[
            ("*.bias", "zeros"),
            ("*.ln_*", ik.Ones),
            ("*.c_proj.*", {"random_normal": {"stddev": "0.02 / sqrt(2 * n_layer)"}}),
            {
                "dtype": np.float64,
                "init": {"constant": {"value": "layer"}},
                "where": {"ndim": 1},
                "match": "h.{layer}.extra",
            },
            ("*", ik.Scale(ik.RandomNormal(mean=0.0, stddev=0.02), 0.5)),
        ],
    )
    assert text == GPT2
    tensors_planned = {tensor.name: tensor for tensor in Recipe.from_text(text).plan().tensors}
    assert len(tensors_planned) == 1 + 3 * (4 + 3 + 1 + 1)
    assert (tensors_planned["h.2.extra"].mean, tensors_planned["h.2.extra"].dtype.name) == (2.0, "float64")


def test_names_of_arrays_are_taken_as_they_are() -> None:
    """Braces, commas and backslashes in an array's name are escaped; beside a shape they have a meaning."""
    names = ["a{0..1}", "a\\b", "c,d", "e{f}"]
    plan = Recipe.from_text(_text(tensors={name: np.ones(2) for name in names})).plan()
    assert sorted(tensor.name for tensor in plan.tensors) == sorted(names)
    plan = Recipe.from_text(_text(tensors={"a{0..1}": [2]})).plan()
    assert [tensor.name for tensor in plan.tensors] == ["a0", "a1"]


def test_a_state_dict_of_torch() -> None:
    """Shapes, dtypes and ties of a PyTorch model are found, and only dtypes that differ are said."""
    torch = import_module("torch")
    model = torch.nn.ModuleDict(
        {
            "wte": torch.nn.Embedding(10, 4),
            "h": torch.nn.ModuleList(
                [torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.BatchNorm1d(4)) for _ in range(3)]
            ),
            "head": torch.nn.Linear(4, 10, bias=False, dtype=torch.bfloat16),
            "out": torch.nn.Linear(4, 10, bias=False),
        }
    )
    model["out"].weight = model["wte"].weight
    text = _text(tensors=model.state_dict())
    assert text.splitlines()[3:-2] == [
        "tensors:",
        "  wte.weight: [10, 4]",
        '  "h.{0..2}.0.weight": [4, 4]',
        '  "h.{0..2}.{0..1}.bias": [4]',
        '  "h.{0..2}.1.{weight,running_mean,running_var}": [4]',
        '  "h.{0..2}.1.num_batches_tracked": {shape: [], dtype: int64}',
        "  head.weight: {shape: [10, 4], dtype: bfloat16}",
        "  out.weight: {tie: wte.weight}",
    ]
    recipe = Recipe.from_text(text)
    recipe.fill(model.state_dict())
    assert all(bool((value == 1).all()) for value in model.state_dict().values())


def test_a_model_of_torch() -> None:
    """Of a model, the state dict is taken, and the types of the layers that hold each tensor are written."""
    torch = import_module("torch")
    with torch.device("meta"):
        layers = [torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.LayerNorm(4)) for _ in range(3)]
        layers[2].register_buffer("mask", torch.ones(4))
        model = torch.nn.ModuleDict({"h": torch.nn.ModuleList(layers), "out": torch.nn.Linear(4, 4)})
        model["out"].weight = model["h"][1][0].weight
    text = _text(tensors=model, rules=[{"match": "*", "where": {"layer": "*Norm"}, "init": "ones"}])
    around = "ModuleDict, ModuleList, Sequential"
    assert text.splitlines()[3:-2] == [
        "tensors:",
        f'  "h.{{0..2}}.0.weight": {{shape: [4, 4], layers: [{around}, Linear]}}',
        f'  "h.{{0..2}}.0.bias": {{shape: [4], layers: [{around}, Linear]}}',
        f'  "h.{{0..2}}.1.{{weight,bias}}": {{shape: [4], layers: [{around}, LayerNorm]}}',
        f"  h.2.mask: {{shape: [4], layers: [{around}], tags: [buffer]}}",
        "  out.weight: {tie: h.1.0.weight}",
        "  out.bias: {shape: [4], layers: [ModuleDict, Linear]}",
    ]
    zeros = "\n  - {match: '*', init: zeros}\n"
    plan = Recipe.from_text(text.rstrip() + zeros).plan()
    assert {tensor.name for tensor in plan.tensors if tensor.rule.number == 1} == {
        f"h.{layer}.1.{part}" for layer in range(3) for part in ("weight", "bias")
    }


def test_layers_and_tags_of_shapes() -> None:
    """Layers and tags are written as they are given, and only equal ones are joined."""
    norm = {"shape": [4], "layers": ["Net", "Norm"], "tags": "late"}
    text = _text(tensors={"a0": norm, "a1": norm, "a2": {**norm, "tags": ()}, "a3": {**norm, "layers": ()}})
    assert text.splitlines()[3:-2] == [
        "tensors:",
        '  "a{0,1}": {shape: [4], layers: [Net, Norm], tags: [late]}',
        "  a2: {shape: [4], layers: [Net, Norm]}",
        "  a3: {shape: [4], tags: [late]}",
    ]


def test_views_of_one_memory_are_no_ties() -> None:
    """A tensor and its transpose begin at the same place, but have other values in it."""
    torch = import_module("torch")
    square = torch.ones(3, 3)
    assert '"{a,b}": [3, 3]' in _text(tensors={"a": square, "b": square.T})
    assert "b: {tie: a}" in _text(tensors={"a": square, "b": square.detach()})


def test_tensors_without_memory_are_no_ties() -> None:
    """Tensors of PyTorch's device `meta`, and JAX's descriptions of arrays, share nothing."""
    torch, jax = import_module("torch"), import_module("jax")
    tensors = {name: torch.empty(2, 3, device="meta", dtype=torch.float16) for name in ("a", "b")}
    tensors["c"] = jax.ShapeDtypeStruct((2, 3), "float16")
    tensors["d"] = tensors["c"]
    with torch._subclasses.FakeTensorMode():
        tensors["e"] = torch.empty(2, 3, dtype=torch.float16)
    assert '"{a,b,c,d,e}": [2, 3]' in _text(tensors=tensors, dtype="float16")


NAMES = st.lists(
    st.sampled_from(["a", "bias", "q_proj", "v_proj", "0", "1", "2", "10", ".", ".", "{", ",", "\\", " "]),
    min_size=1,
    max_size=6,
).map("".join)
ARRAYS = st.builds(
    Described,
    st.lists(st.integers(0, 3), max_size=2).map(tuple),
    st.sampled_from(["float32", "bfloat16", np.dtype(np.float64)]),
)


@settings(max_examples=60)
@given(st.dictionaries(NAMES, ARRAYS, min_size=1, max_size=12), st.sampled_from(["float32", "bfloat16"]))
def test_the_same_tensors_come_back(tensors: dict[str, Described], dtype: str) -> None:
    """Composed, read and planned again, every tensor has its name, shape, dtype and stream of draws."""
    text = compose(seed=7, tensors=tensors, rules=[("*", "random_normal")], dtype=dtype)
    planned = {tensor.name: tensor for tensor in Recipe.from_text(text).plan().tensors}
    assert planned.keys() == tensors.keys()
    for name, array in tensors.items():
        assert planned[name].shape == array.shape
        assert planned[name].dtype is resolve_dtype(array.dtype)
        assert planned[name].generator == ik.SeedGenerator(7).child(name)


@pytest.mark.parametrize("entry", ENTRIES, ids=str)
def test_every_initializer_is_written(entry: Entry) -> None:
    """An object of every class comes back from the text with the same arguments, and says no defaults."""
    made = entry.cls(**entry.arguments)
    shape = max(entry.shapes, key=len)
    text = _text(tensors={"w": {"shape": shape, "dtype": entry.dtype}}, rules=[("*", made)])
    (tensor,) = Recipe.from_text(text).plan().tensors
    assert tensor.initializer == made.seeded(tensor.generator)
    plain = initializer_data(made, "it")
    assert (plain == registry.short_name(entry.cls)) == (repr(made) == f"{entry.cls.__name__}()")


def test_minus_zero_is_no_default() -> None:
    """What equals a default, but is another value, is written."""
    assert repr(initializer_data(ik.Constant(-0.0), "it")) == "{'constant': {'value': -0.0}}"


def test_classes_of_ones_own() -> None:
    """A registered class is written under its full name; one that is not registered cannot be."""

    class Canopy(ik.Initializer):
        def __init__(self, width: float = 1.0, inner: Any = "zeros", seed: Any = None) -> None:
            self.width, self.inner, self.seed = width, ik.get(inner), seed

        def __call__(self, shape: Any, dtype: Any = None) -> Any:
            return np.ones(shape, dtype)

    with pytest.raises(ArgumentError, match="not registered"):
        initializer_data(Canopy(), "it")
    ik.register("tests.authoring")(Canopy)
    name = "tests.authoring>Canopy"
    assert initializer_data(Canopy(), "it") == name
    assert initializer_data(Canopy(2.0, ik.Ones()), "it") == {name: {"width": 2.0, "inner": "ones"}}
    planned = Recipe.from_text(_text(rules=[("*", Canopy(3.0))])).plan().tensors[0].initializer
    assert isinstance(planned, Canopy)
    assert planned.width == 3.0


def test_layout_and_extends() -> None:
    """The other keys stand where people put them; what is extended may have all tensors and rules."""
    text = compose(
        seed=1, tensors={}, rules=[("*", "ones")], layout="torch", extends={"file": Path("b.yaml")}
    )
    assert text.splitlines() == [
        "initkit: 1",
        "extends: {file: b.yaml}",
        "seed: 1",
        "layout: torch",
        "rules:",
        '  - {match: "*", init: ones}',
    ]


def test_the_dtype_of_what_is_extended_stays() -> None:
    """Without a dtype none is written, and arrays say their own; with one, it replaces the inherited one."""
    tensors = {"a": [2], "b": np.ones(2, np.float32), "c": np.ones(2, np.float16)}
    base = {"preset": "gpt2@1", "drop": ["*"]}
    given: dict[str, Any] = {"tensors": tensors, "extends": base}
    assert "dtype" not in _text(**given).partition("tensors:")[0]
    assert "b: {shape: [2], dtype: float32}" in _text(**given)
    assert "c: {shape: [2], dtype: float16}" in _text(**given)
    text = _text(**given, dtype="float16")
    assert "dtype: float16\n" in text.partition("tensors:")[0]
    assert '"{a,c}": [2]' in text
    # Nothing is extended: readers see what holds.
    assert "dtype: float32\n" in _text()


def test_long_rules_are_broken() -> None:
    """A rule that is wider than a page is written key by key."""
    text = _text(rules=[("*", {"random_normal": {"stddev": " + ".join(["0.001"] * 20)}})])
    assert text.splitlines()[-4:-2] == ['  - match: "*"', "    init:"]
    assert Recipe.from_text(text).plan().tensors[0].std == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"seed": -1}, SeedError, "cannot be negative"),
        ({"seed": True}, ArgumentTypeError, "non-negative integer"),
        ({"seed": 1.0}, ArgumentTypeError, "non-negative integer"),
        ({"dtype": "float33"}, DTypeError, "float32"),
        ({"tensors": [("w", [2])]}, ArgumentTypeError, "must be a mapping"),
        ({"tensors": {"w": 2}}, ArgumentTypeError, "neither a shape nor an array"),
        ({"tensors": {"w": "d"}}, ArgumentTypeError, "neither a shape nor an array"),
        ({"tensors": {"w": [True]}}, ArgumentTypeError, "numbers and texts"),
        ({"tensors": {"w": {"shape": [2], "size": 1}}}, ArgumentError, "unknown key"),
        ({"tensors": {"w": {"shape": [2], "dtype": "float33"}}}, DTypeError, "tensor 'w'"),
        ({"tensors": {"w": {"shape": [2], "tags": [1]}}}, ArgumentTypeError, "`tags` of tensor 'w' must be"),
        ({"tensors": {1: [2]}}, ArgumentTypeError, "must be text"),
        ({"tensors": {"\ud800": [2]}}, ArgumentError, "surrogate"),
        ({"rules": ["zeros"]}, ArgumentTypeError, "neither a pair nor a mapping"),
        ({"rules": [("*", None)]}, ArgumentTypeError, "initializer of rule 1"),
        ({"rules": [("*", ik.HeNormal(seed=3))]}, ArgumentError, "seed of its own"),
        ({"rules": [("*", ik.Scale(ik.HeNormal(seed=0), 2.0))]}, ArgumentError, "seed of its own"),
        ({"variables": {"d": [1]}}, ArgumentTypeError, "variable 'd'"),
        ({"extends": object()}, ArgumentTypeError, "cannot hold this"),
    ],
)
def test_what_no_recipe_can_say_is_refused(
    changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    """Wrong types, seeds of initializers and names that are no text are refused, each with its reason."""
    with pytest.raises(error, match=message):
        _text(**changes)


def test_without_tensors_it_is_no_recipe() -> None:
    """An empty recipe that extends nothing is refused where it is read, as one from a file is."""
    with pytest.raises(RecipeError, match="tensors"):
        Recipe.from_text(_text(tensors={}))
