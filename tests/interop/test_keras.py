"""initkit's initializers in Keras layers, on the backend that KERAS_BACKEND names, or else on NumPy."""

from __future__ import annotations

import copy
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import initkit as ik
from initkit.interop.keras import register, wrap

os.environ.setdefault("KERAS_BACKEND", "numpy")
keras = import_module("keras")

# NumPy 2 finds fault with the arrays of Keras' own variables, when Keras itself converts them.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)

# One of each class, with an argument that is not its default.
EVERY_CLASS = [
    ik.Zeros(),
    ik.Ones(),
    ik.Constant(0.5),
    ik.Constant(np.arange(16.0).reshape(4, 4)),
    ik.Identity(gain=3.0),
    ik.STFT(side="imag", window=None),
    ik.RandomNormal(stddev=0.2, seed=7),
    ik.RandomUniform(minval=-2.0, maxval=2.0, seed=ik.SeedGenerator(7)),
    ik.TruncatedNormal(mean=1.0),
    ik.Orthogonal(gain=0.5, seed=7),
    ik.VarianceScaling(2.0, "fan_geo_avg", "uniform", seed=ik.SeedGenerator(7).child("kernel")),
    ik.GlorotUniform(seed=7, input_axes=[0], output_axes=[1]),
    ik.GlorotNormal(),
    ik.HeUniform(seed=7),
    ik.HeNormal(seed=ik.SeedGenerator(7)),
    ik.LecunUniform(),
    ik.LecunNormal(seed=7),
]


@ik.register("initkit_tests")
class Slope(ik.Initializer):
    """A user's class that only defines `__init__` and `__call__`."""

    def __init__(self, width: float = 1.0, ignore_shape: bool = False) -> None:
        self.width = width
        self.ignore_shape = ignore_shape

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return np.full((2, 2) if self.ignore_shape else shape, self.width)


@pytest.fixture(scope="module", autouse=True)
def _registered() -> None:
    """Keras knows the names of initkit's classes, and of the one above."""
    register()


@pytest.fixture
def float16_by_default() -> Iterator[None]:
    """Keras' own default dtype is float16."""
    before = keras.config.floatx()
    keras.config.set_floatx("float16")
    yield
    keras.config.set_floatx(before)


def values(variable: Any) -> np.ndarray[Any, Any]:
    """The values of a Keras variable."""
    return np.asarray(keras.ops.convert_to_numpy(variable.value))


def attention(initializer: Any) -> Any:
    """A built attention layer, whose query, key and value kernels have the shape (32, 8, 16)."""
    layer = keras.layers.MultiHeadAttention(num_heads=8, key_dim=16, kernel_initializer=initializer)
    layer.build((None, 10, 32), (None, 10, 32))
    return layer


def attention_kernels(layer: Any) -> list[np.ndarray[Any, Any]]:
    """The query, key and value kernels."""
    return [values(dense.kernel) for dense in (layer.query_dense, layer.key_dense, layer.value_dense)]


def layer_configs(model: Any) -> Any:
    """The configs of a model's layers, as JSON has them."""
    return json.loads(json.dumps([layer.get_config() for layer in model.layers]))


def small_model(generator: ik.SeedGenerator) -> Any:
    """A model whose three layers share a generator, one of them a plain initializer."""
    inputs = keras.Input((8, 12), name="inputs")
    outputs = keras.layers.Dense(12, kernel_initializer=wrap(ik.HeNormal(seed=generator)))(inputs)
    heads = keras.layers.MultiHeadAttention(2, 6, kernel_initializer=wrap(ik.HeNormal(seed=generator)))
    outputs = heads(outputs, outputs)
    outputs = keras.layers.Dense(12, kernel_initializer=wrap(ik.HeNormal(seed=generator)))(outputs)
    outputs = keras.layers.Dense(3, kernel_initializer=ik.Orthogonal(seed=7))(outputs)
    return keras.Model(inputs, outputs)


def test_wrapped_values_are_the_plain_ones() -> None:
    """Dense, convolution and embedding layers start with exactly the values that initkit gives."""
    cases = [
        (keras.layers.Dense(5, kernel_initializer=wrap(ik.HeNormal(seed=7))), (None, 4), "kernel"),
        (keras.layers.Conv2D(5, 3, kernel_initializer=wrap(ik.HeNormal(seed=7))), (None, 8, 8, 2), "kernel"),
        (keras.layers.Embedding(6, 5, wrap(ik.HeNormal(seed=7))), (None, 1), "embeddings"),
    ]
    for layer, input_shape, name in cases:
        layer.build(input_shape)
        kernel = values(getattr(layer, name))
        np.testing.assert_array_equal(kernel, ik.HeNormal(seed=7)(kernel.shape))


