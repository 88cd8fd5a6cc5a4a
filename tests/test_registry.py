"""The table of names: who is found by which, and what happens when two want the same."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import initkit as ik
from initkit.errors import ArgumentError, ArgumentTypeError, UnknownNameError
from initkit.initializers.depth import RULES
from initkit.registry import BUILT_IN, Registry, register, registry, snake_case

# Keras 3.15's own list, from keras.initializers.get; the abstract `Initializer` apart.
KERAS_NAMES = {
    "Constant": ["Constant", "constant"],
    "GlorotNormal": ["GlorotNormal", "glorot_normal"],
    "GlorotUniform": ["GlorotUniform", "glorot_uniform"],
    "HeNormal": ["HeNormal", "he_normal"],
    "HeUniform": ["HeUniform", "he_uniform"],
    "Identity": ["Identity", "IdentityInitializer", "identity"],
    "LecunNormal": ["LecunNormal", "lecun_normal"],
    "LecunUniform": ["LecunUniform", "lecun_uniform"],
    "Ones": ["Ones", "one", "ones"],
    "Orthogonal": ["Orthogonal", "OrthogonalInitializer", "orthogonal"],
    "RandomNormal": ["RandomNormal", "normal", "random_normal"],
    "RandomUniform": ["RandomUniform", "random_uniform", "uniform"],
    "STFT": ["STFT", "STFTInitializer", "stft"],
    "TruncatedNormal": ["TruncatedNormal", "truncated_normal"],
    "VarianceScaling": ["VarianceScaling", "variance_scaling"],
    "Zeros": ["Zeros", "zero", "zeros"],
}


def _class(name: str, module: str = "tests.somewhere", qualname: str | None = None) -> type:
    """A class that seems to come from a place of its own."""
    return type(name, (ik.Zeros,), {"__module__": module, "__qualname__": qualname or name})


@pytest.fixture(name="table")
def _table() -> Registry:
    """A registry with one built-in class, HeNormal, whose alias is `he`."""
    table = Registry()
    table.add(ik.HeNormal, BUILT_IN, "HeNormal", ["he"])
    return table


def test_keras_names_are_all_there() -> None:
    """Every name that Keras accepts finds the class that it finds there."""
    for cls, names in KERAS_NAMES.items():
        assert {registry.find(name).__name__ for name in names} == {cls}


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("lora", ik.LoRA),
        ("mup", ik.MuP),
        ("nan", ik.NaN),
        ("zero_init", ik.ZerO),
        ("zero", ik.Zeros),
        ("idinit", ik.IDInit),
        ("hippo_legs", ik.HippoLegS),
        ("s4d", ik.S4D),
        ("lru_ring", ik.LRURing),
        ("mamba2_a_log", ik.Mamba2ALog),
        ("icnr", ik.ICNR),
        ("trunc_normal", ik.TruncatedNormal),
        ("random_fourier_features", ik.RandomFourier),
    ],
)
def test_names_that_people_write(name: str, cls: type) -> None:
    """Methods are found as they are called, not by where their capitals stand."""
    assert registry.find(name) is cls


def test_small_letters_are_words() -> None:
    """No built-in name has a part of one letter that no one would write."""
    split = {
        name
        for cls in registry.classes().values()
        if cls.__module__.startswith("initkit.")
        for name in registry.names(cls)
        if any(len(word) == 1 for word in name.split("_"))
    }
    assert split == {"mamba_a_log", "mamba2_a_log"}


@pytest.mark.parametrize(
    "name", [name for name in vars(torch.nn.init) if name.endswith("_") and not name.startswith("_")]
)
def test_functions_of_pytorch(name: str) -> None:
    """PyTorch's names end in an underscore, without which they are ours."""
    with pytest.raises(UnknownNameError, match=f"Did you mean '{name[:-1]}'?") as caught:
        registry.find(name)
    assert caught.value.suggestions == (name[:-1],)
    registry.find(name[:-1])


@pytest.mark.parametrize("name", ["gpt2", "llama", "deepnorm", "fixup", "depth_mup", "complete_p", "t_fixup"])
def test_rules_are_pointed_to(name: str) -> None:
    """Who asks for a rule of depth is told which class has it, and how it is written."""
    with pytest.raises(UnknownNameError, match=rf"write \{{depth_scaled: \{{rule: {name}") as caught:
        registry.find(name)
    assert caught.value.suggestions == ("depth_scaled",)
    rule = str(caught.value).partition("{rule: ")[2].partition(",")[0]
    assert rule in RULES


def test_rules_of_no_class(table: Registry) -> None:
    """A table without the class does not point to it."""
    with pytest.raises(UnknownNameError) as caught:
        table.find("gpt2")
    assert caught.value.suggestions == ()


