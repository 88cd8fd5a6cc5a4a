"""Attention weights in pairs: their products, and the matrices that these are near to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import initkit as ik

Array = np.ndarray[Any, Any]


def matrices(name: str, size: int, heads: int, alpha: float, beta: float) -> Array:
    """`alpha·Z + beta·I` of every head, from the draw that the pair shares."""
    noise = ik.RandomNormal(0.0, 1.0, seed=ik.SeedGenerator(7).child(name))((heads, size, size), "float64")
    made: Array = alpha * noise / np.sqrt(size) + beta * np.eye(size)
    return made


def best_of_rank(matrix: Array, rank: int) -> Array:
    """The best approximation of a rank, from the eigenvectors of `AᵀA`."""
    _, vectors = np.linalg.eigh(matrix.T @ matrix)
    kept = vectors[:, -rank:]
    made: Array = matrix @ kept @ kept.T
    return made


@pytest.mark.parametrize(
    ("size", "heads", "width"), [(24, 1, 24), (24, 4, 6), (30, 3, 5), (7, 2, 7), (1, 1, 1)]
)
@pytest.mark.parametrize(("alpha", "beta"), [(None, None), (0.3, -0.9)])
def test_query_times_key_is_near_the_identity(
    size: int, heads: int, width: int, alpha: float | None, beta: float | None
) -> None:
    """Of every head, W_Q·W_Kᵀ is the best approximation of alpha·Z + beta·I of the head's rank."""
    shape = (size, heads * width)
    query, key = (
        ik.Mimetic(part, heads, alpha, beta, seed=7)(shape, "float64").reshape(size, heads, width)
        for part in ("query", "key")
    )
    expected = matrices("query and key", size, heads, alpha or 0.7, beta or 0.7)
    for head in range(heads):
        product = query[:, head] @ key[:, head].T
        np.testing.assert_allclose(product, best_of_rank(expected[head], width), atol=1e-12)
        # Both factors have their share of the singular values.
        np.testing.assert_allclose(
            query[:, head].T @ query[:, head], key[:, head].T @ key[:, head], atol=1e-12
        )


@pytest.mark.parametrize(("size", "width"), [(24, 24), (24, 10), (5, 1)])
def test_value_times_projection_is_near_the_negative_identity(size: int, width: int) -> None:
    """W_V·W_proj is alpha·Z - beta·I, both 0.4, where it has all columns; else the best of its rank."""
    value = ik.Mimetic("value", heads=4, seed=7)((size, width), "float64")
    projection = ik.Mimetic("projection", heads=2, seed=7)((width, size), "float64")
    expected = matrices("value and projection", size, 1, 0.4, -0.4)[0]
    np.testing.assert_allclose(value @ projection, best_of_rank(expected, width), atol=1e-12)
    if width == size:
        np.testing.assert_allclose(value @ projection, expected, atol=1e-12)


def test_products_look_like_those_of_trained_layers() -> None:
    """The diagonal of the products is near 0.7 and -0.4, all else small; the weights themselves are not."""
    for parts, mean in ((("query", "key"), 0.7), (("value", "projection"), -0.4)):
        left, right = (ik.Mimetic(part, seed=7)((200, 200)) for part in parts)
        product = left @ (right.T if parts[1] == "key" else right)
        diagonal = np.diag(product)
        assert diagonal.mean() == pytest.approx(mean, abs=0.02)
        assert np.abs(product - np.diag(diagonal)).max() < 0.3
        assert abs(np.diag(left).mean()) < 0.1


@pytest.mark.parametrize("part", ["query", "key", "value", "projection"])
def test_torchs_layout_is_the_transpose(part: str) -> None:
    """PyTorch's weights are (out, in): the transpose, to the bit, slices included."""
    shape = (10, 20) if part == "projection" else (20, 10)
    whole = ik.Mimetic(part, 2, seed=7)(shape)
    init = ik.Mimetic(part, 2, layout="torch", seed=7)
    assert (init(shape[::-1]) == whole.T).all()
    assert (init.lazy(shape[::-1])[1::2, -3:] == whole.T[1::2, -3:]).all()


def test_directions_are_fixed() -> None:
    """The largest entry of every left factor's column is positive, and columns come in order of size."""
    for part in ("query", "value"):
        made = ik.Mimetic(part, seed=7)((40, 40), "float64")
        assert (made[np.abs(made).argmax(0), np.arange(40)] > 0).all()
        assert (np.diff(np.linalg.norm(made, axis=0)) < 0).all()


def test_one_seed_is_one_matrix_in_every_precision() -> None:
    """Float32 is float64 rounded, bfloat16 is float32 rounded: singular vectors magnify all other errors."""
    init = ik.Mimetic(heads=2, seed=7)
    exact, single = init((300, 100), "float64"), init((300, 100))
    assert (single == exact.astype(np.float32)).all()
    assert (init((300, 100), "bfloat16") == single.astype(init((1, 2), "bfloat16").dtype)).all()