def test_lstm_kernels() -> None:
    """An LSTM takes a kernel from each law; the rows of the orthogonal one are orthonormal."""
    generator = ik.SeedGenerator(7)
    layer = keras.layers.LSTM(
        16,
        kernel_initializer=wrap(ik.GlorotUniform(seed=generator.child("kernel"))),
        recurrent_initializer=wrap(ik.Orthogonal(seed=generator.child("recurrent"))),
        bias_initializer=wrap("zeros"),
    )
    layer.build((None, 4, 8))
    expected = ik.GlorotUniform(seed=generator.child("kernel"))((8, 64))
    np.testing.assert_array_equal(values(layer.cell.kernel), expected)
    recurrent = values(layer.cell.recurrent_kernel).astype(np.float64)
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(16), atol=1e-5)


def test_einsum_kernel_takes_the_fans_of_its_equation() -> None:
    """The standard deviation of an EinsumDense kernel is that of its equation, not of a convolution."""
    layer = keras.layers.EinsumDense(
        "abc,cde->abde", (None, 16, 32), kernel_initializer=wrap(ik.LecunNormal(seed=7))
    )
    layer.build((None, 10, 64))
    kernel = values(layer.kernel)
    expected = ik.LecunNormal(seed=7, input_axes=[0], output_axes=[1, 2])(kernel.shape)
    np.testing.assert_array_equal(kernel, expected)
    assert layer.kernel_initializer.input_axes is None


def test_axes_that_were_given_are_kept() -> None:
    """EinsumDense leaves an initializer alone that names its axes."""
    initializer = wrap(ik.LecunNormal(seed=7, input_axes=[1], output_axes=[2]))
    layer = keras.layers.EinsumDense("abc,cde->abde", (None, 16, 32), kernel_initializer=initializer)
    layer.build((None, 10, 64))
    np.testing.assert_array_equal(values(layer.kernel), initializer.initializer((64, 16, 32)))


def test_attention_kernels_have_the_right_deviation() -> None:
    """Query, key and value kernels have the standard deviation sqrt(1/dim), within five standard errors."""
    for kernel in attention_kernels(attention(wrap(ik.LecunNormal(seed=ik.SeedGenerator(7))))):
        assert kernel.shape == (32, 8, 16)
        # The truncated law has less kurtosis than the normal one, so this bounds the error from above.
        error = np.sqrt(1 / (2 * kernel.size))
        assert abs(kernel.std() * np.sqrt(32) - 1) < 5 * error


def test_attention_copies_share_a_generator() -> None:
    """Query, key and value kernels are the successive draws of one SeedGenerator, so that none are equal."""
    kernels = attention_kernels(attention(wrap(ik.LecunNormal(seed=ik.SeedGenerator(7)))))
    plain = ik.LecunNormal(seed=ik.SeedGenerator(7), input_axes=[0], output_axes=[1, 2])
    for kernel in kernels:
        np.testing.assert_array_equal(kernel, plain((32, 8, 16)))
    assert not any((first == second).any() for first, second in combinations(kernels, 2))


def test_grouped_query_attention_copies_share_a_generator() -> None:
    """The same holds for grouped queries, and for a law without fans."""
    layer = keras.layers.GroupQueryAttention(
        16, 4, 4, kernel_initializer=wrap(ik.RandomNormal(seed=ik.SeedGenerator(7)))
    )
    layer.build((None, 10, 32), (None, 10, 32))
    kernels = [values(dense.kernel) for dense in (layer._query_dense, layer._key_dense, layer._value_dense)]
    plain = ik.RandomNormal(seed=ik.SeedGenerator(7))
    for kernel in kernels:
        np.testing.assert_array_equal(kernel, plain(kernel.shape))


def test_attention_copies_without_a_seed_differ() -> None:
    """Without a seed, query, key and value kernels differ."""
    kernels = attention_kernels(attention(wrap("lecun_normal")))
    assert not any((first == second).all() for first, second in combinations(kernels, 2))