@pytest.mark.parametrize(("name", "aliases"), [("he_normal", []), ("Tent", ["he"]), ("Tent", ["HeNormal"])])
def test_built_in_names_do_not_collide(table: Registry, name: str, aliases: list[str]) -> None:
    """A second built-in class cannot take a bare name of the first, which would silently go to it."""
    with pytest.raises(ArgumentError, match=r"cannot share a bare name.*finds 'initkit>HeNormal'"):
        table.add(_class(name), BUILT_IN, name, aliases)
    assert table.find("he_normal") is table.find("he") is ik.HeNormal
    assert f"initkit>{name}" not in table.classes()


@pytest.mark.parametrize("name", ["HE_NORMAL", "heNormal", "Xavier_uniform", "", " he_normal", "initializer"])
def test_what_keras_does_not_know(name: str) -> None:
    """Names are as strict as in Keras; the abstract base class cannot be asked for."""
    with pytest.raises(UnknownNameError):
        registry.find(name)


@pytest.mark.parametrize("name", ["HeNormal", "he_normal", "he", "initkit>HeNormal"])
def test_find(table: Registry, name: str) -> None:
    """A class is found by its name, its snake_case name, its aliases and its full name."""
    assert table.find(name) is ik.HeNormal


@pytest.mark.parametrize(
    ("wrong", "suggestion"),
    [("he_norml", "he_normal"), ("HeNorml", "HeNormal"), ("initkit>HeNorma", "initkit>HeNormal")],
)
def test_unknown_name(table: Registry, wrong: str, suggestion: str) -> None:
    """An unknown name is met with the nearest ones, in the message and for programs."""
    with pytest.raises(
        UnknownNameError, match=r"Could not interpret initializer identifier.*Allowed"
    ) as caught:
        table.find(wrong)
    assert caught.value.name == wrong
    assert caught.value.suggestions[0] == suggestion
    assert f"Did you mean {suggestion!r}" in str(caught.value)


def test_user_class_is_found(table: Registry) -> None:
    """A class of another package is found by its full name and by its bare ones."""
    tent = _class("BigTent")
    table.add(tent, "mylab", "BigTent")
    for name in ("mylab>BigTent", "BigTent", "big_tent"):
        assert table.find(name) is tent
    assert table.full_name(tent) == "mylab>BigTent"
    assert table.names(tent) == ["BigTent", "big_tent"]
    with pytest.raises(UnknownNameError):
        table.find("mylab>big_tent")


def test_built_in_wins_a_bare_name(table: Registry) -> None:
    """A user's class of a built-in's name is found by its full name only; nothing built-in changes."""
    other = _class("HeNormal")
    table.add(other, "mylab", "HeNormal")
    assert table.find("HeNormal") is table.find("he_normal") is ik.HeNormal
    assert table.find("mylab>HeNormal") is other
    assert table.names(other) == []
    assert table.names(ik.HeNormal) == ["HeNormal", "he", "he_normal"]


def test_two_packages_share_a_bare_name(table: Registry) -> None:
    """A bare name of two packages is refused with both full names; these go on working."""
    one, other = _class("Tent", "a"), _class("Tent", "b")
    table.add(one, "a", "Tent")
    table.add(other, "b", "Tent")
    assert table.find("a>Tent") is one
    for name in ("Tent", "tent"):
        with pytest.raises(
            UnknownNameError, match=r"ambiguous. Received: .*Allowed: 'a>Tent', 'b>Tent'"
        ) as caught:
            table.find(name)
        assert caught.value.suggestions == ("a>Tent", "b>Tent")
    assert table.names(one) == []


def test_a_name_beats_a_snake_cased_one(table: Registry) -> None:
    """A class whose very name is asked for is not shadowed by one whose name only looks like it."""
    camel, snake = _class("BigTent"), _class("big_tent")
    table.add(snake, "a", "big_tent")
    table.add(camel, "a", "BigTent")
    assert table.find("big_tent") is snake
    assert table.find("BigTent") is camel


def test_two_classes_under_one_name(table: Registry) -> None:
    """Another class under a taken name is an error that names both."""
    table.add(_class("Tent", "a"), "mylab", "Tent")
    with pytest.raises(
        ArgumentError, match=r"'mylab>Tent' is taken by a.Tent. Received: b.Tent. Allowed.*replace"
    ):
        table.add(_class("Tent", "b"), "mylab", "Tent")


def test_a_cell_is_run_again(table: Registry) -> None:
    """The same definition at the top of a module replaces itself; objects of before can still be written."""
    first, second = _class("Tent", "__main__"), _class("Tent", "__main__")
    table.add(first, "mylab", "Tent")
    table.add(first, "mylab", "Tent")
    table.add(second, "mylab", "Tent")
    assert table.find("Tent") is table.find("tent") is second
    assert table.full_name(first) == table.full_name(second) == "mylab>Tent"


def test_two_local_classes_are_two(table: Registry) -> None:
    """Two classes in one function have one place and one name, and are two classes all the same."""
    table.add(_class("Tent", "a", "f.<locals>.Tent"), "mylab", "Tent")
    with pytest.raises(ArgumentError, match="is taken by"):
        table.add(_class("Tent", "a", "f.<locals>.Tent"), "mylab", "Tent")


