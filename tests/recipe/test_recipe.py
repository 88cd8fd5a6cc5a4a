"""Recipes in Python: tensors by name, and arrays that exist."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

import initkit as ik
from initkit.errors import ArgumentError, ArgumentTypeError, RecipeError

TEXT = """
initkit: 1
seed: 7
tensors:
  "h.{0..1}.weight": [6, 5]
  emb: {shape: [9, 4], dtype: bfloat16}
  head: {tie: emb}
  own: [3]
rules:
  - {match: own, init: tests_of_recipe>Plain}
  - {match: emb, init: {overwrite: {initializer: {random_normal: {stddev: 1}}, where: "0"}}}
  - {match: "h.{layer}.weight", init: {blocks: {initializers: he_normal, sizes: [2, 1], axis: 0}}}
"""


@ik.register("tests_of_recipe")
class Plain(ik.Initializer):
    """A class that draws without a seed when it is called."""

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return ik.RandomNormal()(shape, dtype)


def test_tensors_by_name(tmp_path: Path) -> None:
    """A tensor by its name, and any slice of it, is what a build writes; ties are their targets."""
    recipe = ik.Recipe.from_text(TEXT)
    recipe.build(tmp_path / "model.safetensors")
    built = load_file(tmp_path / "model.safetensors")
    for name in built:
        assert np.array_equal(recipe[name][:], built[name]), name
        assert np.array_equal(recipe[name][1:3], built[name][1:3]), name
    assert np.array_equal(recipe["head"][:], recipe["emb"][:])
    assert recipe["emb"].dtype == built["emb"].dtype
    assert recipe.plan() is recipe.plan()


def test_fill() -> None:
    """Arrays of any library and dtype get the recipe's values, ties too."""
    recipe = ik.Recipe.from_text(TEXT)
    arrays: dict[str, Any] = {
        "h.0.weight": torch.empty(6, 5),
        "h.1.weight": np.empty((6, 5), np.float16),
        "emb": np.empty((9, 4), np.float32),
        "head": torch.empty(9, 4, dtype=torch.bfloat16),
        "own": np.empty(3, np.float32),
    }
    for _ in range(2):
        recipe.fill(arrays)
        assert np.array_equal(arrays["h.0.weight"].numpy(), recipe["h.0.weight"][:])
        assert np.array_equal(arrays["h.1.weight"], recipe["h.1.weight"][:].astype(np.float16))
        assert np.array_equal(arrays["own"], recipe["own"][:])
        assert torch.equal(arrays["head"], torch.from_numpy(arrays["emb"]).to(torch.bfloat16))
        assert not arrays["emb"][0].any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"own": None}, "no array for the tensor 'own'"),
        ({"h.2.weight": np.empty((6, 5))}, "no tensor for the array 'h.2.weight'.*Did you mean"),
        ({"head": None}, "no array for the tensor 'head', which is tied to 'emb'"),
        ({"own": np.empty(4)}, r"shape \(4,\) for 'own', which has shape \(3,\)"),
    ],
)
def test_arrays_that_do_not_fit(change: dict[str, Any], message: str) -> None:
    """Missing, unknown and wrong arrays are refused before anything is written."""
    arrays: dict[str, Any] = {
        "h.0.weight": np.zeros((6, 5)),
        "h.1.weight": np.zeros((6, 5)),
        "emb": np.zeros((9, 4)),
        "head": np.zeros((9, 4)),
        "own": np.zeros(3),
        **change,
    }
    arrays = {name: array for name, array in arrays.items() if array is not None}
    with pytest.raises(RecipeError, match=message):
        ik.Recipe.from_text(TEXT).fill(arrays)
    assert not arrays["emb"].any()


