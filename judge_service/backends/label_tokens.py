"""Which tokens are a judge's labels, in their place: right where its turn begins."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_LEAST: Final = 1e-12


def surfaces(label: str) -> tuple[str, str]:
    """The ways a label is written where a turn begins."""
    return label, f" {label}"


@dataclass(frozen=True, slots=True)
class LabelTokens:
    """The tokens of a set of labels.

    Attributes:
        labels: the label of each token; a label may have several surfaces, and each surface its token.
        begun: labels of two tokens, by label: the ids that begin it (each another label's token, as 1 begins 10), and
            the id that ends it.
    """

    labels: Mapping[int, str]
    begun: Mapping[str, tuple[tuple[int, ...], int]]

    @property
    def ids(self) -> list[int]:
        """The ids to ask for."""
        return list(self.labels)


def label_tokens(
    labels: Sequence[str], place: Sequence[int], with_surface: Mapping[str, Sequence[int]]
) -> LabelTokens | None:
    """The labels' tokens, or None if they cannot be told apart by one token, or by two where one goes on.

    Args:
        place: ids of the text right before the answer.
        with_surface: by surface (`A`, ` A`): ids of that text with the surface after it.
    """
    rest = {surface: _rest(ids, place) for surface, ids in with_surface.items()}
    single: dict[int, str] = {}
    for label in labels:
        for surface in surfaces(label):
            ids = rest.get(surface, ())
            if len(ids) == 1 and single.setdefault(ids[0], label) != label:
                return None
    whole = set(single.values())
    begun: dict[str, tuple[tuple[int, ...], int]] = {}
    for label in labels:
        if label not in whole:
            how = _begun([rest.get(surface, ()) for surface in surfaces(label)], single)
            if how is None:
                return None
            begun[label] = how
    return LabelTokens(single, begun)


def _rest(ids: Sequence[int], place: Sequence[int]) -> tuple[int, ...]:
    """What follows the place; nothing, if the text before was read otherwise for what follows."""
    return tuple(ids[len(place) :]) if list(ids[: len(place)]) == list(place) else ()


def _begun(ways: Sequence[Sequence[int]], single: Mapping[int, str]) -> tuple[tuple[int, ...], int] | None:
    """How a label of two tokens begins and ends; None if it does not begin as another label."""
    of_two = [ids for ids in ways if len(ids) == 2 and ids[0] in single]
    ends = {ids[1] for ids in of_two}
    return (tuple(ids[0] for ids in of_two), ends.pop()) if len(ends) == 1 else None


def by_label(tokens: LabelTokens, logprobs: Mapping[int, float]) -> dict[str, float]:
    """The probability of each label's first token, its surfaces summed; not normalised, never 0."""
    found = dict.fromkeys(tokens.labels.values(), 0.0)
    for number, label in tokens.labels.items():
        found[label] += math.exp(min(0.0, logprobs[number]))
    return {label: max(_LEAST, probability) for label, probability in found.items()}
