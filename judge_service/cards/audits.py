"""Judgments in both orders become a judge's card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from judge_service.cards.book import Cards
from judge_service.cards.section import CardKey
from judge_service.cards.use import names_on_card, shows_bias
from judge_service.domain.judgments import JudgeIdentity, Judgment, Named
from judge_service.domain.standards import Rubric, Standard
from judge_service.errors import InvalidRequest
from judge_service.evaluation.audits.position import (
    Accuracy,
    Audited,
    PositionReport,
    accuracy_on,
    audited_pair,
    report_on,
)
from judge_service.evaluation.people.labels import LabelOf, Told, side_named
from judge_service.protocols.audited import both_leans


@dataclass(slots=True)
class Gathered:
    """What judgments say of one judge under one rubric.

    Attributes:
        pairs: by case digest.
        labelled: the pairs that people labelled, and what they said: 1 for the first candidate, 0, or 0.5 for a tie.
        left_out: how many judgments say nothing of its bias, by reason.
        report: what the pairs come to, with all that its card held before.
        accuracy: on the labelled pairs, by the orders asked; None without labels.
    """

    judge: JudgeIdentity
    rubric: Named
    key: CardKey
    pairs: dict[str, Audited] = field(default_factory=dict)
    labelled: list[tuple[Audited, float]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    report: PositionReport | None = None
    accuracy: Accuracy | None = None


def gathered(
    judgments: Iterable[tuple[str, Judgment]], standards: Mapping[str, Standard], label_of: LabelOf | None = None
) -> list[Gathered]:
    """The audited pairs in judgments, by judge and rubric.

    Args:
        judgments: each with where it stands, for messages.
        standards: by digest; needed where several criteria were asked about one by one.

    Raises:
        InvalidRequest: a label names no side.
    """
    found: dict[CardKey, Gathered] = {}
    for where, judgment in judgments:
        for each, pair in _read(judgment, standards, found):
            if isinstance(pair, str):
                each.left_out[pair] += 1
            else:
                each.pairs[judgment.case_digest] = pair
                told = None if label_of is None else label_of(where, judgment)
                if told is not None:
                    each.labelled.append((pair, _side(told, judgment)))
    return [each for each in found.values() if len(each.pairs) > 1]


def _side(told: Told, judgment: Judgment) -> float:
    try:
        return side_named(told.value, judgment.candidates)
    except ValueError as e:
        raise InvalidRequest(f"{told.where}: {e}") from None


def _read(
    judgment: Judgment, standards: Mapping[str, Standard], found: dict[CardKey, Gathered]
) -> Iterator[tuple[Gathered, Audited | str]]:
    told = judgment.provenance
    if told is None or len(judgment.candidates) != 2:
        return
    rubric = told.rubric
    standard = standards.get(rubric.digest) or Rubric(rubric.id, rubric.version or "", rubric.id)
    panel_by_audited_orders = judgment.panel is not None and told.orders == "audited"
    for judge in told.judges:
        key = CardKey(judge.digest, rubric.digest, told.prompt.digest)
        each = found.setdefault(key, Gathered(judge, rubric, key))
        if judgment.status != "judged":
            yield each, "not judged"
        elif not shows_bias(judgment) or panel_by_audited_orders:
            yield each, "one order, or a second because of the first"
        else:
            own = [vote for vote in judgment.votes if vote.judge == judge.name and vote.method == "direct"]
            leans = both_leans(own, (judgment.candidates[0], judgment.candidates[1]), standard)
            if leans is None:
                yield each, "identical candidates, or no log-probabilities in both orders"
            else:
                yield each, audited_pair(judgment.case_digest, leans, judgment.domain)


async def audit(cards: Cards, found: list[Gathered], flips: float) -> list[Gathered]:
    """Takes the pairs onto the judges' cards, makes their estimates anew, and keeps them.

    Args:
        flips: the share of winners that one order may change.
    """
    await cards.load(each.key.judge for each in found)
    for each in found:
        names = names_on_card(each.judge, each.rubric.id)
        for case_digest, pair in each.pairs.items():
            if case_digest not in cards.section(each.key).audited:
                cards.learn(each.key, names, case_digest, pair)
        estimate = cards.publish(each.key, flips)
        assert estimate is not None
        each.report = report_on(list(cards.section(each.key).audited.values()), estimate)
        each.accuracy = accuracy_on(each.labelled, estimate) if each.labelled else None
    await cards.keep()
    return found
