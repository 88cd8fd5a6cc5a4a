"""Lines, errors and limits of documents."""

import pytest

from initkit.documents import Document, Limits, read_json, read_yaml
from initkit.errors import ArgumentError, RecipeError

YAML = """\
# a comment
seed: 42
variables: {n_layer: 12,
            d: 768}
rules:
  - {match: "*", init: ones}
  -
    match: "a"
    init:
      random_normal:
        stddev: 1
again: [&x {k: 1},
        *x]
"""
YAML_LINES = {
    (): 2,
    ("seed",): 2,
    ("variables",): 3,
    ("variables", "d"): 4,
    ("rules",): 5,
    ("rules", 0): 6,
    ("rules", 0, "init"): 6,
    ("rules", 1): 8,
    ("rules", 1, "init"): 9,
    ("rules", 1, "init", "random_normal", "stddev"): 11,
    ("again", 0): 12,
    ("again", 1): 13,
    ("again", 1, "k"): 12,
}

JSON = """\
{
  "seed": 42, "a": [1,
    [2, {"b":
      3}]],

  "c,[{": "}]\\n\\"", "d": {}
}
"""
JSON_LINES = {
    (): 1,
    ("seed",): 2,
    ("a",): 2,
    ("a", 0): 2,
    ("a", 1): 3,
    ("a", 1, 1): 3,
    ("a", 1, 1, "b"): 3,
    ("c,[{",): 6,
    ("d",): 6,
}


@pytest.mark.parametrize(("path", "line"), YAML_LINES.items(), ids=str)
def test_yaml_line(path: tuple[str | int, ...], line: int) -> None:
    """Each node of a YAML text is found on the line where a person sees it begin."""
    assert read_yaml(YAML).line(path) == line


@pytest.mark.parametrize(("path", "line"), JSON_LINES.items(), ids=str)
def test_json_line(path: tuple[str | int, ...], line: int) -> None:
    """Each node of a JSON text is found on the line where a person sees it begin."""
    assert read_json(JSON).line(path) == line


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("rules", 1, "inti"), 8),
        (("rules", 7, "init"), 5),
        (("rules", 2), 5),
        (("rules", -1), 5),
        (("rules", "1"), 5),
        (("seed", "x", 3), 2),
        (("variables", 0), 3),
        (("nothing",), 2),
    ],
    ids=str,
)
def test_line_of_what_is_not_there(path: tuple[str | int, ...], line: int) -> None:
    """A path that leads nowhere gives the line of the nearest ancestor that exists."""
    assert read_yaml(YAML).line(path) == line


@pytest.mark.parametrize("document", [read_yaml(""), read_yaml("# only a comment"), read_json("0")])
def test_line_of_a_document_without_parts(document: Document) -> None:
    """A document without lists and mappings begins on line 1."""
    assert document.line(("a", 0)) == 1


def test_error_at() -> None:
    """An error names the file and the line, and is of the class the reader was told to use."""
    document = read_yaml(YAML, file="gpt2.yaml", error=RecipeError)
    error = document.error_at(("rules", 1, "init"), "no such initializer")
    assert type(error) is RecipeError
    assert str(error) == "gpt2.yaml:9: no such initializer"
    assert (error.file, error.line, error.reason) == ("gpt2.yaml", 9, "no such initializer")


@pytest.mark.parametrize("depth", [-1, 201])
def test_limits_refuse_a_depth_beyond_the_stack(depth: int) -> None:
    """A depth at which reading could exhaust the stack is not a possible limit."""
    with pytest.raises(ArgumentError, match="Allowed are 0 to 200"):
        Limits(depth=depth)


def test_greatest_possible_depth_is_read() -> None:
    """The greatest depth that `Limits` allows does not exhaust the stack."""
    limits = Limits(depth=200)
    text = "[" * 200 + "]" * 200
    assert repr(read_yaml(text, limits=limits).data) == text
    document = read_json(text, limits=limits)
    assert repr(document.data) == text
    assert document.line([0] * 199) == 1
