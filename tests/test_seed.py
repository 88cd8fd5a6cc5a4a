"""Seeds, generators, scopes, and the identity that they give to a draw."""

from __future__ import annotations

import copy
import pickle
import random
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import initkit as ik
from initkit.backends.cupy_library import cupy_library
from initkit.draws import draw_key, seeded_draw
from initkit.errors import ArgumentTypeError, BackendError, ConfigError, SeedError
from initkit.seed import as_seed

# Computed from the specification by a program that shares no code with initkit: see _reference_key. These are
# part of stream 1 and never change.
GOLDEN_KEYS = [
    ((0,), "d5b8c0e2 f3f1c4d2 812163a7 14429876"),
    ((1,), "8b955178 e084ee91 1af5edde a29b3776"),
    ((7,), "a585bf4c 5b4f0453 c183d149 52575393"),
    ((255,), "5bf024ad a7005414 1eef8a64 b455bb91"),
    ((256,), "50817177 df0cf1c0 2397b33b 1996ca1f"),
    ((2**32,), "b3c41a7e e996a841 3e24fb34 6df58693"),
    ((2**64,), "1686e6a3 5003b0e0 663c6d56 399df8c1"),
    ((2**128 - 1,), "e448d177 fee8838c c439b664 9b9a72af"),
    ((2**200,), "501bef05 f23e1e1e 03e8067b cf62e828"),
    ((7, (), 1), "7ea605e3 bb0cfe34 51117ca4 8c01f78e"),
    ((7, (), 2), "9b84f9dc 92894df6 eafbc9fd c3ef1c98"),
    ((7, (), 256), "48e18d95 98779fa4 8d7c3f32 84818b7b"),
    ((7, (), 2**40), "88d91775 d63f307e d6d0c0b2 62041583"),
    ((7, ("a",)), "dfd2abd4 b0ec329f 47e3f7fd 81993b57"),
    ((7, ("b",)), "58a2746d aa5c5e62 3f9617a1 c190e706"),
    ((7, ("a", "b")), "f4b0dab7 080fd608 3f7ce5a6 5a62612d"),
    ((7, ("a.b",)), "697c3774 c181f8bb 402d8c79 bb60d88c"),
    ((7, ("ab",)), "f9fbb966 9942876c f6954640 ed0dccc0"),
    ((7, ("encoder.0.weight",)), "0d0ead6a 2515c0be cfcfe370 9d3a9e07"),
    ((7, ("encoder.0.weight",), 1), "963c21dc e69e2d27 541c825b c076fc6a"),
    ((7, ("größe",)), "3ac35a88 584f816f 0654c22e 45b5f6ca"),
    ((7, ("重み", "\N{GRINNING FACE}")), "0012a487 4e8de1f2 a59edbb4 97ab26c6"),
    ((7, ("\x00",)), "7b9645a2 bc0a49ef 5e167a40 87fbdfe7"),
    ((0, ("a",), 0), "121e7977 729e0840 0b7e1033 424034b4"),
]

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
paths = st.lists(names, max_size=4).map(tuple)


def _reference_key(seed: int, path: tuple[str, ...], number: int) -> tuple[int, ...]:
    """The specification, byte by byte."""

    def integer(value: int) -> bytes:
        digits = bytearray()
        while value:
            digits.append(value % 256)
            value //= 256
        return bytes(digits)

    fields = [
        b"initkit",
        integer(1),
        integer(seed),
        integer(number),
        *(name.encode("utf-8") for name in path),
    ]
    message = bytearray()
    for field in fields:
        message += bytes((len(field) >> (8 * place)) & 255 for place in range(8)) + field
    digest = blake2b(message, digest_size=16).digest()
    return tuple(sum(digest[4 * word + place] << (8 * place) for place in range(4)) for word in range(4))


@pytest.mark.parametrize(("identity", "words"), GOLDEN_KEYS, ids=lambda value: repr(value)[:30])
def test_golden_keys(identity: tuple[Any, ...], words: str) -> None:
    """The identities of stream 1 are these, for ever."""
    assert " ".join(f"{word:08x}" for word in draw_key(*identity)) == words


@given(st.integers(0, 2**300), paths, st.integers(0, 2**80))
def test_draw_key_is_the_specification(seed: int, path: tuple[str, ...], number: int) -> None:
    """Any seed, path and draw number are encoded as the specification says."""
    assert draw_key(seed, path, number) == _reference_key(seed, path, number)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((7, ("a", "b")), (7, ("a.b",))),
        ((7, ("a", "b")), (7, ("ab",))),
        ((7, ("a", "b")), (7, ("b", "a"))),
        ((7, ("a",)), (7, ("a", "a"))),
        ((7, (), 1), (7, ("1",))),
        ((7, (), 1), (1, (), 7)),
        ((0,), (256,)),
        ((7, ("A",)), (7, ("a",))),
        ((7, ("\u00e9",)), (7, ("e\u0301",))),
    ],
)
def test_different_names_are_different_draws(one: tuple[Any, ...], other: tuple[Any, ...]) -> None:
    """The encoding is unambiguous: what could be confused is not."""
    assert draw_key(*one) != draw_key(*other)


