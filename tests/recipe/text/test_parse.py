"""The form of recipes: what is read from sound ones, and where others are wrong."""

from __future__ import annotations

import json
import re
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from initkit.errors import ArgumentTypeError, RecipeError
from initkit.recipe.text.parse import parse_recipe
from tests.recipe.texts import recipe_text


def test_everything_is_read_with_its_line() -> None:
    """Every part of a recipe comes out as it was written, and knows on which line that was."""
    recipe = parse_recipe(
        recipe_text(
            head="initkit: 1\nseed: 18446744073709551616\ndtype: bfloat16\n",
            variables="variables:\n  d: 4\n  ff: 4 * d\n  scale: 0.5\n",
            tensors="""\
            tensors:
              a.{0..1}.w: [d, 2]
              b:
                shape: [ff]
                dtype: float16
                layers: [Net, Norm]
                tags: late
              c: {tie: b}
              scalar: []
            """,
            rules="""\
            rules:
              - match: "*"
                init:
                  random_normal:
                    mean: 1
                    stddev: 0.02 / sqrt(d)
              - {match: b, init: zeros}
              - {match: c, init: {ones: }}
              - {match: d, init: {class_name: HeNormal, config: {seed: null, input_axes: [0]}}}
            """,
        ),
        "model.yaml",
    )
    assert (recipe.seed, recipe.dtype, recipe.file) == (2**64, "bfloat16", "model.yaml")
    assert [(entry.name, entry.value, entry.place.line) for entry in recipe.variables] == [
        ("d", 4, 5),
        ("ff", "4 * d", 6),
        ("scale", 0.5, 7),
    ]
    assert [
        (entry.name, entry.shape, entry.dtype, entry.tie, entry.place.line) for entry in recipe.tensors
    ] == [
        ("a.{0..1}.w", ("d", 2), None, None, 9),
        ("b", ("ff",), "float16", None, 10),
        ("c", (), None, "b", 15),
        ("scalar", (), None, None, 16),
    ]
    assert (recipe.tensors[1].layers, recipe.tensors[1].tags) == (("Net", "Norm"), ("late",))
    assert (recipe.tensors[0].layers, recipe.tensors[0].tags) == ((), ())
    inits = [rule.init for rule in recipe.rules if rule.init is not None]
    assert [(rule.number, rule.match, rule.line) for rule in recipe.rules] == [
        (1, "*", 18),
        (2, "b", 23),
        (3, "c", 24),
        (4, "d", 25),
    ]
    assert [(init.name, init.arguments) for init in inits] == [
        ("random_normal", {"mean": 1, "stddev": "0.02 / sqrt(d)"}),
        ("zeros", {}),
        ("ones", {}),
        ("HeNormal", {"input_axes": [0]}),
    ]
    assert {name: place.line for name, place in inits[0].argument_places.items()} == {
        "mean": 21,
        "stddev": 22,
    }


@pytest.mark.parametrize("seed", [0, 1, 2**200])
def test_seeds_of_any_size(seed: int) -> None:
    """Every integer from 0 up is a seed."""
    assert parse_recipe(recipe_text(head=f"initkit: 1\nseed: {seed}\n")).seed == seed


def test_dtype_and_variables_may_be_left_out() -> None:
    """Without variables there are none; what stands for a dtype is the plan's to say."""
    recipe = parse_recipe(recipe_text(variables=""))
    assert (recipe.dtype, recipe.variables) == (None, ())


