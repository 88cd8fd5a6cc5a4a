"""The text of a recipe, checked for form: which keys there are, of which types, on which lines.

Nothing is looked up or worked out here. Names of initializers, expressions, patterns and shapes get their
meaning in `initkit.recipe.plan`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from initkit.documents import Document, PlainData, read_yaml
from initkit.errors import RecipeError, did_you_mean, nearest_names
from initkit.recipe.arithmetic import Number

# The version of the recipe format, written as `initkit: 1` in every recipe.
RECIPE_FORMAT = 1

Path: TypeAlias = tuple[str | int, ...]

_KEYS = ("initkit", "preset", "seed", "dtype", "variables", "tensors", "rules")
_REQUIRED = ("initkit", "seed", "tensors", "rules")
_DESCRIPTION_KEYS = ("class_name", "config", "module", "registered_name")
# Packages whose class names mean initkit's own classes.
_OWN_MODULES = ("initkit", "keras", "tf_keras")


@dataclass(frozen=True, slots=True)
class Variable:
    """A named number, or the text of the expression that it is worked out from."""

    name: str
    value: Number | str
    line: int


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One entry of `tensors`, which may stand for many tensors.

    Attributes:
        name: The name, brace ranges included.
        line: Where the entry stands.
        shape: Numbers and expressions; empty for a tied tensor.
        dtype: The entry's own dtype, or None.
        tie: The name of the tensor that this one is the same as, or None.
    """

    name: str
    line: int
    shape: tuple[Number | str, ...] = ()
    dtype: str | None = None
    tie: str | None = None


