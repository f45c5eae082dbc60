"""One response at a time: scored for itself, or ranked among the others of its prompt where callers are gathered.

`?group=8` ranks a response among the first 8 that come with the same prompt under the same key, run and options; after
`wait` seconds it is ranked among those that have come.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from judge_service.api.access import TENANT
from judge_service.api.drop_ins.call import FOR_GOOD, Call, called, unscored
from judge_service.api.judging import Caller
from judge_service.api.problems import RETRY_SECONDS, Problem
from judge_service.api.queue import while_wanted
from judge_service.api.state import State
from judge_service.cohorts.gathering import Ending, Gathering, TooManyCohorts
from judge_service.cohorts.ranking import ALONE
from judge_service.cohorts.shapes import Terms, Told
from judge_service.cohorts.watched import Member, Rank, Ranked
from judge_service.domain.cases import Candidate, Case, Content, content_digest, plain
from judge_service.domain.digests import digest
from judge_service.domain.judgments import Judgment
from judge_service.domain.option_values import number, whole
from judge_service.domain.parsing import content_from, unnamed
from judge_service.domain.verdicts import Ranking, Scorecard
from judge_service.errors import InvalidOption, InvalidRequest, JudgeServiceError
from judge_service.protocols.checks import check_case
from judge_service.sections import CohortSettings

GATHERING: Final[Mapping[str, str]] = {
    "group": "Rank each response among so many of the same prompt, which may come in requests of their own",
    "wait": "Seconds after which those that have come are ranked; 60, or half of the timeout if that is less",
    "run": "Responses of different runs never meet",
}
_WAIT_SECONDS: Final = 60.0
_LONGEST_RUN: Final = 200
_STATUS: Final[Mapping[str, int]] = {"invalid": 400, "too_long": 400, "timeout": 504}


@dataclass(frozen=True, slots=True)
class Reward:
    """What one response comes to.

    Attributes:
        value: in [0, 1]: the normalised score, or the mean probability of beating another member of its cohort.
        problem: why there is none.
        mark: of its cohort: complete, partial or late; None for a response that was scored for itself.
        size: members that it was ranked among, itself included.
        logs: numbers on the judging, by name.
        judgments: what it rests on, where it was judged for this request alone.
    """

    value: float | None
    problem: Problem | None = None
    mark: str | None = None
    size: int | None = None
    logs: Mapping[str, float] = field(default_factory=dict)
    judgments: tuple[Judgment, ...] = ()


@dataclass(frozen=True, slots=True)
class Sampled:
    """One response and what it answers.

    Attributes:
        metadata: of a case of its own; it is not shown to the judge.
    """

    prompt: Content
    response: Content
    reference: Content | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asking:
    """One request for rewards.

    Attributes:
        tenant: whose it is: cohorts of different keys never meet, whatever they share of the cache.
        timeout: seconds in which it is answered.
        terms: how its responses are gathered; None if each is scored for itself.
    """

    call: Call
    tenant: str
    timeout: float
    terms: Terms | None

    async def reward(self, sampled: Sampled) -> Reward:
        """What a response comes to. Whatever fails is told in it.

        Raises:
            Problem: it cannot be gathered at all.
        """
        if self.terms is None:
            return await _scored(self.call.caller, sampled)
        return await gathered(self, self.terms, sampled)


def per_sample(
    name: str, timeout: float, answer: Callable[[Asking], Awaitable[Response]], beside: Sequence[str] = ()
) -> Callable[[Request], Awaitable[Response]]:
    """The function of a route whose callers send one response at a time, and may be gathered.

    Args:
        timeout: seconds in which it answers if nobody says otherwise: less than its stock client waits.
        beside: query parameters that it takes besides options and those of gathering.
    """

    async def answered(request: Request) -> Response:
        state: State = request.app.state.judging
        is_gathered = "group" in request.query_params or "group" in state.settings.endpoints.get(name, {})
        call = await called(request, name, "rank" if is_gathered else "score", (*GATHERING, *beside))
        limit = call.options.timeout if "timeout" in call.options.told else timeout
        call = replace(call, caller=replace(call.caller, deadline=asyncio.get_running_loop().time() + limit))
        terms = _terms(call.query, limit, state.settings.cohorts) if is_gathered else None
        asking = Asking(call, request.scope.get(TENANT, ""), limit, terms)
        return await while_wanted(request, answer(asking))

    return answered


def _terms(query: Mapping[str, str], timeout: float, limits: CohortSettings) -> Terms:
    group = whole(2, limits.most_members)(_read(query["group"]), "group")
    usual = min(_WAIT_SECONDS, timeout / 2, limits.longest_wait)
    wait = number(0.0, limits.longest_wait)(_read(query.get("wait", str(usual))), "wait")
    if wait >= timeout:
        raise InvalidOption(f"wait is less than the timeout of {timeout:g} s, which judging needs a part of", "wait")
    if len(query.get("run", "")) > _LONGEST_RUN:
        raise InvalidOption(f"run is a name of at most {_LONGEST_RUN} characters", "run")
    return Terms(group, wait)


def _read(value: str) -> Any:
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


async def _scored(caller: Caller, sampled: Sampled) -> Reward:
    """A response's normalised score."""
    judgment = await caller.judgment(_case(sampled))
    verdict = judgment.verdict
    if judgment.status != "judged" or not isinstance(verdict, Scorecard) or verdict.normalized is None:
        return Reward(None, unscored(judgment), judgments=(judgment,))
    score = {} if verdict.score is None else {"judge_score": verdict.score}
    return Reward(verdict.normalized, logs={**_logs(judgment), **score}, judgments=(judgment,))


