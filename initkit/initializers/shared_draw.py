"""The draw that several tensors of one layer have in common, found by what their names share."""

from __future__ import annotations

from collections.abc import Callable

from initkit.draws import Draw, draw_key


def shared_draw(draw: Draw, rename: Callable[[str], str]) -> Draw:
    """The draw with another name in place of the tensor's own; parts of a tensor keep their numbers below it.

    The tensor's name is the last one of the path that is more than a number: numbers after it stand for
    slices and blocks, as `Stack` and `Blocks` count them. So slice `k` of one tensor shares its draw with
    slice `k` of another one, and with no other slice.

    Args:
        draw: The draw of a tensor, or of a part of it.
        rename: What the tensor's name becomes; it is given an empty one where there is none, and leaves it
            out by returning the same.

    Returns:
        The draw of that number on the same backend.

    Example:
        >>> import initkit as ik
        >>> slice_3 = ik.SeedGenerator(7).child("layers.0.q").child("3").next_draw()
        >>> shared_draw(slice_3, lambda name: name.replace("q", "qk")).path
        ('layers.0.qk', '3')
    """
    if draw.is_constant:
        return draw
    end = len(draw.path)
    while end and draw.path[end - 1].isascii() and draw.path[end - 1].isdecimal():
        end -= 1
    name = rename(draw.path[end - 1] if end else "")
    path = (*draw.path[: max(end - 1, 0)], *([name] if name else []), *draw.path[end:])
    return draw._replace(key=draw_key(draw.seed, path, draw.number), path=path)
