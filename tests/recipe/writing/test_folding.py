"""Names joined by braces: what people would write, and always exactly the names that were given."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from initkit.recipe.language.pattern import escape_braces, expand_braces
from initkit.recipe.writing.folding import fold_names


def _texts(*names: str) -> list[str]:
    return [text for text, _ in fold_names((name, None) for name in names)]


@pytest.mark.parametrize(
    ("names", "texts"),
    [
        (["h.0.w", "h.1.w"], ["h.{0..1}.w"]),
        (["h.0.w", "h.2.w", "h.4.w"], ["h.{0,2,4}.w"]),
        ([f"h.{k}.w" for k in range(1, 12, 2)], ["h.{1..11..2}.w"]),
        ([f"h.{k:02d}.w" for k in range(8, 12)], ["h.{08..11}.w"]),
        (["h.9.w", "h.10.w", "h.11.w"], ["h.{9..11}.w"]),
        (["h.1.w", "h.01.w"], ["h.1.w", "h.01.w"]),
        (["ln_1.w", "ln_2.w"], ["ln_{1,2}.w"]),
        (["ln_1.w", "ln_2.w", "ln_3.w"], ["ln_{1..3}.w"]),
        (["q_proj", "k_proj", "v_proj"], ["{q,k,v}_proj"]),
        (["bn.weight", "bn.bias", "bn.running_mean"], ["bn.{weight,bias,running_mean}"]),
        (["bn.running_mean", "bn.running_var"], ["bn.running_{mean,var}"]),
        (["a_b", "a_b_c"], ["a_{b,b_c}"]),
        (["a_", "a_b"], ["{a_,a_b}"]),
        (["Dense_0/kernel", "Dense_1/kernel"], ["Dense_{0,1}/kernel"]),
        (["w", "w.0"], ["w", "w.0"]),
        ([f"h.{k}.w" for k in (*range(5), *range(7, 12))], ["h.{0..4}.w", "h.{7..11}.w"]),
        (["h.0.w", "norm.w", "h.1.w"], ["h.{0..1}.w", "norm.w"]),
        (["a.{0}", "a.{1}"], [r"a.\{{0,1}\}"]),
        (["a,b", "a,c"], ["a,{b,c}"]),
        (["a\\b"], ["a\\\\b"]),
        (["9" * 30 + ".w", "8" * 30 + ".w"], ["9" * 30 + ".w", "8" * 30 + ".w"]),
    ],
)
def test_names_become_what_people_write(names: list[str], texts: list[str]) -> None:
    """Ranges for numbers in a row, lists for others and for words, and no more than that."""
    assert _texts(*names) == texts
    assert sorted(name for text in texts for name in expand_braces(text)) == sorted(names)


def test_values_keep_names_apart() -> None:
    """Only names of equal values are joined, and order follows the first name of each text."""
    names = [(f"h.{layer}.{part}", part in ("q", "k")) for layer in range(3) for part in ("q", "v", "k", "o")]
    assert fold_names(names) == [("h.{0..2}.{q,k}", True), ("h.{0..2}.{v,o}", False)]


def test_texts_with_braces_stay() -> None:
    """What is said to be a text with braces already is neither changed nor joined."""
    names = [("h.1", 0), ("h.{2..n}", 0), ("h.0", 0)]
    assert fold_names(names, {"h.{2..n}"}) == [("h.{0..1}", 0), ("h.{2..n}", 0)]


def test_long_lists_are_cut() -> None:
    """A list is never so long that nobody would read it."""
    words = [f"{chr(97 + at // 26)}{chr(97 + at % 26)}x.weight" for at in range(100)]
    numbers = [f"h.{at * at}.weight" for at in range(100)]
    for names in (words, numbers):
        texts = _texts(*names)
        assert max(map(len, texts)) < 80
        assert sorted(name for text in texts for name in expand_braces(text)) == sorted(names)


def test_a_mixture_of_experts_is_a_few_lines() -> None:
    """Names of a large model, 20 thousand of them, are as many lines as there are kinds of tensors."""
    names = []
    for layer in range(28):
        names += [(f"layers.{layer}.attn.{part}_proj.weight", (64, 64)) for part in "qkvo"]
        if layer == 0:
            names += [(f"layers.0.mlp.{part}_proj.weight", (8, 64)) for part in ("gate", "up")]
        else:
            names += [
                (f"layers.{layer}.mlp.experts.{expert}.{part}_proj.weight", (8, 64))
                for expert in range(256)
                for part in ("gate", "up", "down")
            ]
    assert [text for text, _ in fold_names(names)] == [
        "layers.{0..27}.attn.{q,k,v,o}_proj.weight",
        "layers.0.mlp.{gate,up}_proj.weight",
        "layers.{1..27}.mlp.experts.{0..255}.{gate,up,down}_proj.weight",
    ]


TOKENS = st.sampled_from(["a", "b", "a_b", "x_b", "_", "0", "1", "2", "3", "9", "10", "01", "00", "010"])
SIGNS = st.sampled_from([".", "/", ".", "{", "}", ",", "\\", "..", "-", " ", "*", "é", "³", "1" * 20])


@given(st.dictionaries(st.lists(TOKENS | SIGNS, min_size=1, max_size=6).map("".join), st.integers(0, 1)))
def test_exactly_the_names_come_back(values: dict[str, int]) -> None:
    """Whatever the names, writing the braces out gives each of them once, with its value."""
    found = [(name, value) for text, value in fold_names(values.items()) for name in expand_braces(text)]
    assert len(found) == len(values)
    assert dict(found) == values


@given(st.text())
def test_escaped_names_mean_themselves(name: str) -> None:
    """An escaped name stands for that name alone."""
    assert expand_braces(escape_braces(name)) == [name]
