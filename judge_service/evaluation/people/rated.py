"""Judgments beside what people said of the same, one person or many: what agreement is told from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from typing import Any, Final, Literal

from judge_service.domain.cases import Case, content_length
from judge_service.domain.frozen import frozen
from judge_service.domain.judgments import Judgment
from judge_service.domain.verdicts import Preference, Scorecard
from judge_service.errors import InvalidRequest
from judge_service.evaluation.contests.comparisons import prompt_of
from judge_service.evaluation.people.raters import Said, SaidOf, scores_of, sides_of

Kind = Literal["pairs", "scores"]
LENGTHS: Final = (500, 2000)
"""Where slices by length are cut, in characters of the longest response."""


@frozen
class Rated:
    """One pair, or one scored response, as the judge and people have it.

    Attributes:
        prompt: the cluster: cases of one prompt are alike.
        judge: of pairs 1 for the first, 0 for the second, 0.5 for a tie; else the score.
        people: by person, in the same way.
        length: characters of the longest response; None where texts are not known.
        candidate: whose score it is; None for a pair.
        about: by person, what else their labels say of them.
    """

    case_id: str
    prompt: str
    judge: float
    people: Mapping[str, float]
    metadata: Mapping[str, Any]
    domain: str | None = None
    length: int | None = None
    candidate: str | None = None
    about: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@frozen
class RatedSet:
    """All of them.

    Attributes:
        left_out: judgments by why they were not used.
    """

    kind: Kind
    rated: tuple[Rated, ...]
    left_out: Mapping[str, int]


def rated_set(judgments: Iterable[tuple[str, Judgment, Case | None]], said_of: SaidOf, cluster: str = "") -> RatedSet:
    """The judgments that have both a verdict and a label.

    Args:
        judgments: each with where it stands, and its texts where they are known.
        cluster: the field of the metadata that tells prompts apart; "" to go by the prompt's text.

    Raises:
        InvalidRequest: a label cannot be read, or the judgments are rankings, or of both other kinds.
    """
    left_out: Counter[str] = Counter()
    found: list[Rated] = []
    kinds: dict[Kind, str] = {}
    for where, judgment, case in judgments:
        kind = _kind(where, judgment)
        kinds.setdefault(kind, where)
        if len(kinds) > 1:
            raise InvalidRequest(f"{where} is a {judgment.kind}, and others are not: ask for each by itself")
        said = said_of(where, judgment)
        why = _unfit(judgment, said)
        if why:
            left_out[why] += 1
            continue
        told = (judgment.metadata, judgment.domain, None if case is None else _length(case))
        rows = _pair(judgment, said) if kind == "pairs" else _scored(judgment, said, left_out)
        prompt = prompt_of(judgment, case, cluster)
        about = {each.rater: each.about for each in said if each.about}
        found += [Rated(judgment.case_id, prompt, judge, people, *told, name, about) for name, judge, people in rows]
    if not kinds:
        raise InvalidRequest("there is no judgment here")
    return RatedSet(next(iter(kinds)), tuple(found), dict(left_out))


def _kind(where: str, judgment: Judgment) -> Kind:
    if judgment.kind == "ranking":
        raise InvalidRequest(f"{where} is a ranking: agreement is of pairs, and of scores")
    return "pairs" if judgment.kind == "preference" else "scores"


def _unfit(judgment: Judgment, said: Sequence[Said]) -> str:
    verdict = judgment.verdict
    if judgment.status != "judged" or verdict is None:
        return "not judged"
    if isinstance(verdict, Preference) and verdict.evidence is None:
        return "took no call"
    return "" if said else "without a label"


def _pair(judgment: Judgment, said: Sequence[Said]) -> list[tuple[str | None, float, Mapping[str, float]]]:
    verdict = judgment.verdict
    assert isinstance(verdict, Preference)
    side = 0.5 if verdict.winner == "tie" else float(verdict.winner == judgment.candidates[0])
    return [(None, side, sides_of(said, judgment.candidates))]


def _scored(
    judgment: Judgment, said: Sequence[Said], left_out: Counter[str]
) -> list[tuple[str | None, float, Mapping[str, float]]]:
    """Each response that has a score of the judge and one of a person."""
    people: dict[str, dict[str, float]] = {}
    for (candidate, rater), score in scores_of(said, judgment.candidates).items():
        people.setdefault(candidate, {})[rater] = score
    rows: list[tuple[str | None, float, Mapping[str, float]]] = []
    for candidate, own in _scores(judgment).items():
        if own is None or candidate not in people:
            left_out["response without a score" if own is None else "response without a label"] += 1
        else:
            rows.append((candidate, own, people[candidate]))
    return rows


def _scores(judgment: Judgment) -> dict[str, float | None]:
    card = judgment.verdict
    assert isinstance(card, Scorecard)
    if card.scores is not None:
        return {name: own.score for name, own in card.scores.items()}
    return {judgment.candidates[0]: card.score}


def _length(case: Case) -> int:
    return max(content_length(candidate.content) for candidate in case.candidates)


def sliced(rated: Sequence[Rated], name: str) -> dict[str, list[Rated]]:
    """Cases by `domain`, `length`, or what a field of their metadata says; those that do not say are left out.

    A metadata field of that name goes before. Where no case says, cases go by what labels say of who gave them, such as
    a country: each group with its own people's labels only.
    """
    groups: dict[str, list[Rated]] = {}
    for one in rated:
        value = _value(one, name)
        if value is not None:
            groups.setdefault(str(value), []).append(one)
    for one in rated if not groups else ():
        for value, people in _by_people(one, name).items():
            groups.setdefault(value, []).append(replace(one, people=people))
    return dict(sorted(groups.items()))


def _value(one: Rated, name: str) -> Any:
    value = one.metadata.get(name)
    if value is None and name == "domain":
        return one.domain
    if value is None and name == "length" and one.length is not None:
        return _length_slice(one.length)
    return value


def _by_people(one: Rated, name: str) -> dict[str, dict[str, float]]:
    """What people said, by what their labels say of them."""
    groups: dict[str, dict[str, float]] = {}
    for rater, said in one.people.items():
        value = one.about.get(rater, {}).get(name)
        if value is not None:
            groups.setdefault(str(value), {})[rater] = said
    return groups


def _length_slice(length: int) -> str:
    short, long = LENGTHS
    return f"below {short}" if length < short else f"{short} to {long - 1}" if length < long else f"{long} and more"
