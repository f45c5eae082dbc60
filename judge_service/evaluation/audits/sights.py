"""Judgments as an audit sees them: one case each, with what stands around it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from judge_service.domain.digests import digest
from judge_service.domain.frozen import frozen
from judge_service.domain.judgments import Judgment
from judge_service.domain.verdicts import Preference
from judge_service.evaluation.audits.arms import won_by
from judge_service.evaluation.audits.scripts import script_of

_LANGUAGE: Final = ("language", "lang")


@frozen
class Sight:
    """One case as one judge had it.

    Attributes:
        cluster: what cases of one prompt have in common.
        won: 1 where the first candidate won, 0 where the second did, 0.5 for a tie; None where there is no verdict.
        leans: logits to the first-shown, with the first candidate first and with the second; None without exact votes
            in both orders.
        logit: of the first candidate, by both orders; None where there is no verdict.
        called: whether the judge was asked; identical candidates are a tie without it.
        masses: the label mass of each vote that has one.
        lengths: characters of the two answers; None where the texts are not known.
        language: as the case's metadata name it, else the script of its prompt; None where neither is known.
        label: P(the first is better) by people; None without.
    """

    case_id: str
    cluster: str
    status: str
    won: float | None
    probability: float | None
    logit: float | None
    leans: tuple[float, float] | None
    consistent: bool | None
    called: bool
    votes: int
    failures: int
    masses: tuple[float, ...]
    lengths: tuple[int, int] | None
    language: str | None
    domain: str | None
    label: float | None = None

    @property
    def lean(self) -> float | None:
        """To the first-shown, in logits."""
        return None if self.leans is None else sum(self.leans) / 2

    @property
    def length(self) -> int | None:
        """Characters of both answers together."""
        return None if self.lengths is None else sum(self.lengths)

    @property
    def gap(self) -> float | None:
        """How far from even the verdict is once the place is out of it, in logits."""
        return None if self.leans is None else abs(self.leans[0] - self.leans[1]) / 2


def sights_of(
    judgments: Iterable[Judgment], leans_of: Mapping[str, tuple[float, float]], labels: Mapping[str, float]
) -> list[Sight]:
    """Judgments of one judge as sights.

    Args:
        leans_of: by case id, of the cases with exact votes in both orders.
        labels: by case id.
    """
    return [_sight(each, leans_of.get(each.case_id), labels.get(each.case_id)) for each in judgments]


def _sight(judgment: Judgment, leans: tuple[float, float] | None, label: float | None) -> Sight:
    verdict = judgment.verdict if isinstance(judgment.verdict, Preference) else None
    won = won_by(judgment)
    case = judgment.case
    return Sight(
        case_id=judgment.case_id,
        cluster=_cluster(judgment, case),
        status=judgment.status,
        won=won,
        probability=None if won is None or verdict is None else verdict.probability,
        logit=None if won is None or verdict is None else verdict.logit,
        leans=leans if won is not None else None,
        consistent=None if won is None or verdict is None else verdict.consistent,
        called=verdict is None or verdict.evidence is not None,
        votes=len(judgment.votes),
        failures=sum(vote.failure is not None for vote in judgment.votes),
        masses=tuple(vote.label_mass for vote in judgment.votes if vote.label_mass is not None),
        lengths=None if case is None else _lengths(case["candidates"]),
        language=_language(judgment, case),
        domain=judgment.domain,
        label=label,
    )


def _lengths(candidates: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    first, second = (len(text_of(each["content"])) for each in candidates)
    return first, second


def _cluster(judgment: Judgment, case: Mapping[str, Any] | None) -> str:
    return judgment.case_id if case is None else digest([case["prompt"], case.get("context")])


def _language(judgment: Judgment, case: Mapping[str, Any] | None) -> str | None:
    named = next((judgment.metadata[field] for field in _LANGUAGE if judgment.metadata.get(field)), None)
    if named is not None:
        return str(named)
    return None if case is None else script_of(text_of(case["prompt"]))


def text_of(content: Any) -> str:
    """A content of a stored case as text: of a conversation, its turns one below the other."""
    if isinstance(content, str):
        return content
    return "\n".join(_turn(message.get("content")) for message in content or ())


def _turn(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content or ())
