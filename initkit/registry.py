"""The one table of names: which class a string means."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, overload

from initkit.errors import ArgumentError, ArgumentTypeError, UnknownNameError, did_you_mean, nearest_names

T = TypeVar("T", bound=type)

# The package of the library's own classes. Theirs alone are found by bare name before all others.
BUILT_IN = "initkit"

# Names of methods in which a capital does not begin a word, and how they are written in small letters.
_SMALL_LETTERS = {
    "HippoLegS": "hippo_legs",
    "IDInit": "idinit",
    "LoRA": "lora",
    "Mamba2ALog": "mamba2_a_log",
    "MuP": "mup",
    "NaN": "nan",
    # "zero" is Zeros in Keras.
    "ZerO": "zero_init",
}
# Names of schemes that are an argument of a class, and how to write them.
_SCHEMES = {
    **{
        rule: ("depth_scaled", f"{{depth_scaled: {{rule: {rule}, …}}}}")
        for rule in ("gpt2", "llama", "deepnorm", "fixup", "depth_mup", "complete_p")
    },
    "t_fixup": ("depth_scaled", "{depth_scaled: {rule: t_fixup_encoder, …}}"),
}


class Registry:
    """Names of classes, each in a package; `"package>Name"` is always unambiguous.

    A bare name is looked for among, in this order: names and aliases of built-in classes; names of
    classes of other packages; their snake_case names. The first step that knows the name decides, and it
    is an error if two packages share the name there.
    """

    def __init__(self) -> None:
        """Begin with no names."""
        self._by_full_name: dict[str, type] = {}
        self._full_names: dict[type, str] = {}
        self._built_in: dict[str, str] = {}
        # For classes of other packages: a bare name, and the full names that it may stand for.
        self._named: dict[str, set[str]] = {}
        self._snake_cased: dict[str, set[str]] = {}

    def add(
        self, cls: type, package: str, name: str, aliases: Iterable[str] = (), replace: bool = False
    ) -> None:
        """Enter a class under `package>name`, and under its bare names.

        Args:
            cls: The class.
            package: The package's name; `"initkit"` for built-in classes.
            name: The class' name in configs.
            aliases: Further names, for built-in classes alone.
            replace: Whether another class may be driven out. A class at the top level of a module may always
                be driven out by its own definition run again, as when a notebook cell is.

        Raises:
            ArgumentError: Another class has that name, or another built-in one a bare name.
        """
        full_name = f"{package}>{name}"
        bare = (name, snake_case(name), *aliases) if package == BUILT_IN else ()
        for owner in (self._built_in.get(other, full_name) for other in bare):
            if owner != full_name:
                message = f"Two built-in classes cannot share a bare name. Received: {full_name!r} with the"
                message += f" names {', '.join(map(repr, bare))}, one of which finds {owner!r}. Allowed:"
                message += " names that find no other class. Choose another one."
                raise ArgumentError(message)
        present = self._by_full_name.get(full_name, cls)
        rerun = present is cls or _is_rerun(present, cls)
        if not rerun and not replace:
            message = f"The name {full_name!r} is taken by {present.__module__}.{present.__qualname__}."
            message += (
                f" Received: {cls.__module__}.{cls.__qualname__}. Allowed: one class per name and package."
            )
            message += " Choose another name or package, or say replace=True."
            raise ArgumentError(message)
        if not rerun:
            # Objects of the class that was driven out must not be written as objects of the new one.
            self._full_names.pop(present, None)
        self._by_full_name[full_name] = cls
        self._full_names[cls] = full_name
        if package == BUILT_IN:
            self._built_in.update(dict.fromkeys(bare, full_name))
        else:
            self._named.setdefault(name, set()).add(full_name)
            self._snake_cased.setdefault(snake_case(name), set()).add(full_name)

    def find(self, name: str) -> type:
        """The class that a name means.

        Args:
            name: `"HeNormal"`, `"he_normal"`, an alias, or `"package>Name"`. Case matters.

        Returns:
            The class.

        Raises:
            UnknownNameError: No class has that name, or two packages do.
        """
        owners = self._owners(name)
        if len(owners) == 1:
            return self._by_full_name[owners[0]]
        if owners:
            message = f"The name is ambiguous. Received: {name!r}. Allowed: {', '.join(map(repr, owners))}."
            message += " Write one of these in full."
            raise UnknownNameError(message, name, owners)
        class_name, remedy = _SCHEMES.get(name.lower(), ("", ""))
        suggestions = (class_name,) if class_name in self._built_in else self._nearest(name)
        message = "Could not interpret initializer identifier: no initializer has that name. Received:"
        message += (
            f" {name!r:.100}. Allowed: the names that `initkit list` prints. Correct the name, or register"
        )
        message += " your own class with @initkit.register in a module that has been imported."
        if class_name in suggestions:
            message += f" {name!r:.100} is a rule of {class_name!r}: write {remedy}."
            raise UnknownNameError(message, name, suggestions)
        raise UnknownNameError(message + did_you_mean(suggestions), name, suggestions)

    def _nearest(self, name: str) -> tuple[str, ...]:
        """The names to suggest for one that is unknown."""
        # PyTorch's functions, which fill tensors in place, end so.
        stripped = name.removesuffix("_")
        return (stripped,) if self._owners(stripped) else nearest_names(name, self._every_name())

    def _owners(self, name: str) -> tuple[str, ...]:
        """The full names that a name may stand for."""
        if name in self._by_full_name:
            return (name,)
        if name in self._built_in:
            return (self._built_in[name],)
        return tuple(sorted(self._named.get(name) or self._snake_cased.get(name) or ()))

    def _every_name(self) -> set[str]:
        return {*self._by_full_name, *self._built_in, *self._named, *self._snake_cased}

    def built_in_names(self, name: str) -> list[str]:
        """Which of a class name and its snake_case form find a built-in class."""
        return [bare for bare in dict.fromkeys((name, snake_case(name))) if bare in self._built_in]

    def full_name(self, cls: type) -> str | None:
        """The name `package>Name` that a class was entered under, or None."""
        return self._full_names.get(cls)

    def short_name(self, cls: type) -> str:
        """The name that recipes use for a class: in small letters for initkit's own, else `package>Name`.

        Args:
            cls: A class.

        Returns:
            A name by which `find` finds the class, if it is registered.

        Example:
            >>> import initkit as ik
            >>> registry.short_name(ik.RandomNormal)
            'random_normal'
        """
        package, _, name = (self.full_name(cls) or cls.__name__).rpartition(">")
        return snake_case(name) if package == BUILT_IN else f"{package}>{name}".lstrip(">")

    def classes(self) -> dict[str, type]:
        """Every class by its full name, in the order of entry."""
        return dict(self._by_full_name)

    def names(self, cls: type) -> list[str]:
        """Every name without a package that finds a class, sorted."""
        full_name = self._full_names.get(cls, "")
        return sorted(
            name for name in self._every_name() if ">" not in name and self._owners(name) == (full_name,)
        )


def _is_rerun(present: type, cls: type) -> bool:
    # One function can define two local classes of one name, and they would be two classes indeed.
    return (
        (present.__module__, present.__qualname__) == (cls.__module__, cls.__qualname__)
    ) and "<locals>" not in cls.__qualname__


def snake_case(name: str) -> str:
    """A class name in small letters, as Keras writes it.

    Args:
        name: A CamelCase name.

    Returns:
        The same words joined by underscores. Names of methods that have capitals within a word, such as
        LoRA, are one word.

    Example:
        >>> snake_case("GlorotUniform"), snake_case("STFT"), snake_case("LoRA")
        ('glorot_uniform', 'stft', 'lora')
    """
    if name in _SMALL_LETTERS:
        return _SMALL_LETTERS[name]
    split = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", split).lower()


registry = Registry()


def built_in(*aliases: str) -> Callable[[T], T]:
    """Enter one of the library's own classes, under its name and `aliases`."""

    def enter(cls: T) -> T:
        registry.add(cls, BUILT_IN, cls.__name__, aliases)
        return cls

    return enter