def test_the_tolerance_covers_another_decomposition() -> None:
    """Singular vectors of the matrix with its rows in another order differ by far less than is promised."""
    init = ik.Mimetic(seed=7)
    matrix = matrices("query and key", 120, 1, 0.7, 0.7)[0]
    left, values, _ = np.linalg.svd(matrix[::-1])
    left = left[::-1] * np.sqrt(values)
    left *= np.sign(left[np.abs(left).argmax(0), np.arange(120)])
    assert np.abs(left - init((120, 120), "float64")).max() < 1e-4 * init.tolerance(
        ik.dtypes.resolve_dtype("float64")
    )


def test_pairs_agree_across_names() -> None:
    """Members with one `pair` fit whatever their names are, as in a recipe; other pairs differ."""
    root = ik.SeedGenerator(7)
    query = ik.Mimetic("query", pair=3, seed=root.child("h.3.q"))((12, 12), "float64")
    key = ik.Mimetic("key", pair=3, seed=root.child("h.3.k"))((12, 12), "float64")
    assert np.linalg.norm(query @ key.T - 0.7 * np.eye(12)) < 0.7 * 12**0.5 * 1.5
    again = ik.Mimetic("query", seed=7)((12, 12), "float64")
    other = ik.Mimetic("query", pair=4, seed=root.child("h.3.q"))((12, 12), "float64")
    value = ik.Mimetic("value", 1, 0.7, -0.7, pair=3, seed=root.child("h.3.v"))((12, 12), "float64")
    for different in (again, other, value):
        assert np.abs(query - different).max() > 0.1


def _fits(query: Any, key: Any) -> bool:
    """Whether query and key are the factors of one matrix: then both have the same Gram matrix."""
    return bool(np.abs(query.T @ query - key.T @ key).max() < 1e-9)


def _named(part: str, *path: str, shape: tuple[int, ...] = (8, 8), pair: int = 3) -> Any:
    generator = ik.SeedGenerator(7)
    for name in path:
        generator = generator.child(name)
    return ik.Mimetic(part, pair=pair, seed=generator)(shape, "float64")


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("q", "k"),
        ("model.layers.3.self_attn.q_proj.weight", "model.layers.3.self_attn.k_proj.weight"),
        ("encoder.layer.3.attention.self.query.weight", "encoder.layer.3.attention.self.key.weight"),
        ("decoder.block.3.layer.0.SelfAttention.q.weight", "decoder.block.3.layer.0.SelfAttention.k.weight"),
        ("layer_3/attention/query/kernel", "layer_3/attention/key/kernel"),
        ("layers.3.attention.wq.weight", "layers.3.attention.wk.weight"),
    ],
)
def test_pairs_agree_across_names_of_libraries(query: str, key: str) -> None:
    """The end of a name tells the members apart, and what comes before tells one layer from another."""
    made = _named("query", query)
    assert _fits(made, _named("key", key))
    for other in (f"other.{query}", f"other/{query}"):
        assert np.abs(made - _named("query", other)).max() > 0.1
    assert np.abs(made - _named("query", "net", query)).max() > 0.1
    assert _fits(_named("query", "net", query), _named("key", "net", key))


@pytest.mark.parametrize(
    ("value", "projection"),
    [
        ("h.3.attn.v.weight", "h.3.attn.c_proj.weight"),
        ("encoder.layer.3.attention.self.value.weight", "encoder.layer.3.attention.output.dense.weight"),
        ("encoder.layer.3.attention.attention.value.weight", "encoder.layer.3.attention.output.dense.weight"),
        ("mid.attn1.to_v.weight", "mid.attn1.to_out.0.weight"),
        ("self_attn.v_proj.weight", "self_attn.out_proj.weight"),
    ],
)
def test_values_and_projections_agree(value: str, projection: str) -> None:
    """The projection is named apart in some libraries, and still fits its value."""
    left, right = _named("value", value), _named("projection", projection)
    np.testing.assert_allclose(left.T @ left, right @ right.T, atol=1e-9)


def test_attention_of_two_kinds_differs() -> None:
    """Encoder and decoder, and self and cross attention of one layer, have matrices of their own."""
    names = ["encoder.layers.3.q", "decoder.layers.3.q"]
    names += ["decoder.layers.3.self_attn.q_proj.weight", "decoder.layers.3.cross_attn.q_proj.weight"]
    assert len({_named("query", name).tobytes() for name in names}) == 4


