"""One judge under one rubric, as an audit found it, and what has changed since the last time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from judge_service.domain.digests import digest
from judge_service.domain.frozen import frozen
from judge_service.domain.judgments import JudgeIdentity, Named
from judge_service.evaluation.audits.measures import Measure, measure_record

SCHEMA = 1


@frozen
class AuditCard:
    """The card. It holds for this judge in this epoch, under this rubric, asked by this prompt.

    Attributes:
        version: names the card by its content.
        made_at: when, as ISO 8601 in UTC.
        cases: how many it rests on; each measure has its own n.
        sources: what was audited, in words: cases that were judged for it, or stored judgments.
        left_out: how many judgments say nothing, by why.
    """

    version: str
    made_at: str
    judge: JudgeIdentity
    rubric: Named
    prompt: Named
    method: str
    cases: int
    sources: str
    measures: tuple[Measure, ...]
    left_out: Mapping[str, int]

    def measure(self, name: str) -> Measure | None:
        """The measure of that name."""
        return next((each for each in self.measures if each.name == name), None)


def versioned(card: AuditCard) -> AuditCard:
    """The card under the version that its content gives it."""
    return replace(card, version="aud_" + digest(card_record(replace(card, version=""))).removeprefix("sha256:")[:12])


def card_record(card: AuditCard) -> dict[str, Any]:
    """The card as plain fields."""
    judge = card.judge
    return {
        "object": "audit.card",
        "schema": SCHEMA,
        "version": card.version,
        "made_at": card.made_at,
        "judge": {
            "name": judge.name,
            "kind": judge.kind,
            "model": judge.model,
            "revision": judge.revision,
            "epoch": judge.epoch,
            "digest": judge.digest,
        },
        "rubric": {"id": card.rubric.id, "version": card.rubric.version, "digest": card.rubric.digest},
        "prompt": {"id": card.prompt.id, "digest": card.prompt.digest},
        "method": card.method,
        "cases": card.cases,
        "sources": card.sources,
        "left_out": dict(card.left_out),
        "findings": [measure_record(measure) for measure in card.measures],
    }


def card_from(record: Mapping[str, Any]) -> AuditCard:
    """The card a record holds; fields this version does not know are left out.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    if record["object"] != "audit.card":
        raise ValueError("it is no card of an audit")
    judge, rubric, prompt = record["judge"], record["rubric"], record["prompt"]
    return AuditCard(
        version=str(record["version"]),
        made_at=str(record["made_at"]),
        judge=JudgeIdentity(*(judge[name] for name in ("name", "kind", "model", "revision", "epoch", "digest"))),
        rubric=Named(rubric["id"], rubric["version"], rubric["digest"]),
        prompt=Named(prompt["id"], None, prompt["digest"]),
        method=str(record["method"]),
        cases=int(record["cases"]),
        sources=str(record["sources"]),
        measures=tuple(_measure(each) for each in record["findings"]),
        left_out=dict(record["left_out"]),
    )


def _measure(record: Mapping[str, Any]) -> Measure:
    return Measure(
        record["name"], record["value"], record["low"], record["high"], record["n"], record["unit"], record["note"]
    )


@frozen
class Change:
    """One measure then and now.

    Attributes:
        change: now less then.
        beyond: whether each value lies outside the other's interval; None where one has no interval.
    """

    name: str
    before: float
    now: float
    change: float
    beyond: bool | None


@frozen
class Changes:
    """What has changed since another card.

    Attributes:
        version: the other card's.
        same_epoch: whether that one was of the same judge in the same epoch.
        same_prompt: whether it was asked by the same prompt under the same rubric.
    """

    version: str
    made_at: str
    same_epoch: bool
    same_prompt: bool
    changes: tuple[Change, ...]


def changes_since(before: AuditCard, now: AuditCard) -> Changes:
    """Each measure that both cards have, against the other."""
    known = {measure.name: measure for measure in before.measures}
    pairs = [(known[measure.name], measure) for measure in now.measures if measure.name in known]
    return Changes(
        before.version,
        before.made_at,
        before.judge.digest == now.judge.digest,
        (before.rubric.digest, before.prompt.digest) == (now.rubric.digest, now.prompt.digest),
        tuple(_change(one, other) for one, other in pairs if one.value is not None and other.value is not None),
    )


def _change(before: Measure, now: Measure) -> Change:
    assert before.value is not None
    assert now.value is not None
    outside = [_outside(now.value, before), _outside(before.value, now)]
    beyond = None if None in outside else all(outside)
    return Change(now.name, before.value, now.value, now.value - before.value, beyond)


def _outside(value: float, of: Measure) -> bool | None:
    return None if of.low is None or of.high is None else not of.low <= value <= of.high


def changes_record(changes: Changes) -> dict[str, Any]:
    """The changes as plain fields."""
    return {**vars(changes), "changes": [dict(vars(each)) for each in changes.changes]}


def latest(cards: Sequence[AuditCard], now: AuditCard) -> AuditCard | None:
    """The card to set this one beside: the newest of the same judge in its epoch, else of the same model before.

    Only cards of the same rubric, by its id, are looked at.
    """
    alike = [card for card in cards if card.rubric.id == now.rubric.id and card.version != now.version]
    same = [card for card in alike if card.judge.digest == now.judge.digest]
    return max(same or alike, key=lambda card: card.made_at, default=None)
