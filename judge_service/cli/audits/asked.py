"""What `audit` is asked for: which cases or judgments, of which judge, and where they come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import islice
from typing import Final

from judge_service.batch.outputs import outputs_of
from judge_service.batch.progress import Progress
from judge_service.batch.stored import Stored
from judge_service.cli.audits.position import holds_judgments
from judge_service.cli.printing import warn_offline
from judge_service.cli.progress import Display
from judge_service.domain.frozen import frozen
from judge_service.domain.options import Options
from judge_service.evaluation.audits.measures import Measure
from judge_service.evaluation.people.labels import LabelOf
from judge_service.files.disk import STANDARD
from judge_service.files.reading import Row, rows_of
from judge_service.library import open_library
from judge_service.library.perturbations import shipped_variants
from judge_service.library.probes import open_probes, shipped_contrasts, shipped_pairs
from judge_service.probing.audits import Audited, audited_from, audited_in
from judge_service.probing.reading import pairs_in
from judge_service.probing.running import Probing, probed
from judge_service.service import JudgingService
from judge_service.settings import Settings

AUTHORS: Final = "authors"
THINKER: Final = "{} (thinking)"
"""Under which name a judge is asked to think, where its thinking is optional."""


@frozen
class AuditAsked:
    """What is audited, and how.

    Attributes:
        limit: of cases: so many, the first of the files.
        repeats: of cases: how often they are asked again, past the cache.
        probes: of cases: how many texts of each suite of probes are tried on each pair; 0: none.
    """

    sources: Sequence[str]
    fields: Mapping[str, str]
    options: Options
    label_of: LabelOf | None
    limit: int
    repeats: int
    probes: int
    quiet: bool

    @property
    def are_judgments(self) -> bool:
        """Whether the files hold judgments, so that no judge is needed."""
        return holds_judgments(self.sources[0])

    def rows(self) -> list[Row]:
        """The first rows of the files."""
        return list(islice((row for told in self.sources for row in rows_of(told)), self.limit))

    @property
    def shown(self) -> Callable[[Progress], AbstractContextManager[object]]:
        """How far a run is, for whoever wants to see it."""
        return lambda progress: Display(progress, self.quiet)


def stored(asked: AuditAsked, settings: Settings) -> list[Audited]:
    """What stored judgments tell, by judge and rubric."""
    library = open_library(settings.rubrics)
    files = outputs_of(asked.sources)
    return audited_in(Stored(files, allow_mixed=True).judgments(), library.by_digest, asked.label_of)


async def judged(asked: AuditAsked, service: JudgingService) -> Audited:
    """What a judge says of the cases now: in both orders, with the letters turned round, and again."""
    if not asked.quiet:
        warn_offline(service.sitting("compare", asked.options).provenance)
    letters = [variant for variant in shipped_variants() if variant.factor == "labels"][:1]
    told = (asked.label_of, letters, asked.repeats, asked.shown)
    return await audited_from(service, asked.options, asked.rows(), asked.fields, *told)


async def swayed(asked: AuditAsked, service: JudgingService) -> list[Measure]:
    """What the probes that come along find on their own pairs; what a judge makes of its family, on the cases.

    Args:
        service: opened so that it teaches no card: changed cases are not what a judge is asked elsewhere.
    """
    if not asked.probes:
        return []
    suites = open_probes()
    on_pairs = [suite for suite in suites if suite.kind != AUTHORS]
    by_authors = [suite for suite in suites if suite.kind == AUTHORS]
    options = replace(asked.options, card=None)
    tried = Probing(on_pairs, shipped_pairs(), shipped_contrasts(), asked.probes)
    found = await probed(service, options, tried)
    if STANDARD in asked.sources:
        return found
    own = [pair for told in asked.sources for pair in pairs_in(told, asked.fields, asked.limit)][: asked.limit]
    return found + await probed(service, options, Probing(by_authors, own, label_of=asked.label_of))


def with_thinker(settings: Settings, wanted: Sequence[str]) -> tuple[Settings, str]:
    """The settings with the judge a second time, thinking, and its name there; "" where thinking is not optional."""
    name = next(iter(wanted or settings.judges), "")
    judge = settings.judges.get(name)
    if judge is None or judge.thinking != "optional":
        return settings, ""
    kwargs = {**judge.template_kwargs, "enable_thinking": True}
    thinker = judge.model_copy(update={"thinking": "always", "template_kwargs": kwargs})
    called = THINKER.format(name)
    return settings.model_copy(update={"judges": {**settings.judges, called: thinker}}), called
