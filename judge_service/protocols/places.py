"""Scores become places: ties share a rank, identical candidates share a place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from judge_service.domain.cases import Case, same_content
from judge_service.domain.digests import draw
from judge_service.domain.verdicts import Ranking


def distinct_places(case: Case) -> list[list[int]]:
    """Groups of places that hold the same text, apart from white space, in the order of their first member."""
    groups: list[list[int]] = []
    for place, candidate in enumerate(case.candidates):
        for group in groups:
            if same_content(case.candidates[group[0]].content, candidate.content):
                group.append(place)
                break
        else:
            groups.append([place])
    return groups


def drawn_places(case: Case, groups: Sequence[Sequence[int]], seed: int) -> list[int]:
    """One place of each group, in an order drawn over the texts: it does not depend on the order of the input."""
    firsts = [group[0] for group in groups]
    lots = {p: draw("place", seed, case.lot, Case("", "", (case.candidates[p],)).lot) for p in firsts}
    return sorted(firsts, key=lots.__getitem__)


def ranked(
    case: Case,
    groups: Sequence[Sequence[int]],
    scores: Mapping[int, float],
    strategy: str,
    strengths: Mapping[int, float] | None = None,
    kendall_w: float | None = None,
    repeats: int = 0,
) -> Ranking:
    """A ranking of all candidates from scores of one place per group."""
    ids = [c.id for c in case.candidates]
    of_place = {place: scores[group[0]] for group in groups for place in group}
    best_first = sorted(range(len(ids)), key=lambda place: (-_rounded(of_place[place]), place))
    ranks: dict[str, int] = {}
    for i, place in enumerate(best_first):
        tied = i and _rounded(of_place[best_first[i - 1]]) == _rounded(of_place[place])
        ranks[ids[place]] = ranks[ids[best_first[i - 1]]] if tied else i + 1
    spread = None if strengths is None else {ids[p]: strengths[group[0]] for group in groups for p in group}
    return Ranking(
        ranking=tuple(ids[place] for place in best_first),
        ranks=ranks,
        scores={ids[place]: of_place[place] for place in range(len(ids))},
        strengths=spread,
        kendall_w=kendall_w,
        strategy=strategy,
        repeats=repeats,
    )


def _rounded(score: float) -> float:
    return round(score, 9)


def all_tied(case: Case, strategy: str) -> Ranking:
    """The ranking of candidates that are all the same text: no judge was asked."""
    return ranked(case, [list(range(len(case.candidates)))], {0: 0.5}, strategy)


def unranked(strategy: str, repeats: int = 0) -> Ranking:
    """What is left of a ranking when not every required answer came: the evidence stays in the votes."""
    return Ranking(None, None, None, None, None, strategy, repeats)
