"""What probes found, on a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from judge_service.domain.judgments import Provenance
from judge_service.evaluation.audits.measures import Measure
from judge_service.evaluation.audits.probing import ProbeFinding, is_beyond

_NAMES: Final = {
    "shift": "moves the judge by",
    "flips": "a loser wins with it in",
    "success": "succeeds in",
    "wins": "wins in",
    "changed": "another winner in",
    "consistency": "same winner in",
    "by_response": "right response in",
    "by_instruction": "right instruction in",
    "both": "turns round in",
    "excess": "own family wins more by",
    "lowered_by_guards": "lowered by the guards by",
}
_SUFFIXES: Final = {"_placebo": ", a placebo", "_unguarded": ", unguarded"}
_STAYS: Final = ("consistency", "both")
_WORST: Final = 3


def probes_page(judge: Provenance, findings: Sequence[ProbeFinding]) -> str:
    """The findings for a person: each suite's measures, and its most telling texts."""
    who, rubric = judge.judges[0], judge.rubric
    lines = [f"judge {who.name} ({who.model}) under {rubric.id}@{rubric.version}"]
    for found in findings:
        lines += ["", f"{found.probe.id}: {found.probe.title}", *_lines(found)]
    return "\n".join(lines)


def told(measure: Measure) -> str:
    """A measure in words: its value, its interval and what it rests on, or why there is none."""
    if measure.value is None:
        return measure.note
    value = _number(measure.value, measure.unit)
    if measure.low is not None and measure.high is not None:
        value += f" ({_number(measure.low, measure.unit)} to {_number(measure.high, measure.unit)})"
    unit = " logits" if measure.unit == "logits" else ""
    return f"{value}{unit}, n {measure.n:,}" + (f"; {measure.note}" if measure.note else "")


def _lines(found: ProbeFinding) -> Iterator[str]:
    for measure in found.measures:
        mark = "  <- beyond what the suite suggests" if is_beyond(found.probe, measure) else ""
        yield _line(_named(measure.name, found.probe.id), told(measure) + mark)
    yield from _worst(found)
    if found.left_out:
        yield _line("left out", ", ".join(f"{count:,} {why}" for why, count in sorted(found.left_out.items())))
    if found.unscored:
        yield _line("not judged", f"{found.unscored:,}")


def _worst(found: ProbeFinding) -> Iterator[str]:
    """The texts that did most: where the first measure is of what stays the same, those under which least did."""
    told = [(name, m.value, m.unit) for name, m in found.by_text.items() if m.value is not None]
    if len(told) < 2 or len({value for _, value, _ in told}) < 2:
        return
    stays = found.probe.measures[0] in _STAYS
    worst = sorted(told, key=lambda one: one[1] if stays else -abs(one[1]))[:_WORST]
    listed = ", ".join(f"{name} {_number(value, unit)}" for name, value, unit in worst)
    yield _line("least under" if stays else "most by", listed)


def _named(name: str, suite: str) -> str:
    quantity = name.removeprefix(f"{suite}.")
    for suffix, words in _SUFFIXES.items():
        if quantity.endswith(suffix):
            return _NAMES[quantity.removesuffix(suffix)] + words
    return _NAMES[quantity]


def _number(value: float, unit: str) -> str:
    return f"{value:+.2f}" if unit == "logits" else f"{value:.1%}"


def _line(name: str, words: str) -> str:
    return f"  {name:<36}{words}"
