"""How makers are called: every form, what waits for lengths, and refusals."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import initkit as ik
from initkit import functional as init
from initkit.backends import get_backend
from initkit.dtypes import resolve_dtype
from initkit.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError
from initkit.functional.partial import Partial, read_call
from initkit.seed import current_scope

KEYWORDS: dict[Any, dict[str, Any]] = {
    init.glorot_uniform: {"gain": 2.0},
    init.glorot_normal: {"gain": 2.0},
    init.kaiming_uniform: {"gain": 1.0},
    init.kaiming_normal: {"gain": 1.0},
    init.truncated_normal: {"mean": 0.5, "std": 2.0, "lo": -1.0, "hi": 1.5},
    init.orthogonal: {"gain": 2.0},
    init.sparse_init: {"sparsity": 0.75, "std": 0.5},
    init.identity_init: {"gain": 2.0, "shift": 1},
}
MAKERS = tuple(KEYWORDS)


def _generator() -> ik.SeedGenerator:
    return ik.SeedGenerator(7)


@pytest.mark.parametrize("maker", MAKERS)
def test_call_forms_agree(maker: Any) -> None:
    """The dtype as an argument or a keyword, the lengths apart or as one, now or later: the same array."""
    keywords = KEYWORDS[maker]
    expected = maker(_generator(), 4, 5, dtype="float16", **keywords)
    assert expected.shape == (4, 5)
    assert expected.dtype == np.float16
    forms: list[Any] = [
        lambda: maker(_generator(), np.float16, 4, 5, **keywords),
        lambda: maker(_generator(), "float16", (4, 5), **keywords),
        lambda: maker(_generator(), np.dtype(np.float16), [np.int64(4), 5], **keywords),
        lambda: maker(_generator(), dtype="float16", **keywords)(4, 5),
        lambda: maker(_generator(), np.float16, **keywords)((4, 5)),
        lambda: maker(np.float16, **keywords)(_generator(), 4, 5),
        lambda: maker(**keywords)(_generator(), np.float16, 4, 5),
        lambda: maker(**keywords)(_generator(), 4, 5, dtype=np.float16),
        lambda: maker(dtype="float16", **keywords)(_generator())(4, 5),
        lambda: maker(dtype="float32", **keywords)(_generator(), np.float16, 4, 5),
        lambda: maker(dtype="float32", **keywords)(_generator(), 4, 5, dtype="float16"),
    ]
    for form in forms:
        assert form().dtype == np.float16
        assert form().tobytes() == expected.tobytes()


@pytest.mark.parametrize("maker", MAKERS)
def test_defaults(maker: Any) -> None:
    """Without generator and dtype: float32, from the default generator."""
    keywords = {"sparsity": 0.25} if maker is init.sparse_init else {}
    made = maker(4, 5, **keywords)
    assert (made.shape, made.dtype) == ((4, 5), np.float32)
    assert maker(ml_dtypes.bfloat16, 4, 5, **keywords).dtype == ml_dtypes.bfloat16
    with ik.seed_scope(7):
        scoped = maker(4, 5, **keywords)
    assert scoped.tobytes() == maker(_generator(), 4, 5, **keywords).tobytes()


@pytest.mark.parametrize("maker", MAKERS)
def test_keywords_of_the_call_come_first(maker: Any) -> None:
    """What a waiting function holds gives way to what its call says, one keyword at a time."""
    keywords = KEYWORDS[maker]
    waiting = maker(**keywords)
    for name, value in keywords.items():
        other = 3 if name == "shift" else value / 2
        changed = waiting(_generator(), 4, 5, **{name: other})
        assert changed.tobytes() == maker(_generator(), 4, 5, **{**keywords, name: other}).tobytes()
        assert changed.tobytes() != waiting(_generator(), 4, 5).tobytes()


@pytest.mark.parametrize("maker", MAKERS)
def test_repr_evaluates(maker: Any) -> None:
    """The repr of a waiting function is the call that makes an equal one."""
    for waiting in (maker(**KEYWORDS[maker]), maker(_generator(), "bfloat16", **KEYWORDS[maker])):
        names = {**vars(init), "SeedGenerator": ik.SeedGenerator}
        assert eval(repr(waiting), names) == waiting


def test_repr() -> None:
    """The repr leaves out what is as it would be without it."""
    assert repr(init.kaiming_normal()) == "kaiming_normal()"
    assert repr(init.kaiming_normal(gain=1.0)) == "kaiming_normal(gain=1.0)"
    held = init.sparse_init(_generator(), "float16", sparsity=0.5, std=0.01)
    assert repr(held) == "sparse_init(SeedGenerator(7), dtype='float16', sparsity=0.5)"


def test_equality_and_copies() -> None:
    """Waiting functions are equal if they would make the same; they can be hashed, copied and pickled."""
    waiting = init.kaiming_normal(_generator(), "float16", gain=1.0)
    same = init.kaiming_normal(_generator(), gain=1.0, dtype=np.float16)
    assert waiting == same
    assert hash(waiting) == hash(same)
    others = (
        init.kaiming_uniform(_generator(), "float16", gain=1.0),
        init.kaiming_normal("float16", gain=1.0),
        init.kaiming_normal(_generator(), gain=1.0),
        init.kaiming_normal(_generator(), "float16"),
    )
    for other in others:
        assert waiting != other
    for copied in (copy.deepcopy(waiting), pickle.loads(pickle.dumps(waiting))):
        assert copied == waiting
        assert copied.generator is not waiting.generator
        assert (
            copied(2, 5).tobytes() == init.kaiming_normal(_generator(), "float16", 2, 5, gain=1.0).tobytes()
        )


def test_waiting_advances_the_generator_it_holds() -> None:
    """A held generator is the caller's own, and every call takes its next draw."""
    generator = _generator()
    waiting = init.kaiming_normal(generator)
    first, second = waiting(2, 5), waiting(2, 5)
    assert first.tobytes() != second.tobytes()
    assert generator.draws == 2