def _case(sampled: Sampled) -> Case:
    """A response as a case of its own."""
    candidate = Candidate("a", sampled.response)
    return Case("", sampled.prompt, (candidate,), sampled.reference, metadata=sampled.metadata)


async def gathered(asking: Asking, terms: Terms, sampled: Sampled) -> Reward:
    """A response's mean probability of beating another of its cohort, and how complete that was.

    Raises:
        InvalidCase: it lacks what the rubric takes.
        Problem: this server cannot gather, or not now.
        StoreDown: what is kept of cohorts cannot be reached.
    """
    call = asking.call
    gathering = _gathering(call.caller.state)
    deadline = call.caller.deadline
    assert deadline is not None
    # What would keep the group from being ranked is told before anybody waits.
    check_case(_case(sampled), call.caller.sitting.standard)
    text = orjson.dumps(plain(sampled.response))
    member = Member(
        _key(asking, terms, sampled), text, content_digest(sampled.response).hex(), terms, asking.timeout, deadline
    )
    try:
        told = await gathering.told(member, _ranks(call.caller, sampled))
    except Ending:
        raise Problem(503, "this server ends; another is to be asked", code="server_ending", retry=1) from None
    except TooManyCohorts:
        message = "as many cohorts are open as may be (cohorts.most_open)"
        raise Problem(429, message, code="cohorts_full", retry=RETRY_SECONDS) from None
    except TimeoutError:
        return Reward(None, Problem(504, "the cohort was not ranked in time", "timeout", "timeout", RETRY_SECONDS))
    return _reward(told)


def _gathering(state: State) -> Gathering:
    if state.gathering is None:
        told = (
            "this server has several processes, and nowhere to keep cohorts that they share: name a Redis as"
            " cohorts.url or as cache.url, or serve with one process"
        )
        raise Problem(503, told, "group", "cohorts_not_kept").for_good()
    return state.gathering


def _key(asking: Asking, terms: Terms, sampled: Sampled) -> str:
    """Names what the members of a cohort have in common."""
    options = asking.call.options
    whose = [asking.tenant, asking.call.endpoint, asking.call.query.get("run", "")]
    how = [options.digest(), options.rubric, options.cache, options.judge_digest, options.card, asking.timeout]
    texts = [content_digest(content).hex() for content in (sampled.prompt, sampled.reference)]
    return digest([whose, how, terms.group, terms.wait, texts]).removeprefix("sha256:")


def _ranks(caller: Caller, sampled: Sampled) -> Rank:
    """How members are ranked: as /v1/rank ranks them, whoever of them asks."""

    async def ranked(texts: Sequence[bytes], seconds: float) -> Ranked:
        members = [Candidate(unnamed(i), content_from(orjson.loads(t), "response")) for i, t in enumerate(texts)]
        case = Case("", sampled.prompt, tuple(members), sampled.reference)
        deadline = asyncio.get_running_loop().time() + seconds
        try:
            judgment = await replace(caller, deadline=deadline).judgment(case)
        except JudgeServiceError as e:
            return Ranked(None, ("invalid" if isinstance(e, InvalidRequest) else "judge_error", e.message))
        verdict = judgment.verdict
        if judgment.status != "judged" or not isinstance(verdict, Ranking) or verdict.scores is None:
            problem = unscored(judgment)
            return Ranked(None, (problem.code or "judge_error", problem.message))
        return Ranked([verdict.scores[member.id] for member in members], None, _logs(judgment))

    return ranked


def _reward(told: Told) -> Reward:
    """What a member was told, for its caller."""
    if told.failure is not None:
        kind, message = told.failure
        code = f"cohort_{ALONE}" if kind == ALONE else kind
        problem = Problem(_STATUS.get(kind, 503), message, None, code, RETRY_SECONDS)
        return Reward(None, problem.for_good() if kind in FOR_GOOD else problem, told.mark, told.size)
    marks = {
        "judge_cohort_size": float(told.size),
        "judge_cohort_complete": float(told.mark == "complete"),
        "judge_cohort_late": float(told.mark == "late"),
    }
    return Reward(told.score, None, told.mark, told.size, {**(told.logs or {}), **marks})


def _logs(judgment: Judgment) -> dict[str, float]:
    """Numbers on a judgment that trainers log."""
    masses = [vote.label_mass for vote in judgment.votes if vote.label_mass is not None]
    mass = {"judge_label_mass": sum(masses) / len(masses)} if masses else {}
    epochs = [judge.epoch for judge in judgment.provenance.judges] if judgment.provenance else []
    return (
        mass
        | {"judge_calls": float(judgment.usage.judge_calls)}
        | ({"judge_epoch": float(max(epochs))} if epochs else {})
    )
