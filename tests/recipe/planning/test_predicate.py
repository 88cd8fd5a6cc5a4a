"""What a rule's `where` asks: axes, shape, dtype, size, layers and tags."""

from __future__ import annotations

from typing import Any

import pytest

from initkit.documents import read_yaml
from initkit.dtypes import resolve_dtype
from initkit.errors import RecipeError
from initkit.recipe.language.place import Place
from initkit.recipe.planning.named import NamedTensor
from initkit.recipe.planning.predicate import Predicate, read_predicate
from tests.recipe.texts import plan_of, tensors_and_rules

PLACE = Place(read_yaml("{}", file="r.yaml"), ())


def tensor(shape: tuple[int, ...] = (1,), layers: str = "", tags: str = "") -> NamedTensor:
    """A float32 tensor; the layers around it, and tags, as words with spaces between."""
    return NamedTensor(
        "w", shape, resolve_dtype("float32"), PLACE, tuple(layers.split()), tuple(tags.split())
    )


def predicate_of(where: Any) -> Predicate | None:
    """The predicate of a `where`, with a variable d of 4."""
    return read_predicate(where, {"d": 4}, PLACE, "rule 1")


@pytest.mark.parametrize(
    ("where", "shape", "holds"),
    [
        ({"ndim": 2}, (3, 4), True),
        ({"ndim": 2}, (3,), False),
        ({"ndim": [1, 2]}, (3,), True),
        ({"ndim": ">= 2"}, (3,), False),
        ({"ndim": "!= 0"}, (), False),
        ({"size": "< 3 * d"}, (11,), True),
        ({"size": "<3*d"}, (12,), False),
        ({"size": "2 * d"}, (2, 4), True),
        ({"shape": [3, "d"]}, (3, 4), True),
        ({"shape": ["*", "d"]}, (7, 4), True),
        ({"shape": ["*", "d"]}, (4,), False),
        ({"shape": ["...", "d"]}, (4,), True),
        ({"shape": ["...", "d"]}, (1, 2, 4), True),
        ({"shape": ["d", "...", 1]}, (4,), False),
        ({"shape": ["d", "..."]}, (4, 9, 9), True),
        ({"shape": []}, (), True),
        ({"dtype": "float32"}, (1,), True),
        ({"dtype": ["bfloat16", "float16"]}, (1,), False),
        ({"ndim": 1, "size": "> 2"}, (2,), False),
    ],
)
def test_what_is_asked(where: Any, shape: tuple[int, ...], holds: bool) -> None:
    """Each entry has to hold; where one does not, the reason is told."""
    predicate = predicate_of(where)
    assert predicate is not None
    assert predicate.holds(tensor(shape)) is holds
    assert (predicate.why_not(tensor(shape)) is None) is holds


LAYERS = "GPT ModuleList Block LlamaRMSNorm"


@pytest.mark.parametrize(
    ("where", "why_not"),
    [
        ({"layer": "*Norm"}, None),
        ({"layer": ["Linear", "*RMS*"]}, None),
        ({"layer": "{Layer,LlamaRMS}Norm"}, None),
        ({"layer": "Norm"}, "its layer is LlamaRMSNorm, not Norm"),
        ({"layer": ["Linear", "Block"]}, "its layer is LlamaRMSNorm, not Linear or Block"),
        ({"inside": "Block"}, None),
        ({"inside": "G?T"}, None),
        ({"inside": "*Norm"}, "the layers around its own are GPT, ModuleList, Block, not *Norm"),
        ({"tag": "no_*"}, None),
        ({"tag": ["x", "late"]}, None),
        ({"tag": "decay"}, "its tags are no_decay, late, not decay"),
        ({"layer": "*Norm", "tag": "early"}, "its tags are no_decay, late, not early"),
    ],
)
def test_layers_and_tags(where: Any, why_not: str | None) -> None:
    """Of its own layer, of those around that one, and of its tags, any that fits one pattern will do."""
    predicate = predicate_of(where)
    assert predicate is not None
    asked = tensor(layers=LAYERS, tags="no_decay late")
    assert predicate.holds(asked) is (why_not is None)
    assert predicate.why_not(asked) == why_not


