"""How far two raters agree beyond chance, from counts alone; `weighted_kappa` has its interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping


def cohens_kappa(counts: Mapping[tuple[str, str], int]) -> float | None:
    """Cohen's kappa: (po - pe) / (1 - pe), with po the share rated alike and pe that expected of independent raters.

    Cohen 1960, A coefficient of agreement for nominal scales, Educational and Psychological Measurement 20(1).

    Args:
        counts: how many things got which pair of ratings.

    Returns:
        At most 1, and 0 for what chance would do; None for nothing rated, or where both gave one and the same rating
        to all.
    """
    total = sum(counts.values())
    one: Counter[str] = Counter()
    other: Counter[str] = Counter()
    for (a, b), count in counts.items():
        one[a] += count
        other[b] += count
    same = sum(count for (a, b), count in counts.items() if a == b)
    by_chance = sum(one[rating] * other[rating] for rating in one)
    # In whole numbers, so that a chance of one is told exactly.
    return None if total * total == by_chance else (same * total - by_chance) / (total * total - by_chance)
