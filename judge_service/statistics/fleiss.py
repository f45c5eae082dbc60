"""How far many raters agree beyond chance, where it does not matter who gave which rating."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from judge_service.statistics.estimates import Estimate, around, unknown


def fleiss_kappa(counts: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Fleiss' kappa over subjects that were rated twice or more.

    Fleiss 1971, Psychological Bulletin 76(5). Where subjects have different numbers of ratings, each counts alike (Gwet
    2014, Handbook of Inter-Rater Reliability, ch. 2). The interval has the variance over subjects of Gwet 2021,
    Educational and Psychological Measurement 81(4): Fleiss's own of 1979 holds only where there is no agreement.

    Args:
        counts: (subjects, categories), how many raters put the subject there.
    """
    table = np.asarray(counts, dtype=np.float64)
    table = table[table.sum(axis=1) >= 2]
    n = len(table)
    if n < 2:
        return unknown(n, "it takes two cases or more that two people or more rated")
    ratings = table.sum(axis=1)
    agreed = (table * (table - 1)).sum(axis=1) / (ratings * (ratings - 1))
    parts = table / ratings[:, None]
    shares = parts.mean(axis=0)
    found, by_chance = float(agreed.mean()), float(shares @ shares)
    if by_chance >= 1.0 - 1e-12:
        return unknown(n, "all ratings are the same")
    value = (found - by_chance) / (1.0 - by_chance)
    own = (agreed - by_chance) / (1.0 - by_chance) - 2.0 * (1.0 - value) * (parts @ shares - by_chance) / (
        1.0 - by_chance
    )
    error = math.sqrt(float(((own - value) ** 2).sum()) / (n * (n - 1)))
    if error < 1e-9:
        return Estimate(value, None, None, n, "all cases agree alike: nothing is known of the error")
    return around(value, error, n, confidence)
