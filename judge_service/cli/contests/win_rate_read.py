"""What win-rate reads: stored judgments, annotations, or the outputs of two models; and what goes with each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from judge_service.batch.rows import parse_fields
from judge_service.cli.contests.contest import ContestFlags, paired_files
from judge_service.cli.contests.few_labels import few_labels_of
from judge_service.cli.contests.locking import LockFlags, Locking, pinned_estimator
from judge_service.cli.contests.win_rate_finding import Wanted, found_between, found_in
from judge_service.cli.contests.win_rate_record import Found
from judge_service.cli.people.labelled import people_told
from judge_service.cli.reporting import check_report
from judge_service.contests.comparisons import Compared, comparisons_in
from judge_service.contests.pairing import Paired
from judge_service.contests.sources import OUTPUTS, one_kind
from judge_service.errors import InvalidOption
from judge_service.evaluation.contests.few_labels import FewLabels
from judge_service.files.disk import STANDARD, check_output
from judge_service.files.packing import check_writable
from judge_service.files.sources import inputs_of

_TWO: Final = 2


@dataclass(frozen=True, slots=True)
class Read:
    """What is read, and how."""

    sources: tuple[str, ...]
    against: tuple[str, ...]
    cases: str
    fields: tuple[str, ...]
    cluster: str
    allow_mixed: bool
    questions: str
    allow_missing: bool

    def compared(self, sources: Sequence[str]) -> Compared:
        """The comparisons of some of the files."""
        return comparisons_in(
            sources,
            cases=self.cases,
            fields=parse_fields(self.fields),
            field=self.cluster,
            allow_mixed=self.allow_mixed,
        )


def contest_of(read: Read, wanted: Wanted) -> Paired:
    if len(read.sources) != _TWO or read.against or read.cases or read.cluster:
        raise InvalidOption(
            "of outputs give two files, the model's and then the baseline's, and neither --against, --cases nor"
            " --cluster",
            "IN",
        )
    model, baseline = read.sources
    fields, names = parse_fields(read.fields), (wanted.model, wanted.baseline)
    return paired_files(model, baseline, read.questions, fields, names, read.allow_missing)


def locking_of(read: Read, wanted: Wanted, asked: ContestFlags, contest: Paired, flags: LockFlags) -> Locking:
    model, baseline = read.sources
    inputs = {"model": model, "baseline": baseline, **({"questions": read.questions} if read.questions else {})}
    reading = {"fields": read.fields, "names": (wanted.model, wanted.baseline), "allow_missing": read.allow_missing}
    estimator = pinned_estimator(wanted.unscored, wanted.confidence, flags.terms, wanted.difficulties)
    return Locking(flags, inputs, asked.output, contest, {**reading, "options": asked.options}, estimator)


def stored_finding(read: Read, wanted: Wanted, asked: ContestFlags) -> Found:
    asked.check_no_judging()
    if read.questions or read.allow_missing:
        raise InvalidOption("--questions and --allow-missing go with two files of outputs", "questions")
    compared = read.compared(read.sources)
    if read.against:
        return found_between(wanted, compared, read.compared(read.against), read.allow_mixed)
    return found_in(wanted, compared)


def few_told(read: Read, found: Found, label: str, labels: str, confidence: float) -> list[FewLabels]:
    """Each model's rate as people would have it, where there are labels."""
    if not label and not labels:
        return []
    kind = one_kind(read.sources)
    if kind == OUTPUTS or (label and kind != "judgments"):
        raise InvalidOption("--label goes with stored judgments; --labels with these, or with annotations", "label")
    sources = (*read.sources, *read.against)
    models = [one.comparisons for one in found.rates]
    return few_labels_of(models, sources, people_told(label, labels), confidence, kind == "judgments")


def check_written(read: Read, labels: str, output: str, annotations: str, leaderboard: str, report: str) -> None:
    """Nothing that is written takes the place of what is read, or of something else that is written."""
    if STANDARD in (output, annotations, leaderboard):
        raise InvalidOption("standard output is for the finding: name a file", "output")
    named = [*read.sources, *read.against, *filter(None, (read.cases, read.questions, labels))]
    inputs: list[Path | str] = [*inputs_of(named)]
    for path in filter(None, (output, annotations)):
        check_writable(path, inputs)
        inputs.append(path)
    if leaderboard:
        check_output(leaderboard, inputs)
        inputs.append(leaderboard)
    check_report(report, inputs)
