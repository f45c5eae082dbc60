"""Log-probabilities of tokens become probabilities of labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

_MARKS: Final = " \t\n\r\u2581\u0120\u010a"  # white space, and how tokenizers write it: ▁ Ġ Ċ
_LEAST: Final = 1e-9


def one_token_each(labels: Sequence[str], tokens: Sequence[tuple[str, float]]) -> bool:
    """Whether every label can be one token to this judge.

    A tokenizer that splits numbers into digits would start `10` with `1`, and the two could not be told apart; a label
    of two digits among the alternatives shows that it does not.
    """
    long = {label for label in labels if len(label) > 1}
    return not long or any(token.strip(_MARKS) in long for token, _ in tokens)


def label_probabilities(labels: Sequence[str], tokens: Sequence[tuple[str, float]]) -> tuple[dict[str, float], float]:
    """Sums the surface variants of each label (`A`, ` A`) and normalises over the labels.

    A label that is not among the returned tokens is not impossible: it has at most the probability of the last one
    returned and at most an even part of what is left over, and that bound is what it gets, never 0.

    Args:
        tokens: (token, log-probability) pairs of one position.

    Returns:
        Probabilities that sum to 1, and the label mass: what the returned labels had before normalising, in [0, 1].
    """
    found: dict[str, float] = dict.fromkeys(labels, 0.0)
    seen = 0.0
    least = 1.0
    for token, value in tokens:
        probability = math.exp(min(0.0, value))
        seen += probability
        least = min(least, probability)
        label = token.strip(_MARKS)
        if label in found:
            found[label] += probability
    mass = min(1.0, math.fsum(found.values()))
    missing = [label for label, probability in found.items() if probability == 0.0]
    if missing:
        bound = max(_LEAST, min(least, max(0.0, 1.0 - seen) / len(missing)))
        found.update(dict.fromkeys(missing, bound))
    total = math.fsum(found.values())
    return {label: probability / total for label, probability in found.items()}, mass
