"""Judgments in, rows out: the policy, the format, and a count of all that was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from judge_service.domain.cases import Case
from judge_service.domain.digests import digest
from judge_service.domain.judgments import Judgment
from judge_service.domain.verdicts import Preference
from judge_service.exports.formats import Grouped, Paired
from judge_service.exports.groups import Group, group_of
from judge_service.exports.paired import Row, Writing
from judge_service.exports.policy import Pair, Policy, all_tied, pairs_of, prompt_key, spread, weight_of, why_not
from judge_service.exports.shapes import is_talk

CaseOf = Callable[[Judgment], Case]
"""Finds the texts that were judged."""


@dataclass(slots=True)
class Tally:
    """What happened to judgments, to their pairs and to rows.

    Attributes:
        left_out: by "judgments", "pairs" or "rows", and by reason.
    """

    judgments: int = 0
    exported: int = 0
    rows: int = 0
    left_out: dict[str, Counter[str]] = field(
        default_factory=lambda: {"judgments": Counter(), "pairs": Counter(), "rows": Counter()}
    )


@dataclass(frozen=True, slots=True)
class Export:
    """One export: what is taken, and how it is written.

    Attributes:
        best: by prompt, the name of the one unit of it that is exported; None where all are.
        seen_unit: is told of each pair or group whose rows are written.
    """

    format: Paired | Grouped
    policy: Policy
    writing: Writing
    texts: CaseOf
    provenance: bool = False
    best: dict[bytes, tuple[float, bytes]] | None = None
    seen_unit: Callable[[Pair | Group], None] | None = None

    def units(self, judgments: Iterable[Judgment], tally: Tally) -> Iterator[Pair | Group]:
        """The pairs or groups that rows are made of."""
        for judgment in judgments:
            tally.judgments += 1
            why = why_not(judgment, self.policy)
            group = None if why is not None else group_of(judgment, self.texts(judgment))
            why = why or (_why_no_group(group, self.format, self.policy) if group else "without a verdict")
            if group is None or why is not None:
                tally.left_out["judgments"][why or ""] += 1
            elif isinstance(self.format, Paired):
                yield from pairs_of(group, self.policy, tally.left_out["pairs"])
            else:
                yield group

    def rows(self, judgments: Iterable[Judgment], tally: Tally) -> Iterator[Row]:
        """The rows; equal ones once."""
        seen: set[bytes] = set()
        last = ""
        for unit in self.units(judgments, tally):
            if self.best is not None and self.best[_prompt(unit)] != (-_margin(unit), _name(unit)):
                tally.left_out["pairs"]["another of its prompt has a wider margin"] += 1
                continue
            new = list(self._new(unit, seen, tally))
            judgment = _group(unit).judgment
            if new:
                tally.exported += judgment.id != last
                last = judgment.id
                if self.seen_unit is not None:
                    self.seen_unit(unit)
            more = self._more(judgment)
            for row in new:
                tally.rows += 1
                yield {**row, **more}

    def _more(self, judgment: Judgment) -> Row:
        """The columns that the caller asked for besides the format's own."""
        more: Row = {"weight": weight_of(judgment)} if self.policy.inconsistent == "weight" else {}
        return {**more, "provenance": provenance(judgment)} if self.provenance else more

    def _new(self, unit: Pair | Group, seen: set[bytes], tally: Tally) -> Iterator[Row]:
        """The rows of a unit that were not written before."""
        for row in self._made(unit):
            # A format may show less of an answer than was judged, such as its last message.
            if "chosen" in row and row["chosen"] == row["rejected"]:
                tally.left_out["rows"]["the same text twice"] += 1
                continue
            name = _short(row)
            if name in seen:
                tally.left_out["rows"]["equal to another row"] += 1
                continue
            seen.add(name)
            yield row

    def _made(self, unit: Pair | Group) -> Iterable[Row]:
        if isinstance(self.format, Paired):
            return self.format.rows(unit, self.writing) if isinstance(unit, Pair) else ()
        return self.format.rows(unit, self.writing) if isinstance(unit, Group) else ()


@dataclass(slots=True)
class Survey:
    """What has to be known of all units before the first row is written.

    Attributes:
        talk: whether any of them has messages: a file's columns hold texts, or messages, and never both.
        best: by prompt, the widest margin, negated, and its unit's name.
    """

    talk: bool = False
    best: dict[bytes, tuple[float, bytes]] = field(default_factory=dict)

    def look_at(self, units: Iterable[Pair | Group], one_per_prompt: bool) -> Survey:
        """Goes through all units."""
        for unit in units:
            self.talk = self.talk or is_talk(_group(unit).case)
            if one_per_prompt:
                key, rank = _prompt(unit), (-_margin(unit), _name(unit))
                self.best[key] = min(self.best.get(key, rank), rank)
        return self


def provenance(judgment: Judgment) -> dict[str, Any]:
    """Where a label comes from, in the same fields for every row."""
    told = judgment.provenance
    verdict = judgment.verdict
    return {
        "judgment": judgment.id,
        "case_id": judgment.case_id,
        "judges": [{"name": j.name, "model": j.model, "digest": j.digest} for j in told.judges] if told else [],
        "rubric": dict(vars(told.rubric)) if told else None,
        "method": told.method if told else None,
        "probability": verdict.probability if isinstance(verdict, Preference) else None,
        "card": told.card if told else None,
    }


def _why_no_group(group: Group, format_: Paired | Grouped, policy: Policy) -> str | None:
    if isinstance(format_, Paired):
        return "one answer only" if len(group.answers) < 2 else None
    if format_.kinds and group.judgment.kind not in format_.kinds:
        return f"{group.judgment.kind}: it takes a {' or '.join(format_.kinds)}"
    if len(group.answers) < format_.least:
        return "one answer only"
    if format_.most is not None and len(group.answers) > format_.most:
        return f"more than {format_.most} answers"
    if policy.ties == "drop" and all_tied(group):
        return "tied"
    return f"margin under {policy.margin:g}" if spread(group) < policy.margin else None


def _group(unit: Pair | Group) -> Group:
    return unit.group if isinstance(unit, Pair) else unit


def _prompt(unit: Pair | Group) -> bytes:
    return prompt_key(_group(unit).case.prompt)


def _margin(unit: Pair | Group) -> float:
    return unit.margin if isinstance(unit, Pair) else spread(unit)


def _name(unit: Pair | Group) -> bytes:
    """Names a unit by what it shows, so that the order of the input decides nothing."""
    group = _group(unit)
    ends = (unit.chosen.id, unit.rejected.id) if isinstance(unit, Pair) else ()
    return _short([group.case.digest, group.judgment.id, *ends])


def _short(content: object) -> bytes:
    """Twelve bytes that name a content: there may be a million of them in memory."""
    return bytes.fromhex(digest(content)[7:31])
