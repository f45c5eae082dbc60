"""Agreement with people on a page for a terminal, and as a record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from judge_service.cli.people.estimated import told
from judge_service.cli.plain import on_one_line
from judge_service.evaluation.people.agreement import Agreement, agreement_record
from judge_service.evaluation.people.rated import Kind
from judge_service.statistics.estimates import Estimate

TITLES: Final[Mapping[str, str]] = {
    "accuracy": "same as the majority",
    "accuracy_decided": "  where neither ties",
    "kappa": "Cohen's kappa",
    "alpha": "Krippendorff's alpha",
    "spearman": "Spearman's rho",
    "kendall": "Kendall's tau-b",
    "icc_agreement": "ICC(2,1), agreement",
    "icc_consistency": "ICC(3,1), consistency",
    "weighted_kappa": "kappa, quadratic weights",
    "mean_difference": "judge less people",
    "mean_distance": "distance of the two",
    "people_agree": "people with each other",
    "judge_agrees": "the judge in their place",
    "judge_less_person": "  difference",
    "people_alpha": "people's alpha",
    "people_kappa": "people's Fleiss kappa",
}
PERCENT: Final = frozenset(("accuracy", "accuracy_decided"))
_SHARES: Final = frozenset(("people_agree", "judge_agrees", "judge_less_person"))
_SIGNED: Final = frozenset(("mean_difference", "judge_less_person"))
_MAIN: Final[Mapping[Kind, str]] = {"pairs": "accuracy", "scores": "spearman"}


class Told(NamedTuple):
    """All that the command found.

    Attributes:
        slices: by field, each of its values.
        unused: listed labels of cases without a verdict here.
        facts: who judged, by what.
    """

    kind: Kind
    whole: Agreement
    slices: Mapping[str, Sequence[Agreement]]
    left_out: Mapping[str, int]
    unused: int
    facts: Mapping[str, str]
    confidence: float


def record(found: Told) -> dict[str, Any]:
    """As JSON-like values; shares are in [0, 1]."""
    return {
        "object": "agreement",
        "kind": found.kind,
        **found.facts,
        "confidence": found.confidence,
        **agreement_record(found.whole),
        "verdict": verdict(found.whole),
        "slices": {field: [agreement_record(own) for own in slices] for field, slices in found.slices.items()},
        "left_out": dict(found.left_out),
        "labels_without_verdict": found.unused,
    }


def page(found: Told) -> str:
    """The same for a person."""
    whole = found.whole
    several = f" by {whole.raters} people" if whole.raters > 1 else ""
    lines = [
        ", ".join(f"{name} {on_one_line(value)}" for name, value in found.facts.items()),
        _line("labelled", f"{whole.cases:,} of {whole.prompts:,} prompts, {whole.labels:,} labels{several}"),
        *_left_out(found),
        *[
            _line(TITLES[name], in_words(name, figure, found.kind))
            for name, figure in whole.figures.items()
            if _is_told(figure, whole)
        ],
        *_people(found),
        *_slices(found),
        _line("", f"intervals of {found.confidence:.0%}") if whole.cases > 1 else "",
        *[f"  note: {note}" for note in whole.notes],
        f"  {verdict(whole)}",
    ]
    return "\n".join(line for line in lines if line.strip())


def _is_told(figure: Estimate, whole: Agreement) -> bool:
    """What several people alone can tell is not missed where there is one."""
    return figure.n > 0 or whole.raters > 1


def in_words(name: str, figure: Estimate, kind: Kind) -> str:
    """A figure on one line, in its own unit."""
    return told(figure, percent=is_share(name, kind), signed=name in _SIGNED)


def is_share(name: str, kind: Kind) -> bool:
    """Whether a figure is a share, which is told in percent."""
    return name in PERCENT or (kind == "pairs" and name in _SHARES)


def verdict(whole: Agreement) -> str:
    """Whether the judge is as good as another person, in words."""
    found = whole.figures["judge_less_person"]
    if found.value is None or found.low is None or found.high is None:
        return f"Whether the judge is as good as another person is not known: {found.why}."
    if found.low > 0:
        return "The judge agrees with each person better than the other people do."
    if found.high < 0:
        return "The judge agrees with people less than they do with each other: it is not as good as another person."
    return "The judge cannot be told from another person by these labels."


def _left_out(found: Told) -> Iterable[str]:
    parts = [f"{count:,} {why}" for why, count in sorted(found.left_out.items())]
    if found.unused:
        parts.append(f"{found.unused:,} labels without a verdict")
    if parts:
        yield _line("left out", ", ".join(parts))


def _people(found: Told) -> Iterable[str]:
    share = found.kind == "pairs"
    for person in found.whole.people:
        name = on_one_line(person.rater) or "no name"
        yield _line(f"  {name}", f"with the others {told(person.others, share)}")
        yield _line("", f"judge instead {told(person.judge, share)}")


def _slices(found: Told) -> Iterable[str]:
    main = _MAIN[found.kind]
    for field, slices in found.slices.items():
        yield f"{TITLES[main]}, by {on_one_line(field)}"
        for own in slices:
            yield _line(f"  {on_one_line(own.group or '')}", in_words(main, own.figures[main], found.kind))


def _line(name: str, value: str) -> str:
    return f"  {name:<26}{value}"
