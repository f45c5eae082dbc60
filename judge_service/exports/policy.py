"""Which pairs of answers are exported, and why others are not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from typing import Final, Literal

from judge_service.domain.cases import Content, content_digest, same_content
from judge_service.domain.frozen import frozen
from judge_service.domain.judgments import Judgment
from judge_service.domain.verdicts import Preference, Ranking
from judge_service.exports.groups import Answer, Group

Pairing = Literal["best-worst", "all", "adjacent"]
Ties = Literal["drop", "both", "soft"]
Inconsistent = Literal["auto", "keep", "drop", "weight"]
PAIRINGS: Final[tuple[Pairing, ...]] = ("best-worst", "all", "adjacent")
TIES: Final[tuple[Ties, ...]] = ("drop", "both", "soft")
INCONSISTENT: Final[tuple[Inconsistent, ...]] = ("auto", "keep", "drop", "weight")


@frozen
class Policy:
    """What is exported.

    Attributes:
        pairs: which pairs of several answers.
        margin: the least difference of worth.
        ties: `both` makes two rows of a tie, one each way; `soft` makes one, which says that it is a tie.
        inconsistent: what to do where the two orders name different winners. `auto` keeps what was read from
            probabilities, where the mean over both orders has the bias taken off, and drops what was read from text;
            `weight` keeps all and gives every row a weight.
        min_kendall_w: the least agreement of a ranking's repeats.
        with_dropped: whether judgments that a filter dropped are exported too.
        one_per_prompt: of all that a prompt's judgments give, the one with the widest margin only.
    """

    pairs: Pairing = "best-worst"
    margin: float = 0.0
    ties: Ties = "drop"
    inconsistent: Inconsistent = "auto"
    min_kendall_w: float | None = None
    with_dropped: bool = False
    one_per_prompt: bool = False


@frozen
class Pair:
    """Two answers to one prompt, and how much better the first is; a tie has a margin of 0."""

    group: Group
    chosen: Answer
    rejected: Answer
    margin: float
    tied: bool = False


def why_not(judgment: Judgment, policy: Policy) -> str | None:
    """Why nothing of a judgment is exported, as far as its texts do not matter; None where something may be."""
    status = judgment.status
    if status == "dropped" and policy.with_dropped and judgment.verdict is not None:
        return None
    if status == "dropped":
        return f"dropped by {judgment.dropped_by}" if judgment.dropped_by else "dropped"
    if status != "judged":
        return f"{status} ({judgment.failure.kind})" if judgment.failure is not None else status
    return _unreliable(judgment, policy)


def _unreliable(judgment: Judgment, policy: Policy) -> str | None:
    verdict = judgment.verdict
    if isinstance(verdict, Preference) and verdict.consistent is False and _drops(verdict, policy):
        return "orders disagree"
    if policy.min_kendall_w is not None:
        agreement = verdict.kendall_w if isinstance(verdict, Ranking) else None
        if agreement is None:
            return "without Kendall's W"
        if agreement < policy.min_kendall_w:
            return f"Kendall's W under {policy.min_kendall_w:g}"
    return None


def _drops(verdict: Preference, policy: Policy) -> bool:
    return policy.inconsistent == "drop" or (policy.inconsistent == "auto" and verdict.evidence == "text")


def weight_of(judgment: Judgment) -> float:
    """What a judgment's rows count for, from 0 to 1: less than 1 where its two orders name different winners.

    It is then what is left of the winner's probability, |2p - 1|: nothing at even, and all of it near certainty.
    """
    verdict = judgment.verdict
    if not isinstance(verdict, Preference) or verdict.consistent is not False or verdict.probability is None:
        return 1.0
    return 1.0 if verdict.winner == "tie" else abs(2.0 * verdict.probability - 1.0)


def pairs_of(group: Group, policy: Policy, left_out: Counter[str]) -> Iterator[Pair]:
    """The pairs of a group that the policy exports; those that it does not are counted by reason."""
    for better, worse in _chosen(group, policy.pairs):
        margin = better.worth - worse.worth
        tied = better.rank == worse.rank
        why = _why_no_pair(better, worse, policy, margin, tied)
        if why is not None:
            left_out[why] += 1
            continue
        yield Pair(group, better, worse, 0.0 if tied else margin, tied)
        if tied and policy.ties == "both":
            yield Pair(group, worse, better, 0.0, tied)


def _why_no_pair(better: Answer, worse: Answer, policy: Policy, margin: float, tied: bool) -> str | None:
    if same_content(better.content, worse.content):
        return "the same text twice"
    if tied:
        return "tied" if policy.ties == "drop" else None
    if margin <= 0.0:
        return "ranked against their strengths"
    return f"margin under {policy.margin:g}" if margin < policy.margin else None


def _chosen(group: Group, pairing: Pairing) -> list[tuple[Answer, Answer]]:
    """Pairs of answers, the better one first."""
    ordered = sorted(group.answers, key=lambda answer: (answer.rank, content_digest(answer.content)))
    if len(ordered) < 2:
        return []
    if pairing == "best-worst":
        return [(ordered[0], ordered[-1])]
    tiers = sorted({answer.rank for answer in ordered})
    tier = {rank: place for place, rank in enumerate(tiers)}
    near = len(tiers) if pairing == "all" else 1
    return [(one, other) for one, other in combinations(ordered, 2) if tier[other.rank] - tier[one.rank] <= near]


def spread(group: Group) -> float:
    """How far the best answer is from the worst."""
    worths = [answer.worth for answer in group.answers]
    return max(worths) - min(worths)


def all_tied(group: Group) -> bool:
    """Whether nothing in the group is better than anything else."""
    return len(group.answers) > 1 and len({answer.rank for answer in group.answers}) == 1


def prompt_key(content: Content) -> bytes:
    """Names a prompt, in few bytes: there may be a million of them in memory."""
    return content_digest(content)[:12]
