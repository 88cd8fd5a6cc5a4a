"""Sets of bytes of a file, as stretches without gaps."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator


class Stretches:
    """A set of bytes, kept as the fewest stretches; whoever adds in order keeps one.

    Example:
        >>> done = Stretches()
        >>> for start, stop in [(0, 4), (8, 12), (4, 6)]:
        ...     done.add(start, stop)
        >>> list(done), (0, 6) in done, (4, 9) in done, done.nbytes
        ([(0, 6), (8, 12)], True, False, 10)
    """

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []

    def add(self, start: int, stop: int) -> None:
        """Add the bytes from `start` up to `stop`, some of which may be here already."""
        first = bisect_left(self._stops, start)
        last = bisect_right(self._starts, stop)
        if first < last:
            start = min(start, self._starts[first])
            stop = max(stop, self._stops[last - 1])
        self._starts[first:last] = [start]
        self._stops[first:last] = [stop]

    def copy(self) -> Stretches:
        """The same bytes, which what is added here later does not change."""
        other = Stretches()
        other._starts, other._stops = self._starts.copy(), self._stops.copy()
        return other

    def __contains__(self, stretch: tuple[int, int]) -> bool:
        """Whether all bytes of a stretch, given as start and stop, are here."""
        start, stop = stretch
        at = bisect_right(self._starts, start) - 1
        return stop <= start or (at >= 0 and stop <= self._stops[at])

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Start and stop of every stretch, in order."""
        return iter(list(zip(self._starts, self._stops, strict=True)))

    @property
    def nbytes(self) -> int:
        """How many bytes there are."""
        return sum(self._stops) - sum(self._starts)