def test_integer_seed_repeats() -> None:
    """With an integer seed, query, key and value kernels are equal, as is said."""
    first, second, third = attention_kernels(attention(wrap(ik.LecunNormal(seed=7))))
    assert (first == second).all()
    assert (first == third).all()


def test_layers_that_share_an_unseeded_initializer_differ() -> None:
    """One unseeded object gives two layers different kernels, without a warning."""
    shared = wrap("he_normal")
    layers = [keras.layers.Dense(5, kernel_initializer=shared) for _ in range(2)]
    for layer in layers:
        layer.build((None, 4))
    assert not (values(layers[0].kernel) == values(layers[1].kernel)).all()


def test_scope_makes_models_reproducible() -> None:
    """Inside a seed scope, unseeded layers differ from each other and repeat from run to run."""
    runs = []
    for _ in range(2):
        with ik.seed_scope(42):
            layer = keras.layers.Bidirectional(
                keras.layers.LSTM(
                    8, kernel_initializer=wrap("glorot_uniform"), recurrent_initializer=wrap("orthogonal")
                )
            )
            layer.build((None, 4, 8))
            heads = attention(wrap("lecun_normal"))
        runs.append([values(weight) for weight in [*layer.weights, *heads.weights]])
        forward, backward = layer.forward_layer.cell, layer.backward_layer.cell
        assert not (values(forward.kernel) == values(backward.kernel)).any()
        assert not (values(forward.recurrent_kernel) == values(backward.recurrent_kernel)).any()
    for first, second in zip(*runs, strict=True):
        np.testing.assert_array_equal(first, second)


def test_saved_model_is_loaded_alike(tmp_path: Path) -> None:
    """A saved model comes back with its weights, and with an equal config; saved again, too."""
    model = small_model(ik.SeedGenerator(7))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert layer_configs(loaded) == layer_configs(model)
    for before, after in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(values(before), values(after))
    loaded.save(tmp_path / "again.keras")
    assert layer_configs(keras.models.load_model(tmp_path / "again.keras")) == layer_configs(model)


@pytest.mark.slow
def test_saved_model_is_loaded_by_another_process(tmp_path: Path) -> None:
    """A process that has only called `register` loads the model with an equal config."""
    model = small_model(ik.SeedGenerator(7))
    model.save(tmp_path / "model.keras")
    program = "import keras, json, sys; from initkit.interop.keras import register; register();"
    program += "model = keras.models.load_model(sys.argv[1]);"
    program += "print(json.dumps([layer.get_config() for layer in model.layers]))"
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "model.keras")],
        env=os.environ | {"PYTHONPATH": str(Path(ik.__file__).parents[1])},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == layer_configs(model)


def test_model_made_from_a_config_begins_alike() -> None:
    """A clone begins with the weights that the model began with, though its layers shared a generator."""
    model = small_model(ik.SeedGenerator(7))
    clone = keras.models.clone_model(model)
    assert layer_configs(clone) == layer_configs(model)
    for before, after in zip(model.weights, clone.weights, strict=True):
        np.testing.assert_array_equal(values(before), values(after))
    first, *_, last = [weight for weight in clone.weights if weight.shape == (12, 12)]
    assert not (values(first) == values(last)).any()


def test_building_does_not_change_the_config() -> None:
    """The generator's position in the config is that of the first draw, whatever is drawn later."""
    generator = ik.SeedGenerator(7)
    generator.next_draw()
    initializer = wrap(ik.HeNormal(seed=generator))
    generator.next_draw()
    initializer((2, 2))
    initializer((2, 2))
    assert initializer.get_config()["initializer"]["config"]["seed"]["config"]["draws"] == 2
    assert generator.draws == 4


def test_config_with_another_seed() -> None:
    """Who writes another seed into a config, as EinsumDense writes axes, gets an object of that seed."""
    wrapped = wrap(ik.RandomNormal(seed=ik.SeedGenerator(7)))
    wrapped((2, 2))
    for seed in (8, None, ik.SeedGenerator(9)):
        other = type(wrapped).from_config({**wrapped.get_config(), "seed": seed})
        assert other.initializer == ik.RandomNormal(seed=seed)
        assert other.get_config() == wrap(ik.RandomNormal(seed=seed)).get_config()


