"""What a trainer should log of the judgments each step rests on, as flat numbers: pure, and without the texts."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import StatisticsError, correlation, fmean, pstdev
from typing import Final

from judge_service.domain.judgments import JudgeIdentity, Judgment
from judge_service.domain.verdicts import Preference
from judge_service.evaluation.standing import Standing
from judge_service.statistics.agreement import mid_ranks

PREFIX: Final = "judge/"


@dataclass(frozen=True, slots=True)
class Rewarded:
    """A response and what the trainer made of it.

    Attributes:
        group: what it was judged with: responses of one prompt have one group.
        length: in any one unit, such as tokens or characters.
        reward: None where it has none.
    """

    group: Hashable
    length: int
    reward: float | None


@dataclass(frozen=True, slots=True)
class Watched:
    """Figures for a trainer's log, and what a person should read.

    Attributes:
        figures: by name (`judge/flip_rate`, …); what is not known of a step is left out, and never 0.
    """

    figures: dict[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def __or__(self, other: Watched) -> Watched:
        """Both together."""
        return Watched(self.figures | other.figures, self.warnings + other.warnings)


class Watch:
    """Follows the judgments of a training run, step by step, and who judged: another judge is told once.

    Figures of a step:
        flip_rate: of pairs shown in both orders, those whose orders name different winners. Second orders that were
            asked for because the first was a near tie would make it look higher, and are left out: under audited
            orders it is that of the audited share, and it is unknown where every pair was shown in one order.
        tie_share: of judged pairs, the ties.        position_bias: the mean lean to the first-shown, in logits.
        unscored: of all, those without a full verdict; unscored/KIND: the same for each kind of failure.
        cache_hit_share: of the answers, those that the cache gave.        calls: judge calls.
        epoch: the judges' highest; epoch_changed: 1 at the step at which a judge became another, else 0.
        length_correlation, reward_mean, reward_spread: of the responses; see `length_correlation`.
    """

    def __init__(self) -> None:
        self._judges: dict[str, JudgeIdentity] = {}

    def step(self, judgments: Sequence[Judgment], responses: Sequence[Rewarded] = ()) -> Watched:
        """The figures of one step.

        Args:
            responses: those that the step's rewards are of; may be empty where the trainer makes no rewards.
        """
        changed = self._changes(judgments)
        figures: dict[str, float | None] = {
            **_shares(judgments),
            **_of_rewards(responses),
            "epoch": max((judge.epoch for judge in self._judges.values()), default=None),
            "epoch_changed": float(bool(changed)) if self._judges else None,
        }
        return Watched(named(figures), tuple(changed))

    def _changes(self, judgments: Iterable[Judgment]) -> list[str]:
        """One sentence to each judge that has become another since it was last seen."""
        told: list[str] = []
        for judge in (judge for j in judgments if j.provenance is not None for judge in j.provenance.judges):
            known = self._judges.setdefault(judge.name, judge)
            if known.digest != judge.digest:
                was, now = f"{known.model}, epoch {known.epoch}", f"{judge.model}, epoch {judge.epoch}"
                told.append(f"the judge {judge.name} has changed in the middle of the run: it was {was}, and is {now}")
                self._judges[judge.name] = judge
        return told


def named(figures: Mapping[str, float | None]) -> dict[str, float]:
    """The figures that are known, under the names they are logged by."""
    return {PREFIX + name: float(value) for name, value in figures.items() if value is not None}


def _shares(judgments: Sequence[Judgment]) -> dict[str, float | None]:
    if not judgments:
        return {}
    standing, drawn = Standing(), Standing()
    for judgment in judgments:
        standing.count(judgment)
        if isinstance(judgment.verdict, Preference) and judgment.verdict.asked != "near-tie":
            drawn.count(judgment)
    usage = standing.usage
    answers = usage.judge_calls + usage.cache_hits
    return {
        "flip_rate": drawn.flip_rate,
        "tie_share": standing.tie_rate,
        "position_bias": drawn.mean_bias,
        "unscored": 1.0 - standing.statuses["judged"] / standing.rows,
        **{f"unscored/{kind}": told.count / standing.rows for kind, told in standing.failures.items()},
        "calls": usage.judge_calls,
        "cache_hit_share": usage.cache_hits / answers if answers else None,
    }


def _of_rewards(responses: Sequence[Rewarded]) -> dict[str, float | None]:
    rewards = [response.reward for response in responses if response.reward is not None]
    if not rewards:
        return {}
    return {
        "reward_mean": fmean(rewards),
        "reward_spread": pstdev(rewards),
        "length_correlation": length_correlation(responses),
    }


def length_correlation(responses: Sequence[Rewarded]) -> float | None:
    """Spearman's correlation of reward and length within groups, in [-1, 1]: how far longer means better to this judge.

    Mid-ranks are taken in each group and centred there, then all groups are correlated together: what prompts differ in
    plays no part, a group of two counts as "the longer won" or "the shorter won", and ties in between.

    Returns:
        None where it is not defined: no group of two rewards or more, or nothing that differs within any.
    """
    groups: dict[Hashable, list[tuple[float, int]]] = {}
    for response in responses:
        if response.reward is not None:
            groups.setdefault(response.group, []).append((response.reward, response.length))
    rewards: list[float] = []
    lengths: list[float] = []
    for members in groups.values():
        middle = (len(members) + 1) / 2
        rewards += [rank - middle for rank in mid_ranks([reward for reward, _ in members])]
        lengths += [rank - middle for rank in mid_ranks([length for _, length in members])]
    try:
        return correlation(rewards, lengths)
    except StatisticsError:
        return None
