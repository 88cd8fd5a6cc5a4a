"""The one table of names: which class a string means."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, overload

from initkit.errors import ArgumentError, ArgumentTypeError, UnknownNameError, did_you_mean, nearest_names

T = TypeVar("T", bound=type)

# The package of the library's own classes. Theirs alone are the names without a package in front.
BUILT_IN = "initkit"


class Registry:
    """Names of classes, each in a package; `"package>Name"` is always unambiguous.

    A class is found as `package>Name`, and under its bare name, its snake_case name and its aliases as
    long as no built-in class has that name and no two packages share it.
    """

    def __init__(self) -> None:
        """Begin with no names."""
        self._by_full_name: dict[str, type] = {}
        self._built_in: dict[str, type] = {}
        self._bare: dict[str, dict[str, type]] = {}
        self._full_names: dict[type, str] = {}

    def add(self, cls: type, package: str, name: str, aliases: Iterable[str] = (), replace: bool = False) -> None:
        """Enter a class under `package>name`, and under its bare names.

        Args:
            cls: The class.
            package: The package's name; `"initkit"` for built-in classes.
            name: The class' name in configs.
            aliases: Further names.
            replace: Whether another class may be driven out, as when a notebook cell is run again.

        Raises:
            ArgumentError: Another class has that name.
        """
        full_name = f"{package}>{name}"
        present = self._by_full_name.get(full_name)
        if present is not None and present is not cls and not replace:
            message = f"The name {full_name!r} is taken by {present.__module__}.{present.__qualname__}."
            message += f" Received: {cls.__module__}.{cls.__qualname__}. Choose another name or package,"
            raise ArgumentError(f"{message} or say replace=True.")
        self._by_full_name[full_name] = cls
        self._full_names[cls] = full_name
        for bare in {name, snake_case(name), *aliases}:
            if package == BUILT_IN:
                self._built_in[bare] = cls
            else:
                self._bare.setdefault(bare, {})[package] = cls

    def find(self, name: str) -> type:
        """The class that a name means.

        Args:
            name: `"HeNormal"`, `"he_normal"`, an alias, or `"package>Name"`. Case matters.

        Returns:
            The class.

        Raises:
            UnknownNameError: No class has that name, or two packages do.
        """
        if found := self._by_full_name.get(name) or self._built_in.get(name):
            return found
        owners = self._bare.get(name, {})
        if len(owners) == 1:
            return next(iter(owners.values()))
        if owners:
            full_names = tuple(sorted(self._full_names[cls] for cls in owners.values()))
            message = f"The name {name!r} is ambiguous: {', '.join(full_names)}. Write one of these in full."
            raise UnknownNameError(message, name, full_names)
        suggestions = nearest_names(name, [*self._built_in, *self._bare, *self._by_full_name])
        message = f"Could not interpret initializer identifier: {name!r}. No initializer has that name."
        message += did_you_mean(suggestions)
        message += " `initkit list` prints all names; a class of your own must be registered first,"
        raise UnknownNameError(f"{message} with @initkit.register, in a module that has been imported.", name, suggestions)

    def full_name(self, cls: type) -> str | None:
        """The name `package>Name` that a class was entered under, or None."""
        return self._full_names.get(cls)

    def classes(self) -> dict[str, type]:
        """Every class by its full name, in the order of entry."""
        return dict(self._by_full_name)

    def names(self, cls: type) -> list[str]:
        """Every name without a package that finds a class, sorted."""
        bare = {name for name, found in self._built_in.items() if found is cls}
        bare |= {name for name, owners in self._bare.items() if owners.keys() and self._resolves(name, cls)}
        return sorted(bare)

    def _resolves(self, name: str, cls: type) -> bool:
        return name not in self._built_in and set(self._bare[name].values()) == {cls}


def snake_case(name: str) -> str:
    """A class name as Keras writes it in small letters.

    Args:
        name: A CamelCase name.

    Returns:
        The same words joined by underscores.

    Example:
        >>> snake_case("GlorotUniform"), snake_case("STFT")
        ('glorot_uniform', 'stft')
    """
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
def register(package: str = "custom", name: str | None = None, *, replace: bool = False) -> Callable[[T], T]: ...
def register(package: Any = "custom", name: str | None = None, *, replace: bool = False) -> Any:
    """Make a class of your own findable by name: in `get`, configs, YAML and recipes.

    Args:
        package: Whose class it is: `"mylab"` makes it `"mylab>Tent"`. Used without brackets, as in
            `@register`, the package is `"custom"`.
        name: The name in configs; None for the class' own.
        replace: Whether a class that has this name already may be driven out.

    Returns:
        The class itself, unchanged.

    Raises:
        ArgumentTypeError: What is decorated is no class with `get_config` and `from_config`.
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
        Tent(width=1.0)
        >>> ik.get("tent")
        Tent(width=1.0)
    """
    if isinstance(package, type):
        return register("custom", name, replace=replace)(package)
    _check_name(package, "package")
    if package == BUILT_IN:
        message = "The package 'initkit' is for the library's own classes. Received: package='initkit'."
        raise ArgumentError(f"{message} Use a name of your own.")
    if name is not None:
        _check_name(name, "name")

    def enter(cls: T) -> T:
        if not isinstance(cls, type) or not (hasattr(cls, "get_config") and hasattr(cls, "from_config")):
            message = f"Only classes with get_config and from_config can be registered. Received: {cls!r}."
            raise ArgumentTypeError(f"{message} Derive the class from initkit.Initializer.")
        registry.add(cls, package, name or cls.__name__, replace=replace)
        return cls

    return enter


def _check_name(name: object, argument: str) -> None:
    if not isinstance(name, str):
        message = f"Argument `{argument}` must be a string. Received: {name!r} of type {type(name).__name__}."
        raise ArgumentTypeError(f"{message} Write, for example, @initkit.register('mylab').")
    if not name or ">" in name or name != name.strip():
        message = f"Argument `{argument}` must be a name without '>' and outer spaces. Received: {name!r}."
        raise ArgumentError(f"{message} Write, for example, 'mylab'.")
