"""What there is: rubrics, judges, models; and whether the service is alive and ready."""

from __future__ import annotations

from typing import Any, Final

import orjson
from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from judge_service.api.answers import json_response
from judge_service.api.problems import RETRY_SECONDS, Problem
from judge_service.api.state import State
from judge_service.cards.book import Cards
from judge_service.cards.section import Section, Tally
from judge_service.cards.shelf import current, expired
from judge_service.domain.standards import Constitution, Standard
from judge_service.evaluation.audits.audit_card import card_record
from judge_service.judge import Judge

router: Final = APIRouter()


@router.get("/v1/rubrics")
async def rubrics(request: Request) -> Response:
    """All rubrics and constitutions, without their texts."""
    state: State = request.app.state.judging
    return json_response({"object": "list", "data": [_brief(s) for s in state.service.library.standards.values()]})


@router.get("/v1/rubrics/{name}", responses={404: {"description": "There is no such rubric"}})
async def rubric(name: str, request: Request) -> Response:
    """One rubric or constitution, by `id` or `id@version`, with its texts."""
    state: State = request.app.state.judging
    standard = state.service.library.standard(name)
    parts = (
        {"principles": standard.principles} if isinstance(standard, Constitution) else {"criteria": standard.criteria}
    )
    whole = {
        **_brief(standard),
        "takes": standard.takes,
        "compare": standard.compare,
        "aggregate": standard.aggregate,
        "ties": standard.ties,
        "reading": standard.reading,
        "prompts": dict(standard.prompts),
    }
    # Anchors have numbers for keys, which JSON writes as strings.
    return Response(orjson.dumps({**whole, **parts}, option=orjson.OPT_NON_STR_KEYS), media_type="application/json")


def _brief(standard: Standard) -> dict[str, Any]:
    return {
        "id": standard.id,
        "object": "rubric",
        "version": standard.version,
        "kind": "constitution" if isinstance(standard, Constitution) else "rubric",
        "title": standard.title,
        "description": standard.description,
        "scale": standard.scale,
        "digest": standard.digest,
        "source": dict(standard.source) or None,
    }


@router.get("/v1/judges")
async def judges(request: Request) -> Response:
    """The cards of all configured judges; the first is the default."""
    state: State = request.app.state.judging
    service = state.service
    return json_response(
        {"object": "list", "data": [await judge_record(j, service.cards) for j in service.judges.values()]}
    )


@router.get("/v1/judges/{name}", responses={404: {"description": "There is no such judge"}})
async def judge_card(name: str, request: Request) -> Response:
    """One judge's card."""
    state: State = request.app.state.judging
    return json_response(await judge_record(state.service.judge_named(name), state.service.cards))


async def judge_record(judge: Judge, cards: Cards) -> dict[str, Any]:
    """All that is known of a judge: what it is, how its answers went, what was learnt of it and what audits found."""
    identity = judge.identity
    sections = [section for _, section in cards.of_judge(identity.digest)]
    kept = await cards.audits.of(identity)
    audits = current(kept, identity)
    answers = Tally()
    for section in sections:
        answers.add(section.tally)
    return {
        "id": judge.name,
        "object": "judge",
        "kind": identity.kind,
        "model": identity.model,
        "revision": identity.revision,
        "epoch": identity.epoch,
        "digest": identity.digest,
        "sampling": dict(identity.sampling),
        "thinking": judge.thinking,
        "images": judge.images,
        "min_label_mass": judge.min_label_mass,
        "votes": answers.votes,
        "failure_rate": answers.failures / answers.votes if answers.votes else None,
        "label_mass": answers.mass / answers.masses if answers.masses else None,
        "last_audit": max(
            filter(None, [*(s.last_audit for s in sections), *(a.made_at for a in audits)]), default=None
        ),
        "rubrics": [_section(section) for section in sections],
        "audits": [card_record(audit) for audit in audits],
        "audits_of_an_earlier_epoch": [card_record(audit) for audit in expired(kept, identity)],
    }


def _section(section: Section) -> dict[str, Any]:
    estimate = section.estimate
    return {
        "rubric": section.names.get("rubric"),
        "audited": len(section.audited),
        "position_bias": None if estimate is None else estimate.bias,
        "position_bias_spread": None if estimate is None else estimate.spread,
        "position": estimate,
        "calibrations": section.calibrations,
        "drift": section.drift,
        "last_audit": section.last_audit,
    }


@router.get("/v1/models")
async def models(request: Request) -> Response:
    """The judges' names in the shape of OpenAI's list of models."""
    state: State = request.app.state.judging
    listed = [
        {"id": name, "object": "model", "created": state.started, "owned_by": "judge-service"}
        for name in state.service.judges
    ]
    return json_response({"object": "list", "data": listed})


@router.get("/health")
async def health() -> Response:
    """Whether the process is alive."""
    return json_response({"status": "ok"})


@router.get("/ready", responses={503: {"description": "No judge answers"}})
async def ready(request: Request) -> Response:
    """Whether a judge answers."""
    state: State = request.app.state.judging
    told = {name: await judge.answers() for name, judge in state.service.judges.items()}
    if not any(told.values()):
        raise Problem(503, "no judge answers", code="judge_unavailable", retry=RETRY_SECONDS)
    return json_response({"status": "ready", "judges": told})


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(request: Request) -> Response:
    """Numbers for Prometheus."""
    state: State = request.app.state.judging
    service = state.service
    epochs = {name: judge.identity.epoch for name, judge in service.judges.items()}
    state.metrics.state(state.places.waiting, epochs, service.cache_faults, service.cards.drifts)
    state.metrics.open_cohorts(0 if state.gathering is None else state.gathering.open)
    state.quotas.tell()
    for name, judge in service.judges.items():
        state.metrics.loads(name, judge.loads())
    return Response(state.metrics.page(), media_type=state.metrics.content_type)
