"""What the endpoints that decide questions share: an inquiry in, answers or an error out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from judge_service.api.drop_ins.call import Call
from judge_service.api.problems import RETRY_SECONDS, Problem
from judge_service.deciding import Decided
from judge_service.domain.decisions import DecisionAnswer, DecisionQuestion, Inquiry, OptionVote
from judge_service.domain.options import Options
from judge_service.domain.verdicts import Failure, Usage

_TOLD_WITH_VOTES: Final = frozenset(("votes", "prompts", "raw"))
_OUTAGES: Final = frozenset(("judge_unavailable", "judge_error", "timeout"))


async def decided(call: Call, inquiry: Inquiry, options: Options | None = None) -> Decided:
    """Waits for a place, and has all questions decided.

    Args:
        options: instead of the call's own.

    Raises:
        InvalidCase, InvalidOption, JudgeChanged: as the decider does.
        Problem: see `check_came`.
    """
    caller = call.caller
    decider = caller.state.service.decider(caller.with_priority(options or call.options))
    try:
        async with caller.lane.place(caller.deadline):
            found = await decider.decide(inquiry, caller.deadline, caller.tenant)
    except TimeoutError:
        raise Problem(504, "the deadline passed while the questions waited", code="timeout", retry=1) from None
    if caller.spending is not None:
        caller.spending.used(found.usage)
    caller.state.metrics.decided(found)
    check_came(found)
    return found


def check_came(found: Decided) -> None:
    """Refuses to pass off an outage as an answer.

    A refusal says that the judge would not answer, and a client takes it for final: it drops the question, or counts
    it. A judge that could not be reached, or was too late, has said nothing. So one such question fails the whole
    request, with a status on which stock clients try again; what was answered is in the cache, and is not asked anew.
    What fits into no context is the caller's to change, and is 400 where nothing did fit.

    Raises:
        Problem: 503, 504 or 400.
    """
    failures = [answer.failure for answer in found.answers if answer.failure]
    outage = next((failure for failure in failures if failure.kind in _OUTAGES), None)
    if outage is not None:
        share = f"{len(failures)} of {len(found.answers)} questions: {outage.message}"
        raise Problem(504 if outage.kind == "timeout" else 503, share, code=outage.kind, retry=RETRY_SECONDS)
    if len(failures) == len(found.answers) and all(failure.kind == "too_long" for failure in failures):
        raise Problem(400, failures[0].message, "input", "context_length_exceeded")


def unanswered(question: str, failure: Failure) -> Problem:
    """What a caller is told of a question without an answer, where its shape cannot say so: it would be so again."""
    status = 400 if failure.kind == "too_long" else 503
    return Problem(status, f"{question}: {failure.message}", failure.param, failure.kind).for_good()


def usage_of(usage: Usage) -> dict[str, Any]:
    """Tokens in the shape of OpenAI's responses, and the calls they were spent on."""
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "judge_calls": usage.judge_calls,
        "cache_hits": usage.cache_hits,
    }


def evidence_of(answer: DecisionAnswer, options: Options) -> dict[str, Any]:
    """What an answer rests on, beyond what the shapes of others have a place for."""
    told: dict[str, Any] = {
        "label_mass": answer.label_mass,
        "consistent": answer.consistent,
        "position_bias": answer.position_bias,
        "evidence": answer.evidence,
    }
    # Votes are many here: unlike a judgment's they are told only where somebody asks for them.
    if "include" in options.told and _TOLD_WITH_VOTES & set(options.include):
        told["votes"] = [_vote(vote, answer.question) for vote in answer.votes]
    return told


def _vote(vote: OptionVote, question: DecisionQuestion) -> dict[str, Any]:
    told: dict[str, Any] = dict(vars(vote))
    shown = [question.options[place].value for place in told.pop("shown")]
    weights: Sequence[float] | None = told.pop("weights")
    told["order"] = shown
    told["probabilities"] = (
        None
        if weights is None
        else [{"value": value, "probability": weight} for value, weight in zip(shown, weights, strict=True)]
    )
    return {name: value for name, value in told.items() if value is not None or name not in ("prompt", "raw")}


def headers_of(found: Decided) -> dict[str, str]:
    """How the questions ended, who decided, and how many have no answer, as the other drop-ins tell of judgments."""
    statuses = {"unscored" if answer.failure else "judged" for answer in found.answers}
    told = {"x-judge-status": ", ".join(sorted(statuses)), "x-judge-epoch": str(found.judge.epoch)}
    missing = sum(answer.failure is not None for answer in found.answers)
    return told | ({"x-judge-unscored": str(missing)} if missing else {})


def unknown_in(value: Any, known: Sequence[str], at: str) -> Mapping[str, Any]:
    """The fields of an object that are not known, under the names by which a header tells of them."""
    if not isinstance(value, Mapping):
        return {}
    return {f"{at}.{name}": told for name, told in value.items() if name not in known}
