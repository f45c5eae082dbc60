"""Two candidates, shown in both orders, one preference."""

from __future__ import annotations

from collections.abc import Sequence

from judge_service.domain.cases import Case, same_content
from judge_service.domain.digests import draw
from judge_service.domain.verdicts import Finding, Preference, Vote
from judge_service.protocols.brief import Brief, topic_name
from judge_service.protocols.combining import outcome_of, settle
from judge_service.protocols.exhibits import Exhibits
from judge_service.protocols.votes import Deliberation, Question, ask
from judge_service.statistics import debias

Order = tuple[int, int]
BOTH: tuple[Order, Order] = ((0, 1), (1, 0))


def pairwise(case: Case, brief: Brief) -> Deliberation:
    """Asks every order x repeat x topic and combines the votes by the rules of judgment.

    Identical candidates are a tie without a call. With `repeats.stop` the repeats go out one after the other, both
    orders together, until the winner is settled.
    """
    one, other = case.candidates
    ids = (one.id, other.id)
    if same_content(one.content, other.content):
        even = Preference("tie", 0.5, 0.0, None, None, None, brief.options.combine)
        return Finding(even, "judged", ())
    orders = orders_of(case, brief)
    shown = Exhibits(case, brief.options)
    repeats = brief.options.repeats
    votes: list[Vote] = []
    if repeats.stop is None:
        votes = yield from ask(_questions(case, brief, orders, range(repeats.max)), case, brief, shown)
    else:
        for repeat in range(repeats.max):
            votes += yield from ask(_questions(case, brief, orders, range(repeat, repeat + 1)), case, brief, shown)
            if _is_settled(votes, ids, len(votes) // (repeat + 1) * (repeats.max - repeat - 1), repeats.stop):
                break
    topics = dict.fromkeys(topic_name(t) for t in brief.topics(case, 0))
    if brief.options.principle == "sample":
        topics = {None: None}
    return settle(votes, ids, len(orders), list(topics), brief.options.combine, brief.standard)


def orders_of(case: Case, brief: Brief) -> tuple[Order, ...]:
    """Which orders a case is shown in. One order is drawn by content, so that swapped input draws the mirror."""
    if brief.options.orders != "one":
        return BOTH
    return (drawn_order(case, brief.options.seed),)


def drawn_order(case: Case, seed: int) -> Order:
    """The one order of a case: drawn over the contents, not over the places."""
    keys = [draw("order", seed, case.lot, _own_lot(case, place)) for place in (0, 1)]
    return (0, 1) if keys[0] < keys[1] else (1, 0)


def _own_lot(case: Case, place: int) -> int:
    return Case("", case.prompt, (case.candidates[place],)).lot


def _questions(case: Case, brief: Brief, orders: Sequence[Order], repeats: range) -> list[Question]:
    return [
        Question("compare", order, topic, repeat)
        for repeat in repeats
        for topic in brief.topics(case, repeat)
        for order in orders
    ]


def _is_settled(votes: Sequence[Vote], ids: tuple[str, str], left: int, stop: float) -> bool:
    sides = [debias.winner(outcome_of(vote, ids)) for vote in votes if not vote.failure]
    return debias.majority_is_settled(sides.count(1), sides.count(-1), left, stop)
