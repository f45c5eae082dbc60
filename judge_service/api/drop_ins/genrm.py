"""POST /genrm/compare, and /compare, as the resources server `genrm_compare` of NeMo-Gym is asked.

Its callers' numbers run from 1 to 5 with 3 for neither better nor worse. A reward here is 1 + 4 p, p being the mean
probability of beating another response; a comparison's scores are 1 + 4 p and 1 + 4 (1 - p) of that one question, and
its ranking 1 + 5 (1 - p), from 1 (the first is much better) to 6. What has no verdict is no 3: it is an error, or the
number in `on_failure`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean, pstdev
from typing import Any, Final

from pydantic import BaseModel, Field, JsonValue
from starlette.responses import Response

from judge_service.api.drop_ins.call import Call, judged, under_their_names, unscored
from judge_service.api.drop_ins.drop_in import DropIn
from judge_service.api.drop_ins.told_options import to_score
from judge_service.domain.judgments import Judgment
from judge_service.domain.option_values import shown
from judge_service.domain.options import Options
from judge_service.domain.parsing import case_from
from judge_service.domain.responses import messages_of
from judge_service.domain.verdicts import Ranking, Scorecard, Vote
from judge_service.errors import InvalidCase

_KNOWN: Final = ("conversation_history", "response_objs", "principle")
_THEIRS: Final = {"prompt": "conversation_history", "candidates": "response_objs", "response": "response_objs[0]"}
_LOW: Final = 1.0
_RANGE: Final = 4.0
_PLACES: Final = 5.0


async def compare(call: Call) -> Response:
    """The rewards of a group of responses, and the comparisons that they rest on."""
    judgment = await _judgment(call)
    rewards = _rewards(judgment)
    if rewards is None:
        if call.on_failure is None:
            raise unscored(judgment)
        rewards = [call.on_failure] * len(judgment.candidates)
    votes = [vote for vote in judgment.votes if vote.kind == "pair"]
    told = {
        "rewards": rewards,
        "comparison_results": _comparisons(judgment, votes),
        "metrics": _metrics(judgment, votes),
    }
    return call.answer(told, _KNOWN, [judgment])


async def _judgment(call: Call) -> Judgment:
    """A ranking; the scorecard of a response that has nobody to be compared with."""
    listed = call.body.get("response_objs")
    if not isinstance(listed, list) or not listed:
        raise InvalidCase("response_objs is a list of one or more", "response_objs")
    said = [messages_of(response, f"response_objs[{place}]") for place, response in enumerate(listed)]
    prompt = _history(call.body.get("conversation_history"))
    options = _by_principle(call.options, call.body.get("principle"))
    with under_their_names(_THEIRS):
        if len(said) == 1:
            case = case_from({"prompt": prompt, "response": said[0]}, "score")
            return await call.caller_for("score", to_score(options)).judgment(case)
        case = case_from({"prompt": prompt, "candidates": said}, "rank")
        return await call.caller_for("rank", options).judgment(case)


def _history(value: Any) -> list[Any]:
    """The conversation so far; who speaks unnamed is the user."""
    if not isinstance(value, list):
        raise InvalidCase("conversation_history is a list of messages", "conversation_history")
    return [{"role": "user", **turn} if isinstance(turn, Mapping) else turn for turn in value]


def _by_principle(options: Options, principle: Any) -> Options:
    """The options with the request's own principle for a rubric, and with the votes that comparisons are told from."""
    include = tuple(dict.fromkeys((*options.include, "votes")))
    if principle in (None, ""):
        return replace(options, include=include)
    if not isinstance(principle, str) or not principle.strip():
        raise InvalidCase(f"principle is a text; got {shown(principle)}", "principle")
    rubric = {"id": "principle", "kind": "constitution", "principles": [{"name": "principle", "text": principle}]}
    return replace(options, include=include, rubric=rubric, told=options.told | {"rubric"})


def _rewards(judgment: Judgment) -> list[float] | None:
    """On the callers' scale, in the order given; None where there is no verdict."""
    verdict = judgment.verdict
    if judgment.status != "judged":
        return None
    if isinstance(verdict, Scorecard):
        return None if verdict.normalized is None else [_LOW + _RANGE * verdict.normalized]
    if not isinstance(verdict, Ranking) or verdict.scores is None:
        return None
    return [_LOW + _RANGE * verdict.scores[name] for name in judgment.candidates]


