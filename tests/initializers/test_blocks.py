"""Blocks and stacks, against tensors that are drawn one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import initkit as ik


def _root() -> ik.SeedGenerator:
    return ik.SeedGenerator(7)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_fused_qkv_is_three_tensors(axis: int, dtype: str) -> None:
    """A fused weight with grouped queries has, block by block, the bits and the fans of separate weights."""
    names = [f"h.0.attn.{part}.weight" for part in "qkv"]
    fused = ik.Blocks("glorot_uniform", [4, 1, 1], axis, names).seeded(_root().child("h.0.attn.qkv.weight"))
    shape = (48, 6) if axis == 0 else (6, 48)
    weight = fused(shape, dtype)
    lengths = [32, 8, 8]
    separate = [
        ik.GlorotUniform(seed=_root().child(name))((length, 6) if axis == 0 else (6, length), dtype)
        for name, length in zip(names, lengths, strict=True)
    ]
    assert weight.tobytes() == np.concatenate(separate, axis).tobytes()


def test_one_initializer_has_numbered_children() -> None:
    """Without names, block `k` is the draw of the same number of the child of that number."""
    generator = ik.SeedGenerator(7).child("gates")
    gates = ik.Blocks(ik.Orthogonal(seed=generator), [1] * 4)
    for draw in range(2):
        weight = gates((8, 32))
        for k in range(4):
            own = ik.SeedGenerator.from_config({"seed": 7, "path": ["gates", str(k)], "draws": draw})
            alone = ik.Orthogonal(seed=own)((8, 8))
            np.testing.assert_allclose(weight[:, 8 * k : 8 * k + 8], alone, atol=2e-6)
    assert generator.draws == 2


def test_lists_keep_their_own_seeds() -> None:
    """Initializers of a list draw as they would alone, generators among them."""
    left, right = ik.SeedGenerator(3).child("left"), ik.SeedGenerator(3).child("right")
    joined = ik.Blocks([ik.HeNormal(seed=left), ik.Zeros(), ik.HeNormal(seed=right)])
    first = ik.HeNormal(seed=ik.SeedGenerator(3).child("left"))((4, 3))
    last = ik.HeNormal(seed=ik.SeedGenerator(3).child("right"))((4, 3))
    expected = np.concatenate([first, np.zeros((4, 3), np.float32), last], 1)
    assert joined((4, 9)).tobytes() == expected.tobytes()


def test_generators_are_not_shared() -> None:
    """One generator in two members, however deep, is refused: a config would make two of it."""
    generator = ik.SeedGenerator(3)
    shared = [ik.HeNormal(seed=generator), ik.Scale(ik.HeNormal(seed=generator), 2.0)]
    with pytest.raises(ik.ArgumentError, match=r"share a generator.*Received: SeedGenerator\(3\) in both"):
        ik.Blocks(shared)
    with pytest.raises(ik.ArgumentError, match="share a generator"):
        ik.Overwrite(shared[0], "0", shared[1])


def test_blocks_in_blocks() -> None:
    """A block may be made of blocks; each of these descends from its block's draw."""
    inner = ik.Blocks(ik.RandomNormal(seed=7), [1, 1], axis=0)
    weight = ik.Blocks(inner, [1, 1], axis=1)((4, 6))
    alone = ik.RandomNormal(seed=_root().child("1").child("0"))((2, 3))
    assert weight[:2, 3:].tobytes() == alone.tobytes()


def test_a_slice_makes_its_blocks_alone() -> None:
    """A slice of a tensor that no memory could hold takes no memory."""
    giant = ik.Blocks(ik.HeNormal(seed=7), [1, 1, 1], axis=0).lazy((3 << 30, 4096), "bfloat16")
    part = giant[(1 << 30) - 2 : (1 << 30) + 2, ::512]
    own = ik.HeNormal(seed=_root().child("1")).lazy((1 << 30, 4096), "bfloat16")
    assert part[2:].tobytes() == own[:2, ::512].tobytes()


def test_experts_have_their_own_fans() -> None:
    """Each slice of a stack is scaled by its own shape, and no two are equal."""
    experts = ik.Stack(ik.HeNormal(seed=7))((16, 64, 32))
    for k, expert in enumerate(experts):
        alone = ik.HeNormal(seed=_root().child(str(k)))((64, 32))
        assert expert.tobytes() == alone.tobytes()
    assert len({expert.tobytes() for expert in experts}) == 16
    assert experts.std() == pytest.approx(np.sqrt(2 / 64), rel=0.02)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_stack_is_numpys(axis: int) -> None:
    """Stacking along any axis is NumPy's stack of the slices."""
    slices = [ik.RandomNormal(seed=_root().child(str(k)))((4, 3)) for k in range(5)]
    expected = np.stack(slices, axis)
    assert ik.Stack(ik.RandomNormal(seed=7), axis)(expected.shape).tobytes() == expected.tobytes()


def test_stack_of_scalars() -> None:
    """A stack along the only axis is made of scalars."""
    values = ik.Stack([ik.Ones(), ik.Constant(2.5)])((2,))
    assert values.tolist() == [1.0, 2.5]


