"""Recipes made in Python, written as a person would write them."""

from __future__ import annotations

import inspect
import os
import warnings
from collections.abc import Mapping, Sequence
from operator import index
from typing import Any, NamedTuple

import numpy as np

from initkit.documents import PlainData, write_yaml
from initkit.dtypes import DType, resolve_dtype
from initkit.encoding import python_scalar
from initkit.errors import ArgumentError, ArgumentTypeError, DTypeError
from initkit.initializer import Initializer
from initkit.recipe.language.arithmetic import Number
from initkit.recipe.text.parse import RECIPE_FORMAT, TENSOR_KEYS, given_seed
from initkit.recipe.text.parse_rules import RULE_KEYS
from initkit.recipe.text.specs import tensor_entry
from initkit.recipe.writing.folding import fold_names
from initkit.recipe.writing.model import Said, is_model, said_by, tensors_of
from initkit.registry import registry
from initkit.serialization import encode, serialize

# Lines are as wide as those of the recipes that initkit ships; a rule with its initializer inside two others
# still stands on one line.
_WIDTH = 110
_INLINE_DEPTH = 8
_SECTIONS = ("tensors", "rules")


def compose(
    *,
    seed: int,
    tensors: Any,
    rules: Sequence[Any],
    dtype: Any = None,
    variables: Mapping[str, Any] | None = None,
    layout: Any = None,
    extends: Any = None,
) -> str:
    """Write a recipe as text that reads as if a person had written it.

    Tensors of equal shape and dtype whose names differ in a number or in a word are written as one entry
    with braces. The entries stand in the order in which the first name of each came, and so the tensors of
    the recipe's plan may come in another order than here; no value depends on it.

    Names that come with an array are taken as they are: braces in them are escaped. Names that come with a
    shape are written as recipes have them, so that `"h.{0..n_layer-1}.w"` stands for many; those of
    `{name: array.shape}`, too.

    Args:
        seed: A non-negative integer.
        tensors: By name: a shape of integers and texts of expressions; a mapping of `shape`, `dtype`,
            `layers` and `tags`, or of `tie`; or anything with `shape` and `dtype`, such as an array of NumPy
            or PyTorch. A whole PyTorch state dict will do; tensors of it that share their memory become
            ties. So will a PyTorch model: its state dict is taken, and the types of the layers that hold
            each tensor are written besides, and a tag `buffer` where it is one, for rules that ask for them.
        rules: In the order of precedence: pairs of a pattern and an initializer, or mappings of the keys that
            a rule has in YAML. An initializer is a name, an object without a seed, a class that needs no
            arguments, or a mapping of one name to its arguments, numbers or texts of expressions.
        dtype: The dtype of tensors that have none of their own. None (default) for float32, or, where
            another recipe is extended, for that one's; every array's own is written then.
        variables: Numbers, or texts of expressions over the others in any order, by name.
        layout: How axes are read where fans are needed; None leaves it to the initializers.
        extends: The preset or the recipe that this one adds to; `tensors` and `rules` may be empty then.

    Returns:
        YAML text for `Recipe.from_text`.

    Raises:
        ArgumentError: An initializer has a seed of its own, or is of a class that is not registered; a name
            is not text that YAML can hold.
        ArgumentTypeError: Something is of a type that no recipe has.
        DTypeError: A dtype is unknown.

    Example:
        >>> import initkit as ik
        >>> weights = {f"h.{k}.{name}.weight": np.empty((4, 4)) for k in range(3) for name in "qkv"}
        >>> rules = [("h.{layer}.*", {"random_normal": {"stddev": "0.02 / (layer + 1)"}})]
        >>> print(compose(seed=7, tensors=weights, rules=rules, dtype="float64"), end="")
        initkit: 1
        seed: 7
        dtype: float64
        tensors:
          "h.{0..2}.{q,k,v}.weight": [4, 4]
        rules:
          - {match: "h.{layer}.*", init: {random_normal: {stddev: 0.02 / (layer + 1)}}}
    """
    # What is extended has a dtype of its own, which nobody has asked to replace, and which is not known here.
    default = None if dtype is None and extends is not None else resolve_dtype(dtype)
    head: dict[str, PlainData] = {"initkit": RECIPE_FORMAT}
    if extends is not None:
        head["extends"] = _plain(extends, "extends")
    head["seed"] = given_seed(seed)
    if default is not None:
        head["dtype"] = default.name
    if layout is not None:
        head["layout"] = _plain(layout, "layout")
    if variables:
        head["variables"] = {
            _text(name, "the name of a variable"): _number(value, f"variable {name!r}")
            for name, value in variables.items()
        }
    data: dict[str, PlainData] = dict(head)
    entries = _entries(tensors, default)
    written: list[PlainData] = [_rule(rule, at + 1) for at, rule in enumerate(rules)]
    # What a recipe extends may have all the tensors, or all the rules; without it, parsing complains.
    if entries or extends is None:
        data["tensors"] = entries
    if written or extends is None:
        data["rules"] = written
    return recipe_yaml(data)