def test_a_second_generator_is_refused() -> None:
    """A function that has its generator takes no other, as theirs does not."""
    with pytest.raises(ArgumentError, match=r"has its generator already. Received: SeedGenerator\(8\)"):
        init.kaiming_normal(_generator())(ik.SeedGenerator(8), 2, 5)


def test_no_axes() -> None:
    """An empty tuple is the shape of a number; no lengths at all are none."""
    assert init.kaiming_normal(()).shape == ()
    assert isinstance(init.kaiming_normal(), Partial)
    assert init.kaiming_normal(0, 5).shape == (0, 5)


def test_generators_choose_the_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every maker makes its array on the generator's backend, constants too, though they draw nothing."""
    asked: list[tuple[str, object]] = []
    numpy_backend = get_backend("numpy")

    def stand_in(name: str, device: object = None) -> Any:
        asked.append((name, device))
        return numpy_backend

    monkeypatch.setattr("initkit.seed.get_backend", stand_in)
    monkeypatch.setattr("initkit.seed.check_backend", lambda name, device: None)
    generator = ik.SeedGenerator(7, backend="cupy", device=1)
    typed = [
        getattr(init, f"{law}{dtype}")
        for law in ("zeros", "ones", "rand", "randn")
        for dtype in ("16", "C64")
    ]
    for maker in (*MAKERS, *typed):
        keywords = {"sparsity": 0.25} if maker is init.sparse_init else {}
        for function in (maker, maker(**keywords), maker(generator, **keywords)):
            asked.clear()
            held = isinstance(function, Partial) and function.generator is not None
            function(*(() if held else (generator,)), 4, 5, **keywords)
            assert asked == [("cupy", 1)]


def test_scopes_end_with_the_call() -> None:
    """No scope is left behind, not even by a call that fails."""
    init.kaiming_normal(_generator(), 2, 5)
    with pytest.raises(DTypeError):
        init.kaiming_normal(_generator(), "int8", 2, 5)
    assert current_scope() is None


def test_read_call() -> None:
    """The parts are told apart, and absent ones are None."""
    generator = _generator()
    assert read_call("f", ()) == (None, None, None)
    assert read_call("f", (generator,)) == (generator, None, None)
    assert read_call("f", (float, 3)) == (None, resolve_dtype("float64"), (3,))
    assert read_call("f", (generator, (2, 5)), "int8") == (generator, resolve_dtype("int8"), (2, 5))


@pytest.mark.parametrize(
    ("arguments", "keywords", "error", "message"),
    [
        (
            (2.5,),
            {},
            ArgumentTypeError,
            r"Received: 2.5. Allowed: a SeedGenerator .* kaiming_normal\(generator, 2, 5\)",
        ),
        ((2, "float16"), {}, ArgumentTypeError, r"no lengths. Received: 2, 'float16'"),
        ((2, (3, 4)), {}, ArgumentTypeError, r"no lengths"),
        ((None, 2), {}, ArgumentTypeError, r"no lengths"),
        ((True, 2), {}, ArgumentTypeError, r"no lengths"),
        ((2, ik.SeedGenerator(7)), {}, ArgumentTypeError, r"no lengths"),
        ((-1, 2), {}, ShapeError, r"cannot be negative"),
        (("float17", 2), {}, DTypeError, r"float16"),
        ((2, 3), {"dtype": "float17"}, DTypeError, r"float16"),
        ((np.float16, 2, 3), {"dtype": "float16"}, ArgumentError, r"two dtypes"),
        ((), {"gain": "x"}, ArgumentTypeError, r"`gain`"),
        ((), {"gain": -1.0}, ArgumentError, r"`gain`"),
        ((2, 3), {"gain": float("nan")}, ArgumentError, r"`gain`"),
        (("int8", 2, 3), {}, DTypeError, r"integer"),
    ],
)
def test_refusals(arguments: Any, keywords: Any, error: type[Exception], message: str) -> None:
    """What cannot be read is refused, a wrong keyword at once, though the lengths may come later."""
    with pytest.raises(error, match=message):
        init.kaiming_normal(*arguments, **keywords)


def test_unknown_keywords() -> None:
    """A keyword that a maker does not have is Python's error, at the latest when the lengths come."""
    with pytest.raises(TypeError, match="sparsity"):
        init.kaiming_normal(sparsity=0.5)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="sparsity"):
        init.kaiming_normal()(2, 5, sparsity=0.5)
