"""Whether a judge says again what it said: some cases of a finished run drawn, asked again and set beside it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from judge_service.domain.digests import draw
from judge_service.domain.frozen import frozen
from judge_service.domain.judgments import Judgment
from judge_service.domain.verdicts import Preference
from judge_service.statistics.binomial import clopper_pearson

CLOSE: Final = 0.05
"""How far the logits of one judge on one engine build may be apart: the contract's rule on what is reproducible."""
LEAST: Final = 20
"""Cases that are asked again at the least, or all where there are fewer."""


class Again(NamedTuple):
    """One case, before and now.

    Attributes:
        apart: of the logits, without sign; None where there is no verdict now.
    """

    case_id: str
    winner_before: str
    winner_now: str | None
    apart: float | None
    failure: str | None

    @property
    def is_flip(self) -> bool:
        """Whether another candidate wins, or a tie has come or gone."""
        return self.winner_now is not None and self.winner_now != self.winner_before

    @property
    def is_reproduced(self) -> bool:
        """Whether it is the same by the contract: the same winner, and logits that are close."""
        return self.winner_now == self.winner_before and self.apart is not None and self.apart <= CLOSE


@frozen
class Reproduced:
    """What asking again came to.

    Attributes:
        of: judged cases of the run, those not counted that needed no judge.
        asked: cases asked again.
        flips, low, high: the share of the cases judged again with another winner, and its exact two-sided interval of
            95 percent; None where none was judged again.
        beyond: cases with the same winner whose logits are further apart than the contract allows.
        unjudged: cases without a verdict now.
        mean_apart, most_apart: of the logits of those judged again; None where there is none.
        cases: those that were not reproduced.
    """

    of: int
    asked: int
    flipped: int
    flips: float | None
    low: float | None
    high: float | None
    beyond: int
    unjudged: int
    mean_apart: float | None
    most_apart: float | None
    cases: tuple[Again, ...]

    def is_within(self, most_flips: float | None) -> bool:
        """Whether the run counts as reproduced.

        Args:
            most_flips: the share of flips that is allowed, in [0, 1]; None: what the contract says, which is none, and
                no logits that are further apart either. What could not be judged again is reproduced in neither case.
        """
        if self.flips is None or self.unjudged:
            return False
        return not self.cases if most_flips is None else self.flips <= most_flips


def can_be_asked(judgment: Judgment) -> bool:
    """Whether a judgment has a winner that a judge was asked for: same texts are a tie without a judge."""
    verdict = judgment.verdict
    named = isinstance(verdict, Preference) and verdict.winner is not None and verdict.evidence is not None
    return judgment.status == "judged" and named


def drawn(case_ids: Iterable[str], share: float, seed: int) -> list[str]:
    """The cases to ask again: a share of them, at least 20, drawn by hash of seed and id.

    A larger share holds all of a smaller one.
    """
    ordered = sorted(case_ids, key=lambda case_id: (draw(seed, "verify", case_id), case_id))
    return ordered[: max(LEAST, math.ceil(share * len(ordered) - 1e-9))]


def set_beside(before: Mapping[str, Judgment], now: Sequence[Judgment], of: int) -> Reproduced:
    """The run's judgments beside those made now.

    Args:
        before: the run's, by case; only those asked again need be there.
        of: how many cases could have been asked again.
    """
    told = [_again(before[judgment.case_id], judgment) for judgment in now]
    apart = [each.apart for each in told if each.apart is not None]
    flipped = sum(each.is_flip for each in told)
    low, high = clopper_pearson(flipped, len(apart), 0.975)
    is_known = bool(apart)
    return Reproduced(
        of=of,
        asked=len(told),
        flipped=flipped,
        flips=flipped / len(apart) if is_known else None,
        low=low if is_known else None,
        high=high if is_known else None,
        beyond=sum(not each.is_flip and each.apart is not None and each.apart > CLOSE for each in told),
        unjudged=len(told) - len(apart),
        mean_apart=math.fsum(apart) / len(apart) if is_known else None,
        most_apart=max(apart, default=None),
        cases=tuple(sorted((each for each in told if not each.is_reproduced), key=_weight)),
    )


def _again(before: Judgment, now: Judgment) -> Again:
    held, verdict = before.verdict, now.verdict
    assert isinstance(held, Preference)
    assert held.winner is not None
    assert held.logit is not None
    if now.status != "judged" or not isinstance(verdict, Preference) or verdict.winner is None or verdict.logit is None:
        why = now.status if now.failure is None else f"{now.failure.kind}: {now.failure.message}"
        return Again(before.case_id, held.winner, None, None, why)
    return Again(before.case_id, held.winner, verdict.winner, abs(verdict.logit - held.logit), None)


def _weight(each: Again) -> tuple[bool, bool, float, str]:
    """Flips first, then what was not judged, then by how far the logits are apart."""
    return not each.is_flip, each.apart is not None, -(each.apart or 0.0), each.case_id