@pytest.mark.parametrize("path", [(), ("h.3.q",)], ids=str)
def test_slices_and_blocks_pair_up(path: tuple[str, ...]) -> None:
    """Slice `k` of the query fits slice `k` of the key, and no two slices are equal."""

    def generator(name: str) -> Any:
        return ik.SeedGenerator(1).child(path[0].replace("q", name)) if path else ik.SeedGenerator(1)

    stacks, blocks = [], []
    for part, name in (("query", "q"), ("key", "k")):
        stacks.append(ik.Stack(ik.Mimetic(part, pair=3, seed=generator(name)))((3, 8, 8), "float64"))
        joined = ik.Blocks(ik.Mimetic(part, pair=3, seed=generator(name)), [1, 1, 1])((8, 24), "float64")
        blocks.append(joined.reshape(8, 3, 8).transpose(1, 0, 2))
    for queries, keys in (stacks, blocks):
        assert len({slice_.tobytes() for slice_ in queries}) == 3
        for k in range(3):
            assert _fits(queries[k], keys[k])
            assert not _fits(queries[k], keys[k - 1])
    inner = ik.Stack(ik.Stack(ik.Mimetic(pair=3, seed=1)))((2, 2, 4, 4))
    assert len({inner[i, j].tobytes() for i in range(2) for j in range(2)}) == 4


def test_blocks_of_one_weight_pair_up_by_names() -> None:
    """A fused weight has its query and its key from one matrix if its blocks are named."""
    members = [ik.Mimetic("query", pair=3), ik.Mimetic("key", pair=3)]
    fused = ik.Blocks(members, names=["h.3.q", "h.3.k"]).seeded(ik.SeedGenerator(7).child("h.3.qk"))
    query, key = np.split(fused((8, 16), "float64"), 2, axis=1)
    assert _fits(query, key)
    assert (query == _named("query", "h.3.q")).all()


def test_a_recipe_pairs_the_weights_of_every_layer() -> None:
    """`pair: layer` makes query and key of one layer fit, and those of different layers differ."""
    text = """
initkit: 1
seed: 7
tensors: {"h.{0..1}.q": [16, 16], "h.{0..1}.k": [16, 16]}
rules:
  - {match: "h.{layer}.q", init: {mimetic: {part: query, pair: layer}}}
  - {match: "h.{layer}.k", init: {mimetic: {part: key, pair: layer}}}
"""
    recipe = ik.Recipe.from_text(text)
    made = {tensor.name: recipe[tensor.name][...] for tensor in recipe.plan().tensors}
    for layer, other in ((0, 1), (1, 0)):
        query, key = made[f"h.{layer}.q"].astype(np.float64), made[f"h.{layer}.k"].astype(np.float64)
        np.testing.assert_allclose(query.T @ query, key.T @ key, atol=1e-5)
        assert np.abs(query - made[f"h.{other}.q"]).max() > 0.1


def test_a_slice_needs_its_heads_alone() -> None:
    """Columns of one head of very many are made without the others."""
    lazy = ik.Mimetic(heads=100_000, seed=7).lazy((64, 6_400_000))
    part = lazy[:, 640_000:640_064].astype(np.float64)
    assert part.shape == (64, 64)
    gram = part.T @ part
    assert np.abs(gram - np.diag(np.diag(gram))).max() < 1e-5


@pytest.mark.parametrize(
    ("arguments", "shape", "error", "message"),
    [
        ({"part": "quary"}, None, ik.ArgumentError, r"`part` has no such value.*'query'"),
        ({"part": 1}, None, ik.ArgumentTypeError, "`part` must be text"),
        ({"heads": 0}, None, ik.ArgumentError, "`heads` is out of range"),
        ({"alpha": 0}, None, ik.ArgumentError, "`alpha` must be positive"),
        ({"alpha": -1}, None, ik.ArgumentError, "`alpha` is out of range"),
        ({"beta": "1"}, None, ik.ArgumentTypeError, "`beta` must be a real number"),
        ({"pair": -1}, None, ik.ArgumentError, "`pair` is out of range"),
        ({"layout": "II"}, None, ik.ArgumentError, "one output axis"),
        ({}, (4, 4, 4), ik.ShapeError, "makes matrices alone"),
        ({}, (4,), ik.ShapeError, "makes matrices alone"),
        ({"heads": 3}, (8, 8), ik.ShapeError, "is none of a query with 3 heads"),
        ({}, (4, 8), ik.ShapeError, "each up to 4"),
        ({"part": "projection"}, (8, 4), ik.ShapeError, "is none of a projection with 1 head"),
        ({"alpha": 1e12}, (4, 4), ik.ArgumentError, "beyond the range"),
    ],
)
def test_what_cannot_be_is_refused(
    arguments: dict[str, Any], shape: Any, error: type[Exception], message: str
) -> None:
    """Arguments are checked when they are given, shapes and dtypes before anything is drawn."""
    with pytest.raises(error, match=message):
        ik.Mimetic(**arguments).lazy(shape, "float16")
    for dtype in ("int8", "complex64"):
        with pytest.raises(ik.DTypeError, match="Mimetic cannot make"):
            ik.Mimetic()((4, 4), dtype)
