"""Recipes of sound form that have no meaning, each with the line and the words of its error."""

from __future__ import annotations

import pytest

from initkit.errors import RecipeError
from initkit.recipe import Recipe
from tests.recipe.texts import recipe_text

# Sections that differ from a sound recipe, the line, and the words of the message in their order.
MEANINGLESS = [
    # Variables.
    (
        {"variables": "variables: {sqrt: 2}\n"},
        3,
        "variable 'sqrt' has a name that means something else in expressions",
    ),
    (
        {"variables": "variables:\n  pi: 3\n"},
        4,
        "variable 'pi' has a name that means something else in expressions",
    ),
    (
        {"variables": "variables:\n  d: e\n  e: f\n  f: d\n"},
        4,
        "variable 'd' is worked out from itself: d needs e needs f needs d. Give one of them a number",
    ),
    ({"variables": "variables:\n  d: d\n"}, 4, "variable 'd' is worked out from itself: d needs d."),
    (
        {"variables": "variables:\n  d: fan_in\n"},
        4,
        "'fan_in' asks about a tensor in variable 'd', where there is",
    ),
    ({"variables": "variables:\n  dim: 1\n  e: 2 * dmi\n"}, 5, "'dmi'|Received: '2 * dmi'|mean 'dim'"),
    ({"variables": "variables: {d: 1 / 0}\n"}, 3, "variable 'd': Division by zero.|^ column 3"),
    ({"variables": "variables: {d: 2 +}\n"}, 3, "variable 'd': A number, a name or an opening parenthesis"),
    ({"variables": "variables: {d: \"__import__('os')\"}\n"}, 3, "variable 'd': There is no function"),
    ({"variables": "variables: {d: .nan}\n"}, 3, "variable 'd' is no number that can be worked with"),
    (
        {"variables": f"variables: {{d: {'9' * 400}}}\n"},
        3,
        "variable 'd' is no number|integers of up to 512 bits",
    ),
    ({"variables": "variables: {d: 10 ** 1000}\n"}, 3, "variable 'd': The result is too large"),
    # Tensors.
    ({"tensors": "tensors:\n  a: [dd]\n"}, 5, "unknown variable 'dd' in the shape of tensor 'a'|mean 'd'"),
    (
        {"tensors": "tensors:\n  a: [d / 3]\n"},
        5,
        "no whole number from 0 up. Received: 1.333|from 'd / 3'.|//",
    ),
    ({"tensors": "tensors:\n  a: [-1]\n"}, 5, "is no whole number from 0 up. Received: -1."),
    ({"tensors": "tensors:\n  a: [d - 5]\n"}, 5, "is no whole number from 0 up. Received: -1, from 'd - 5'"),
    ({"tensors": "tensors:\n  a: [.inf]\n"}, 5, "is no whole number from 0 up. Received: inf"),
    ({"tensors": "tensors:\n  a: [1e300]\n"}, 5, "tensor 'a': |2**63"),
    ({"tensors": "tensors:\n  a: [2 ** 40, 2 ** 40]\n"}, 5, "tensor 'a': |2**62"),
    ({"tensors": "tensors:\n  a: [(2]\n"}, 5, "the shape of tensor 'a': |parenthesis"),
    ({"tensors": "tensors:\n  'a.{0..': [2]\n"}, 5, "tensor 'a.{0..': This '{' has no '}'"),
    ({"tensors": "tensors:\n  'a.{0..k}': [2]\n"}, 5, "tensor 'a.{0..k}': The range|'k' is not known"),
    ({"tensors": "tensors:\n  'a.{layer}': [2]\n"}, 5, "tensor 'a.{layer}': Braces hold 'layer'"),
    ({"tensors": "tensors:\n  'a.{0..9999999}': [2]\n"}, 5, "tensor 'a.{0..9999999}': |1,000,000"),
    (
        {"tensors": "tensors:\n  'a.{0..2}': [2]\n  a.1: [2]\n"},
        6,
        "'a.1' is named twice: by 'a.{0..2}' on line 5",
    ),
    ({"tensors": "tensors:\n  '{a,a}': [2]\n"}, 5, "tensor 'a' is named twice"),
    ({"tensors": "tensors:\n  a: [2]\n  '{a,b}': {tie: a}\n"}, 6, "tensor 'a' is named twice"),
    ({"tensors": "tensors:\n  __metadata__: [2]\n"}, 5, "cannot be named '__metadata__'"),
    (
        {"tensors": "tensors:\n  a: {shape: [2], dtype: bfloat61}\n"},
        5,
        "Unknown dtype|'bfloat61'|mean 'bfloat16'",
    ),
    ({"tensors": "tensors:\n  a: {shape: [2], dtype: complex128}\n"}, 5, "cannot be stored in a safetensors"),
    ({"head": "initkit: 1\nseed: 1\ndtype: float7\n"}, 3, "the recipe's `dtype`: Unknown dtype|'float7'"),
    (
        {"tensors": "tensors:\n  a: [2]\n  b: {tie: aa}\n"},
        6,
        "'b' is tied to 'aa', and no tensor of that name is stored|mean 'a'",
    ),
    ({"tensors": "tensors:\n  a: [2]\n  b: {tie: b}\n"}, 6, "tensor 'b' is tied to itself"),
    (
        {"tensors": "tensors:\n  a: [2]\n  b: {tie: c}\n  c: {tie: a}\n"},
        6,
        "'b' is tied to 'c', which is itself tied to 'a', on line 7. Tie both to the one tensor that has",
    ),
    (
        {"tensors": "tensors:\n  b: {tie: c}\n  c: {tie: b}\n"},
        5,
        "'b' is tied to 'c', which is itself tied to",
    ),
    # Rules.
    ({"rules": "rules:\n  - {match: 'a.{*', init: ones}\n"}, 8, "the pattern of rule 1: This '{' has no '}'"),
    (
        {"rules": "rules:\n  - {match: 'a.{d}', init: ones}\n"},
        8,
        "capture {d} of rule 1 has the name of a variable",
    ),
    (
        {"rules": "rules:\n  - {match: '{max}.a', init: ones}\n"},
        8,
        "{max} of rule 1 has the name of something else in expressions",
    ),
    (
        {"rules": "rules:\n  - {match: '*', init: onse}\n"},
        8,
        "unknown initializer 'onse' in rule 1.|mean 'one' or 'ones'",
    ),
    (
        {"rules": "rules:\n  - {match: '*', init: os.system}\n"},
        8,
        "unknown initializer 'os.system' in rule 1",
    ),
    (
        {"rules": "rules:\n  - match: '*'\n    init:\n      random_normal:\n        std: 1\n"},
        11,
        "random_normal has no argument 'std', which rule 1 gives it. Allowed: mean, stddev.|mean 'stddev'",
    ),
    (
        {"rules": "rules:\n  - {match: '*', init: {zeros: {value: 1}}}\n"},
        8,
        "no argument 'value'|Allowed: none",
    ),
    (
        {"rules": "rules:\n  - {match: '*', init: {random_normal: {stddev: -1}}}\n"},
        8,
        "rule 1 cannot make an initializer for tensor 'a.weight': |stddev",
    ),
    (
        {"rules": "rules:\n  - {match: '*', init: {random_normal: {stddev: [1]}}}\n"},
        8,
        "rule 1 cannot make an initializer for tensor 'a.weight': |stddev",
    ),
    (
        {"rules": "rules:\n  - {match: '*', init: {random_normal: {stddev: true}}}\n"},
        8,
        "rule 1 cannot make an initializer|stddev",
    ),
    (
        {"rules": "rules:\n  - match: '*'\n    init:\n      random_normal:\n        stddev: 1 / n_layers\n"},
        11,
        "unknown variable 'n_layers' in argument 'stddev' of rule 1. Received: '1 / n_layers'|mean 'n_layer'",
    ),
    (
        {"rules": "rules:\n  - {match: '*', init: {random_normal: {stddev: 1 / (d - 4)}}}\n"},
        8,
        "argument 'stddev' of rule 1 for tensor 'a.weight': Division by zero",
    ),
    (
        {"rules": "rules:\n  - {match: '*', init: {random_normal: {stddev: sqrt 2}}}\n"},
        8,
        "argument 'stddev' of rule 1: The function sqrt has no argument",
    ),
    (
        {"rules": "rules:\n  - match: 'a.{part}'\n    init:\n      random_normal:\n        stddev: part\n"},
        11,
        "needs a number, but the capture {part} stands for text in that name. Narrow the pattern 'a.{part}'",
    ),
    (
        {"rules": "rules:\n  - {match: '*', init: {variance_scaling: {mode: fan_inn}}}\n"},
        8,
        "rule 1 cannot make an initializer for tensor 'a.weight': |fan_inn",
    ),
    (
        {"rules": "rules:\n  - {match: '*', init: {orthogonal: {}}}\n"},
        6,
        "tensor 'a.bias' cannot be made by rule 1, '*', on line 8: |two-dimensional",
    ),
    (
        {
            "tensors": "tensors:\n  a: {shape: [2], dtype: int8}\n",
            "rules": "rules:\n  - {match: a, init: he_normal}\n",
        },
        5,
        "tensor 'a' cannot be made by rule 1, 'a', on line 7: |int8",
    ),
    # Rules and tensors that do not fit together.
    (
        {"rules": "rules:\n  - {match: '*.bias', init: ones}\n"},
        5,
        "r.yaml:5: no rule matches tensor 'a.weight'. Add a rule",
    ),
    (
        {
            "tensors": "tensors:\n  a.{0..4}: [1]\n  a.bias: [1]\n",
            "rules": "rules:\n  - {match: '*.bias', init: ones}\n",
        },
        5,
        "r.yaml:5: no rule matches 5 tensors: a.0, a.1, a.2, a.3, a.4. Add a rule",
    ),
]


@pytest.mark.parametrize(("sections", "line", "words"), MEANINGLESS)
def test_meaningless_recipes(sections: dict[str, str], line: int, words: str) -> None:
    """Whatever has no meaning is one error, with file and line, and says what was wrong."""
    recipe = Recipe.from_text(recipe_text(**sections), "r.yaml")
    with pytest.raises(RecipeError) as caught:
        recipe.plan()
    assert str(caught.value).startswith(f"r.yaml:{line}: ")
    assert (caught.value.file, caught.value.line) == ("r.yaml", line)
    position = 0
    for part in words.split("|"):
        position = str(caught.value).find(part, position) + 1
        assert position, f"{part!r} is not in {caught.value}"
