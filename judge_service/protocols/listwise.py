"""All candidates in one question, asked in k shuffled orders (Repeat Ranking), and how far the rankings agree."""

from __future__ import annotations

from collections.abc import Sequence

from judge_service.domain.cases import Case
from judge_service.domain.standards import Standard
from judge_service.domain.verdicts import Finding, Vote
from judge_service.errors import InvalidCase
from judge_service.protocols.brief import MAX_DIRECT_LIST, Brief
from judge_service.protocols.combining import first_failure
from judge_service.protocols.exhibits import Exhibits
from judge_service.protocols.places import distinct_places, drawn_places, ranked, unranked
from judge_service.protocols.pointwise import aggregated
from judge_service.protocols.votes import Deliberation, Question, ask
from judge_service.statistics.agreement import kendall_w, mid_ranks
from judge_service.statistics.designs import balanced_permutations

MAX_LIST = 26


def listwise(case: Case, brief: Brief) -> Deliberation:
    """Asks for a whole ranking once per repeat, each time in another order of a balanced set, and averages the ranks.

    With method direct one token names the best, and the candidates' order by its log-probabilities is the ranking
    (FIRST, arXiv 2406.15657). `repeats` counts orders here, not draws.
    """
    groups = distinct_places(case)
    base = drawn_places(case, groups, brief.options.seed)
    limit = MAX_DIRECT_LIST if brief.method == "direct" else MAX_LIST
    if len(base) > limit:
        raise InvalidCase(f"a listwise ranking takes at most {limit} candidates; use strategy pairs", "candidates")
    questions = [
        Question("rank", tuple(base[i] for i in order), topic, repeat)
        for repeat, order in enumerate(balanced_permutations(len(base), brief.options.repeats.max))
        for topic in brief.topics(case, repeat)
    ]
    votes = yield from ask(questions, case, brief, Exhibits(case, brief.options))
    return _finding(votes, case, groups, brief.standard)


def _finding(votes: Sequence[Vote], case: Case, groups: Sequence[Sequence[int]], standard: Standard) -> Finding:
    kept = tuple(votes)
    usable = [vote for vote in kept if vote.failure is None]
    if not usable:
        return Finding(unranked("listwise"), "unscored", kept, first_failure(kept))
    firsts = [group[0] for group in groups]
    ranks = [_ranks(vote, [case.candidates[p].id for p in firsts]) for vote in usable]
    scores = {p: _score([row[i] for row in ranks], len(firsts), usable, standard) for i, p in enumerate(firsts)}
    ranking = ranked(case, groups, scores, "listwise", kendall_w=kendall_w(ranks), repeats=len(ranks))
    if len(usable) < len(kept):
        return Finding(unranked("listwise", len(ranks)), "partial", kept)
    return Finding(ranking, "judged", kept)


def _score(ranks: Sequence[float], n: int, votes: Sequence[Vote], standard: Standard) -> float:
    """The share of the others that a candidate beats, by each criterion that was asked by itself, and then in all."""
    shares: dict[str | None, list[float]] = {}
    for rank, vote in zip(ranks, votes, strict=True):
        # At rank r of n it beats n - r others.
        shares.setdefault(vote.criterion, []).append((n - rank) / (n - 1))
    means = {name: sum(own) / len(own) for name, own in shares.items()}
    by_criterion = {name: mean for name, mean in means.items() if name is not None}
    return aggregated(by_criterion, standard) if by_criterion else means[None]


def _ranks(vote: Vote, ids: Sequence[str]) -> list[float]:
    """Mid-ranks of the ids in one vote."""
    assert vote.ranking is not None
    tier_of = {name: tier for tier, names in enumerate(vote.ranking) for name in names}
    return mid_ranks([-tier_of[name] for name in ids])
