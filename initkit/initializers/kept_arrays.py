"""Arrays that several parts of one tensor need alike, made once and kept while there is room."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class KeptArrays:
    """The arrays that were asked for last, by key; may be used from several threads at once.

    Threads that need the same arrays share the work of making them. All locks are written in C, and are
    held in `with` alone: an interrupt, which may come at any moment, leaves none behind that nobody holds.

    Attributes:
        most: How many arrays are kept at most.
    """

    def __init__(self, most: int) -> None:
        """Begin with none."""
        self.most = most
        self.forget()

    def forget(self) -> None:
        """Begin anew, with locks that nobody holds."""
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Array] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}

    def find(self, keys: Sequence[Hashable], make: Callable[[int], Array]) -> list[Array]:
        """The arrays of some keys; those that are not kept are made.

        Args:
            keys: What tells the arrays from all others.
            make: Called with the position of a key, to make its array. It must not ask for others here.

        Returns:
            The arrays, in the order of their keys, only to be read.

        Raises:
            BaseException: Whatever `make` raised; the arrays before are kept.

        Example:
            >>> kept = KeptArrays(most=2)
            >>> [int(array) for array in kept.find(["a", "b", "a"], lambda position: np.array(position))]
            [0, 1, 0]
        """
        found: dict[int, Array] = {}
        # What another thread is making is left to it, and waited for when nothing else is left to do.
        for is_waiting in (False, True):
            for position, key in enumerate(keys):
                if (
                    position not in found
                    and (array := self._find(key, position, make, is_waiting)) is not None
                ):
                    found[position] = array
        return [found[position] for position in range(len(keys))]

    def _find(
        self, key: Hashable, position: int, make: Callable[[int], Array], is_waiting: bool
    ) -> Array | None:
        """One array; None if another thread is making it, and is not to be waited for."""
        if (array := self._look_up(key)) is not None:
            return array
        making = self._making.setdefault(key, threading.Lock())
        if making.locked() and not is_waiting:
            return None
        with making:
            try:
                if (array := self._look_up(key)) is None:
                    array = make(position)
                    self._keep(key, array)
            finally:
                self._making.pop(key, None)
        return array

    def _look_up(self, key: Hashable) -> Array | None:
        with self._lock:
            array = self._kept.get(key)
            if array is not None:
                self._kept.move_to_end(key)
            return array

    def _keep(self, key: Hashable, array: Array) -> None:
        with self._lock:
            self._kept[key] = array
            while len(self._kept) > self.most:
                self._kept.popitem(last=False)
