"""Holds deliberations: drives a protocol over the judges' backends and records the judgment."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any, Final, Literal, cast

from judge_service import __version__
from judge_service.backends.base import Terms
from judge_service.clock import now
from judge_service.domain.cases import Case
from judge_service.domain.digests import digest
from judge_service.domain.options import Options, Task
from judge_service.domain.prompting import Completion, JudgePrompt
from judge_service.domain.records import case_record
from judge_service.domain.standards import Standard
from judge_service.domain.templates import PromptTemplate
from judge_service.domain.verdicts import (
    KIND_OF,
    NO_USAGE,
    Failure,
    Finding,
    JudgeIdentity,
    Judgment,
    Named,
    Provenance,
    Usage,
)
from judge_service.errors import InvalidCase, InvalidOption, JudgeChanged
from judge_service.judge import Judge, judge_among
from judge_service.library import Library
from judge_service.protocols import PROTOCOL_OF, PROTOCOLS
from judge_service.protocols.brief import Brief, check_brief, check_case
from judge_service.protocols.exhibits import with_thoughts_hidden
from judge_service.protocols.panel import PanelFinding, escalating, sit
from judge_service.protocols.readings import LABEL_AFTER
from judge_service.protocols.votes import Deliberation

OFFLINE_NOTE: Final = (
    "made by the built-in offline judge, a scorer on text features: for trying the service, not for labels"
)
NO_ESTIMATE: Final = "orders 'audited' asked both orders: there is no audited estimate of this judge's bias yet"


class Sitting:
    """One task under one set of options: standard, briefs and provenance, made once and used for every case."""

    def __init__(self, task: Task, options: Options, judges: Mapping[str, Judge], library: Library) -> None:
        self.task = task
        self.options = options
        self.standard = library.standard(options.rubric)
        names = options.judge or (next(iter(judges)),)
        self._judges = {name: judge_among(judges, name) for name in names}
        templates = _templates(task, self.standard, library)
        self._briefs = {n: _brief(task, self.standard, templates, options, j) for n, j in self._judges.items()}
        if len(names) > 1 and (task != "compare" or options.escalate):
            raise InvalidOption("a panel of judges goes with compare, and without escalate", "judge")
        self._dearer = self._escalation(templates, judges)
        self._templates = templates
        self._renew()

    def _renew(self) -> None:
        """Says who judges: at the start, and again when a judge has become another."""
        self._identities = tuple([judge.identity for judge in self._judges.values()])
        self._provenance = self._provenance_with(self._templates[self.task])
        self.run_digest = self._digest(self._templates)
        self._run_key = self.run_digest.encode()

    def _check_judges(self) -> None:
        """Notices a new epoch.

        Raises:
            JudgeChanged: the caller pinned a judge, and it is no longer that one.
        """
        if any([j.identity is not known for j, known in zip(self._judges.values(), self._identities, strict=True)]):
            self._renew()
        pinned = self.options.judge_digest
        if pinned is not None and pinned not in [identity.digest for identity in self._identities]:
            digests = ", ".join(f"{i.name} is {i.digest} (epoch {i.epoch})" for i in self._identities)
            raise JudgeChanged(f"the judge is not {pinned}: {digests}")

    def _escalation(self, templates: dict[Task, PromptTemplate], judges: Mapping[str, Judge]) -> Brief | None:
        escalation = self.options.escalate
        if escalation is None:
            return None
        (first,) = self._judges.values()
        if escalation.to == "cot":
            options = replace(self.options, method="cot")
            return _brief(self.task, self.standard, templates, options, first)
        self._judges[escalation.to] = judge_among(judges, escalation.to)
        options = replace(self.options, method="auto")
        return _brief(self.task, self.standard, templates, options, self._judges[escalation.to])

    def _provenance_with(self, template: PromptTemplate) -> Provenance:
        method = next(iter(self._briefs.values())).method
        offline = any(judge.identity.kind == "offline" for judge in self._judges.values())
        audited = self.options.orders == "audited"
        return Provenance(
            service=__version__,
            protocol=PROTOCOL_OF[self.task],
            method=method,
            seed=self.options.seed,
            decided_by=method,
            rubric=Named(self.standard.id, self.standard.version, self.standard.digest),
            prompt=Named(template.id, None, template.digest),
            judges=tuple(judge.identity for judge in self._judges.values()),
            orders="both" if audited else self.options.orders or ("both" if self.task == "compare" else None),
            note=OFFLINE_NOTE if offline else NO_ESTIMATE if audited else None,
        )

    def _digest(self, templates: Mapping[Task, PromptTemplate]) -> str:
        """What makes two runs the same: whatever could change a verdict, and nothing else (not the judge's address)."""
        judges = [
            [
                j.name,
                j.identity.kind,
                j.identity.model,
                _pinned(j.identity),
                j.identity.epoch,
                dict(j.identity.sampling),
            ]
            for j in self._judges.values()
        ]
        prompts = {task: template.digest for task, template in templates.items()}
        briefs = [*self._briefs.values(), *([self._dearer] if self._dearer else [])]
        asked = [[b.method, b.min_label_mass if b.method == "direct" else b.explanation_tokens] for b in briefs]
        return digest([self.task, self.options.digest(), self.standard.digest, prompts, judges, asked])

    @property
    def provenance(self) -> Provenance:
        """How this sitting's judgments come about."""
        return self._provenance

    def first_round(self, case: Case) -> list[JudgePrompt]:
        """The prompts that would go out first for a case; none if it needs no call.

        Raises:
            InvalidCase: the case lacks what the standard takes.
        """
        check_case(case, self.standard)
        try:
            return next(self._deliberate(case))
        except StopIteration:
            return []

    async def judge(self, case: Case, deadline: float | None = None, tenant: str = "") -> Judgment:
        """Judges one case. Whatever fails on the way is told in the judgment.

        Args:
            deadline: the event loop's time by which to answer; `options.timeout` from now if None.
            tenant: whose cache entries are seen and made; empty for those that all share.

        Raises:
            InvalidCase: the case lacks what the standard takes.
            JudgeChanged: the judge is no longer the one the options pin.
        """
        self._check_judges()
        check_case(case, self.standard)
        if deadline is None:
            deadline = asyncio.get_running_loop().time() + self.options.timeout
        terms = Terms(deadline, self.options.cache, case.lot, self.options.priority, tenant)
        finding, usage = await self._hold(self._deliberate(case), terms)
        return self._record(case, finding, usage)

    def _deliberate(self, case: Case) -> Deliberation:
        protocol = PROTOCOLS[PROTOCOL_OF[self.task]]
        if len(self._briefs) > 1:
            each = {name: protocol(case, brief) for name, brief in self._briefs.items()}
            return sit(each, case, self.options.panel)
        (brief,) = self._briefs.values()
        dearer, escalation = self._dearer, self.options.escalate
        if dearer is None or escalation is None:
            return protocol(case, brief)
        return escalating(protocol(case, brief), escalation.below, lambda: protocol(case, dearer))

    async def _hold(self, deliberation: Deliberation, terms: Terms) -> tuple[Finding, Usage]:
        usage = NO_USAGE
        try:
            prompts = next(deliberation)
            while True:
                completions = await self._complete(prompts, terms)
                usage = _added(usage, completions)
                prompts = deliberation.send(completions)
        except StopIteration as end:
            return cast(Finding, end.value), usage

    async def _complete(self, prompts: list[JudgePrompt], terms: Terms) -> list[Completion]:
        """Each judge's prompts to its own backend, all at once."""
        name = prompts[0].judge
        if all(prompt.judge == name for prompt in prompts):
            return await self._judges[name].backend.complete(prompts, terms)
        names = list(dict.fromkeys(prompt.judge for prompt in prompts))
        shares = [[p for p in prompts if p.judge == name] for name in names]
        answers = await asyncio.gather(
            *(self._judges[n].backend.complete(share, terms) for n, share in zip(names, shares, strict=True))
        )
        queues = {name: iter(share) for name, share in zip(names, answers, strict=True)}
        return [next(queues[prompt.judge]) for prompt in prompts]

    def _record(self, case: Case, finding: Finding, usage: Usage) -> Judgment:
        include = self.options.include
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
            verdict=finding.verdict,
            votes=finding.votes if "votes" in include else (),
            provenance=self._decided(finding),
            usage=usage,
            panel=finding.members if isinstance(finding, PanelFinding) else None,
            dropped_by=finding.dropped_by,
            failure=finding.failure,
            metadata=case.metadata,
            reasoning_hidden=with_thoughts_hidden(case, self.options),
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


def _templates(task: Task, standard: Standard, library: Library) -> dict[Task, PromptTemplate]:
    """The templates a task may need; a ranking may be made of scores and of pairs."""
    tasks: tuple[Task, ...] = ("rank", "compare", "score") if task == "rank" else (task,)
    return {name: library.template(standard, name) for name in tasks}


def _brief(
    task: Task, standard: Standard, templates: dict[Task, PromptTemplate], options: Options, judge: Judge
) -> Brief:
    always = judge.thinking == "always"
    if options.method == "direct" and always:
        raise InvalidOption(f"judge '{judge.name}' always thinks before it answers; use method 'cot'", "method")
    if always and (options.reading or standard.reading) == LABEL_AFTER:
        message = f"judge '{judge.name}' always thinks: it cannot say a bare label after an explanation"
        raise InvalidOption(message, "reading")
    drawn = options.repeats.max > 1 and not (task == "rank" and options.strategy in ("auto", "listwise"))
    method: Literal["direct", "cot"] = "cot" if always or options.method == "cot" else "direct"
    if method == "direct" and drawn:
        message = "repeats above 1 need sampling, and this judge is asked directly; use method 'cot'"
        raise InvalidOption(message, "repeats")
    mass, tokens = judge.min_label_mass, judge.explanation_tokens + (judge.thinking_tokens if always else 0)
    brief = Brief(task, standard, templates, options, judge.name, method, mass, tokens, always)
    check_brief(brief)
    return brief


def _pinned(identity: JudgeIdentity) -> str:
    return "" if identity.revision.startswith(("http://", "https://")) else identity.revision


def _added(usage: Usage, completions: Sequence[Completion]) -> Usage:
    for completion in completions:
        if completion.usage is not NO_USAGE:
            usage = completion.usage if usage is NO_USAGE else usage + completion.usage
    return usage