@pytest.mark.parametrize("initializer", EVERY_CLASS, ids=repr)
def test_config_round_trip(initializer: ik.Initializer) -> None:
    """Keras' own check of a class' configs passes, and every argument comes back."""
    from keras.src.testing import TestCase

    wrapped = wrap(initializer)
    revived = TestCase().run_class_serialization_test(wrapped)
    assert revived == wrapped
    assert hash(revived) == hash(wrapped)
    assert revived.initializer == initializer
    namesake = getattr(keras.initializers, type(initializer).__name__)
    for base in (keras.initializers.Initializer, keras.initializers.VarianceScaling):
        assert isinstance(wrapped, base) == issubclass(namesake, base)


@pytest.mark.parametrize("initializer", EVERY_CLASS, ids=repr)
def test_plain_config_round_trip(initializer: ik.Initializer) -> None:
    """Objects that are not wrapped come back from Keras' configs too, with every argument."""
    for serialize in (keras.initializers.serialize, ik.serialize):
        config = json.loads(json.dumps(serialize(initializer)))
        assert keras.initializers.get(config) == initializer


def test_equality() -> None:
    """Wrapped initializers are equal if what they wrap is, and only then."""
    assert wrap(ik.HeNormal(seed=7)) == wrap(ik.HeNormal(seed=7))
    assert wrap(ik.HeNormal(seed=7)) != wrap(ik.HeNormal(seed=8))
    assert wrap(ik.HeNormal(seed=7)) != ik.HeNormal(seed=7)
    assert repr(wrap(ik.Zeros())) == "wrap(Zeros())"


@pytest.mark.parametrize(
    "initializer", [ik.HeNormal(seed=ik.SeedGenerator(7)), ik.Identity(gain=2.0)], ids=repr
)
def test_copies_go_on_alike(initializer: ik.Initializer) -> None:
    """A deep copy and a pickled object have generators of their own, at the same position."""
    wrapped = wrap(initializer)
    wrapped((3, 3))
    for other in (copy.deepcopy(wrapped), pickle.loads(pickle.dumps(wrapped))):
        assert other == wrapped
        np.testing.assert_array_equal(other((3, 3)), copy.deepcopy(wrapped)((3, 3)))
        # Copies through the config share the generator with the copy, not with the first object.
        once_more = type(other).from_config(other.get_config())
        assert once_more.seed is other.seed


def test_bfloat16() -> None:
    """A bfloat16 layer holds the float32 values rounded once; a mixed policy holds them in float32."""
    expected = ik.HeNormal(seed=7)((4, 5), "bfloat16").astype(np.float32)
    layer = keras.layers.Dense(5, kernel_initializer=wrap(ik.HeNormal(seed=7)), dtype="bfloat16")
    layer.build((None, 4))
    assert layer.kernel.dtype == "bfloat16"
    kernel = keras.ops.convert_to_numpy(keras.ops.cast(layer.kernel.value, "float32"))
    np.testing.assert_array_equal(kernel, expected)

    mixed = keras.layers.Dense(5, kernel_initializer=wrap(ik.HeNormal(seed=7)), dtype="mixed_bfloat16")
    mixed.build((None, 4))
    assert mixed.kernel.dtype == "float32"
    np.testing.assert_array_equal(values(mixed.kernel), ik.HeNormal(seed=7)((4, 5)))


@pytest.mark.usefixtures("float16_by_default")
def test_default_dtype_is_that_of_keras() -> None:
    """Without a dtype, a wrapped initializer makes what Keras' own would."""
    assert wrap("ones")((2,)).dtype == np.float16


def test_names_in_keras() -> None:
    """Full names mean initkit's classes, bare ones still Keras' own."""
    layer = keras.layers.Dense(
        5, kernel_initializer="initkit>HeNormal", bias_initializer="initkit_tests>Slope"
    )
    layer.build((None, 4))
    assert isinstance(layer.kernel_initializer, ik.HeNormal)
    assert values(layer.bias).tolist() == [1.0] * 5
    assert isinstance(keras.initializers.get("he_normal"), keras.initializers.HeNormal)


def test_plain_objects_in_layers() -> None:
    """An initializer that is not wrapped serves a layer, also one made again from its config."""
    layer = keras.layers.Conv1D(5, 3, kernel_initializer=ik.HeUniform(seed=7), bias_initializer=Slope(2.0))
    again = keras.layers.Conv1D.from_config(json.loads(json.dumps(layer.get_config())))
    both = keras.layers.Bidirectional(keras.layers.LSTM(4, kernel_initializer=ik.HeUniform(seed=7)))
    for built in (layer, again, both):
        built.build((None, 8, 2))
    for built in (layer, again):
        np.testing.assert_array_equal(values(built.kernel), ik.HeUniform(seed=7)((3, 2, 5)))
        assert values(built.bias).tolist() == [2.0] * 5
    np.testing.assert_array_equal(values(both.backward_layer.cell.kernel), ik.HeUniform(seed=7)((2, 16)))