def test_replace(table: Registry) -> None:
    """With replace=True the new class has the name, and the old one is no longer registered."""
    old, new = _class("Tent", "a"), _class("Tent", "b")
    table.add(old, "mylab", "Tent")
    table.add(new, "mylab", "Tent", replace=True)
    assert table.find("Tent") is new
    assert table.full_name(old) is None


def test_classes_in_order(table: Registry) -> None:
    """The table can be listed, and the list is the caller's own."""
    tent = _class("Tent")
    table.add(tent, "mylab", "Tent")
    listed = table.classes()
    assert list(listed.items()) == [("initkit>HeNormal", ik.HeNormal), ("mylab>Tent", tent)]
    listed.clear()
    assert table.classes()


@pytest.mark.parametrize(
    ("name", "snake"),
    [
        ("GlorotUniform", "glorot_uniform"),
        ("STFT", "stft"),
        ("HeNormal", "he_normal"),
        ("MyHTTPInit2", "my_http_init2"),
        ("already_snake", "already_snake"),
        ("With-Dash", "with_dash"),
    ],
)
def test_snake_case_is_keras(name: str, snake: str) -> None:
    """Words are split as Keras splits them."""
    assert snake_case(name) == snake


def test_register_decorates() -> None:
    """The decorator returns the class, in all its forms."""

    class First(ik.Zeros):
        pass

    assert register(First) is First
    assert ik.get("custom>First") == First()

    @register("registry-test", "Second")
    class Two(ik.Zeros):
        pass

    assert ik.get("Second") == Two()
    assert ik.serialize(Two())["registered_name"] == "registry-test>Second"


@pytest.mark.parametrize(
    ("name", "bare"), [("Dirac", "'Dirac' and 'dirac'"), ("dirac", "'dirac'"), ("One", "'one'")]
)
def test_register_warns_of_a_built_in_name(name: str, bare: str) -> None:
    """That a bare name goes on meaning the built-in class is said once, where the class is registered."""

    class Own(ik.Zeros):
        pass

    package = f"registry-test-{name}"
    with pytest.warns(UserWarning, match=rf"Received: '{package}>{name}'; {bare} without .*Write") as caught:
        register(package, name)(Own)
    assert caught[0].filename == __file__
    # As it is when a cell is run again, and by its full name the class is found.
    assert register(package, name)(Own) is Own
    assert ik.get(f"{package}>{name}") == Own()
    assert not isinstance(ik.get(bare.rpartition(" ")[2].strip("'")), Own)


def test_register_without_brackets_warns_there() -> None:
    """The warning points to the class, whichever way it is registered."""

    class Zeros(ik.Ones):
        pass

    with pytest.warns(UserWarning, match="meaning 'Zeros' of initkit") as caught:
        register(Zeros)
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("package", "name", "error", "message"),
    [
        (BUILT_IN, None, ArgumentError, "is for the library's own"),
        ("", None, ArgumentError, "`package` is no name"),
        ("a>b", None, ArgumentError, "`package` is no name"),
        (" a", None, ArgumentError, "`package` is no name"),
        ("a", "", ArgumentError, "`name` is no name"),
        ("a", "b>c", ArgumentError, "`name` is no name"),
        (3, None, ArgumentTypeError, "`package` must be a string"),
        ("a", 3, ArgumentTypeError, "`name` must be a string"),
        (lambda: None, None, ArgumentTypeError, "`package` must be a string"),
    ],
)
def test_register_refuses_names(package: Any, name: Any, error: type[Exception], message: str) -> None:
    """A package or name that could not be written or found again is refused at once."""
    with pytest.raises(error, match=rf"{message}.*Received: .*Allowed: "):
        register(package, name)


@pytest.mark.parametrize(
    "thing", [lambda shape, dtype=None: None, int, 3, object()], ids=["function", "int", "3", "object"]
)
def test_register_refuses_what_has_no_config(thing: Any) -> None:
    """Only classes with configs can be registered."""
    with pytest.raises(ArgumentTypeError, match=r"cannot be registered. Received: .*Derive a class"):
        register("mylab")(thing)


def test_register_takes_classes_that_are_no_initializers() -> None:
    """Any class with get_config and from_config may be an argument, and so may be registered."""

    @register("registry-test")
    class Schedule:
        def get_config(self) -> dict[str, Any]:
            return {}

        @classmethod
        def from_config(cls, config: dict[str, Any]) -> Schedule:
            return cls()

    assert isinstance(ik.deserialize("registry-test>Schedule"), Schedule)


@pytest.mark.parametrize(
    ("name", "cls"),
    [("xavier_uniform", ik.XavierUniform), ("kaiming_normal", ik.KaimingNormal), ("eye", ik.Identity)],
)
def test_names_of_pytorch(name: str, cls: type) -> None:
    """What PyTorch names a scheme finds PyTorch's definition of it."""
    assert type(ik.get(name)) is cls