@pytest.mark.parametrize("key", ["layer", "inside", "tag"])
def test_what_nobody_said(key: str) -> None:
    """A tensor without layers and tags has none that fits, whatever is asked."""
    predicate = predicate_of({key: "*"})
    assert predicate is not None
    assert not predicate.holds(tensor())
    assert str(predicate.why_not(tensor())).endswith("not given, not *")


@pytest.mark.parametrize(
    ("where", "hint"),
    [
        ("{layer: Liner}", "'Linear'"),
        ("{tag: no_deacy}", "'no_decay'"),
        ("{inside: '*Atention'}", "'Attention'"),
    ],
)
def test_mistyped_words_get_suggestions(where: str, hint: str) -> None:
    """The words of all tensors with such names are looked through, not only the first one's."""
    tensors = "a: [3]\nb: {shape: [3], layers: [Attention, Linear], tags: no_decay}"
    with pytest.raises(RecipeError, match=f"2 have such names, but of 'a' .* Did you mean {hint}"):
        plan_of(
            tensors_and_rules(
                tensors, f"{{match: '*', where: {where}, init: ones}}", "{match: '*', init: zeros}"
            )
        )


def test_rules_ask_for_layers_and_tags() -> None:
    """Tensors of one name's outline and shape go to other rules where their layers or tags differ."""
    plan = plan_of(
        tensors_and_rules(
            "'a.{0..1}': {shape: [4], layers: [Net, Norm]}\n'a.2': {shape: [4], tags: late}\n'a.3': [4]",
            "{match: '*', where: {layer: Norm, inside: Net}, init: ones}",
            "{match: '*', where: {tag: late}, init: twos}",
            "{match: '*', init: zeros}",
        ).replace("twos", "{constant: {value: 2}}")
    )
    assert [tensor.rule.number for tensor in plan.tensors] == [1, 1, 2, 3]


def test_nothing_is_asked() -> None:
    """Without entries there is no predicate."""
    assert predicate_of({}) is None


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("{ndim: 1.5}", "no whole number from 0 up. Received: 1.5"),
        ("{ndim: [true]}", "must be a number or an expression. Received: true"),
        ("{ndim: '> nd'}", "unknown variable 'nd' in `ndim` in `where` of rule 1|Allowed: n_layer, d."),
        ("{shape: 3}", "must be a list. Received: 3"),
        ("{shape: ['...', '...']}", "more than once"),
        ("{dtype: float31}", "Unknown dtype"),
        ("{layer: 3}", "must be text. Received: 3"),
        ("{tag: []}", "must be text. Received: an empty list"),
        ("{inside: '{kind}'}", "cannot capture anything|Write `*`"),
        ("{layer: '[a'}", "`layer` in `where` of rule 1: "),
        ("{axes: 2}", "unknown key 'axes' in `where` of rule 1. Allowed: ndim, shape, dtype, size, layer"),
    ],
)
def test_what_means_nothing(where: str, words: str) -> None:
    """Whatever cannot be asked is an error with its line."""
    with pytest.raises(RecipeError) as caught:
        plan_of(tensors_and_rules("a: [3]", f"{{match: '*', where: {where}, init: ones}}"))
    assert all(part in str(caught.value) for part in words.split("|"))
    assert caught.value.line == 7


def test_the_first_rule_whose_predicate_holds() -> None:
    """A rule that asks too much leaves a tensor to the next one, also among names of one outline."""
    plan = plan_of(
        tensors_and_rules(
            "'a.{0..1}.w': [3]\n'a.{2..3}.w': [3, 2]\nb: {shape: [3], dtype: bfloat16}",
            "{match: '*', where: {dtype: bfloat16}, init: {constant: {value: 1}}}",
            "{match: 'a.*', where: {ndim: 1}, init: {constant: {value: 2}}}",
            "{match: '*', init: {constant: {value: 3}}}",
        )
    )
    assert [tensor.mean for tensor in plan.tensors] == [2, 2, 3, 3, 1]