@pytest.mark.parametrize(
    ("seed", "expected"), [(0, 0), (7, 7), (np.int64(3), 3), (np.uint8(255), 255), (2**100, 2**100)]
)
def test_as_seed(seed: Any, expected: int) -> None:
    """Every non-negative integer is a seed, NumPy's and large ones too, and becomes Python's own."""
    assert as_seed(seed) == expected
    assert type(as_seed(seed)) is int


@pytest.mark.parametrize(
    "wrong",
    [True, np.True_, 1.0, np.float64(1), "1", b"1", [1], (1,), np.array(1), np.array([1]), None, 1j, {}],
    ids=repr,
)
def test_no_seeds(wrong: Any) -> None:
    """What only looks like an integer is refused, with what is allowed."""
    with pytest.raises(
        ArgumentTypeError, match=r"`seed` argument .*Received: seed=.*Allowed: integers from 0"
    ):
        as_seed(wrong)


@pytest.mark.parametrize("wrong", [-1, np.int8(-3), -(2**70)])
def test_negative_seeds(wrong: Any) -> None:
    """A negative seed is refused at construction, not at the call."""
    with pytest.raises(
        SeedError, match=r"cannot be negative. Received: seed=-\d+. Allowed: any integer from 0"
    ):
        ik.SeedGenerator(wrong)


def test_generator_counts_its_draws() -> None:
    """Each draw has the next number, and the key that its number says."""
    generator = ik.SeedGenerator(7)
    keys = [generator.next_draw().key for _ in range(3)]
    assert keys == [draw_key(7, (), number) for number in range(3)]
    assert generator.draws == 3


def test_generator_without_a_seed_shows_the_one_it_took() -> None:
    """Entropy is 128 bits of the system's, different every time, and the config can replay it."""
    one, other = ik.SeedGenerator(), ik.SeedGenerator()
    assert one.seed != other.seed
    assert max(one.seed, other.seed).bit_length() > 64
    replayed = ik.SeedGenerator.from_config(one.get_config())
    assert replayed.next_draw().key == one.next_draw().key


def test_entropy_is_not_pythons_or_numpys_random_state() -> None:
    """Nothing global is read or moved: seeding Python's generator changes no seed, and none of its state."""
    random.seed(1)
    state, before = random.getstate(), ik.SeedGenerator().seed
    random.seed(1)
    assert ik.SeedGenerator().seed != before
    assert random.getstate() == state


def test_children_depend_on_names_alone() -> None:
    """The same name gives the same stream, whatever was drawn or made before."""
    generator = ik.SeedGenerator(7)
    first = generator.child("a").next_draw().key
    generator.next_draw()
    generator.child("b").next_draw()
    assert generator.child("a").next_draw().key == first == draw_key(7, ("a",), 0)
    assert generator.child("a").child("b").path == ("a", "b")
    assert generator.draws == 1


@pytest.mark.parametrize("wrong", [None, 1, b"a", ("a",), ["a"]], ids=repr)
def test_child_names_are_strings(wrong: Any) -> None:
    """A name that is no string is refused, with how to make it one."""
    with pytest.raises(
        ArgumentTypeError, match=r"must be a string. Received: .*Allowed: .*child\(str\(layer\)\)"
    ):
        ik.SeedGenerator(7).child(wrong)


@pytest.mark.parametrize(("wrong", "reason"), [("", "cannot be empty"), ("\ud800", "must be Unicode text")])
def test_child_names_are_text(wrong: str, reason: str) -> None:
    """An empty name, or half of a surrogate pair, is refused."""
    with pytest.raises(SeedError, match=rf"{reason}. Received: .*Allowed: "):
        ik.SeedGenerator(7).child(wrong)


def _made() -> list[ik.SeedGenerator]:
    moved = ik.SeedGenerator(2**100).child("a").child("größe")
    for _ in range(3):
        moved.next_draw()
    return [ik.SeedGenerator(7), ik.SeedGenerator(0, device="cpu"), ik.SeedGenerator(7).child("a.b"), moved]


