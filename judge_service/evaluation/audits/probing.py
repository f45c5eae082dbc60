"""What a judge made of changed cases, beside what it makes of them unchanged: shifts, flips and successes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any, Final

from judge_service.domain.frozen import frozen
from judge_service.domain.judgments import Judgment
from judge_service.domain.probes import Probe, Quantity
from judge_service.domain.verdicts import Preference
from judge_service.evaluation.audits.measures import Measure, measure_record
from judge_service.statistics.intervals import Interval, clustered_mean
from judge_service.statistics.shares import exact_share

PLACEBO: Final = "_placebo"
UNGUARDED: Final = "_unguarded"
LOWERED: Final = "lowered_by_guards"


@frozen
class Seen:
    """A verdict on a pair.

    Attributes:
        logit: that the first candidate is better.
        won: 1 where the first won, 0 where the second did, 0.5 for a tie.
    """

    logit: float
    won: float


@frozen
class Trial:
    """One change of one case.

    Attributes:
        of: the id of the case that was changed.
        toward: the place of the candidate that is favoured; None where none is.
        base, seen: the judge's verdict without and with the change; None where it did not come to one.
        unguarded: whether both were asked without what keeps candidates apart from our own words.
    """

    probe: str
    text: str
    placebo: bool
    of: str
    toward: int | None
    base: Seen | None = None
    seen: Seen | None = None
    unguarded: bool = False

    @property
    def shift(self) -> float | None:
        """By how many logits the change moved the judge toward the favoured candidate."""
        if self.base is None or self.seen is None or self.toward is None:
            return None
        moved = self.seen.logit - self.base.logit
        return moved if self.toward == 0 else -moved

    @property
    def flipped(self) -> bool | None:
        """Whether the favoured candidate wins that lost without; None where it did not lose."""
        if self.base is None or self.seen is None or self.toward is None or self._favoured(self.base) != 0.0:
            return None
        return self._favoured(self.seen) == 1.0

    @property
    def won(self) -> bool | None:
        """Whether the favoured candidate wins."""
        return None if self.seen is None or self.toward is None else self._favoured(self.seen) == 1.0

    @property
    def changed(self) -> bool | None:
        """Whether another wins than without; None where nobody did."""
        if self.base is None or self.seen is None or self.base.won == 0.5:
            return None
        return self.seen.won != self.base.won

    def _favoured(self, seen: Seen) -> float:
        return seen.won if self.toward == 0 else 1.0 - seen.won


@frozen
class ProbeFinding:
    """What a suite found.

    Attributes:
        measures: the suite's own, the most telling first, then those of placebos and of unguarded prompts.
        by_text: by text, the suite's first measure on it alone.
        unscored: trials without a verdict, with the change or without.
        left_out: what was not tried, by why.
    """

    probe: Probe
    measures: tuple[Measure, ...]
    by_text: Mapping[str, Measure]
    unscored: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)


def seen_in(judgment: Judgment) -> Seen | None:
    """A judgment's verdict, if it came to one."""
    verdict = judgment.verdict
    if judgment.status != "judged" or not isinstance(verdict, Preference):
        return None
    if verdict.logit is None or verdict.winner is None:
        return None
    won = 0.5 if verdict.winner == "tie" else float(verdict.winner == judgment.candidates[0])
    return Seen(verdict.logit, won)


def finding(probe: Probe, trials: Sequence[Trial], left_out: Mapping[str, int] | None = None) -> ProbeFinding:
    """The findings of a suite from its trials; those of placebos and of unguarded prompts stand by themselves."""
    own = [t for t in trials if not t.placebo and not t.unguarded]
    measures = [_measured(probe.id, quantity, own) for quantity in probe.measures]
    placebos = [t for t in trials if t.placebo and not t.unguarded]
    bare = [t for t in trials if not t.placebo and t.unguarded]
    if placebos:
        measures += [_placebo(probe.id, quantity, placebos) for quantity in probe.measures]
    if probe.unguarded:
        measures += [_measured(probe.id, quantity, bare, UNGUARDED) for quantity in probe.measures]
        measures.append(_lowered(probe.id, own, bare))
    by_text = {text.id: [t for t in own if t.text == text.id] for text in probe.texts if not text.placebo}
    told = {name: _measured(probe.id, probe.measures[0], some) for name, some in by_text.items() if some}
    unscored = sum([t.seen is None or t.base is None for t in trials])
    return ProbeFinding(probe, tuple(measures), told, unscored, dict(left_out or {}))


def share_measure(name: str, hits: Sequence[tuple[bool, str]], without: str, note: str = "") -> Measure:
    """A share of trials, each with its cluster.

    Args:
        without: why there is no value, where there are no trials.
    """
    if not hits:
        return Measure(name, None, None, None, 0, "share", without)
    return _told(name, exact_share([hit for hit, _ in hits], [of for _, of in hits]), "share", note)