@dataclass(frozen=True, slots=True)
class InitializerSpec:
    """What a rule's `init` says.

    Attributes:
        name: The initializer's name, as the registry knows it.
        line: Where it stands.
        arguments: What stands for each of its constructor's arguments.
        argument_lines: Where each argument stands.
    """

    name: str
    line: int
    arguments: Mapping[str, PlainData] = field(default_factory=dict)
    argument_lines: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of `rules`: which tensors, and what fills them. Rules are numbered from 1."""

    number: int
    line: int
    match: str
    init: InitializerSpec


@dataclass(frozen=True, slots=True)
class ParsedRecipe:
    """A recipe of sound form.

    Attributes:
        text: The whole text, from which this can be made again.
        file: Where the text came from, for messages.
        seed: The seed that every tensor's draw grows from.
        dtype: The dtype of tensors that have none of their own.
        dtype_line: Where it stands.
        variables: In the order of the text.
        tensors: In the order of the text.
        rules: In the order of the text, which is the order of precedence.
    """

    text: str
    file: str
    seed: int
    dtype: str
    dtype_line: int
    variables: tuple[Variable, ...]
    tensors: tuple[TensorSpec, ...]
    rules: tuple[Rule, ...]

    def error_at(self, line: int, *sentences: str) -> RecipeError:
        """An exception that names the file and a line, to be raised by the caller."""
        return RecipeError(" ".join(sentences), file=self.file, line=line)


def parse_recipe(text: str, file: str = "<recipe>") -> ParsedRecipe:
    """Read a recipe and check its form; imports nothing, evaluates nothing and writes nothing.

    Args:
        text: YAML text.
        file: Its name in messages.

    Returns:
        The recipe's parts with their lines.

    Raises:
        RecipeError: The text is no YAML; a key is unknown, missing or twice there; a value has a wrong type.

    Example:
        >>> recipe = parse_recipe("{initkit: 1, seed: 7, tensors: {w: [2]}, rules: [{match: w, init: ones}]}")
        >>> recipe.tensors[0].name, recipe.rules[0].init.name
        ('w', 'ones')
    """
    return _Parser(read_yaml(text, file=file, error=RecipeError)).recipe(text)


class _Parser:
    """Walks through a document and complains at the line of whatever is wrong."""

    def __init__(self, document: Document) -> None:
        self.document = document

    def recipe(self, text: str) -> ParsedRecipe:
        """The whole document."""
        root = self._mapping(self.document.data, (), "a recipe", "initkit: 1, seed: 42, and so on")
        self._check_keys(root, (), _KEYS, "a recipe")
        if missing := [key for key in _REQUIRED if key not in root]:
            needs = f"Every recipe has {_listed(_REQUIRED)}."
            raise self._error((), f"the recipe has no {_listed(missing)}.", needs, "Add what is missing.")
        self._check_format(root["initkit"])
        return ParsedRecipe(
            text=text,
            file=self.document.file,
            seed=self._seed(root["seed"]),
            dtype=self._text(root.get("dtype", "float32"), ("dtype",), "`dtype`", "bfloat16"),
            dtype_line=self.document.line(("dtype",)),
            variables=tuple(self._variables(root.get("variables", {}))),
            tensors=tuple(self._tensors(root["tensors"])),
            rules=tuple(self._rules(root["rules"])),
        )

    def _check_format(self, version: PlainData) -> None:
        if type(version) is not int or version != RECIPE_FORMAT:
            wrong = f"`initkit` is the version of the recipe format. Received: {_shown(version)}."
            raise self._error(("initkit",), wrong, f"Allowed: {RECIPE_FORMAT}. Write `initkit: 1`.")

    def _seed(self, seed: PlainData) -> int:
        if type(seed) is not int or seed < 0:
            wrong = f"`seed` must be an integer from 0 up. Received: {_shown(seed)}."
            raise self._error(("seed",), wrong, "Write, for example, `seed: 42`.")
        return seed

    def _variables(self, value: PlainData) -> Iterator[Variable]:
        for name, entry in self._mapping(value, ("variables",), "`variables`", "n_layer: 12").items():
            path = ("variables", name)
            if not (name.isascii() and name.isidentifier()):
                allowed = "Allowed: ASCII letters, digits and underscores, no digit in front."
                raise self._error(path, f"{name!r} cannot name a variable.", allowed, "Rename it.")
            yield Variable(name, self._number(entry, path, f"variable {name!r}"), self.document.line(path))

    def _tensors(self, value: PlainData) -> Iterator[TensorSpec]:
        entries = self._mapping(value, ("tensors",), "`tensors`", "wte.weight: [50257, 768]")
        if not entries:
            raise self._error(("tensors",), "`tensors` is empty. Name at least one, with its shape.")
        for name, entry in entries.items():
            yield self._tensor(name, entry, ("tensors", name))

    def _tensor(self, name: str, entry: PlainData, path: Path) -> TensorSpec:
        line, who = self.document.line(path), f"tensor {name!r}"
        if not name:
            raise self._error(path, "a tensor's name cannot be empty. Write, for example, `wte.weight`.")
        if isinstance(entry, list):
            return TensorSpec(name, line, self._shape(entry, path, who))
        example = "Write, for example, [768] or {shape: [768], dtype: float32}."
        if not isinstance(entry, dict):
            wrong = f"{who} must be a shape, a mapping of shape and dtype, or a tie."
            raise self._error(path, wrong, f"Received: {_shown(entry)}.", example)
        self._check_keys(entry, path, ("shape", "dtype", "tie"), who)
        if "tie" in entry:
            return TensorSpec(name, line, tie=self._tie(entry, path, who))
        if "shape" not in entry:
            raise self._error(path, f"{who} has no shape.", example)
        dtype = None
        if "dtype" in entry:
            dtype = self._text(entry["dtype"], (*path, "dtype"), f"the dtype of {who}", "float32")
        return TensorSpec(name, line, self._shape(entry["shape"], (*path, "shape"), who), dtype)

    def _tie(self, entry: Mapping[str, PlainData], path: Path, who: str) -> str:
        if others := [key for key in entry if key != "tie"]:
            wrong = f"{who} is tied, so it cannot have a {others[0]} of its own: it is its target's."
            raise self._error((*path, others[0]), wrong, f"Remove `{others[0]}`, or `tie`.")
        return self._text(entry["tie"], (*path, "tie"), f"the tie of {who}", "wte.weight")

    def _shape(self, value: PlainData, path: Path, who: str) -> tuple[Number | str, ...]:
        if not isinstance(value, list):
            wrong = f"the shape of {who} must be a list. Received: {_shown(value)}."
            raise self._error(path, wrong, "Write, for example, [3 * d, d].")
        what = f"every length in the shape of {who}"
        return tuple(self._number(length, (*path, at), what) for at, length in enumerate(value))

    def _rules(self, value: PlainData) -> Iterator[Rule]:
        if not isinstance(value, list) or not value:
            wrong = f"`rules` must be a list of at least one rule. Received: {_shown(value)}."
            raise self._error(("rules",), wrong, 'Write, for example, - {match: "*", init: zeros}.')
        for at, entry in enumerate(value):
            path, who = ("rules", at), f"rule {at + 1}"
            rule = self._mapping(entry, path, who, 'match: "*.bias", init: zeros')
            self._check_keys(rule, path, ("match", "init"), who)
            if missing := [key for key in ("match", "init") if key not in rule]:
                needs = "A rule needs `match`, a pattern of names, and `init`, an initializer."
                raise self._error(path, f"{who} has no {_listed(missing)}.", needs, "Add what is missing.")
            match = self._text(rule["match"], (*path, "match"), f"the pattern of {who}", '"*.bias"')
            init = self._initializer(rule["init"], (*path, "init"), who)
            yield Rule(at + 1, self.document.line(path), match, init)

    def _initializer(self, value: PlainData, path: Path, who: str) -> InitializerSpec:
        line = self.document.line(path)
        example = "Write, for example, zeros or {random_normal: {stddev: 0.02}}."
        if isinstance(value, str) and value:
            return InitializerSpec(value, line)
        if not isinstance(value, dict):
            wrong = f"the `init` of {who} must be a name, or a name with arguments."
            raise self._error(path, wrong, f"Received: {_shown(value)}.", example)
        if "class_name" in value:
            name, arguments, inner = self._described(value, path, who), value.get("config"), (*path, "config")
        elif len(value) == 1:
            ((name, arguments),) = value.items()
            inner = (*path, name)
        else:
            keys = _listed(value) if value else "none"
            raise self._error(path, f"the `init` of {who} must have one name. Received: {keys}.", example)
        arguments = {} if arguments is None else arguments
        if not isinstance(arguments, dict):
            wrong = f"the arguments of {name!r} in {who} must be a mapping. Received: {_shown(arguments)}."
            raise self._error(inner, wrong, "Write every argument by name, as in {stddev: 0.02}.")
        self._check_no_seed(arguments, inner, who)
        kept = {key: entry for key, entry in arguments.items() if key != "seed"}
        return InitializerSpec(name, line, kept, {key: self.document.line((*inner, key)) for key in kept})

    def _described(self, value: Mapping[str, PlainData], path: Path, who: str) -> str:
        """The name in the long form, which `initkit.serialize` and Keras write."""
        self._check_keys(value, path, _DESCRIPTION_KEYS, f"the `init` of {who}")
        module, registered = value.get("module"), value.get("registered_name")
        if isinstance(registered, str) and ">" in registered:
            return registered
        if module is not None and str(module).partition(".")[0] not in _OWN_MODULES:
            wrong = f"the module of {who} is not initkit's. Received: {_shown(module)}."
            remedy = "Register the class, and write its name as `package>Name`."
            raise self._error((*path, "module"), wrong, "Nothing is imported for a recipe.", remedy)
        return self._text(
            value["class_name"], (*path, "class_name"), f"the class_name of {who}", "RandomNormal"
        )

    def _check_no_seed(self, arguments: Mapping[str, PlainData], path: Path, who: str) -> None:
        """Refuse seeds of initializers, also of those that are arguments of others."""
        for key, entry in arguments.items():
            if key == "seed" and entry is not None:
                wrong = f"{who} gives its initializer a seed. Received: {_shown(entry)}."
                why = (
                    "In a recipe the values of a tensor grow from the recipe's `seed` and the tensor's name."
                )
                raise self._error((*path, key), wrong, why, "Remove it; other values need another `seed`.")
            if isinstance(entry, dict):
                self._check_no_seed(entry, (*path, key), who)

    def _mapping(self, value: PlainData, path: Path, who: str, example: str) -> dict[str, PlainData]:
        if not isinstance(value, dict):
            wrong = f"{who} must be a mapping. Received: {_shown(value)}."
            raise self._error(path, wrong, f"Write, for example, {example}.")
        return value

    def _text(self, value: PlainData, path: Path, who: str, example: str) -> str:
        if not isinstance(value, str) or not value:
            wrong = f"{who} must be text. Received: {_shown(value)}."
            raise self._error(path, wrong, f"Write, for example, {example}.")
        return value

    def _number(self, value: PlainData, path: Path, who: str) -> Number | str:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)) or value == "":
            wrong = f"{who} must be a number or an expression. Received: {_shown(value)}."
            raise self._error(path, wrong, "Write, for example, 12 or 3 * d.")
        return value

    def _check_keys(
        self, mapping: Mapping[str, PlainData], path: Path, known: Collection[str], who: str
    ) -> None:
        for key in mapping:
            if key not in known:
                allowed = f"Allowed: {', '.join(known)}.{did_you_mean(nearest_names(key, known))}"
                remedy = "Remove it, or correct it."
                raise self._error((*path, key), f"unknown key {key!r} in {who}.", allowed, remedy)

    def _error(self, path: Path, *sentences: str) -> Exception:
        return self.document.error_at(path, " ".join(sentences))


def _shown(value: PlainData) -> str:
    """A value as a message shows it: as YAML has it where that is short, and with its type."""
    if value is None:
        return "nothing"
    if isinstance(value, (dict, list)):
        kind = "a mapping" if isinstance(value, dict) else "a list"
        return f"{kind} of {len(value)}" if value else f"an empty {kind.removeprefix('a ')}"
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _listed(names: Collection[str]) -> str:
    """Names in backticks, joined by commas and a last `and`."""
    *most, last = (f"`{name}`" for name in names)
    return f"{', '.join(most)} and {last}" if most else last