# The sections that differ from a sound recipe, the line, and words of the message in their order.
MALFORMED = [
    # The whole.
    (
        {"head": ""},
        1,
        "no `initkit` and `seed`. Every recipe has `initkit`, `seed`, `rules`, and `tensors` or `from`",
    ),
    ({"head": "initkit: 1\n"}, 1, "the recipe has no `seed`"),
    ({"tensors": ""}, 1, "the recipe has no `tensors`"),
    ({"rules": ""}, 1, "the recipe has no `rules`"),
    ({"head": "initkit: 2\nseed: 1\n"}, 1, "version of the recipe format. Received: 2. Allowed: 1"),
    ({"head": "initkit: '1'\nseed: 1\n"}, 1, "Received: '1'. Allowed: 1"),
    ({"head": "initkit: true\nseed: 1\n"}, 1, "Received: true. Allowed: 1"),
    ({"head": "initkit: 1\nseed: -1\n"}, 2, "`seed` must be an integer from 0 up. Received: -1"),
    ({"head": "initkit: 1\nseed: 1.0\n"}, 2, "`seed` must be an integer from 0 up. Received: 1.0"),
    ({"head": "initkit: 1\nseed: true\n"}, 2, "`seed` must be an integer from 0 up. Received: true"),
    ({"head": "initkit: 1\nseed:\n"}, 2, "`seed` must be an integer from 0 up. Received: nothing"),
    (
        {"head": "initkit: 1\nsed: 1\n"},
        2,
        "unknown key 'sed' in a recipe. Allowed: initkit, preset, extends, seed,|mean 'seed'",
    ),
    ({"head": "initkit: 1\nseed: 1\nseed: 2\n"}, 3, "'seed' stands twice in one mapping, first on line 2"),
    ({"head": "initkit: 1\nseed: 1\ndtype: 32\n"}, 3, "`dtype` must be text. Received: 32|bfloat16"),
    ({"head": "initkit: 1\nseed: 1\nextends: 3\n"}, 3, "`extends` must be a mapping. Received: 3|gpt2@1"),
    ({"head": "initkit: 1\nseed: 1\nextends: {}\n"}, 3, "`extends` must name one recipe. Received: 0 of"),
    # Variables.
    ({"variables": "variables: [1]\n"}, 3, "`variables` must be a mapping. Received: a list of 1"),
    ({"variables": "variables: {d-k: 1}\n"}, 3, "'d-k' cannot name a variable. Allowed: ASCII letters"),
    ({"variables": "variables: {π: 1}\n"}, 3, "'π' cannot name a variable"),
    ({"variables": "variables:\n  d: 1\n  e: yes\n  f: true\n"}, 6, "'f' must be a number or an expr|: true"),
    ({"variables": "variables:\n  d: 1\n  e: [1]\n"}, 5, "'e' must be a number or an expression|a list of 1"),
    ({"variables": "variables: {d: 1, d: 2}\n"}, 3, "'d' stands twice"),
    ({"variables": "variables: {1: 2}\n"}, 3, "key"),
    # Tensors.
    ({"tensors": "tensors: []\n"}, 4, "`tensors` must be a mapping. Received: an empty list"),
    ({"tensors": "tensors: {}\n"}, 4, "`tensors` is empty. Name at least one"),
    ({"tensors": "tensors:\n  a: 3\n"}, 5, "'a' must be a shape, a mapping of shape and dtype, or a tie|: 3"),
    ({"tensors": "tensors:\n  a: 3 * d\n"}, 5, "'a' must be a shape|Received: '3 * d'"),
    ({"tensors": "tensors:\n  a:\n"}, 5, "'a' must be a shape|Received: nothing"),
    ({"tensors": "tensors:\n  '': [1]\n"}, 5, "a tensor's name cannot be empty"),
    ({"tensors": "tensors:\n  a: [1]\n  a: [1]\n"}, 6, "'a' stands twice in one mapping, first on line 5"),
    ({"tensors": "tensors:\n  a: {dtype: int8}\n"}, 5, "'a' has no shape. Write, for example, [768]"),
    ({"tensors": "tensors:\n  a: {shape: 3}\n"}, 5, "the shape of tensor 'a' must be a list. Received: 3"),
    ({"tensors": "tensors:\n  a:\n    shape: [1]\n    dype: x\n"}, 7, "unknown key 'dype' in tensor|'dtype'"),
    ({"tensors": "tensors:\n  a:\n    shape: [1]\n    dtype: 8\n"}, 7, "dtype of tensor 'a' must be text"),
    ({"tensors": "tensors:\n  a:\n    tie: b\n    shape: [1]\n"}, 7, "is tied, so it cannot have `shape` of"),
    (
        {"tensors": "tensors:\n  a: {tie: b, dtype: int8}\n"},
        5,
        "is tied, so it cannot have `dtype` of its own",
    ),
    ({"tensors": "tensors:\n  a: {tie: [b]}\n"}, 5, "the tie of tensor 'a' must be text. Received: a list"),
    ({"tensors": "tensors:\n  a: [1, [2]]\n"}, 5, "every length in the shape of tensor 'a' must be a number"),
    ({"tensors": "tensors:\n  a:\n    - 1\n    - true\n"}, 7, "every length in the shape|Received: true"),
    ({"tensors": "tensors:\n  a: [1, ]\n  b: ['']\n"}, 6, "every length in the shape of tensor 'b'|: ''"),
    # Rules.
    ({"rules": "rules: []\n"}, 7, "`rules` must be a list of at least one rule. Received: an empty list"),
    ({"rules": "rules: {match: a, init: ones}\n"}, 7, "must be a list of at least one|a mapping of 2"),
    ({"rules": "rules:\n  - zeros\n"}, 8, "rule 1 must be a mapping. Received: 'zeros'"),
    (
        {"rules": "rules:\n  - {match: a}\n"},
        8,
        "rule 1 has no `init`. A rule needs an initializer, or|one of `init`, `skip`, `tie`, `copy`",
    ),
    ({"rules": "rules:\n  - {init: ones}\n"}, 8, "rule 1 has no `match`"),
    ({"rules": "rules:\n  - {}\n"}, 8, "rule 1 has no `match`. A rule needs a pattern of names"),
    (
        {"rules": "rules:\n  - match: a\n    init: ones\n    dtyp: int8\n"},
        10,
        "unknown key 'dtyp' in rule 1|mean 'dtype'",
    ),
    (
        {"rules": "rules:\n  - {match: a, init: ones}\n  - {match: 3, init: ones}\n"},
        9,
        "pattern of rule 2 must",
    ),
    (
        {"rules": "rules:\n  - {match: '', init: ones}\n"},
        8,
        "the pattern of rule 1 must be text. Received: ''",
    ),
    (
        {"rules": "rules:\n  - {match: a, init: 3}\n"},
        8,
        "`init` of rule 1 must be a name, or a name with arg",
    ),
    ({"rules": "rules:\n  - {match: a, init: ''}\n"}, 8, "`init` of rule 1 must be a name|Received: ''"),
    (
        {"rules": "rules:\n  - {match: a, init: {}}\n"},
        8,
        "`init` of rule 1 must have one name. Received: none",
    ),
    (
        {"rules": "rules:\n  - {match: a, init: {random_normal: {}, stddev: 1}}\n"},
        8,
        "must have one name. Received: `random_normal` and `stddev`. Write, for example",
    ),
    (
        {"rules": "rules:\n  - match: a\n    init:\n      random_normal: 0.02\n"},
        10,
        "the arguments of 'random_normal' in rule 1 must be a mapping. Received: 0.02",
    ),
    (
        {"rules": "rules:\n  - match: a\n    init:\n      random_normal:\n        seed: 7\n"},
        11,
        "rule 1 gives its initializer a seed. Received: 7|the recipe's `seed` and the tensor's name. Remove",
    ),
    (
        {"rules": "rules:\n  - match: a\n    init:\n      class_name: HeNormal\n      config: {seed: 7}\n"},
        11,
        "rule 1 gives its initializer a seed",
    ),
    (
        {"rules": "rules:\n  - {match: a, init: {mix: {of: {class_name: Ones, config: {seed: 1}}}}}\n"},
        8,
        "rule 1 gives its initializer a seed. Received: 1",
    ),
    (
        {"rules": "rules:\n  - {match: a, init: {class_name: HeNormal, module: torch.nn, config: {}}}\n"},
        8,
        "the module of rule 1 is not initkit's. Received: 'torch.nn'. Nothing is imported for a recipe",
    ),
    (
        {"rules": "rules:\n  - {match: a, init: {class_name: HeNormal, args: {}}}\n"},
        8,
        "unknown key 'args' in the `init` of rule 1. Allowed: class_name, config",
    ),
    (
        {"rules": "rules:\n  - {match: a, init: {class_name: 3}}\n"},
        8,
        "the class_name of rule 1 must be text. Received: 3",
    ),
    # YAML itself.
    ({"rules": "rules: [\n"}, 8, "this is not YAML"),
    ({"head": "--- 1\n--- 2\n"}, 2, "a second document"),
    ({"head": "!!python/object:os.system x\n"}, 1, ""),
]


