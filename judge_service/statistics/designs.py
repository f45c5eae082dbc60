"""Which comparisons to make: orders to show lists in, and pairs to ask about. Indices in, indices out."""

from __future__ import annotations

from itertools import islice, permutations

Pair = tuple[int, int]
"""Two indices, the first-shown first."""


def balanced_permutations(n: int, k: int) -> list[tuple[int, ...]]:
    """k orders of n things in which every thing stands in every place equally often, as far as k allows.

    The rows of a Williams square (Williams 1949, Aust. J. Sci. Res. A2: a Latin square in which every thing also
    follows every other equally often), each followed by its reverse: an early stop then still sees each thing early
    and late.
    """
    zigzag = [(i + 1) // 2 if i % 2 else -(i // 2) for i in range(n)]
    square: list[tuple[int, ...]] = []
    # For even n the reverse of a row is the row half a turn away, so half of the turns give the whole square.
    for shift in range(n if n % 2 else n // 2):
        row = tuple((step + shift) % n for step in zigzag)
        square += [row, row[::-1]]
    # Beyond one square, squares of renamed things: an order that is shown twice would agree with itself.
    renamed = (tuple(names[i] for i in row) for names in permutations(range(n)) for row in square)
    orders = list(dict.fromkeys(islice(renamed, 2 * k * len(square))))
    return [orders[i % len(orders)] for i in range(k)]


def round_robin(n: int) -> list[Pair]:
    """Every pair once, every thing shown first as often as second (within one)."""
    pairs = []
    for distance in range(1, n // 2 + 1):
        # At distance n/2 the circle meets itself: only half of the starts give new pairs.
        starts = n // 2 if 2 * distance == n else n
        pairs += [(i, (i + distance) % n) for i in range(starts)]
    return pairs


def circulant(n: int, degree: int) -> list[Pair]:
    """n * degree pairs: each thing meets the next `degree` on a circle, shown first in half of its pairs."""
    if 2 * degree >= n:
        return round_robin(n)
    return [(i, (i + distance) % n) for distance in range(1, degree + 1) for i in range(n)]


def neighbours(n: int, reach: int) -> list[Pair]:
    """Pairs of things at most `reach` places apart on a line, the first-shown alternating."""
    pairs = []
    for distance in range(1, min(reach, n - 1) + 1):
        for i in range(n - distance):
            pairs.append((i, i + distance) if (i // distance + distance) % 2 else (i + distance, i))
    return pairs


def both_ways(pairs: list[Pair]) -> list[Pair]:
    """Each pair in both orders, side by side."""
    return [way for first, second in pairs for way in ((first, second), (second, first))]
