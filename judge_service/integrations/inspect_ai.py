"""Inspect (inspect_ai 0.3): scorers for tasks and for `inspect score`, as `judge_service/judged` and
`judge_service/preferred`.

Evaluations are asked as the service asks by itself: both orders, and from the cache what it knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inspect_ai.model import ChatMessage
from inspect_ai.scorer import (
    Metric,
    SampleScore,
    Score,
    Scorer,
    Target,
    mean,
    metric,
    scorer,
    stderr,
)
from inspect_ai.solver import TaskState

from judge_service.domain.judgments import Judgment
from judge_service.domain.verdicts import Preference, Scorecard
from judge_service.integrations.worth import asked, async_client, field_of, marks_of, number_in, why_not


@metric
def consistency() -> Metric:
    """The share of pairs on which both orders name the same winner, of those that were shown in both."""

    def share(scores: list[SampleScore]) -> float:
        told = [(score.score.metadata or {}).get("consistent") for score in scores]
        known = [bool(consistent) for consistent in told if consistent is not None]
        return sum(known) / len(known) if known else float("nan")

    return share


@scorer(metrics=[mean(), stderr()])
def judged(
    rubric: str = "helpfulness",
    reference: bool = False,
    history: bool = False,
    options: dict[str, Any] | None = None,
    base_url: str | None = None,
) -> Scorer:
    """The answer's score under a rubric, as a share of the rubric's scale, in [0, 1]; unscored where there is none.

    Args:
        reference: whether the sample's target is an answer that the judge is to see.
        history: whether the judge sees the whole conversation up to the answer, and not the sample's input alone.
        options: of the judgment, as in /v1/score.
        base_url: of the service; None: JUDGE_SERVER_URL, else this machine; its key is JUDGE_API_KEY.
    """

    async def score(state: TaskState, target: Target) -> Score:
        case = {
            "id": str(state.sample_id),
            "prompt": _asked(state, history),
            "response": state.output.completion,
            "reference": target.text if reference else None,
        }
        told = {"rubric": rubric, **(options or {})}
        judgment = await asked(async_client(base_url), "score", case, told)
        verdict = judgment.verdict
        criteria = verdict.criteria or () if isinstance(verdict, Scorecard) else ()
        return _scored(judgment, state, {criterion.name: criterion.score for criterion in criteria})

    return score


@scorer(metrics=[mean(), stderr(), consistency()])
def preferred(
    baseline: str = "",
    rubric: str = "helpfulness",
    history: bool = False,
    options: dict[str, Any] | None = None,
    base_url: str | None = None,
) -> Scorer:
    """The probability that the answer is better than a baseline, a tie counting half; the mean is a win rate.

    Args:
        baseline: the field of the sample's metadata with the answer to beat; empty: the sample's target.
        history, options, base_url: as in `judged`.
    """

    async def score(state: TaskState, target: Target) -> Score:
        other = field_of(state.metadata, baseline, "the sample's metadata") if baseline else target.text
        candidates = [{"id": "answer", "content": state.output.completion}, {"id": "baseline", "content": other}]
        told = {"rubric": rubric, **(options or {})}
        case = {"id": str(state.sample_id), "prompt": _asked(state, history), "candidates": candidates}
        judgment = await asked(async_client(base_url), "compare", case, told)
        verdict = judgment.verdict
        if not isinstance(verdict, Preference):
            return _scored(judgment, state, {})
        more = {"winner": verdict.winner, "consistent": verdict.consistent, "position_bias": verdict.position_bias}
        return _scored(judgment, state, more)

    return score


def _scored(judgment: Judgment, state: TaskState, more: Mapping[str, Any]) -> Score:
    """A judgment as Inspect keeps it: one without a verdict takes no part in metrics, and says why."""
    answer = state.output.completion
    metadata = {**marks_of(judgment), "judgment": judgment.id, **more}
    number = number_in(judgment)
    if number is None:
        return Score.unscored(reason="grader_failed", answer=answer, explanation=why_not(judgment), metadata=metadata)
    explanations = [vote.explanation for vote in judgment.votes if vote.explanation]
    return Score(value=number, answer=answer, explanation="\n\n".join(explanations) or None, metadata=metadata)


def _asked(state: TaskState, history: bool) -> str | list[dict[str, Any]]:
    """What the answer is an answer to."""
    if not history:
        return state.input if isinstance(state.input, str) else [_message(message) for message in state.input]
    last = max((i for i, message in enumerate(state.messages) if message.role == "assistant"), default=0)
    return [_message(message) for message in state.messages[:last]] or state.input_text


def _message(message: ChatMessage) -> dict[str, Any]:
    """A message in the shape of chat completions; thoughts are left out, which the policy's reader does not see."""
    told: dict[str, Any] = {"role": message.role, "content": message.text}
    calls = getattr(message, "tool_calls", None) or ()
    if calls:
        told["tool_calls"] = [
            {"type": "function", "function": {"name": call.function, "arguments": call.arguments}} for call in calls
        ]
    return told
