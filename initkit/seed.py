"""Seeds, the streams that grow from them, and the scopes that give them to whoever has none."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from operator import index as as_integer
from types import NoneType
from typing import Any, Self

import numpy as np

from initkit.backends import Backend, check_backend, check_device_name, get_backend
from initkit.draws import NO_KEY, Draw, draw_key
from initkit.errors import ArgumentTypeError, BackendError, ConfigError, SeedError

# Python writes no integer of more than 4300 digits, so a larger one would fit no config.
_MOST_SEED_BITS = 8192


def as_seed(seed: object) -> int:
    """Check an integer seed.

    Args:
        seed: An integer from 0 to 2**8192 - 1; NumPy integers count.

    Returns:
        The seed as a Python integer.

    Raises:
        ArgumentTypeError: It is no integer; booleans and floats are refused.
        SeedError: It is negative or too large.

    Example:
        >>> as_seed(2**100) == 2**100
        True
    """
    try:
        if isinstance(seed, (bool, np.bool_, np.ndarray)):
            # They pass for integers, yet nobody means them as seeds.
            raise TypeError
        value = as_integer(seed)  # type: ignore[arg-type]  # the check itself
    except TypeError:
        refuse_foreign_generator(seed)
        message = "`seed` argument should be an instance of initkit.SeedGenerator() or an integer."
        message += f" Received: seed={seed!r:.100} of type {type(seed).__name__}. Allowed: integers from 0 up"
        message += " and SeedGenerators; None where a seed can be left out. Write, for example, seed=7."
        raise ArgumentTypeError(message) from None
    if value.bit_length() > _MOST_SEED_BITS:
        message = f"A seed is too large. Received: an integer of {value.bit_length()} bits. Allowed: up to"
        msg = f"{message} {_MOST_SEED_BITS}. Use a hash of it."
        raise SeedError(msg)
    if value < 0:
        message = f"A seed cannot be negative. Received: seed={value}. Allowed: any integer from 0 up."
        message += " Write, for example, abs(seed), or hash a negative number into one."
        raise SeedError(message)
    return value


def refuse_foreign_generator(given: object) -> None:
    """Refuse the random generators of other libraries, and say what to write instead.

    Args:
        given: What stands where a `SeedGenerator` may stand.

    Raises:
        ArgumentTypeError: It is a generator of torch's or NumPy's.

    Example:
        >>> refuse_foreign_generator(SeedGenerator(7))
    """
    library = type(given).__module__.partition(".")[0]
    integer = {
        ("torch", "Generator"): "generator.initial_seed()",
        ("numpy", "Generator"): "int(generator.integers(2**63))",
        ("numpy", "RandomState"): "int(generator.randint(2**31))",
    }.get((library, type(given).__name__))
    if integer is not None:
        message = f"initkit has streams of its own. Received: a generator of {library}'s, {given!r:.100}."
        message += " Allowed: SeedGenerators, which advance as it does. Make one for all calls, once, from an"
        message += f" integer of its: initkit.SeedGenerator({integer})."
        raise ArgumentTypeError(message)


class SeedGenerator:
    """A named stream of draws, and the backend whose arrays they fill.

    Draw number `k` of the generator with path `(name, …)` has the identity
    `BLAKE2b-128(stream version, seed, k, path)`; see `draw_key`. An initializer that holds a generator
    takes the next draw at every call; `child` gives a stream of its own to every name, so that values
    depend on names and not on the order of calls.

    Args:
        seed: A non-negative integer of any size; None takes 128 bits from the operating system, and
            the config shows them.
        backend: `"numpy"` or `"cupy"`: where arrays live. The bits are the same.
        device: The backend's device; None for its own choice.

    Attributes:
        seed: The integer seed.
        path: The names that lead from the root to this generator.
        backend: The backend's name.
        device: The device, or None.

    Raises:
        ArgumentTypeError: The seed is no integer, or the backend no string.
        SeedError: The seed is negative.
        BackendError: The backend or the device cannot be used here.

    Example:
        >>> import initkit as ik
        >>> generator = ik.SeedGenerator(7)
        >>> first, second = (ik.RandomNormal(seed=generator)(3) for _ in range(2))
        >>> (first == second).any(), generator.draws
        (np.False_, 2)
        >>> ik.SeedGenerator(7).child("encoder.0.weight")
        SeedGenerator(7).child('encoder.0.weight')

    Reference:
        Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
    """

    def __init__(
        self, seed: int | None = None, *, backend: str = "numpy", device: str | int | None = None
    ) -> None:
        check_backend(backend, device)
        self.seed = secrets.randbits(128) if seed is None else as_seed(seed)
        self.path: tuple[str, ...] = ()
        self.backend = backend
        self.device = device
        self._draws = 0
        self._lock = threading.Lock()

    @property
    def draws(self) -> int:
        """How many draws have been taken; the next one has this number."""
        return self._draws

    def child(self, name: str) -> SeedGenerator:
        """The generator of a name: the same seed, the path one name longer, at its first draw.

        Args:
            name: Any non-empty string, for example a parameter's name. `child("a").child("b")` and
                `child("a.b")` are different streams.

        Returns:
            A new generator. Asked for again, the same name gives the same stream.

        Raises:
            ArgumentTypeError: The name is not a string.
            SeedError: The name is empty, or no Unicode text.

        Example:
            >>> SeedGenerator(7).child("decoder").child("bias").path
            ('decoder', 'bias')
        """
        return self._at((*self.path, _as_name(name)), 0)

    def sibling(self, name: str) -> SeedGenerator:
        """The generator that has another name in place of this one's last; a child where this has no name.

        Args:
            name: Any non-empty string.

        Returns:
            A new generator at its first draw.

        Raises:
            ArgumentTypeError: The name is not a string.
            SeedError: The name is empty, or no Unicode text.

        Example:
            >>> SeedGenerator(7).child("decoder").child("bias").sibling("weight").path
            ('decoder', 'weight')
        """
        return self._at((*self.path[:-1], _as_name(name)), 0)

    def next_draw(self) -> Draw:
        """Take the next draw; safe to call from several threads at once.

        Returns:
            The draw's identity, and the backend that makes its array.

        Raises:
            BackendError: The backend cannot be used here.

        Example:
            >>> SeedGenerator(7).next_draw().key == draw_key(7)
            True
        """
        backend = _backend_of(self)
        with self._lock:
            number = self._draws
            self._draws += 1
        key = draw_key(self.seed, self.path, number)
        return Draw(key, backend, self.seed, self.path, number)

    def get_config(self) -> dict[str, Any]:
        """Everything that tells this generator from another, its position included.

        Returns:
            A dict of JSON types: `seed`, `path`, `draws`, `backend`, `device`.

        Example:
            >>> SeedGenerator(7).get_config()
            {'seed': 7, 'path': [], 'draws': 0, 'backend': 'numpy', 'device': None}
        """
        return {
            "seed": self.seed,
            "path": list(self.path),
            "draws": self._draws,
            "backend": self.backend,
            "device": self.device,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The generator that a config describes, at the position it had.

        Args:
            config: What `get_config` gave. Only `seed` is required; Keras' `name` is accepted and has
                no meaning here.

        Returns:
            A generator equal to the one that gave the config. Whether its backend can be used here is
            checked by its first draw, so that configs can be read anywhere.

        Raises:
            ConfigError: It is no dict, a key is unknown, or a value is of the wrong kind.
            ArgumentTypeError: The seed is no integer, or a name no string.
            SeedError: The seed is negative, or a name empty.
            BackendError: No backend has that name, or none of its devices is called that.

        Example:
            >>> SeedGenerator.from_config({"seed": 7, "draws": 2}).draws
            2
            >>> config = {"seed": 7, "backend": "cupy", "device": 1}  # saved where there is a GPU
            >>> SeedGenerator.from_config({**config, "backend": "numpy", "device": None})
            SeedGenerator(7)
        """
        names, draws, device = _checked_position(config)
        backend = config.get("backend", "numpy")
        check_device_name(backend, device)
        if "seed" not in config:
            message = f"The config of a SeedGenerator has no seed. Received: {config!r:.100}. Allowed: what"
            msg = f"{message} get_config gives. Add it; without, every load would give other values."
            raise ConfigError(msg)
        generator = cls(config.get("seed"))
        generator.path = tuple(_as_name(name) for name in names)
        generator._draws = draws
        generator.backend, generator.device = backend, device
        return generator

    def _at(self, path: tuple[str, ...], draws: int) -> SeedGenerator:
        other = object.__new__(type(self))
        other.seed, other.backend, other.device = self.seed, self.backend, self.device
        other.path, other._draws, other._lock = path, draws, threading.Lock()
        return other

    def __copy__(self) -> SeedGenerator:
        """An independent generator at the same position."""
        return self._at(self.path, self._draws)

    def __deepcopy__(self, memo: dict[int, Any]) -> SeedGenerator:
        """An independent generator at the same position."""
        return self.__copy__()

    def __reduce__(self) -> tuple[Any, tuple[dict[str, Any]]]:
        """Pickle the config; a lock cannot be pickled."""
        return type(self).from_config, (self.get_config(),)

    def __eq__(self, other: object) -> bool:
        """Whether both would give the same draws from here on, on the same backend."""
        if not isinstance(other, SeedGenerator):
            return NotImplemented
        return self.get_config() == other.get_config()

    def __hash__(self) -> int:
        """Hash what never changes; the position does."""
        return hash((self.seed, self.path, self.backend, self.device))

    def __repr__(self) -> str:
        """An expression that makes an equal generator."""
        if self._draws:
            return f"SeedGenerator.from_config({self.get_config()!r})"
        backend = "" if self.backend == "numpy" else f", backend={self.backend!r}"
        device = "" if self.device is None else f", device={self.device!r}"
        children = "".join(f".child({name!r})" for name in self.path)
        return f"SeedGenerator({self.seed}{backend}{device}){children}"