def mean_measure(name: str, values: Sequence[tuple[float, str]], unit: str, without: str, note: str = "") -> Measure:
    """A mean of values, each with its cluster.

    Args:
        without: why there is no value, where there are none.
    """
    if not values:
        return Measure(name, None, None, None, 0, unit, without)
    return _told(name, clustered_mean([value for value, _ in values], [of for _, of in values]), unit, note)


def finding_record(found: ProbeFinding) -> dict[str, Any]:
    """A finding as plain fields."""
    probe = found.probe
    return {
        "object": "probe",
        "suite": {"id": probe.id, "version": probe.version, "digest": probe.digest, "title": probe.title},
        "source": dict(probe.source),
        "measures": [measure_record(measure) for measure in found.measures],
        "by_text": [{"text": name, **measure_record(measure)} for name, measure in found.by_text.items()],
        "beyond": [measure.name for measure in found.measures if is_beyond(probe, measure)],
        "thresholds": {"most": dict(probe.most), "least": dict(probe.least)},
        "unscored": found.unscored,
        "left_out": dict(found.left_out),
    }


def is_beyond(probe: Probe, measure: Measure) -> bool:
    """Whether a measure is certainly beyond what the suite suggests, to either side where it has a sign."""
    quantity = measure.name.removeprefix(f"{probe.id}.")
    most, least = probe.most.get(quantity), probe.least.get(quantity)
    if measure.low is None or measure.high is None:
        return False
    return (most is not None and (measure.low > most or measure.high < -most)) or (
        least is not None and measure.high < least
    )


def _measured(suite: str, quantity: Quantity, trials: Iterable[Trial], suffix: str = "") -> Measure:
    name = f"{suite}.{quantity}{suffix}"
    if quantity == "shift":
        shifts = [(t.shift, t.of) for t in trials if t.shift is not None]
        return mean_measure(name, shifts, "logits", "no case was judged with and without it")
    of = _SHARES[quantity]
    hits = [(hit, t.of) for t in trials if (hit := of(t)) is not None]
    return share_measure(name, hits, _NONE[quantity])


def _placebo(suite: str, quantity: Quantity, trials: Sequence[Trial]) -> Measure:
    """What a text does that should sway nobody; where it favours nobody, how often the winner changes at all."""
    if all(t.toward is None for t in trials) and quantity in ("shift", "flips"):
        if quantity == "shift":
            sizes = [(abs(t.seen.logit - t.base.logit), t.of) for t in trials if t.seen and t.base]
            return mean_measure(f"{suite}.shift{PLACEBO}", sizes, "logits", _NOTHING, "size, to either side")
        changed = [(hit, t.of) for t in trials if (hit := t.changed) is not None]
        return share_measure(f"{suite}.flips{PLACEBO}", changed, _NOTHING, "to either side")
    return _measured(suite, quantity, trials, PLACEBO)


def _lowered(suite: str, own: Sequence[Trial], bare: Sequence[Trial]) -> Measure:
    """By how much guards lower the share of flips, on what was tried both ways."""
    by_change = {(t.of, t.text, t.toward): t.flipped for t in bare}
    pairs = [(by_change.get((t.of, t.text, t.toward)), t.flipped, t.of) for t in own]
    values = [(float(without) - float(with_), of) for without, with_, of in pairs if None not in (without, with_)]  # type: ignore[arg-type]
    return mean_measure(f"{suite}.{LOWERED}", values, "share", "nothing was tried both ways")


def _told(name: str, found: Interval, unit: str, note: str) -> Measure:
    few = "one case alone tells no interval" if found.low is None else ""
    return Measure(name, found.value, found.low, found.high, found.n, unit, "; ".join(filter(None, (note, few))))


def _kept(trial: Trial) -> bool | None:
    changed = trial.changed
    return None if changed is None else not changed


_NOTHING: Final = "nothing was tried"
_SHARES: Final[Mapping[str, Callable[[Trial], bool | None]]] = {
    "flips": lambda trial: trial.flipped,
    "success": lambda trial: trial.flipped,
    "wins": lambda trial: trial.won,
    "changed": lambda trial: trial.changed,
    "consistency": _kept,
}
_NO_LOSER: Final = "no case was tried in which the favoured candidate loses without it"
_NONE: Final[Mapping[str, str]] = {
    "flips": _NO_LOSER,
    "success": _NO_LOSER,
    "wins": _NOTHING,
    "changed": "no case with a winner was tried",
    "consistency": "no case with a winner was tried",
}