@pytest.mark.parametrize(("sections", "line", "words"), MALFORMED)
def test_malformed_recipes(sections: dict[str, str], line: int, words: str) -> None:
    """Whatever is wrong with a recipe's form is one error, with file and line, and says what was wrong."""
    with pytest.raises(RecipeError) as caught:
        parse_recipe(recipe_text(**sections), "r.yaml")
    assert (caught.value.file, caught.value.line) == ("r.yaml", line)
    assert str(caught.value).startswith(f"r.yaml:{line}: ")
    position = 0
    for part in words.split("|"):
        position = str(caught.value).find(part, position) + 1
        assert position, f"{part!r} is not in {caught.value}"


@pytest.mark.parametrize("text", ["", "3", "null", "[1]", "just words"])
def test_what_is_no_mapping_is_no_recipe(text: str) -> None:
    """A text that holds something else altogether is refused at its first line."""
    with pytest.raises(RecipeError, match=re.escape("r.yaml:1: a recipe must be a mapping. Received: ")):
        parse_recipe(text, "r.yaml")


def test_text_must_be_text() -> None:
    """Bytes are not read, as nobody said in which encoding they are."""
    with pytest.raises(ArgumentTypeError):
        parse_recipe(b"initkit: 1")  # type: ignore[arg-type]  # the mistake itself