@overload
def register(package: T, name: str | None = None, *, replace: bool = False) -> T: ...
@overload
def register(
    package: str = "custom", name: str | None = None, *, replace: bool = False
) -> Callable[[T], T]: ...
def register(package: Any = "custom", name: str | None = None, *, replace: bool = False) -> Any:
    """Make a class of your own findable by name: in `get`, configs, YAML and recipes.

    Args:
        package: Whose class it is: `"mylab"` makes it `"mylab>Tent"`. Used without brackets, as in
            `@register`, the package is `"custom"`.
        name: The name in configs; None for the class' own.
        replace: Whether a class that has this name already may be driven out. A class at the top level of a
            module always may by its own definition run again, as in a notebook.

    Returns:
        The class itself, unchanged.

    Warns:
        UserWarning: The name, or the same in snake_case, finds a built-in class, as it goes on to do: yours
            is found by its full name alone, which is what configs have.

    Raises:
        ArgumentTypeError: What is decorated is no class with `get_config` and `from_config`, or a name is
            no string.
        ArgumentError: Another class has that name, or a name is empty or has a `>` in it, or the package
            is `"initkit"`.

    Example:
        >>> import initkit as ik
        >>> @ik.register("mylab")
        ... class Tent(ik.Initializer):
        ...     def __init__(self, width=1.0):
        ...         self.width = width
        ...     def __call__(self, shape, dtype=None):
        ...         return ik.Constant(self.width)(shape, dtype)
        >>> ik.get("mylab>Tent")
        Tent()
        >>> ik.get("tent")
        Tent()
    """
    if isinstance(package, type):
        return _entered(package, "custom", name, replace)
    _check_name(package, "package")
    if package == BUILT_IN:
        message = (
            "The package 'initkit' is for the library's own classes. Received: package='initkit'. Allowed:"
        )
        message += " any other name. Use your own package's."
        raise ArgumentError(message)
    if name is not None:
        _check_name(name, "name")

    def enter(cls: Any) -> Any:
        return _entered(cls, package, name, replace)

    return enter