def recipe_yaml(data: Mapping[str, PlainData]) -> str:
    """Write the data of a recipe as a person would: every tensor and every rule on a line of its own.

    Args:
        data: What a recipe holds, by its keys, in the order in which they are to stand.

    Returns:
        YAML text.

    Example:
        >>> print(recipe_yaml({"seed": 7, "tensors": {"w": [2]}, "rules": [{"match": "*", "init": "ones"}]}))
        seed: 7
        tensors:
          w: [2]
        rules:
          - {match: "*", init: ones}
        <BLANKLINE>
    """
    return "".join(
        _section(key, value)
        if key in _SECTIONS and isinstance(value, (dict, list))
        else write_yaml({key: value}, width=_WIDTH)
        for key, value in data.items()
    )


def _section(key: str, section: dict[str, PlainData] | list[PlainData]) -> str:
    """A key, and its entries one per line."""
    if not section:
        return write_yaml({key: section})
    lines = write_yaml(section, width=_WIDTH - 2, inline_depth=_INLINE_DEPTH).splitlines()
    return f"{key}:\n" + "".join(f"  {line}\n" for line in lines)


class _Entry(NamedTuple):
    """What `tensors` says of a name."""

    shape: tuple[Number | str, ...] = ()
    dtype: str | None = None
    tie: str | None = None
    layers: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    skip: bool = False

    def data(self) -> PlainData:
        """As it is written."""
        if self.tie is not None:
            return {"tie": self.tie}
        return tensor_entry(self.shape, self.dtype, self.layers, self.tags, self.skip)


def _entries(tensors: Any, default: DType | None) -> dict[str, PlainData]:
    """The entries of `tensors`, those that are equal but for the name joined by braces."""
    said: Mapping[str, Said] = {}
    if is_model(tensors):
        model, tensors = tensors, tensors_of(tensors)
        said = said_by(model, tensors)
    if not isinstance(tensors, Mapping):
        message = f"Argument `tensors` must be a mapping. Received: {tensors!r:.100} of type"
        message += f" {type(tensors).__name__}. Allowed: names with shapes or arrays; a PyTorch model. Give a"
        message += " state dict."
        raise ArgumentTypeError(message)
    owners: dict[tuple[Any, ...], str] = {}
    entries: list[tuple[str, _Entry]] = []
    verbatim = set()
    for key, given in tensors.items():
        name = _text(key, "the name of a tensor")
        if hasattr(given, "shape") and hasattr(given, "dtype"):
            entry = _of_array(name, given, owners)
            if entry.tie is None and name in said:
                entry = entry._replace(layers=said[name].layers, tags=said[name].tags)
        else:
            entry = _of_spec(name, given)
            if any(sign in name for sign in "{}\\"):
                verbatim.add(name)
        usual = default is not None and entry.dtype == default.name
        entries.append((name, entry._replace(dtype=None) if usual else entry))
    return {text: entry.data() for text, entry in fold_names(entries, verbatim)}


def _of_array(name: str, array: Any, owners: dict[tuple[Any, ...], str]) -> _Entry:
    """What an array has; one of PyTorch that another name has, too, is a tie."""
    try:
        shape = tuple(map(index, array.shape))
    except TypeError:
        raise _no_tensor(name, array) from None
    dtype = _dtype(array.dtype, f"tensor {name!r}")
    if memory := _memory(array):
        owner = owners.setdefault((*memory, shape, array.stride(), dtype), name)
        if owner != name:
            return _Entry(tie=owner)
    return _Entry(shape, dtype)


