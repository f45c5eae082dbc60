"""Probes put to a judge: first the cases as they are, then changed, both ways where guards are measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from judge_service.batch.progress import Progress
from judge_service.batch.runner import Run
from judge_service.domain.cases import Case
from judge_service.domain.judgments import Judgment
from judge_service.domain.options import Options
from judge_service.domain.probes import Contrast, Pair, Probe
from judge_service.domain.records import case_record
from judge_service.errors import InvalidRequest
from judge_service.evaluation.audits.contrasts import Contrasted, contrast_finding
from judge_service.evaluation.audits.measures import Measure
from judge_service.evaluation.audits.probing import ProbeFinding, Seen, Trial, finding, seen_in
from judge_service.evaluation.audits.self_preference import controlled, label_as_seen, own_side, self_preference
from judge_service.evaluation.contests.comparisons import prompt_of
from judge_service.evaluation.people.labels import LabelOf, side_named
from judge_service.files.reading import Row
from judge_service.probing.unguarded import without_guards
from judge_service.probing.variants import contrasted, variants
from judge_service.service import JudgingService
from judge_service.sitting import Sitting

_WITHOUT_PROMPTS = ("offline", "reward")
"""Kinds of judges that are given the texts and no prompt of ours, so that there is nothing to take off."""
_ON_PAIRS = ("prompt", "candidate", "history", "paraphrase", "authors")


@dataclass(frozen=True, slots=True)
class Probing:
    """What is tried on what.

    Attributes:
        texts: so many of each probe's texts on a case, drawn by what it holds; 0: all.
        label_of: people's labels, which say which candidate is better and control for worth.
        controls: another judge's verdicts on the same cases, by case id, in the place of labels.
    """

    probes: Sequence[Probe]
    pairs: Sequence[Pair]
    contrasts: Sequence[Contrast] = ()
    texts: int = 0
    label_of: LabelOf | None = None
    controls: Mapping[str, Seen] = field(default_factory=dict)


async def probed(
    service: JudgingService, options: Options, probing: Probing, progress: Progress | None = None
) -> list[Measure]:
    """What the probes measure on a judge, in one list."""
    found = await findings(service, options, probing, progress)
    return [measure for one in found for measure in one.measures]


async def findings(
    service: JudgingService, options: Options, probing: Probing, progress: Progress | None = None
) -> list[ProbeFinding]:
    """What each probe found on a judge, in the order of the probes.

    Answers that the cache has are not asked again, as the options say. What a judge makes of changed cases teaches its
    cards nothing.

    Raises:
        UnknownName, InvalidOption: the options do not go with the judge.
        InvalidRequest: a label cannot be read.
    """
    apart = JudgingService(service.judges, service.library)
    asking = _Asking(apart.sitting("compare", options), Progress() if progress is None else progress)
    bare = None
    reads = {judge.kind for judge in asking.sitting.provenance.judges}.isdisjoint(_WITHOUT_PROMPTS)
    if reads and any(probe.unguarded for probe in probing.probes):
        bare = _Asking(without_guards(apart).sitting("compare", options), asking.progress)
    base: dict[str, Judgment] = {}
    if any(probe.kind in _ON_PAIRS for probe in probing.probes):
        base = await asking.as_they_are(probing.pairs)
    found = []
    for probe in probing.probes:
        if probe.kind == "authors":
            found.append(_by_authors(probe, probing, base))
        elif probe.kind == "contrast":
            found.append(await _by_contrasts(probe, probing.contrasts, asking))
        else:
            found.append(await _by_changes(probe, probing, base, asking, bare if probe.unguarded else None))
    return found


@dataclass(slots=True)
class _Asking:
    """A sitting, and what it has said of cases as they are."""

    sitting: Sitting
    progress: Progress
    known: dict[str, Judgment] = field(default_factory=dict)

    async def judgments(self, cases: Iterable[Case]) -> dict[str, Judgment]:
        """The judgment on each case, by its id."""
        found: dict[str, Judgment] = {}

        def keep(judgment: Judgment) -> None:
            found[judgment.case_id] = judgment

        run = Run(self.sitting, "compare", _rows(cases), {}, keep, has_room=self.sitting.has_room)
        run.progress = self.progress
        await run.carry_out()
        return found

    async def verdicts(self, cases: Iterable[Case]) -> dict[str, Seen | None]:
        """The verdict on each case, by its id; None where it came to none."""
        return {name: seen_in(judgment) for name, judgment in (await self.judgments(cases)).items()}

    async def as_they_are(self, pairs: Sequence[Pair]) -> dict[str, Judgment]:
        """The judgments on unchanged cases, which are asked for once."""
        if not self.known:
            self.known = await self.judgments(pair.case for pair in pairs)
        return self.known


def _rows(cases: Iterable[Case]) -> Iterator[Row]:
    for case in cases:
        value: dict[str, Any] = {**case_record(case), "metadata": dict(case.metadata)}
        yield Row(f"case '{case.id}'", value)


async def _by_changes(
    probe: Probe, probing: Probing, base: Mapping[str, Judgment], asking: _Asking, bare: _Asking | None
) -> ProbeFinding:
    made, left_out = _made(probe, probing, base)
    cases = [case for case, _ in made]
    before = {name: seen_in(judgment) for name, judgment in base.items()}
    trials = _settled(made, before, await asking.verdicts(cases))
    if bare is not None:
        unguarded = {name: seen_in(judgment) for name, judgment in (await bare.as_they_are(probing.pairs)).items()}
        settled = _settled(made, unguarded, await bare.verdicts(cases))
        trials += [replace(trial, unguarded=True) for trial in settled]
    return finding(probe, trials, left_out)


def _made(
    probe: Probe, probing: Probing, base: Mapping[str, Judgment]
) -> tuple[list[tuple[Case, Trial]], Counter[str]]:
    """All changed cases of a probe; and how many cases it had nothing to change in."""
    made: list[tuple[Case, Trial]] = []
    left_out: Counter[str] = Counter()
    for pair in probing.pairs:
        judgment = base[pair.case.id]
        better = _better(pair, judgment, probing.label_of)
        found = list(variants(pair, probe, better, probing.texts))
        made += found
        if not found:
            left_out["no worse candidate" if probe.side == "worse" and better is None else "nothing to change"] += 1
    return made, left_out


def _settled(
    made: Sequence[tuple[Case, Trial]], base: Mapping[str, Seen | None], seen: Mapping[str, Seen | None]
) -> list[Trial]:
    return [replace(trial, base=base[trial.of], seen=seen[case.id]) for case, trial in made]


def _better(pair: Pair, judgment: Judgment, label_of: LabelOf | None) -> int | None:
    """The better candidate's place: as somebody said, else as the judge has it; None for a tie or no verdict."""
    if pair.better is not None:
        return pair.better
    label = None if label_of is None else _label(pair.case, judgment, label_of)
    if label is None:
        seen = seen_in(judgment)
        label = None if seen is None else seen.won
    return None if label is None or label == 0.5 else int(label == 0.0)


