"""In which orders options are shown, so that what a judge adds to a place, or to a label, cancels.

An arrangement is a tuple of places of options 0 to n - 1, as shown. In a set of arrangements every option has the same
mean place, so that a lean that grows evenly along the list cancels in the mean.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

Arrangement = tuple[int, ...]

WHOLE_SQUARE: Final = 5
"""Up to so many options each is shown in every place once."""
ONE_LIST: Final = 20
"""More options are not shown in one list: chat servers tell of at most 20 alternatives."""


@lru_cache(maxsize=512)
def arrangements(n: int) -> tuple[Arrangement, ...]:
    """Whole lists of n options: all n rotations up to five, else the order, its half turn, and both of them reversed.

    In the rotations each option is in each place once: a cyclic Latin square, in which whatever a place adds cancels.
    """
    order = tuple(range(n))
    if n <= WHOLE_SQUARE:
        return tuple([order[turn:] + order[:turn] for turn in range(n)])
    half = order[n // 2 :] + order[: n // 2]
    return (order, order[::-1], half, half[::-1])


@lru_cache(maxsize=512)
def both_ways(n: int) -> tuple[Arrangement, ...]:
    """The order and its reverse, for options that have an order of their own."""
    order = tuple(range(n))
    return (order, order[::-1])


@lru_cache(maxsize=512)
def grid(n: int, both: bool = True) -> tuple[Arrangement, ...]:
    """Groups of more options than one list holds: the rows and columns of a square, each in its order and in reverse.

    Any two options are linked by way of a third that shares a row with one and a column with the other.

    Args:
        both: whether each group is shown both ways, and not in its order alone.
    """
    side = math.isqrt(n - 1) + 1
    rows = [tuple(range(row, n, side)) for row in range(side)]
    columns = [tuple(range(start, min(n, start + side))) for start in range(0, n, side)]
    groups = [group for group in (*rows, *columns) if len(group) > 1]
    return tuple([shown for group in groups for shown in ((group, group[::-1]) if both else (group,))])