def test_long_form_names_what_was_registered() -> None:
    """The form that `serialize` and Keras write means the class it was written for."""
    inits = {
        "{module: initkit, class_name: HeNormal, config: {}, registered_name: null}": "HeNormal",
        "{module: keras.initializers, class_name: HeNormal, config: {}, registered_name: null}": "HeNormal",
        "{module: mylab, class_name: Tent, config: {}, registered_name: mylab>Tent}": "mylab>Tent",
        "{class_name: mylab>Tent}": "mylab>Tent",
    }
    for init, name in inits.items():
        recipe = parse_recipe(recipe_text(rules=f"rules:\n  - {{match: a, init: {init}}}\n"))
        init_of_rule = recipe.rules[0].init
        assert init_of_rule is not None
        assert init_of_rule.name == name


def test_parsing_imports_and_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of modules and Python code in a recipe are only text."""
    monkeypatch.chdir(tmp_path)
    parse_recipe(recipe_text())
    before = set(sys.modules)
    code = "__import__('antigravity').open('x', 'w')"
    parse_recipe(
        recipe_text(variables=f'variables: {{d: "{code}"}}\n', tensors=f'tensors:\n  a: ["{code}"]\n')
    )
    assert set(sys.modules) == before
    assert list(tmp_path.iterdir()) == []


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.sampled_from(["", "a", "*", "zeros", "a.{0..1}", "d", "2*"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["match", "init", "shape", "dtype", "tie", "a", "zeros", "class_name", "config"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(st.sampled_from(["seed", "dtype", "variables", "tensors", "rules"]), JSON_VALUES)
@example("rules", [{"match": "a", "init": {"class_name": "zeros", "config": None}}])
def test_any_data_is_read_or_refused(section: str, value: object) -> None:
    """Whatever stands in a section, reading ends in a recipe or a RecipeError, and in nothing else."""
    parts = {"initkit": 1, "seed": 1, "tensors": {"a": [1]}, "rules": [{"match": "a", "init": "ones"}]}
    with suppress(RecipeError):
        recipe = parse_recipe(json.dumps({**parts, section: value}), "r.yaml")
        assert recipe.tensors
        assert recipe.rules