def test_in_a_recipe() -> None:
    """In a recipe, a fused tensor's blocks are the tensors of their names."""
    rules = """
      - match: fused
        init:
          blocks:
            initializers: {class_name: RandomNormal, config: {stddev: 1.0}}
            sizes: [1, 1]
            names: [left, right]
      - {match: "*", init: {random_normal: {stddev: 1.0}}}
    """
    text = f"initkit: 1\nseed: 7\ntensors: {{fused: [4, 6], left: [4, 3], right: [4, 3]}}\nrules: {rules}"
    plan = ik.Recipe.from_text(text).plan()
    values = {}
    for tensor in plan.tensors:
        with tensor.drawing() as lazy:
            values[tensor.name] = lazy[:]
    assert np.array_equal(values["fused"], np.concatenate([values["left"], values["right"]], 1))


class Plain(ik.Initializer):
    """A class that only defines `__call__`."""

    def __init__(self, value: float = 1.0) -> None:
        self.value = value

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return np.full(shape, self.value, dtype)


def test_users_classes_in_a_list() -> None:
    """Classes that make whole arrays alone can be joined, and sliced."""
    joined = ik.Blocks([Plain(), Plain(2.0)])
    assert not joined.makes_regions
    assert joined((2, 4)).tolist() == [[1, 1, 2, 2]] * 2
    assert joined.lazy((2, 4))[1, 1:3].tolist() == [1, 2]


# Wrong on purpose, so the type checker must not look.
call: Any = ik
WRONG: list[tuple[Any, type[Exception], str]] = [
    (lambda: call.Blocks([]), ik.ArgumentError, r"`initializers` is empty. Received: \[\]. Allowed"),
    (lambda: call.Blocks("zeros"), ik.ArgumentError, r"how many blocks.*sizes=\[1, 1, 1\]"),
    (lambda: call.Blocks(len, [1]), ik.ArgumentTypeError, r"`initializers` must be an initializer. Rec"),
    (
        lambda: call.Blocks("zeros", [1, 0]),
        ik.ArgumentError,
        r"positive entries. Received: sizes=\[1, 0\]",
    ),
    (lambda: call.Blocks("zeros", []), ik.ArgumentError, "positive entries"),
    (lambda: call.Blocks("zeros", "11"), ik.ArgumentTypeError, "`sizes` must be a list of integers"),
    (lambda: call.Blocks("zeros", [1.5]), ik.ArgumentTypeError, "`sizes` must be a list of integers"),
    (lambda: call.Blocks("zeros", 3), ik.ArgumentTypeError, "`sizes` must be a list of integers"),
    (lambda: call.Blocks("zeros", [1], axis=0.5), ik.ArgumentTypeError, "`axis` must be an integer"),
    (lambda: call.Blocks("zeros", [1], axis=True), ik.ArgumentTypeError, "`axis` must be an integer"),
    (lambda: call.Blocks("zeros", [1], names="q"), ik.ArgumentTypeError, "`names` must be a list"),
    (lambda: call.Blocks("zeros", [1], names=[""]), ik.ArgumentTypeError, "`names` must be a list"),
    (lambda: call.Blocks("zeros", [1, 1], names=["q"]), ik.ShapeError, "There are 2 blocks.*`names`"),
    (lambda: call.Blocks(["zeros"], [1, 1]), ik.ShapeError, "There are 2 blocks.*`initializers`"),
    (
        lambda: call.Blocks("zeros", [1, 2])((4, 4)),
        ik.ShapeError,
        r"length 4, sizes=\[1, 2\].*add up to 3",
    ),
    (lambda: call.Blocks("zeros", [1], axis=2)((4, 4)), ik.ShapeError, r"no axis 2\..*Allowed: -2 to 1"),
    (lambda: call.Blocks("zeros", [1])(()), ik.ShapeError, r"no axis -1\..*Allowed: none"),
    (lambda: call.Blocks("he_normal", [1])((4, 4), "int8"), ik.DTypeError, "HeNormal cannot make integer"),
    (lambda: call.Blocks(Plain(), [1, 1]), ik.ArgumentError, "only defines `__call__`.*Give a list"),
    (lambda: call.Stack(["zeros", "ones"])((3, 2)), ik.ShapeError, "3 slices along the axis.*Received: 2"),
    (lambda: call.Stack("zeros")(()), ik.ShapeError, "no axis 0"),
    (lambda: call.Stack("identity")((3, 2)), ik.ShapeError, "2D matrices"),
    (lambda: call.Stack("typo"), ik.UnknownNameError, "typo"),
]


@pytest.mark.parametrize(("make", "error", "message"), WRONG, ids=range(len(WRONG)))
def test_wrong_calls(make: Any, error: type[Exception], message: str) -> None:
    """What cannot be joined is refused, and the message says why."""
    with pytest.raises(error, match=message):
        make()


def test_moments_of_unlike_blocks() -> None:
    """The announced moments are those of all blocks together, spread of the means included."""
    blocks = ik.Blocks([ik.Constant(3.0), ik.RandomNormal(stddev=2.0, seed=1)], [1, 3], axis=0)
    values = blocks((400, 1000), "float64")
    moments = blocks.moments((400, 1000))
    assert moments is not None
    assert values.mean() == pytest.approx(moments.mean, abs=0.02)
    assert values.std() == pytest.approx(moments.std, abs=0.02)


def test_mixed_backends_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Initializers that would draw on different backends cannot share a tensor."""
    from initkit import draws
    from initkit.draws import seeded_draw

    elsewhere = seeded_draw(7)._replace(backend=type("Elsewhere", (), {"name": "cupy", "device": 0})())
    with pytest.raises(ik.BackendError, match=r"different backends. Received: cupy \(0\), numpy \(None\)"):
        draws.joint_draw([seeded_draw(7), elsewhere])