def _checked_position(config: object) -> tuple[list[object] | tuple[object, ...], int, str | int | None]:
    """Path, draws and device of a generator's config, each of its type."""
    if not isinstance(config, Mapping):
        message = f"The config of a SeedGenerator must be a dict. Received: {config!r:.100} of type"
        message += (
            f" {type(config).__name__}. Allowed: what get_config gives. Write {{'seed': 7}}, for example."
        )
        raise ConfigError(message)
    # Keras writes a name, which has no meaning here.
    known = ("seed", "path", "draws", "backend", "device")
    if unknown := sorted(set(config) - {*known, "name"}, key=str):
        message = f"Unknown keys in the config of a SeedGenerator. Received: {', '.join(map(repr, unknown))}."
        message += f" Allowed: {', '.join(known)}. Remove the others, or correct their spelling."
        raise ConfigError(message)
    path, draws, device = config.get("path", []), config.get("draws", 0), config.get("device")
    if (
        not isinstance(path, (list, tuple))
        or (isinstance(draws, bool) or not isinstance(draws, int) or draws < 0)
        or (isinstance(device, bool) or not isinstance(device, (str, int, NoneType)))
    ):
        message = "The config of a SeedGenerator has a value of the wrong kind. Received:"
        message += f" path={path!r:.100}, draws={draws!r:.100}, device={device!r:.100}. Allowed: a list of"
        message += " names; an integer from 0 up; None, a string or an integer. Take what get_config gave."
        raise ConfigError(message)
    return path, draws, device