def _entered(cls: Any, package: str, name: str | None, replace: bool) -> Any:
    """The class, entered; with a warning where nothing else would say that its bare name is taken."""
    if not isinstance(cls, type) or not (hasattr(cls, "get_config") and hasattr(cls, "from_config")):
        message = f"This cannot be registered. Received: {cls!r:.100}. Allowed: classes with get_config and"
        message += " from_config. Derive a class from initkit.Initializer."
        raise ArgumentTypeError(message)
    name = name or cls.__name__
    full_name = f"{package}>{name}"
    known = full_name in registry.classes()
    registry.add(cls, package, name, replace=replace)
    if not known and (taken := registry.built_in_names(name)):
        bare = " and ".join(map(repr, taken))
        message = (
            f"The class {cls.__module__}.{cls.__qualname__} has the bare name of a built-in one, which is"
        )
        message += f" found first. Received: {full_name!r}; {bare} without a package goes on meaning"
        message += (
            f" {registry.find(taken[0]).__qualname__!r} of initkit. Write {full_name!r} for yours, or give"
        )
        message += " it another name, as in @initkit.register('mylab', 'MyTent')."
        warnings.warn(message, UserWarning, stacklevel=3)
    return cls


def _check_name(name: object, argument: str) -> None:
    if not isinstance(name, str):
        message = f"Argument `{argument}` must be a string. Received: {name!r:.100} of type"
        message += f" {type(name).__name__}. Allowed: a name. Write, for example, @initkit.register('mylab')."
        raise ArgumentTypeError(message)
    if not name or ">" in name or name != name.strip():
        message = (
            f"Argument `{argument}` is no name. Received: {name!r:.100}. Allowed: text that is not empty, has"
        )
        message += " no '>' and no spaces around it. Write, for example, @initkit.register('mylab')."
        raise ArgumentError(message)