def _memory(array: Any) -> tuple[int, ...] | None:
    """Which memory a tensor of PyTorch's has, and where in it the tensor begins; None for arrays of others.

    A state dict has no two tensors that are the same object, but tied ones share their memory. On the meta
    device memory has no address, and tied tensors have one storage all the same.
    """
    if not hasattr(array, "data_ptr"):
        return None
    with warnings.catch_warnings(action="ignore"):
        try:
            if address := int(array.data_ptr()):
                return (address,)
            return int(array.untyped_storage()._cdata), int(array.storage_offset())
        except (RuntimeError, AttributeError):
            return None


def _of_spec(name: str, given: Any) -> _Entry:
    """A shape, or a mapping of shape, dtype and so on, or a tie."""
    facts = given if isinstance(given, Mapping) else {"shape": given}
    if unknown := [key for key in facts if key not in TENSOR_KEYS]:
        message = f"tensor {name!r} has an unknown key. Received: {unknown[0]!r}. Allowed:"
        message += f" {', '.join(TENSOR_KEYS)}. Remove it."
        raise ArgumentError(message)
    if "tie" in facts:
        return _Entry(tie=_text(facts["tie"], f"the tie of tensor {name!r}"))
    shape = facts.get("shape")
    dtype = None if facts.get("dtype") is None else _dtype(facts["dtype"], f"tensor {name!r}")
    if not isinstance(shape, Sequence) or isinstance(shape, (str, bytes)):
        raise _no_tensor(name, given)
    lengths = tuple(_number(length, f"the shape of tensor {name!r}") for length in shape)
    return _Entry(
        lengths,
        dtype,
        layers=_words(facts, "layers", name),
        tags=_words(facts, "tags", name),
        skip=bool(facts.get("skip")),
    )


def _words(facts: Mapping[str, Any], key: str, name: str) -> tuple[str, ...]:
    """A list of words, or one alone."""
    given = facts.get(key) or ()
    words = [given] if isinstance(given, str) else given
    return tuple(_text(word, f"`{key}` of tensor {name!r}") for word in words)


def _no_tensor(name: str, given: object) -> ArgumentTypeError:
    message = f"tensor {name!r} is neither a shape nor an array. Received: {given!r:.100} of type"
    message += f" {type(given).__name__}. Allowed: a list of lengths, a mapping of `shape` and `dtype` or of"
    message += " `tie`, and whatever has `shape` and `dtype`. Write, for example, [768]."
    return ArgumentTypeError(message)


def _rule(rule: Any, number: int) -> dict[str, PlainData]:
    """A rule as YAML has it, its keys in the customary order."""
    who = f"rule {number}"
    if isinstance(rule, Mapping):
        given = {_text(key, f"a key of {who}"): value for key, value in rule.items()}
    elif isinstance(rule, (list, tuple)) and len(rule) == 2:
        given = {"match": _text(rule[0], f"the pattern of {who}"), "init": rule[1]}
    else:
        message = f"{who} is neither a pair nor a mapping. Received: {rule!r:.100} of type"
        message += f" {type(rule).__name__}. Allowed: (pattern, initializer), and the keys of a rule. Write,"
        message += ' for example, ("*.bias", "zeros").'
        raise ArgumentTypeError(message)
    keys = [*(key for key in RULE_KEYS if key in given), *(key for key in given if key not in RULE_KEYS)]
    return {key: _rule_value(key, given[key], who) for key in keys}


def _rule_value(key: str, value: Any, who: str) -> PlainData:
    if key == "init":
        return initializer_data(value, who)
    return _dtype(value, who) if key == "dtype" else _plain(value, f"`{key}` of {who}")


