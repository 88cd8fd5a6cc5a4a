"""The rules of a recipe, checked for form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from initkit.documents import PlainData
from initkit.recipe.language.place import Place
from initkit.recipe.text.reading import as_flag, as_mapping, as_text, as_texts, check_keys, listed, shown
from initkit.recipe.text.specs import CopySpec, InitializerSpec, Rule

PATTERN_KEYS = ("match", "regex")
ACTION_KEYS = ("init", "skip", "tie", "copy")
RULE_KEYS = (*PATTERN_KEYS, "where", *ACTION_KEYS, "dtype", "layout", "fans_of", "seed_path", "optional")
WHERE_KEYS = ("ndim", "shape", "dtype", "size", "layer", "inside", "tag")
COPY_KEYS = ("file", "name")
# What has no meaning for tensors that are not drawn.
_OF_DRAWING = ("layout", "fans_of", "seed_path")

_DESCRIPTION_KEYS = ("class_name", "config", "module", "registered_name")
# Packages whose class names mean initkit's own classes.
_OWN_MODULES = ("initkit", "keras", "tf_keras")


def parse_rules(value: PlainData, place: Place) -> Iterator[Rule]:
    """Read the entries of `rules`.

    Args:
        value: Plain data from the recipe.
        place: Where it stands.

    Yields:
        The rules in their order, numbered from 1.

    Raises:
        RecipeError: It is no list of rules; a rule lacks something, or has too much of it.
    """
    if not isinstance(value, list) or not value:
        wrong = f"`rules` must be a list of at least one rule. Received: {shown(value)}."
        raise place.error(wrong, 'Write, for example, - {match: "*", init: zeros}.')
    for at, entry in enumerate(value):
        yield _rule(entry, place.inside(at), at + 1)


def _rule(value: PlainData, place: Place, number: int) -> Rule:
    who = f"rule {number}"
    entry = as_mapping(value, place, who, 'match: "*.bias", init: zeros')
    check_keys(entry, place, RULE_KEYS, who)
    pattern = _one_of(entry, place, PATTERN_KEYS, who, "a pattern of names")
    action = _one_of(entry, place, ACTION_KEYS, who, "an initializer, or what becomes of the tensors")
    if action != "init" and (useless := [key for key in _OF_DRAWING if key in entry]):
        wrong = f"{who} has `{useless[0]}`, and nothing is drawn by it."
        raise place.inside(useless[0]).error(wrong, f"Remove `{useless[0]}`, or write `init`.")
    if action in ("skip", "tie") and "dtype" in entry:
        msg = f"{who} has a `dtype`, and stores nothing."
        raise place.inside("dtype").error(msg, "Remove it.")
    if action == "skip" and not as_flag(entry["skip"], place.inside("skip"), f"`skip` of {who}"):
        msg = f"`skip` of {who} is false."
        raise place.inside("skip").error(msg, "Write true, or an `init`.")
    return Rule(
        number,
        place,
        as_text(entry[pattern], place.inside(pattern), f"the pattern of {who}", '"*.bias"'),
        is_regex=pattern == "regex",
        where=_where(entry.get("where", {}), place.inside("where"), who),
        init=_initializer(entry["init"], place.inside("init"), who) if action == "init" else None,
        skip=action == "skip",
        tie=as_text(entry["tie"], place.inside("tie"), f"`tie` of {who}", "wte.weight")
        if action == "tie"
        else None,
        copy=_copy(entry["copy"], place.inside("copy"), who) if action == "copy" else None,
        dtype=_text_of(entry, place, "dtype", who, "float32"),
        layout=_text_of(entry, place, "layout", who, "torch"),
        fans_of=_text_of(entry, place, "fans_of", who, '"{layer}.weight"'),
        seed_path=_seed_path(entry, place, who),
        optional=as_flag(entry.get("optional", False), place.inside("optional"), f"`optional` of {who}"),
        data=entry,
    )


def _one_of(entry: Mapping[str, PlainData], place: Place, keys: tuple[str, ...], who: str, what: str) -> str:
    """The one key of several that a rule has."""
    found = [key for key in keys if key in entry]
    if len(found) == 1:
        return found[0]
    if found:
        wrong = f"{who} has both {listed(found[:2])}."
        raise place.inside(found[1]).error(wrong, "One rule does one thing: remove one of them.")
    needs = f"A rule needs {what}: one of {', '.join(f'`{key}`' for key in keys)}."
    msg = f"{who} has no `{keys[0]}`."
    raise place.error(msg, needs, "Add what is missing.")


def _text_of(entry: Mapping[str, PlainData], place: Place, key: str, who: str, example: str) -> str | None:
    return as_text(entry[key], place.inside(key), f"`{key}` of {who}", example) if key in entry else None


def _seed_path(entry: Mapping[str, PlainData], place: Place, who: str) -> tuple[str, ...] | None:
    if "seed_path" not in entry:
        return None
    at = place.inside("seed_path")
    return as_texts(entry["seed_path"], at, f"`seed_path` of {who}", '"h.{layer}.weight"')


def _where(value: PlainData, place: Place, who: str) -> dict[str, PlainData]:
    entry = as_mapping(value, place, f"`where` of {who}", "{ndim: 2}")
    check_keys(entry, place, WHERE_KEYS, f"`where` of {who}")
    return entry


def _copy(value: PlainData, place: Place, who: str) -> CopySpec:
    example = "base.safetensors, or {file: base.safetensors, name: wte.weight}"
    if isinstance(value, str) and value:
        return CopySpec(value, None, place)
    entry = as_mapping(value, place, f"`copy` of {who}", example)
    check_keys(entry, place, COPY_KEYS, f"`copy` of {who}")
    if "file" not in entry:
        msg = f"`copy` of {who} has no `file`."
        raise place.error(msg, f"Write, for example, {example}.")
    file = as_text(entry["file"], place.inside("file"), f"the file of `copy` in {who}", "base.safetensors")
    return CopySpec(file, _text_of(entry, place, "name", f"`copy` in {who}", "wte.weight"), place)


def _initializer(value: PlainData, place: Place, who: str) -> InitializerSpec:
    example = "Write, for example, zeros or {random_normal: {stddev: 0.02}}."
    if isinstance(value, str) and value:
        return InitializerSpec(value, place)
    if not isinstance(value, dict):
        wrong = f"the `init` of {who} must be a name, or a name with arguments."
        raise place.error(wrong, f"Received: {shown(value)}.", example)
    if "class_name" in value:
        name, arguments, inner = _described(value, place, who), value.get("config"), place.inside("config")
    elif len(value) == 1:
        ((name, arguments),) = value.items()
        inner = place.inside(name)
    else:
        keys = listed(value) if value else "none"
        msg = f"the `init` of {who} must have one name. Received: {keys}."
        raise place.error(msg, example)
    arguments = {} if arguments is None else arguments
    if not isinstance(arguments, dict):
        wrong = f"the arguments of {name!r} in {who} must be a mapping. Received: {shown(arguments)}."
        raise inner.error(wrong, "Write every argument by name, as in {stddev: 0.02}.")
    _check_no_seed(arguments, inner, who)
    kept = {key: entry for key, entry in arguments.items() if key != "seed"}
    return InitializerSpec(name, place, kept, {key: inner.inside(key) for key in kept})


def _described(value: Mapping[str, PlainData], place: Place, who: str) -> str:
    """The name in the long form, which `initkit.serialize` and Keras write."""
    check_keys(value, place, _DESCRIPTION_KEYS, f"the `init` of {who}")
    module, registered = value.get("module"), value.get("registered_name")
    if isinstance(registered, str) and ">" in registered:
        return registered
    if module is not None and str(module).partition(".")[0] not in _OWN_MODULES:
        wrong = f"the module of {who} is not initkit's. Received: {shown(module)}."
        remedy = "Register the class, and write its name as `package>Name`."
        raise place.inside("module").error(wrong, "Nothing is imported for a recipe.", remedy)
    return as_text(
        value["class_name"], place.inside("class_name"), f"the class_name of {who}", "RandomNormal"
    )


def _check_no_seed(arguments: Mapping[str, PlainData], place: Place, who: str) -> None:
    """Refuse seeds of initializers, also of those that are arguments of others."""
    for key, entry in arguments.items():
        if key == "seed" and entry is not None:
            wrong = f"{who} gives its initializer a seed. Received: {shown(entry)}."
            why = "In a recipe the values of a tensor grow from the recipe's `seed` and the tensor's name."
            remedy = "Remove it; other values need another `seed`, or a `seed_path` of the rule."
            raise place.inside(key).error(wrong, why, remedy)
        if isinstance(entry, dict):
            _check_no_seed(entry, place.inside(key), who)
