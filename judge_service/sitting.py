"""Holds deliberations: drives a protocol over the judges' backends and records the judgment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2b
from typing import Any, Final

from judge_service import __version__
from judge_service.briefing import brief_for, note_on_rewards, same_asking, same_judges, same_prompts, templates_for
from judge_service.cards.book import Cards
from judge_service.cards.use import CardsInUse, way_of
from judge_service.clock import now
from judge_service.domain.cases import Case
from judge_service.domain.digests import digest
from judge_service.domain.judgments import Judgment, Named, Provenance
from judge_service.domain.options import Options, Task, with_defaults
from judge_service.domain.prompting import JudgePrompt
from judge_service.domain.records import case_record
from judge_service.domain.templates import PromptTemplate
from judge_service.domain.verdicts import KIND_OF, NO_USAGE, Failure, Finding, Usage
from judge_service.errors import InvalidCase, InvalidOption
from judge_service.holding import check_pinned, hold, terms_of
from judge_service.judge import Judge, Length, judge_among
from judge_service.library import Library
from judge_service.protocols import deliberate, protocol_of
from judge_service.protocols.audited import why_both
from judge_service.protocols.brief import Brief
from judge_service.protocols.checks import check_case
from judge_service.protocols.exhibits import with_thoughts_hidden
from judge_service.protocols.panel import escalating, sit
from judge_service.protocols.votes import Deliberation
from judge_service.recording import related, told_source, told_verdict

OFFLINE_NOTE: Final = (
    "made by the built-in offline judge, a scorer on text features: for trying the service, not for labels"
)


class Sitting:
    """One task under one set of options: standard, briefs and provenance, made once and used for every case."""

    def __init__(
        self,
        task: Task,
        options: Options,
        judges: Mapping[str, Judge],
        library: Library,
        cards: Cards | None = None,
    ) -> None:
        self.task = task
        self.standard = library.standard(options.rubric)
        self.options = options = with_defaults(options, self.standard.defaults, task)
        names = options.judge or (next(iter(judges)),)
        self._judges = {name: judge_among(judges, name) for name in names}
        self._cards = Cards() if cards is None else cards
        self._templates = templates_for(task, self.standard, library)
        told = (task, self.standard, self._templates)
        self._briefs = {name: brief_for(*told, options, judge) for name, judge in self._judges.items()}
        if len(names) > 1 and (task != "compare" or options.escalate):
            raise InvalidOption("a panel of judges goes with compare, and without escalate", "judge")
        self._dearer = self._escalation(judges)
        self._blind = tuple(name for name, judge in self._judges.items() if not judge.images)
        self._renew(options)

    def _renew(self, options: Options) -> None:
        """Says who judges and what is known of them: at the start, and again when a judge has become another."""
        self._identities = tuple([judge.identity for judge in self._judges.values()])
        asked = [self._judges[name].identity for name in self._briefs]
        prompts = same_prompts(self._templates)
        brief = next(iter(self._briefs.values()))
        way = way_of(brief.method, options.orders or "both", options.combine)
        self._in_use = CardsInUse(self._cards, self.task, options, self.standard, prompts, asked, way)
        self._calibration = next(iter(self._in_use.calibrations.values()), None)
        positions = self._in_use.positions
        self._briefs = {name: replace(brief, position=positions.get(name)) for name, brief in self._briefs.items()}
        self._provenance = self._provenance_with(self._templates[self.task])
        self.run_digest = self._digest()
        self._run_key = self.run_digest.encode()

    @property
    def is_current(self) -> bool:
        """Whether a sitting prepared now would go by the same cards."""
        return self._in_use.is_current()

    def _check_judges(self) -> None:
        """Notices a new epoch.

        Raises:
            JudgeChanged: the caller pinned a judge, and it is no longer that one.
        """
        if any([j.identity is not known for j, known in zip(self._judges.values(), self._identities, strict=True)]):
            # What was known of the judge before does not hold for the one that it has become.
            self._renew(replace(self.options, card=None))
        check_pinned(self.options, self._identities)

    def _escalation(self, judges: Mapping[str, Judge]) -> Brief | None:
        escalation = self.options.escalate
        if escalation is None:
            return None
        (first,) = self._judges.values()
        told = (self.task, self.standard, self._templates)
        if escalation.to == "cot":
            return brief_for(*told, replace(self.options, method="cot"), first)
        self._judges[escalation.to] = judge_among(judges, escalation.to)
        return brief_for(*told, replace(self.options, method="auto"), self._judges[escalation.to])

    def _provenance_with(self, template: PromptTemplate) -> Provenance:
        brief = next(iter(self._briefs.values()))
        offline = any(judge.identity.kind == "offline" for judge in self._judges.values())
        orders, note = self._orders()
        return Provenance(
            service=__version__,
            protocol=protocol_of(brief),
            method=brief.method,
            seed=self.options.seed,
            decided_by=brief.method,
            rubric=Named(self.standard.id, self.standard.version, self.standard.digest),
            prompt=Named(template.id, None, template.digest),
            judges=tuple(judge.identity for judge in self._judges.values()),
            orders=orders,
            card=self._in_use.version,
            note=OFFLINE_NOTE if offline else note or note_on_rewards(self._briefs.values()),
            source=told_source(self.standard),
            positions=self._in_use.positions or None,
            calibrations=self._in_use.calibrations or None,
        )

    def _orders(self) -> tuple[str | None, str | None]:
        """Which orders the cases of this run are shown in, and why they are not those that were wished for."""
        wished = self.options.orders or ("both" if self.task == "compare" else None)
        shown = [brief for brief in self._briefs.values() if not brief.rewards]
        if wished != "audited" or not shown:
            return wished if shown else None, None
        whys = [why_both(brief) for brief in shown]
        return ("audited", None) if None in whys else ("both", whys[0])

    def _digest(self) -> str:
        """What makes two runs the same: whatever could change a verdict, and nothing else (not the judge's address)."""
        briefs = [*self._briefs.values(), *([self._dearer] if self._dearer else [])]
        judges = same_judges(judge.identity for judge in self._judges.values())
        known = [self._in_use.version] if self._in_use.version else []
        prompts = same_prompts(self._templates)
        run = [self.task, self.options.digest(), self.standard.digest, prompts, judges, same_asking(briefs), *known]
        return digest(run)

    @property
    def provenance(self) -> Provenance:
        """How this sitting's judgments come about."""
        return self._provenance

    def first_round(self, case: Case) -> list[JudgePrompt]:
        """The prompts that would go out first for a case; none if it needs no call.

        Raises:
            InvalidCase: the case lacks what the standard takes, or has images for a judge that takes none.
        """
        check_case(case, self.standard, self._blind)
        try:
            return next(self._deliberate(case))
        except StopIteration:
            return []

    def length(self, prompt: JudgePrompt) -> Length:
        """How long a prompt of this sitting is."""
        return self._judges[prompt.judge].length(prompt)

    async def judge(self, case: Case, deadline: float | None = None, tenant: str = "") -> Judgment:
        """Judges one case. Whatever fails on the way is told in the judgment.

        Args:
            deadline: the event loop's time by which to answer. If None, judging may take `options.timeout`, and the
                time that the case waits here for a place at a judge does not count.
            tenant: whose cache entries are seen and made; empty for those that all share.

        Raises:
            InvalidCase: the case lacks what the standard takes, or has images for a judge that takes none.
            JudgeChanged: the judge is no longer the one the options pin.
        """
        self._check_judges()
        check_case(case, self.standard, self._blind)
        terms = terms_of(self.options, case.lot, deadline, tenant)
        finding, usage = await hold(self._deliberate(case), self._judges, terms)
        self._in_use.learn(case, finding)
        return self._record(case, finding, usage)

    def has_room(self, cases: int) -> bool:
        """Whether its judges have something to do for another case while so many are under way."""
        return all([judge.has_room(cases) for judge in self._judges.values()])

    def _deliberate(self, case: Case) -> Deliberation:
        if len(self._briefs) > 1:
            each = {name: deliberate(case, brief) for name, brief in self._briefs.items()}
            return sit(each, case, self.options.panel)
        (brief,) = self._briefs.values()
        dearer, escalation = self._dearer, self.options.escalate
        if dearer is None or escalation is None:
            return deliberate(case, brief)
        return escalating(deliberate(case, brief), escalation.below, lambda: deliberate(case, dearer))

    def _record(self, case: Case, finding: Finding, usage: Usage) -> Judgment:
        include = self.options.include
        provenance = self._decided(finding)
        # What was decided in another way is not what the calibration was fitted to.
        calibration = self._calibration if provenance.decided_by == provenance.method else None
        same_family, members = related(finding, self._identities, case)
        return Judgment(
            id=self._judgment_id(case.id, case.digest),
            kind=KIND_OF[self.task],
            status=finding.status,
            created=now(),
            case_id=case.id,
            case_digest=case.digest,
            run_digest=self.run_digest,
            candidates=tuple([c.id for c in case.candidates]),
            models={c.id: c.model for c in case.candidates},
            verdict=told_verdict(finding, calibration),
            votes=finding.votes if "votes" in include else (),
            provenance=provenance,
            usage=usage,
            panel=members,
            dropped_by=finding.dropped_by,
            failure=finding.failure,
            metadata=case.metadata,
            notes=finding.notes,
            reasoning_hidden=with_thoughts_hidden(case, self.options),
            domain=case.domain,
            same_family=same_family,
            case=case_record(case) if "case" in include else None,
        )

    def _decided(self, finding: Finding) -> Provenance:
        escalation = self.options.escalate
        if escalation is None:
            return self._provenance
        by = {"cot": {v.method for v in finding.votes}}.get(escalation.to, {v.judge for v in finding.votes})
        return replace(self._provenance, decided_by=escalation.to) if escalation.to in by else self._provenance

    def _judgment_id(self, case_id: str, case_digest: str) -> str:
        """The same for the same case in the same run, so that judging again makes the same record."""
        content = b"\x1f".join((case_id.encode("utf-8", "replace"), case_digest.encode(), self._run_key))
        return "jdg_" + blake2b(content, digest_size=12).hexdigest()

    def invalid(self, error: InvalidCase, case_id: str, metadata: Mapping[str, Any] | None = None) -> Judgment:
        """The judgment at the place of a case that cannot be judged as given."""
        return Judgment(
            id=self._judgment_id(case_id, error.message),
            kind=KIND_OF[self.task],
            status="unscored",
            created=now(),
            case_id=case_id,
            case_digest=digest(None),
            run_digest=self.run_digest,
            candidates=(),
            models={},
            verdict=None,
            votes=(),
            provenance=self._provenance,
            usage=NO_USAGE,
            failure=Failure("invalid", error.message, error.param),
            metadata=metadata or {},
        )
