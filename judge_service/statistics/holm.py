"""Many tests at once, none of them wrong more often than one would be."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values: what is at most alpha is significant, with at most alpha for any false one among all.

    Holm (1979, Scandinavian Journal of Statistics 6): the k-th smallest of m counts m - k + 1 times, and none less than
    a smaller one. Nothing is assumed of how the tests depend on each other.

    Args:
        p_values: in [0, 1], of any number.

    Returns:
        In [0, 1], in the order that was given.
    """
    adjusted, least = [0.0] * len(p_values), 0.0
    for k, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        least = max(least, min(1.0, (len(p_values) - k) * p_values[place]))
        adjusted[place] = least
    return adjusted