@pytest.mark.parametrize("generator", _made(), ids=repr)
@pytest.mark.parametrize(
    "again",
    [
        copy.copy,
        copy.deepcopy,
        lambda generator: pickle.loads(pickle.dumps(generator)),
        lambda generator: ik.SeedGenerator.from_config(generator.get_config()),
        lambda generator: ik.from_json(ik.to_json(generator)),
        lambda generator: ik.from_yaml(ik.to_yaml(generator)),
        lambda generator: eval(repr(generator), {"SeedGenerator": ik.SeedGenerator}),
    ],
    ids=["copy", "deepcopy", "pickle", "config", "json", "yaml", "repr"],
)
def test_round_trips_resume(generator: ik.SeedGenerator, again: Any) -> None:
    """Every copy is equal, goes on where the original was, and then goes its own way."""
    copied = again(generator)
    assert copied == generator
    assert hash(copied) == hash(generator)
    assert copied is not generator
    before = generator.draws
    assert copied.next_draw().key == draw_key(generator.seed, generator.path, before)
    assert generator.draws == before
    assert copied != generator


def test_deepcopy_keeps_what_is_shared() -> None:
    """Two layers that share a generator share its copy, in one copy of both."""
    generator = ik.SeedGenerator(7)
    one, other = copy.deepcopy([ik.HeNormal(seed=generator), ik.HeUniform(seed=generator)])
    assert one.seed is other.seed
    assert one.seed is not generator


def test_equality() -> None:
    """Generators are equal when they would give the same draws from here on; hashes ignore the position."""
    one, other = ik.SeedGenerator(7), ik.SeedGenerator(7)
    assert one == other
    other.next_draw()
    assert one != other
    assert hash(one) == hash(other)
    assert one != ik.SeedGenerator(7).child("a")
    assert one != ik.SeedGenerator(8)
    assert one != 7
    assert (one == 7) is False


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"seed": 7, "drawn": 1}, r"Unknown keys .*Received: 'drawn'. Allowed: seed, path, draws"),
        ({"seed": 7, "path": "ab"}, r"wrong kind. Received: path='ab'"),
        ({"seed": 7, "path": None}, "wrong kind"),
        ({"seed": 7, "draws": -1}, "draws=-1"),
        ({"seed": 7, "draws": True}, "draws=True"),
        ({"seed": 7, "draws": 1.0}, "draws=1.0"),
        ({"seed": 7, "device": True}, "device=True"),
        ({"seed": 7, "device": [0]}, r"device=\[0\]"),
        ([7], r"must be a dict. Received: \[7\]"),
        (None, "must be a dict"),
        ({1: 2}, "Received: 1"),
    ],
)
def test_malformed_configs(config: Any, message: str) -> None:
    """A config that no generator gives is a ConfigError that says what is wrong with it."""
    with pytest.raises(ConfigError, match=message):
        ik.SeedGenerator.from_config(config)


@pytest.mark.parametrize(
    ("config", "error"),
    [
        ({"seed": -1}, SeedError),
        ({"seed": "7"}, ArgumentTypeError),
        ({"seed": 7, "path": [""]}, SeedError),
        ({"seed": 7, "path": [3]}, ArgumentTypeError),
        ({"seed": 7, "backend": "tpu"}, BackendError),
        ({"seed": 7, "backend": 3}, ArgumentTypeError),
        ({"seed": 7, "device": "gpu:x"}, BackendError),
        ({"seed": 7, "device": "cuda:0"}, BackendError),
        ({"seed": 7, "backend": "cupy", "device": "gpu:x"}, BackendError),
        ({"seed": 7, "backend": "cupy", "device": "cuda:01"}, BackendError),
        ({"seed": 7, "backend": "cupy", "device": "cpu"}, BackendError),
        ({"seed": 7, "backend": "cupy", "device": -1}, BackendError),
    ],
)
def test_configs_with_bad_values(config: Any, error: type[Exception]) -> None:
    """A value that the constructor would refuse is refused in a config as well."""
    with pytest.raises(error):
        ik.SeedGenerator.from_config(config)


def test_config_of_keras() -> None:
    """Keras' generator, which saves a seed and a name, begins at its first draw."""
    described = {
        "module": "keras.random",
        "class_name": "SeedGenerator",
        "config": {"seed": 3, "name": "seed_generator"},
        "registered_name": None,
    }
    assert ik.deserialize(described) == ik.SeedGenerator(3)


@pytest.mark.parametrize("device", [None, 0, 999, "cuda:0", "cuda:123456789"])
def test_config_of_a_backend_that_is_not_here_can_be_read(device: str | int | None) -> None:
    """A config written on a machine with a GPU is read anywhere; only drawing needs the backend."""
    generator = ik.SeedGenerator.from_config({"seed": 7, "backend": "cupy", "device": device})
    assert pickle.loads(pickle.dumps(generator)) == generator
    shown = "" if device is None else f", device={device!r}"
    assert repr(generator) == f"SeedGenerator(7, backend='cupy'{shown})"


