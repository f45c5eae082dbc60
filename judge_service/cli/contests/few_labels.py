"""win-rate with a few human labels: what people would say of all, and how many labels the judge saves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from judge_service.batch.outputs import outputs_of
from judge_service.batch.stored import Stored
from judge_service.cli.people.estimated import told
from judge_service.cli.people.labelled import People
from judge_service.evaluation.contests.comparisons import UNNAMED, Comparison
from judge_service.evaluation.contests.few_labels import FewLabels, Sided, few_labels, few_labels_record
from judge_service.evaluation.people.raters import Said, sides_of
from judge_service.reports.page import Intervals, Ranged, Report, Section
from judge_service.statistics.intervals import Interval
from judge_service.statistics.prediction_powered import Powered


def few_labels_of(
    models: Sequence[Sequence[Comparison]],
    sources: Sequence[str],
    people: People,
    confidence: float,
    stored: bool = True,
) -> list[FewLabels]:
    """The win rate of each model as people would have it.

    Args:
        models: for each its comparisons, its own answer first.
        sources: the judgments that they were read from: the labels may stand there, and name candidates.
        stored: whether these are judgments; labels of imported annotations name models, or places.

    Raises:
        InvalidRequest: a label cannot be read.
    """
    if stored:
        labels = dict(_of_judgments(sources, people))
    else:
        every = (one for comparisons in models for one in comparisons)
        labels = dict(_of_comparisons(every, people))
    return [few_labels(comparisons, labels, confidence) for comparisons in models if comparisons]


def _of_judgments(sources: Sequence[str], people: People) -> Iterable[tuple[str, Sided]]:
    for where, judgment in Stored(outputs_of(sources), allow_mixed=True).judgments():
        said = people.of(where, judgment)
        if said and judgment.kind == "preference":
            first, second = judgment.candidates or UNNAMED
            models = (judgment.models.get(first) or first, judgment.models.get(second) or second)
            yield judgment.case_id, _sided(models, said, (first, second))


def _of_comparisons(comparisons: Iterable[Comparison], people: People) -> Iterable[tuple[str, Sided]]:
    for one in comparisons:
        said = people.by_case.get(one.case_id, ())
        if said:
            yield one.case_id, _sided(one.models, said, one.models)


def _sided(models: tuple[str, str], said: Sequence[Said], names: tuple[str, str]) -> Sided:
    sides = sides_of(said, names).values()
    return Sided(models, sum(sides) / len(sides), said[0].chance)


def few_labels_records(found: Sequence[FewLabels]) -> dict[str, Any]:
    """What the command's JSON has besides."""
    return {"few_labels": [few_labels_record(one) for one in found]} if found else {}


def with_few_labels(report: Report, found: Sequence[FewLabels]) -> Report:
    """A report with a section of it."""
    return replace(report, sections=(*report.sections, *(_section(one) for one in found)))


def _section(found: FewLabels) -> Section:
    title = f"{found.model} as people would have it"
    if found.soft is None or found.discrete is None:
        return Section(title, (f"Not known: {found.why}.",))
    named = (
        ("with the judge", found.soft.estimate),
        ("with its winners only", found.discrete.estimate),
        ("labels alone", found.soft.people),
        ("the judge alone: not people", found.soft.judge),
    )
    rows = tuple(Ranged(name, 100.0 * own.value, _hundredfold(own.low), _hundredfold(own.high)) for name, own in named)
    text = tuple(line.strip() for line in few_labels_page(found).splitlines()[1:])
    return Section(title, text, (), (Intervals("Win rate", rows, "percent", 50.0),))


def _hundredfold(bound: float | None) -> float | None:
    return None if bound is None else 100.0 * bound


def few_labels_page(found: FewLabels) -> str:
    """The finding in a few lines for a person."""
    lines = [f"{found.model} against {found.baseline}, as people would have it"]
    if found.soft is None or found.discrete is None:
        return "\n".join([*lines, _line("not known", found.why)])
    soft = found.soft
    lines += [
        _line("win rate", _percent(soft.estimate)),
        _line("  by labels alone", _percent(soft.people)),
        _line("  with winners only", _percent(found.discrete.estimate)),
        _line("  the judge alone", f"{_percent(soft.judge)}: an interval for what the judge says, and not for people"),
        _line("labels", f"{soft.estimate.n:,} of {soft.judged:,} judged, of {soft.estimate.clusters:,} prompts"),
        _line("judge with people", f"rho {told(soft.rho)}"),
        *_worth(soft),
    ]
    if found.unjudged:
        lines.append(_line("left out", f"{found.unjudged:,} labels without a verdict"))
    if found.why:
        lines.append(_line("no interval", found.why))
    return "\n".join([*lines, "  This holds where chance decided which comparisons people labelled."])


def _worth(found: Powered) -> Iterable[str]:
    if found.effective is not None:
        saved = found.effective - found.estimate.n
        yield _line("worth", f"{found.effective:,.0f} labels alone: the judge saves {max(0.0, saved):,.0f}")
    if found.saving is not None and found.most is not None:
        yield _line("saving by the rule", f"{found.saving:.1%} of labels; {found.most:.1%} with no end of judged cases")


def _percent(found: Interval) -> str:
    if found.low is None or found.high is None:
        return f"{found.value:.1%}"
    return f"{found.value:.1%} ({found.low:.1%} to {found.high:.1%})"


def _line(name: str, value: str) -> str:
    return f"  {name:<24}{value}"