def _comparisons(judgment: Judgment, votes: Sequence[Vote]) -> list[dict[str, float]]:
    """Each question about two responses that has an answer, as it was asked: the first-shown is `response_i`."""
    place = {name: i for i, name in enumerate(judgment.candidates)}
    asked: Counter[tuple[str, ...]] = Counter()
    told = []
    for vote in votes:
        if vote.probabilities is not None:
            told.append(_comparison(place[vote.order[0]], place[vote.order[1]], asked[vote.order], _first(vote)))
            asked[vote.order] += 1
    return told


def _first(vote: Vote) -> float:
    """The probability that the first-shown is better, a tie counting half."""
    assert vote.probabilities is not None
    return vote.probabilities[vote.order[0]] + (vote.tie or 0.0) / 2


def _comparison(i: int, j: int, nth: int, p: float) -> dict[str, float]:
    return {
        "response_i": i,
        "response_j": j,
        "judge_idx": nth,
        "score_1": _LOW + _RANGE * p,
        "score_2": _LOW + _RANGE * (1.0 - p),
        "ranking": _LOW + _PLACES * (1.0 - p),
    }


def _metrics(judgment: Judgment, votes: Sequence[Vote]) -> dict[str, float]:
    """Numbers only; what there is no number for is left out."""
    usable = [vote for vote in votes if vote.probabilities is not None]
    told: dict[str, float] = {
        "comparisons": len(usable),
        "failed_comparisons": len(votes) - len(usable),
        "unscored": 0.0 if judgment.status == "judged" else 1.0,
        "judge_calls": judgment.usage.judge_calls,
        "cache_hits": judgment.usage.cache_hits,
    }
    scores = [_LOW + _RANGE * share for vote in usable for share in (_first(vote), 1.0 - _first(vote))]
    if scores:
        told |= {"mean_individual_score": fmean(scores), "std_individual_score": pstdev(scores)}
        told["tiebreak_usage_rate"] = fmean(_first(vote) == 0.5 for vote in usable)
    flips = _flips(usable)
    if flips:
        told["flip_share"] = fmean(flips)
    return told


def _flips(votes: Sequence[Vote]) -> list[bool]:
    """Of each pair shown in both orders, whether they name different winners."""
    means: dict[tuple[str, ...], list[float]] = {}
    for vote in votes:
        means.setdefault(vote.order, []).append(_first(vote))
    both = [order for order in means if order < order[::-1] and order[::-1] in means]
    return [(fmean(means[order]) - 0.5) * (fmean(means[order[::-1]]) - 0.5) > 0 for order in both]


class ResponseObject(BaseModel):
    """What a model answered, as OpenAI's Responses API has it."""

    output: list[dict[str, JsonValue]]


class CompareRequest(BaseModel):
    """A conversation, and the responses that may be its next turn."""

    model: str | None = Field(None, description="A judge, or judge/rubric")
    conversation_history: list[dict[str, JsonValue]] = Field(min_length=1)
    response_objs: list[ResponseObject] = Field(min_length=1)
    principle: str | None = Field(None, description="What to judge by, in place of the rubric")


class ComparisonResult(BaseModel):
    """One question and its answer; `judge_idx` counts the times the same two were asked in the same order."""

    response_i: int
    response_j: int
    judge_idx: int
    score_1: float
    score_2: float
    ranking: float


class CompareAnswer(BaseModel):
    """One reward to each response, in the order given: 1 to 5, 3 for as good as the others."""

    rewards: list[float]
    comparison_results: list[ComparisonResult]
    metrics: dict[str, float]


def _example(text: str) -> dict[str, Any]:
    return {"output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}]}


DROP_IN: Final = DropIn(
    name="genrm",
    task="rank",
    paths=("/genrm/compare", "/compare"),
    answers=judged("genrm", "rank", compare),
    summary="The rewards of a group of responses, as NeMo-Gym's genrm_compare gives them",
    body=CompareRequest,
    result=CompareAnswer,
    examples={
        "two responses": {
            "conversation_history": [{"role": "user", "content": "Name a prime number."}],
            "response_objs": [_example("7"), _example("9")],
        },
        "by a principle": {
            "conversation_history": [{"role": "user", "content": "Name a prime number."}],
            "response_objs": [_example("7"), _example("I like turtles.")],
            "principle": "The answer is true.",
        },
    },
)
