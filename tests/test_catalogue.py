"""The catalogue that other tests run over is complete and tests what it says."""

from __future__ import annotations

import inspect

import pytest

import initkit as ik
from tests.catalogue import ENTRIES, Entry, built_in_classes


def test_every_class_has_an_entry() -> None:
    """A new initializer is in the catalogue, or this fails, and with it is every test over the catalogue."""
    assert {entry.cls for entry in ENTRIES} == built_in_classes()


def test_every_exported_class_is_registered() -> None:
    """Every initializer among the public names can be found by a string."""
    exported = {
        cls
        for name in ik.__all__
        if inspect.isclass(cls := getattr(ik, name))
        and issubclass(cls, ik.Initializer)
        and not inspect.isabstract(cls)
    }
    assert exported == built_in_classes()


@pytest.mark.parametrize("cls", sorted(built_in_classes(), key=str))
def test_entries_leave_no_default(cls: type) -> None:
    """Every argument of every class has a value in one of its entries that is not its default."""
    parameters = dict(inspect.signature(cls).parameters)
    entries = [entry for entry in ENTRIES if entry.cls is cls]
    if parameters.pop("seed", None):
        assert all(entry.seeded for entry in entries)
    for name, parameter in parameters.items():
        values = [entry.arguments[name] for entry in entries if name in entry.arguments]
        assert any(value is not parameter.default for value in values), name


@pytest.mark.parametrize("entry", ENTRIES, ids=str)
def test_every_call_gives_its_shape_and_dtype(entry: Entry) -> None:
    """Every shape and dtype of an entry can be called, and exactly that shape and dtype come back."""
    init = entry.make()
    for shape in entry.shapes:
        for dtype in entry.dtypes:
            values = init(shape, dtype)
            assert values.shape == shape
            assert values.dtype.name == dtype
            assert values.flags.c_contiguous
            assert values.flags.writeable