def test_config_of_a_backend_that_is_not_here_says_how_to_change_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A draw without the backend of the config names what to change in it; with that, values are the same."""
    monkeypatch.setattr("initkit.backends.cupy_library.find_spec", lambda name: None)
    cupy_library.cache_clear()
    config = {"seed": 7, "backend": "cupy", "device": 1}
    generator = ik.SeedGenerator.from_config(config)
    init = ik.deserialize(
        {
            "class_name": "HeNormal",
            "config": {"seed": {"class_name": "SeedGenerator", "config": config}},
        }
    )
    with pytest.raises(BackendError, match="CuPy is not installed") as caught:
        init((2, 3))
    with ik.seed_scope(generator), pytest.raises(BackendError) as in_scope:
        ik.Zeros()((2, 3))
    advice = "initkit.SeedGenerator.from_config({**config, 'backend': 'numpy', 'device': None})"
    assert str(caught.value) == str(in_scope.value)
    assert str(caught.value).endswith(f" by {advice}.")
    there: ik.SeedGenerator = eval(advice, {"initkit": ik, "config": generator.get_config()})
    assert np.array_equal(ik.HeNormal(seed=there)((2, 3)), ik.HeNormal(seed=7)((2, 3)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"device": "cuda:1"}, r"Received: device='cuda:1'\..*Write backend='cupy' besides"),
        ({"device": "GPU"}, "Write backend='cupy' besides"),
        ({"device": 0}, "Write backend='cupy' besides"),
        ({"device": "tpu"}, r"Allowed: None, 'cpu'\. Leave `device` out\.$"),
        ({"backend": "cuda"}, r"Received: backend='cuda'\..* write backend='cupy'\.$"),
        ({"backend": "gpu:0"}, r"write backend='cupy'\.$"),
        (
            {"backend": "torch"},
            r"Draw with 'numpy', and give torch the .* or fill .*initializer\.fill\(tensor",
        ),
        ({"backend": "jax"}, r"Draw with 'numpy', and give jax the array\.$"),
        ({"backend": "cupi"}, "Did you mean 'cupy'"),
    ],
    ids=str,
)
def test_names_of_gpus_and_of_other_libraries(arguments: dict[str, Any], message: str) -> None:
    """Who asks for a GPU by another name, or for another library's arrays, is told how to get them."""
    with pytest.raises(BackendError, match=message):
        ik.SeedGenerator(7, **arguments)


def test_a_failed_draw_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A draw that its backend refuses leaves the generator where it was."""
    monkeypatch.setattr("initkit.backends.cupy_library.find_spec", lambda name: None)
    cupy_library.cache_clear()
    generator = ik.SeedGenerator.from_config({"seed": 7, "backend": "cupy"})
    with pytest.raises(BackendError, match=r"CuPy is not installed.*pip install .*cupy-cuda12x"):
        generator.next_draw()
    assert generator.draws == 0


def test_threads_share_a_generator() -> None:
    """However many threads draw, every number is taken once."""
    generator = ik.SeedGenerator(7)
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: generator.next_draw().key, range(2000), chunksize=7))
    assert sorted(keys) == sorted(draw_key(7, (), number) for number in range(2000))
    assert generator.draws == 2000


def test_seeded_draw_is_the_first_of_a_generator() -> None:
    """An integer seed means the first draw of its generator, every time."""
    assert seeded_draw(7) == seeded_draw(7) == ik.SeedGenerator(7).next_draw()


@pytest.mark.parametrize("seed", [2**8192, 2**20000, -(2**20000)], ids=["least", "large", "negative"])
def test_seeds_that_no_config_could_hold_are_refused(seed: int) -> None:
    """Python writes no integer of so many digits, so neither a config nor a message could hold it."""
    with pytest.raises(SeedError, match=r"too large. Received: an integer of \d+ bits. Allowed: up to 8192"):
        ik.SeedGenerator(seed)


def test_largest_seed_round_trips() -> None:
    """The largest seed that is allowed survives every form of its config."""
    generator = ik.SeedGenerator(2**8192 - 1)
    assert ik.from_json(ik.to_json(generator)) == ik.from_yaml(ik.to_yaml(generator)) == generator


def test_config_without_a_seed_is_refused() -> None:
    """A config that names no seed would mean other values at every load."""
    with pytest.raises(ConfigError, match="has no seed"):
        ik.SeedGenerator.from_config({"draws": 2})