def _label(case: Case, judgment: Judgment, label_of: LabelOf) -> float | None:
    told = label_of(f"case '{case.id}'", judgment)
    if told is None:
        return None
    try:
        return side_named(told.value, tuple([candidate.id for candidate in case.candidates]))
    except ValueError as e:
        raise InvalidRequest(f"{told.where}: {e}") from None


def _by_authors(probe: Probe, probing: Probing, base: Mapping[str, Judgment]) -> ProbeFinding:
    controls: dict[str, Seen] = dict(probing.controls)
    control: Literal["labels", "judge"] | None = "judge" if controls else None
    if probing.label_of is not None and not controls:
        control = "labels"
        for pair in probing.pairs:
            label = _label(pair.case, base[pair.case.id], probing.label_of)
            if label is not None:
                controls[pair.case.id] = label_as_seen(label)
    prompts = {pair.case.id: prompt_of(base[pair.case.id], pair.case) for pair in probing.pairs}
    authored = sum([own_side(judgment) != 0 for judgment in base.values() if judgment.candidates])
    pairs, left_out = controlled(base.values(), controls, prompts)
    return self_preference(probe, pairs, left_out, control if controls else None, authored)


async def _by_contrasts(probe: Probe, contrasts: Sequence[Contrast], asking: _Asking) -> ProbeFinding:
    both = {contrast.id: contrasted(contrast) for contrast in contrasts}
    seen = await asking.verdicts(case for cases in both.values() for case in cases)
    return contrast_finding(
        probe, [Contrasted(name, seen[first.id], seen[second.id]) for name, (first, second) in both.items()]
    )