def test_user_class_with_a_seed_of_its_own() -> None:
    """A class may have axes to be rewired, and a generator that is no argument: its copies start over."""

    @ik.register("initkit_tests", replace=True)
    class Wave(ik.Initializer):
        def __init__(self, input_axes: Any = None, output_axes: Any = None) -> None:
            self.input_axes, self.output_axes = input_axes, output_axes
            self.seed = ik.SeedGenerator(7)

        def __call__(self, shape: Any, dtype: Any = None) -> Any:
            return ik.LecunNormal(self.seed, self.input_axes, self.output_axes)(shape, dtype)

    for kernel in attention_kernels(attention(wrap(Wave()))):
        np.testing.assert_array_equal(kernel, ik.LecunNormal(7, [0], [1, 2])((32, 8, 16)))


def test_wrong_results_of_a_user_class_are_refused() -> None:
    """Keras would take an array of another shape without a word."""
    layer = keras.layers.Dense(5, kernel_initializer=wrap(Slope(ignore_shape=True)))
    with pytest.raises(ik.ShapeError, match=r"\(2, 2\) when called with \(4, 5\)"):
        layer.build((None, 4))


def test_layer_does_not_change_the_initializer() -> None:
    """What is wrapped stays the user's own object, and wrapping twice is wrapping once."""
    initializer = ik.HeNormal(seed=7)
    wrapped = wrap(initializer)
    assert wrapped.initializer is initializer
    assert wrap(wrapped) is wrapped


def test_unregistered_class_cannot_be_saved() -> None:
    """A class that no config could find again serves a layer, and the layer's config says what is missing."""

    class Unknown(ik.Initializer):
        def __call__(self, shape: Any, dtype: Any = None) -> Any:
            return np.zeros(shape)

    layer = keras.layers.Dense(5, kernel_initializer=wrap(Unknown()))
    layer.build((None, 4))
    with pytest.raises(ik.ArgumentError, match="register"):
        layer.get_config()


@pytest.mark.parametrize(
    ("argument", "error", "message"),
    [
        (np.zeros, ik.ArgumentTypeError, "Derive your class from initkit.Initializer"),
        (None, ik.ArgumentTypeError, "Received: None"),
        (7, ik.ArgumentTypeError, "Received: 7"),
        ("he_norml", ik.UnknownNameError, "'he_normal'"),
    ],
)
def test_wrap_refuses(argument: object, error: type[Exception], message: str) -> None:
    """Only initializers can be wrapped."""
    with pytest.raises(error, match=message):
        wrap(argument)


@pytest.mark.parametrize(
    "config", [{}, {"initializer": "he_normal"}, {"initializer": {"class_name": "Ones"}}]
)
def test_config_that_describes_no_initializer(config: dict[str, Any]) -> None:
    """A config of another kind is refused with a message that says how such objects are made."""
    with pytest.raises(ik.ConfigError, match=r"interop\.keras\.wrap"):
        type(wrap("zeros")).from_config(config)


def test_keras_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Keras, the error says what to install."""
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(ik.BackendError, match="pip install keras"):
        register()


def test_backend_of_keras_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Keras is there and cannot be imported, the error says which backend was asked for."""
    monkeypatch.setitem(sys.modules, "keras", None)
    monkeypatch.setattr("initkit.interop.keras.find_spec", lambda name: find_spec("json"))
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    with pytest.raises(ik.BackendError, match="KERAS_BACKEND='tensorflow'"):
        register()


def test_import_does_not_import_keras() -> None:
    """The module itself is imported without Keras."""
    program = "import sys, initkit.interop.keras; sys.exit('keras' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], cwd=Path(ik.__file__).parents[1], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_other_backends(backend: str) -> None:
    """All that is tested here holds on Keras' other backends."""
    if keras.backend.backend() == backend or find_spec(backend) is None:
        pytest.skip(f"{backend} runs already, or is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow", __file__],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"KERAS_BACKEND": backend, "PYTEST_ADDOPTS": "", "JAX_PLATFORMS": "cpu"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    assert done.returncode == 0, done.stdout
