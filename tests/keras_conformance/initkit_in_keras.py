"""A pytest plugin that puts initkit's classes in the place of Keras' own while Keras' own tests run.

It is loaded with `-p initkit_in_keras` by the processes that test_own_tests.py starts, and nowhere else.
"""

from __future__ import annotations

import sys
from typing import Any

import pytest

import initkit as ik
from initkit.interop.keras import register, wrap


def skip_if_backend(backend: str, reason: str) -> pytest.MarkDecorator:
    """What Keras' tests import from the conftest.py of Keras' repository, which no wheel contains."""
    import keras

    return pytest.mark.skipif(keras.backend.backend() == backend, reason=reason)


def pytest_configure() -> None:
    """Swap before any test module of Keras is imported, since these copy names."""
    sys.modules["conftest"] = sys.modules[__name__]
    from keras.src import backend, initializers, random
    from keras.src.initializers import random_initializers

    register()
    for cls in initializers.ALL_OBJECTS:
        setattr(initializers, cls.__name__, getattr(ik, cls.__name__))
    initializers.get = get_as_layers_need_it
    random_initializers.compute_fans = ik.fans
    backend.random.SeedGenerator = random.SeedGenerator = ik.SeedGenerator


def get_as_layers_need_it(identifier: Any) -> Any:
    """What `initkit.get` gives, wrapped if its fans depend on the axes of a layer's equation."""
    found = ik.get(identifier)
    return wrap(found) if hasattr(found, "input_axes") else found


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse to run tests that would see a class of Keras' own."""
    from keras.src import initializers

    names = sorted(cls.__name__ for cls in initializers.ALL_OBJECTS)
    for module in {item.module for item in session.items if isinstance(item, pytest.Function)}:
        foreign = [name for name in names if getattr(module.initializers, name) is not getattr(ik, name)]
        if foreign or vars(module).get("compute_fans", ik.fans) is not ik.fans:
            message = f"{module.__name__} would test Keras' own classes: {foreign or 'compute_fans'}"
            raise pytest.UsageError(message)