def initializer_data(given: Any, who: str) -> PlainData:
    """What a rule's `init` says for an initializer.

    Args:
        given: A name, an object, a class that needs no arguments, or a mapping of a name to arguments.
        who: Whose it is, for messages.

    Returns:
        Plain data: a name, or a name with the arguments that are no defaults.

    Raises:
        ArgumentError: It has a seed, or its class is not registered or needs arguments.
        ArgumentTypeError: It is no initializer.

    Example:
        >>> import initkit as ik
        >>> initializer_data(ik.Scale(ik.RandomNormal(stddev=0.02), 0.5), "rule 1")
        {'scale': {'initializer': {'random_normal': {'stddev': 0.02}}, 'factor': 0.5}}
    """
    if isinstance(given, type) and issubclass(given, Initializer):
        given = given()
    if isinstance(given, Initializer):
        return _shortened(serialize(given), who)
    if isinstance(given, str) or (isinstance(given, Mapping) and given):
        return _plain(given, who)
    message = f"the initializer of {who} is none. Received: {given!r:.100} of type {type(given).__name__}."
    message += " Allowed: a name, an initializer of initkit, or {name: {argument: value}}. Write, for"
    message += " example, 'he_normal' or ik.RandomNormal(stddev=0.02)."
    raise ArgumentTypeError(message)


def law_data(initializer: Initializer) -> PlainData:
    """What a recipe says for an initializer, whatever seeds it has.

    Args:
        initializer: An object of a registered class.

    Returns:
        As `initializer_data`, without the seeds; equal for initializers that differ in seeds only.

    Example:
        >>> import initkit as ik
        >>> law_data(ik.RandomNormal(stddev=0.02, seed=7))
        {'random_normal': {'stddev': 0.02}}
    """
    return _shortened(serialize(initializer), None)


def _shortened(value: Any, who: str | None) -> PlainData:
    """A config in which an initializer is a name, with its arguments where they are no defaults.

    Seeds are refused, in the name of `who`; or left out, if that is None.
    """
    if isinstance(value, list):
        return [_shortened(entry, who) for entry in value]
    if not isinstance(value, dict):
        return value  # type: ignore[no-any-return]  # configs hold plain data only
    if "registered_name" not in value:
        return {key: _shortened(entry, who) for key, entry in value.items()}
    cls, config = registry.find(value["registered_name"]), value["config"]
    if who is not None and (not issubclass(cls, Initializer) or config.get("seed") is not None):
        message = f"the initializer of {who} has a seed of its own. Received: {value!r:.100}. Allowed: none,"
        message += " since the values of a tensor grow from the recipe's seed and the tensor's name. Make it"
        message += " without `seed`."
        raise ArgumentError(message)
    parameters = inspect.signature(cls).parameters
    arguments: dict[str, PlainData] = {}
    for name, entry in config.items():
        if name == "seed":
            continue
        short = _shortened(entry, who)
        default = parameters[name].default if name in parameters else inspect.Parameter.empty
        # By their looks: 0.0 equals False and -0.0, but is neither.
        if default is inspect.Parameter.empty or repr(short) != repr(_shortened(encode(default), who)):
            arguments[name] = short
    name = registry.short_name(cls)
    return {name: arguments} if arguments else name


def _plain(value: Any, who: str) -> PlainData:
    """Plain data of what Python has for it; initializers inside become their names and arguments."""
    if isinstance(value, Initializer):
        return initializer_data(value, who)
    if isinstance(value, os.PathLike):
        return str(os.fspath(value))
    if isinstance(value, Mapping):
        return {_text(key, f"a key of {who}"): _plain(entry, who) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry, who) for entry in value]
    return encode(value)  # type: ignore[no-any-return]  # what encode does not know is refused when it is written


def _number(value: Any, who: str) -> Number | str:
    if isinstance(value, np.generic):
        value = python_scalar(value)
    if isinstance(value, (int, float, str)) and not isinstance(value, bool):
        return value
    # Integers of other libraries, such as PyTorch's symbolic ones.
    if hasattr(value, "__index__") and not isinstance(value, bool):
        return index(value)
    message = f"{who} must be of numbers and texts of expressions. Received: {value!r:.100} of type"
    message += f" {type(value).__name__}. Allowed: int, float, str. Write, for example, 12 or '3 * d'."
    raise ArgumentTypeError(message)


def _text(value: Any, who: str) -> str:
    if isinstance(value, str):
        return str(value)
    message = f"{who} must be text. Received: {value!r:.100} of type {type(value).__name__}. Allowed: str."
    message += " Give a string."
    raise ArgumentTypeError(message)


def _dtype(dtype: Any, who: str) -> str:
    try:
        return resolve_dtype(dtype).name
    except DTypeError as error:
        message = f"{who}: {error}"
        raise DTypeError(message) from error
