"""The data card of an export: what the labels are, how they were made, and how far they can be trusted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from judge_service.domain.judgments import Judgment, Provenance
from judge_service.domain.verdicts import Preference, Ranking
from judge_service.exports.export import Tally
from judge_service.exports.groups import Answer, Group
from judge_service.exports.policy import Pair
from judge_service.exports.shapes import text


@dataclass(slots=True)
class Mean:
    """A mean that is added to as one goes."""

    total: float = 0.0
    count: int = 0

    def add(self, value: float | None) -> None:
        """Takes one more value; None is none."""
        if value is not None:
            self.total += value
            self.count += 1

    @property
    def value(self) -> float | None:
        """The mean; None of nothing."""
        return self.total / self.count if self.count else None


@dataclass(slots=True)
class Seen:
    """What a card tells of the judgments it was shown, and of the pairs or groups that were exported."""

    statuses: Counter[str] = field(default_factory=Counter)
    tied: int = 0
    made_by: dict[str, Counter[str]] = field(default_factory=dict)
    agreement: Mean = field(default_factory=Mean)
    kendall_w: Mean = field(default_factory=Mean)
    position_bias: Mean = field(default_factory=Mean)
    flips: Mean = field(default_factory=Mean)
    longer: Mean = field(default_factory=Mean)
    first: Mean = field(default_factory=Mean)

    def judgment(self, judgment: Judgment) -> None:
        """Takes note of a judgment, exported or not."""
        self.statuses[judgment.status] += 1
        if judgment.provenance is not None:
            for name, told in _made_by(judgment.provenance).items():
                self.made_by.setdefault(name, Counter()).update(told)
        verdict = judgment.verdict
        if judgment.status != "judged":
            return
        if isinstance(verdict, Preference):
            self.tied += verdict.winner == "tie"
            self.agreement.add(verdict.agreement.share if verdict.agreement else None)
            self.flips.add(None if verdict.consistent is None else float(not verdict.consistent))
        if isinstance(verdict, Preference | Ranking):
            self.position_bias.add(verdict.position_bias)
        if isinstance(verdict, Ranking):
            self.kendall_w.add(verdict.kendall_w)

    def unit(self, unit: Pair | Group) -> None:
        """Takes note of what was exported."""
        ends = _ends(unit)
        if ends is None:
            return
        better, worse = ends
        lengths = len(text(better.content)), len(text(worse.content))
        self.longer.add(None if lengths[0] == lengths[1] else float(lengths[0] > lengths[1]))
        places = [answer.id for answer in (unit.group if isinstance(unit, Pair) else unit).answers]
        self.first.add(float(places.index(better.id) < places.index(worse.id)))


def card(seen: Seen, tally: Tally, title: str, command: str, how: Mapping[str, str], loading: str = "") -> str:
    """The card as Markdown; the same input gives the same page, whenever it is made.

    Args:
        how: the export's own options, by name.
        loading: how the file is read by what it was made for.
    """
    parts = [
        f"# {title}",
        f"{tally.rows} rows from {tally.judgments} judgments by language models. Nobody has checked them by hand.",
        "## How the labels were made",
        *(_listed(name, told) for name, told in seen.made_by.items() if told),
        "## What was exported",
        _table({**how, **_counts(seen, tally)}),
        "## How far they can be trusted",
        _table(_trust(seen)),
        "A share of longer answers far from 50% need not be a bias: better answers may be longer. It is what a model "
        "trained on these rows can learn instead of quality; compare it with the share among the inputs.",
        *(["## How to load it", loading] if loading else []),
        "## How to make it again",
        f"```sh\n{command}\n```",
        "The same judgments give the same rows. The judgments are made again by the judges, rubrics and prompts above, "
        "whose digests change with anything that could change an answer.",
    ]
    return "\n\n".join(parts) + "\n"


def _made_by(told: Provenance) -> dict[str, list[str]]:
    source = told.source or {}
    return {
        "Judges": [f"{j.name}: {j.model}, revision {j.revision}, epoch {j.epoch}, {j.digest}" for j in told.judges],
        "Rubric": [f"{told.rubric.id}@{told.rubric.version}, {told.rubric.digest}"],
        "Prompt": [f"{told.prompt.id}, {told.prompt.digest}"],
        "Method": [f"{told.protocol}, {told.method}" + (f", orders {told.orders}" if told.orders else "")],
        "Source of the method": ["; ".join(f"{name}: {value}" for name, value in source.items())] if source else [],
        "Cards of the judges": [told.card] if told.card else [],
        "Service": [told.service],
        "Note": [told.note] if told.note else [],
    }


def _counts(seen: Seen, tally: Tally) -> dict[str, str]:
    statuses = {name: str(seen.statuses[name]) for name in ("judged", "partial", "unscored", "dropped")}
    reasons = {
        f"left out: {what}, {why}": str(count)
        for what, counter in tally.left_out.items()
        for why, count in sorted(counter.items())
    }
    exported = {"exported judgments": str(tally.exported), "rows": str(tally.rows)}
    return {**statuses, "tied": str(seen.tied), **reasons, **exported}


def _trust(seen: Seen) -> dict[str, str]:
    return {
        "agreement of repeats and judges with the winner": _share(seen.agreement),
        "Kendall's W of repeated rankings": _number(seen.kendall_w),
        "position bias, logits towards the first-shown": _number(seen.position_bias),
        "flip rate: the two orders name different winners": _share(seen.flips),
        "length bias: the better answer is the longer one": _share(seen.longer),
        "the better answer stood first in the input": _share(seen.first),
    }


def _share(mean: Mean) -> str:
    return "not known" if mean.value is None else f"{mean.value:.1%} of {mean.count}"


def _number(mean: Mean) -> str:
    return "not known" if mean.value is None else f"{mean.value:.3f}, the mean of {mean.count}"


def _listed(name: str, told: Counter[str]) -> str:
    many = len(told) > 1
    return "\n".join(
        [f"**{name}**", "", *(f"* {line}" + (f" ({told[line]})" if many else "") for line in sorted(told))]
    )


def _table(told: Mapping[str, str]) -> str:
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in told.items())])


def _ends(unit: Pair | Group) -> tuple[Answer, Answer] | None:
    if isinstance(unit, Pair):
        return None if unit.tied else (unit.chosen, unit.rejected)
    ordered = sorted(unit.answers, key=lambda answer: answer.rank)
    return None if ordered[0].rank == ordered[-1].rank else (ordered[0], ordered[-1])