def _as_name(name: object) -> str:
    if not isinstance(name, str):
        message = f"A child's name must be a string. Received: {name!r:.100} of type {type(name).__name__}."
        message += " Allowed: any text that is not empty. Write, for example, .child(str(layer))."
        raise ArgumentTypeError(message)
    if not name:
        message = "A child's name cannot be empty. Received: ''. Allowed: any other text."
        message += " Use the parameter's name."
        raise SeedError(message)
    try:
        name.encode()
    except UnicodeEncodeError:
        message = f"A child's name must be Unicode text. Received: {name!r:.100}. Allowed: all but lone"
        message += " surrogates, which UTF-8 cannot write. Remove them."
        raise SeedError(message) from None
    return str(name)


def as_generator(seed: object) -> SeedGenerator:
    """The generator that a seed stands for.

    Args:
        seed: A non-negative integer, or a `SeedGenerator`, which is returned as it is.

    Returns:
        A generator.

    Raises:
        ArgumentTypeError: It is neither.
        SeedError: It is negative.

    Example:
        >>> as_generator(7)
        SeedGenerator(7)
    """
    return seed if isinstance(seed, SeedGenerator) else SeedGenerator(as_seed(seed))


_scope: ContextVar[SeedGenerator | None] = ContextVar("initkit_seed_scope", default=None)


@contextmanager
def seed_scope(seed: int | SeedGenerator) -> Iterator[SeedGenerator]:
    """Make unseeded initializers reproducible inside a `with` block.

    Every call of an initializer whose seed is None takes the scope's next draw, and every initializer
    without a seed makes its array on the scope's backend. Initializers with a seed of their own are not
    touched. Scopes nest; the innermost counts. A scope belongs to the thread or asyncio task that opened it:
    open one inside each thread, with `generator.child(...)`, so that their order does not matter.

    Args:
        seed: A non-negative integer, or a `SeedGenerator`, which the calls then advance.

    Yields:
        The generator that the scope draws from.

    Raises:
        ArgumentTypeError: The seed is neither.
        SeedError: The seed is negative.

    Example:
        >>> import initkit as ik
        >>> with ik.seed_scope(42):
        ...     first = ik.HeNormal()((4, 4))
        >>> with ik.seed_scope(42):
        ...     again = ik.HeNormal()((4, 4))
        >>> bool((first == again).all())
        True
    """
    generator = as_generator(seed)
    token = _scope.set(generator)
    try:
        yield generator
    finally:
        _scope.reset(token)


def current_scope() -> SeedGenerator | None:
    """The generator of the innermost `seed_scope`, or None outside any.

    Example:
        >>> current_scope() is None
        True
    """
    return _scope.get()


def constant_draw() -> Draw:
    """The draw of an initializer that needs no randomness: only its backend has a meaning.

    Returns:
        A draw on the scope's backend, or on NumPy outside any scope.

    Example:
        >>> constant_draw().backend.name
        'numpy'
    """
    scope = _scope.get()
    return Draw(NO_KEY, get_backend("numpy") if scope is None else _backend_of(scope))


def _backend_of(generator: SeedGenerator) -> Backend:
    try:
        return get_backend(generator.backend, generator.device)
    except BackendError as error:
        # The constructor has checked its backend, so this one was read from a config.
        message = f"{error} Or draw on the CPU: set `backend` to 'numpy' in the config of this generator, as"
        message += " by initkit.SeedGenerator.from_config({**config, 'backend': 'numpy', 'device': None})."
        raise BackendError(message) from error