def _arrays(memory: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Arrays for `a` of 2 by 3, `b` of 3, and `t`, which is tied to `a`, one after the other in memory."""
    return {"a": memory[:6].reshape(2, 3), "b": memory[6:9], "t": memory[9:].reshape(2, 3)}


@pytest.mark.parametrize(
    ("change", "shared"),
    [
        ({}, None),
        ({"b": (slice(5, 8),)}, "'a' and 'b'"),
        ({"b": (slice(2, 14, 4),)}, "'a' and 'b'"),
        ({"b": (slice(14, 8, -2),)}, "'t' and 'b'"),
        ({"t": (slice(0, 6),)}, None),
        ({"a": (slice(0, 11, 2),), "t": (slice(0, 11, 2),), "b": (slice(1, 7, 2),)}, None),
    ],
)
@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_arrays_that_share_memory(library: str, change: dict[str, Any], shared: str | None) -> None:
    """Only what is tied may share memory; what lies in between shares none, and nothing is written else."""
    recipe = ik.Recipe.make(
        seed=3,
        tensors={"a": [2, 3], "b": [3], "t": {"tie": "a"}},
        rules=[("b", "ones"), ("*", "random_normal")],
    )
    memory = np.zeros(15, np.float32)
    arrays = _arrays(memory)
    for name, index in change.items():
        arrays[name] = memory[index].reshape(arrays[name].shape)
    if library == "torch":
        if any(stride < 0 for array in arrays.values() for stride in array.strides):
            return  # torch has no such arrays
        arrays = {name: torch.from_numpy(array) for name, array in arrays.items()}
    if shared is None:
        recipe.fill(arrays)
        assert all(np.array_equal(np.asarray(array), recipe[name][...]) for name, array in arrays.items())
        return
    with pytest.raises(RecipeError, match=f"two arrays share memory.*Received: {shared}"):
        recipe.fill(arrays)
    assert not memory.any()


_SQUARE = np.zeros((3, 3), np.float32)
_ROWS = np.zeros((4, 3), np.float32)


@pytest.mark.parametrize(
    ("array", "other"),
    [
        (_SQUARE, _SQUARE.T),
        (_SQUARE, _SQUARE[::-1]),
        (_ROWS[:3], _ROWS[1:]),
        (_SQUARE, _SQUARE.view(ml_dtypes.bfloat16)[:, :3]),
        (_SQUARE.view(np.float16)[:, :3], _SQUARE.view(ml_dtypes.bfloat16)[:, :3]),
    ],
    ids=["transposed", "reversed", "shifted", "narrower", "dtype"],
)
def test_tied_arrays_are_one_view(array: Any, other: Any) -> None:
    """Tied arrays that share memory have every element in the same place, or one would spoil the other."""
    tensors = {"a": [3, 3], "b": {"tie": "a"}}
    recipe = ik.Recipe.make(seed=3, tensors=tensors, rules=[("*", "random_normal")])
    with pytest.raises(RecipeError, match=r"two arrays are tied and share memory.*Received: 'a' and 'b'"):
        recipe.fill({"a": array, "b": other})
    assert not _SQUARE.any()
    assert not _ROWS.any()
    values = np.zeros((3, 3), np.float32)
    recipe.fill({"a": values, "b": values[:]})
    assert np.array_equal(values, recipe["a"][:])


def test_a_tied_axis_of_length_one() -> None:
    """Its stride says nothing."""
    tensors = {"a": [1, 3], "b": {"tie": "a"}}
    recipe = ik.Recipe.make(seed=3, tensors=tensors, rules=[("*", "random_normal")])
    values = np.zeros((1, 3), np.float32)
    same = np.lib.stride_tricks.as_strided(values, strides=(400, 4))
    recipe.fill({"a": values, "b": same})
    assert np.array_equal(values, recipe["a"][:])


def test_two_arrays_of_one_name() -> None:
    """Pairs in which a name comes twice are refused, and nothing is written; a name each is enough."""
    recipe = ik.Recipe.make(seed=3, tensors={"a": [3]}, rules=[("*", "ones")])
    one, other = np.zeros(3), np.zeros(3)
    with pytest.raises(ArgumentError, match=r"Two arrays have one name. Received: 'a'"):
        recipe.fill([("a", one), ("a", other)])  # type: ignore[arg-type]  # pairs will do
    assert not one.any()
    assert not other.any()
    parameters = torch.nn.ParameterDict({"a": torch.nn.Parameter(torch.zeros(3))})
    for arrays in (parameters, parameters.named_parameters()):
        torch.nn.init.zeros_(parameters["a"])
        recipe.fill(arrays)
        assert parameters["a"].tolist() == [1, 1, 1]


def test_a_model_with_tied_weights_and_a_recipe_without() -> None:
    """A model whose head is its embedding is not filled by a recipe that has values for both."""
    sizes = {"vocab_size": 16, "hidden_size": 8}
    model = torch.nn.ModuleDict(
        {"emb": torch.nn.Embedding(16, 8), "head": torch.nn.Linear(8, 16, bias=False)}
    )
    model["head"].weight = model["emb"].weight
    before = model["emb"].weight.detach().clone()
    recipe = ik.Recipe.make(
        seed=3,
        variables=sizes,
        tensors={"{emb,head}.weight": ["vocab_size", "hidden_size"]},
        rules=[("*", "random_normal")],
    )
    with pytest.raises(RecipeError, match=r"\{match: head.weight, tie: emb.weight\}"):
        recipe.fill(model.state_dict())
    assert torch.equal(model["emb"].weight, before)


def test_unknown_names() -> None:
    """A name that the recipe has not is refused with the nearest one."""
    with pytest.raises(
        RecipeError, match=r"no such tensor. Received: 'h.0.weigth'.*Did you mean 'h.0.weight'"
    ):
        ik.Recipe.from_text(TEXT)["h.0.weigth"]


def test_made_saved_and_explained(tmp_path: Path) -> None:
    """A recipe made in Python is YAML that reads back as the same, and is not written over another file."""
    recipe = ik.Recipe.make(
        seed=3,
        tensors={"emb": np.zeros((4, 2), np.float16), "h.0.w": [2, 2], "h.1.w": [2, 2]},
        rules=[("emb", ik.RandomNormal(stddev=0.5)), ("*", ik.Scale(ik.HeNormal(), 0.5))],
    )
    path = recipe.save(tmp_path / "r.yaml")
    assert ik.Recipe.load(path) == recipe
    assert [tensor.name for tensor in recipe.plan().tensors] == ["emb", "h.0.w", "h.1.w"]
    assert recipe.plan().tensors[0].dtype.name == "float16"
    with pytest.raises(FileExistsError):
        recipe.save(path)
    assert recipe.explain("h.1.w").name == "h.1.w"


def test_a_made_recipe_keeps_the_dtype_of_what_it_extends() -> None:
    """Only a dtype that is given replaces the inherited one."""
    base = {"preset": "gpt2@1", "drop": ["*"]}
    given: dict[str, Any] = {"seed": 1, "tensors": {"w": [2]}, "rules": [("w", "ones")], "extends": base}
    assert "dtype" not in ik.Recipe.make(**given).text
    assert ik.Recipe.make(**given, dtype="bfloat16").plan().tensors[0].dtype.name == "bfloat16"
    assert "dtype: float32" in ik.Recipe.make(seed=1, tensors={"w": [2]}, rules=[("w", "ones")]).text


def test_an_inherited_dtype_that_is_not_float32(tmp_path: Path) -> None:
    """Shapes get it, and arrays keep their own."""
    (tmp_path / "base.yaml").write_text(
        "initkit: 1\nseed: 1\ndtype: bfloat16\ntensors: {a: [2]}\nrules: [{match: '*', init: ones}]\n"
    )
    recipe = ik.Recipe.make(
        seed=2,
        tensors={"b": [2], "c": np.ones(2, np.float32)},
        rules=[],
        extends="base.yaml",
        file=str(tmp_path / "r.yaml"),
    )
    dtypes = {tensor.name: tensor.dtype.name for tensor in recipe.plan().tensors}
    assert dtypes == {"a": "bfloat16", "b": "bfloat16", "c": "float32"}


def test_names_of_arrays_and_of_shapes() -> None:
    """Names beside arrays are literal; beside shapes they are patterns of braces."""
    rules = [("*", "ones")]
    literal = ik.Recipe.make(seed=1, tensors={"a{0..1}": np.ones(2)}, rules=rules)
    assert [tensor.name for tensor in literal.plan().tensors] == ["a{0..1}"]
    shapes = {name: array.shape for name, array in {"a{0..1}": np.ones(2)}.items()}
    pattern = ik.Recipe.make(seed=1, tensors=shapes, rules=rules)
    assert [tensor.name for tensor in pattern.plan().tensors] == ["a0", "a1"]


def test_an_overridden_recipe_is_saved_as_yaml(tmp_path: Path) -> None:
    """The text stays the one for programs, the file is for people, and both have the same values."""
    recipe = ik.Recipe.preset("gpt2@1", seed=1, variables={"n_layer": 2, "d": 8}).override(seed=2)
    assert recipe.text.startswith("{")
    saved = ik.Recipe.load(recipe.save(tmp_path / "r.yaml"))
    assert saved.text.startswith("initkit: 1\nseed: 2\n")
    for name in ("wte.weight", "h.1.mlp.c_proj.weight"):
        assert np.array_equal(saved[name][:5], recipe[name][:5])


def test_arrays_by_name_in_any_form() -> None:
    """Pairs of names and arrays will do; a model, or a list of arrays, is told what to give."""
    recipe = ik.Recipe.make(seed=3, tensors={"w": [2, 3]}, rules=[("*", "he_normal")])
    model = torch.nn.Module()
    model.w = torch.nn.Parameter(torch.empty(2, 3))
    recipe.fill(model.named_parameters())
    assert bool((model.w.detach().numpy() == recipe["w"][...]).all())
    for wrong in (model, [np.empty((2, 3))], 3):
        with pytest.raises(ik.ArgumentTypeError, match=r"give model\.state_dict\(\)"):
            recipe.fill(wrong)  # type: ignore[arg-type]  # what is tested


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_tied_weights_of_a_model_on_any_device(device: str) -> None:
    """Tensors that share their memory become ties, also where memory is only a thought."""
    with torch.device(device):
        emb = torch.nn.Embedding(10, 4)
        head = torch.nn.Linear(4, 10, bias=False)
    head.weight = emb.weight
    model = torch.nn.ModuleDict({"emb": emb, "head": head, "other": torch.nn.Linear(4, 10, device=device)})
    recipe = ik.Recipe.make(seed=3, tensors=model.state_dict(), rules=[("*", "random_normal")])
    assert [(tie.name, tie.target) for tie in recipe.plan().ties] == [("head.weight", "emb.weight")]
    assert len(recipe.plan().tensors) == 3


@pytest.mark.parametrize("name", ["gpt2", "gtp2@1", "gpt2@2"])
def test_mistyped_presets(name: str) -> None:
    """A name that is almost a preset's is told which one."""
    with pytest.raises(FileNotFoundError, match="Did you mean 'gpt2@1'"):
        ik.Recipe.load(name)
    with pytest.raises(RecipeError, match="'gpt2@1'"):
        ik.Recipe.preset(name, seed=1)


@pytest.mark.parametrize("seed", [ik.SeedGenerator(7), torch.Generator(), 7.0, True, "7"], ids=repr)
def test_seeds_are_integers(seed: Any) -> None:
    """A recipe takes an integer, and a refusal asks for nothing else, wherever the seed is given."""
    recipe = ik.Recipe.preset("gpt2@1", seed=7)
    pattern = r"^Argument `seed` must be a non-negative integer\. Received: .*Allowed: integers from 0 up\. W"
    gives: list[Callable[[], ik.Recipe]] = [
        lambda: ik.Recipe.preset("gpt2@1", seed=seed),
        lambda: recipe.override(seed=seed),
        lambda: ik.Recipe.make(seed=seed, tensors={"w": [2]}, rules=[("*", "zeros")]),
    ]
    for give in gives:
        with pytest.raises(ArgumentTypeError, match=pattern):
            give()


def test_what_is_skipped_is_left_alone() -> None:
    """A model's arrays that a rule skips may be among those that are filled, and keep their values."""
    rules = [{"match": "mask", "skip": True}, ("*", "ones")]
    recipe = ik.Recipe.make(seed=3, tensors={"w": [2], "mask": [3]}, rules=rules)
    arrays = {"w": np.zeros(2), "mask": np.zeros(3)}
    with pytest.raises(KeyError, match=r"a rule skips that tensor\. Received: 'mask'"):
        recipe["mask"]
    recipe.fill(arrays)
    assert (arrays["w"].tolist(), arrays["mask"].tolist()) == ([1, 1], [0, 0, 0])


def test_a_recipe_is_a_mapping_of_names(tmp_path: Path) -> None:
    """Names can be asked for and listed, and an unknown one is a KeyError that suggests the nearest."""
    recipe = ik.Recipe.make(seed=3, tensors={"a.w": [2], "b.w": {"tie": "a.w"}}, rules=[("*", "ones")])
    assert list(recipe) == ["a.w", "b.w"]
    assert "b.w" in recipe
    assert "c" not in recipe
    with pytest.raises(KeyError, match="Did you mean 'a") as caught:
        recipe["a.v"]
    assert isinstance(caught.value, RecipeError)
    assert not str(caught.value).startswith("'")


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_marks_change_no_byte(tmp_path: Path, start: bytes) -> None:
    """A recipe that another system has checked out or saved gives the same file."""
    for name, end in (("unix", b"\n"), ("windows", b"\r\n")):
        (tmp_path / f"{name}.yaml").write_bytes(start + TEXT.strip().encode().replace(b"\n", end) + end)
        ik.Recipe.load(tmp_path / f"{name}.yaml").build(tmp_path / name)
    assert (tmp_path / "unix").read_bytes() == (tmp_path / "windows").read_bytes()
    assert ik.Recipe.load(tmp_path / "windows.yaml").text == TEXT.strip() + "\n"
