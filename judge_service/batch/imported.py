"""Rows of judgments that were made elsewhere become stored judgments, settled by the rules that settle our own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from judge_service import __version__
from judge_service.clock import now
from judge_service.domain.cases import Case
from judge_service.domain.digests import digest
from judge_service.domain.judgments import JudgeIdentity, Judgment, Named, Provenance
from judge_service.domain.records import case_record
from judge_service.domain.verdicts import NO_USAGE, Failure, Finding, Preference
from judge_service.errors import InvalidCase, InvalidRequest
from judge_service.files.reading import Row, rows_of
from judge_service.imports.joined import Texts
from judge_service.imports.told import Source, Told
from judge_service.library import Library
from judge_service.protocols.again import Anew, settled_again
from judge_service.protocols.pointwise import card_of, score_of
from judge_service.recording import related, told_source

KIND = "imported"


def texts_in(cases: str, answers: Iterable[str], baseline: str = "") -> Texts:
    """Questions and answers that stand in files of their own.

    Args:
        baseline: the model that judgments compare with, where they leave it unnamed.

    Raises:
        InvalidRequest: a row is none; the message names file, line and field.
    """
    texts = Texts(baseline=baseline or None)
    if cases:
        _add(cases, texts.add_question)
    for path in answers:
        _add(path, texts.add_answer)
    return texts


def _add(path: str, add: Callable[[Any], None]) -> None:
    for row in rows_of(path):
        try:
            add(_value(row))
        except InvalidCase as e:
            raise InvalidRequest(f"{row.where}: {e.message}", e.param) from None


@dataclass(slots=True)
class Importing:
    """One import, and what has come of it so far.

    Attributes:
        name: of the source.
        judge: who judged, where the caller knows better than the rows.
        without_texts: judgments whose texts are in no file that was given.
        unread: rows that are no judgment of this source.
        first_unread: where the first of them stands, and what is wrong with it.
    """

    name: str
    source: Source
    texts: Texts
    library: Library
    judge: str = ""
    statuses: Counter[str] = field(default_factory=Counter)
    without_texts: int = 0
    unread: int = 0
    first_unread: str = ""
    _known: dict[tuple[str, str | None], tuple[Provenance, str]] = field(default_factory=dict)

    def judgments(self, paths: Sequence[str]) -> Iterator[Judgment]:
        """A judgment to each row of the files.

        Raises:
            InvalidRequest: a file cannot be read, or none of its rows is of this source.
        """
        for path in paths:
            for row in rows_of(path):
                judgment = self.judgment(row)
                self.statuses[judgment.status] += 1
                yield judgment
        if self.unread and self.unread == self.statuses.total():
            raise InvalidRequest(f"no row is one of {self.name}: {self.first_unread}")

    def judgment(self, row: Row) -> Judgment:
        """The judgment that a row holds, or one that says why it holds none."""
        try:
            told = self.source.read(_value(row), self.texts)
        except InvalidCase as e:
            return self._unread(row, e)
        self.without_texts += not told.has_texts
        return self._settled(told)

    def _unread(self, row: Row, error: InvalidCase) -> Judgment:
        """What stands at the place of a row that is no judgment."""
        self.unread += 1
        where = f"{row.where}: {error.message}"
        self.first_unread = self.first_unread or where
        kind = self.source.kind
        return Judgment(
            _judgment_id(row.where, error.message), kind, "unscored", now(), row.where, digest(None), self._run(""), (),
            {}, None, (), None, NO_USAGE, failure=Failure("invalid", where, error.param),
        )  # fmt: skip

    def _settled(self, told: Told) -> Judgment:
        """The judgment with the verdict that its votes come to."""
        judge = told.judge or self.judge or self.name
        provenance, run = self._provenance(judge, told.prompt)
        case, votes = told.case, tuple(replace(vote, judge=judge) for vote in told.votes)
        case_digest = case.digest if told.has_texts else digest(None)
        identity = provenance.judges[0]
        nothing = Preference(None, None, None, None, None, None, self.source.combine)
        judgment = Judgment(
            id=_judgment_id(case.id, case_digest, run),
            kind=self.source.kind,
            status="unscored",
            created=now(),
            case_id=case.id,
            case_digest=case_digest,
            run_digest=run,
            candidates=tuple(c.id for c in case.candidates),
            models={c.id: c.model for c in case.candidates},
            verdict=nothing,
            votes=votes,
            provenance=provenance,
            usage=NO_USAGE,
            metadata=case.metadata,
            domain=case.domain,
            same_family=related(Finding(None, "unscored", ()), (identity,), case)[0],
            case=case_record(case) if told.has_texts else None,
        )
        if self.source.kind == "preference":
            return settled_again(judgment, Anew(), {})
        found = self._scored(case, judgment)
        return replace(judgment, verdict=found.verdict, status=found.status, failure=found.failure)

    def _scored(self, case: Case, judgment: Judgment) -> Finding:
        standard = self.source.standard
        names = [criterion.name for criterion in standard.criteria]
        return card_of(judgment.votes, {c.id: score_of(judgment.votes, c.id, names, standard) for c in case.candidates})

    def _provenance(self, judge: str, prompt: str | None) -> tuple[Provenance, str]:
        """Who judged and how, as far as it is known, and what names this judge's part of the import."""
        if (judge, prompt) not in self._known:
            self._known[judge, prompt] = self._told(judge, prompt), self._run(judge)
        return self._known[judge, prompt]

    def _told(self, judge: str, prompt: str | None) -> Provenance:
        source = self.source
        # Not the digests of the library: its words are not the ones that this judge was shown.
        own = digest([KIND, self.name])
        asked = Named(prompt or self.name, None, digest([KIND, self.name, prompt]))
        published = self.library.standards.get(source.rubric)
        return Provenance(
            service=__version__,
            protocol=KIND,
            method=source.method,
            seed=0,
            decided_by=source.method,
            rubric=Named(source.rubric, None, own),
            prompt=asked,
            judges=(JudgeIdentity(judge, KIND, judge, "", 0, digest([KIND, self.name, judge])),),
            orders=source.orders,
            note="; ".join(filter(None, (f"imported from {self.name}: judged elsewhere", source.note))),
            source=None if published is None else told_source(published),
        )

    def _run(self, judge: str) -> str:
        return digest([KIND, self.name, "run", judge])


def _value(row: Row) -> dict[str, Any]:
    if row.error is not None:
        raise InvalidCase(row.error)
    if not isinstance(row.value, dict):
        raise InvalidCase("a row is an object")
    return row.value


def _judgment_id(*parts: str) -> str:
    """The same for the same row, so that importing again makes the same record."""
    return "jdg_" + digest(parts).removeprefix("sha256:")[:24]
