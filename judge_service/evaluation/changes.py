"""What became of verdicts from one version of a rubric or a judge to the next, and whether it is more than chance."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field

from judge_service.domain.frozen import frozen
from judge_service.evaluation.audits.measures import Measure
from judge_service.statistics.binomial import sign_test
from judge_service.statistics.intervals import Interval, clustered_mean, clustered_share, p_value


@frozen
class Change:
    """One case that both versions judged.

    Attributes:
        prompt: the unit that intervals go by.
        models: who wrote the first candidate and who the second, where both are named.
        is_other: whether the verdict is another one: the winner, or the nearest step of a lone response.
        towards_first: of another winner of two: 1 where it moved towards the first candidate, -1 where away; else 0.
        move: how far the logit for the first candidate, or the score, rose; None where it cannot be told.
        towards_longer: of another winner of two, neither verdict a tie: whether it is the longer answer now; None where
            the texts are not known or are as long.
    """

    prompt: str
    is_other: bool
    towards_first: int = 0
    move: float | None = None
    models: tuple[str, str] | None = None
    domain: str | None = None
    towards_longer: bool | None = None


@frozen
class Changed:
    """What both versions' verdicts come to.

    Attributes:
        share: of the cases that both judged, those with another verdict; None where there is none.
        move: the mean rise of the logit for `first`, or of a lone response's score; `chance` is the p-value of a mean
            so far from zero, by Student's t over prompts.
        first: whom moves are towards: a model, where all pairs are of the same two, else "the first candidate".
        towards, away: how many verdicts moved towards `first` and away from it; `sign` is the exact p-value of so
            uneven a number (McNemar's test; Dixon and Mood 1946, JASA 41), which takes cases for independent.
        domains: the same share by domain.
        longer: of verdicts that name the other answer now, those that name the longer; None where no texts are known.
    """

    share: Interval | None
    move: Interval | None
    chance: float | None
    first: str
    towards: int
    away: int
    sign: float | None
    domains: Mapping[str, Interval]
    longer: Interval | None


@dataclass(slots=True)
class _Shares:
    prompts: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))

    def add(self, prompt: int, value: float) -> None:
        self.prompts.append(prompt)
        self.values.append(value)

    def share(self, confidence: float) -> Interval | None:
        return clustered_share(self.values, self.prompts, confidence) if self.values else None


@dataclass(slots=True)
class Changes:
    """Changes as they come, in a few bytes each."""

    prompts: dict[str, int] = field(default_factory=dict)
    models: set[tuple[str, ...]] = field(default_factory=set)
    others: _Shares = field(default_factory=_Shares)
    longer: _Shares = field(default_factory=_Shares)
    domains: dict[str, _Shares] = field(default_factory=dict)
    moves: _Shares = field(default_factory=_Shares)
    turned: array[int] = field(default_factory=lambda: array("b"))
    counts: dict[tuple[int, int], int] = field(default_factory=dict)

    def add(self, change: Change) -> None:
        """Takes a case in."""
        prompt = self.prompts.setdefault(change.prompt, len(self.prompts))
        # As long as all pairs are of the same two models, moves are towards the one whose name comes first.
        models = change.models
        turn = -1 if models is not None and models[0] > models[1] else 1
        if len(self.models) < 2:
            self.models.add(() if models is None else tuple(sorted(models)))
        self.others.add(prompt, float(change.is_other))
        if change.domain:
            self.domains.setdefault(change.domain, _Shares()).add(prompt, float(change.is_other))
        if change.move is not None:
            self.moves.add(prompt, change.move)
            self.turned.append(turn)
        if change.towards_first:
            side = change.towards_first, turn
            self.counts[side] = self.counts.get(side, 0) + 1
        if change.towards_longer is not None:
            self.longer.add(prompt, float(change.towards_longer))

    def found(self, confidence: float = 0.95) -> Changed:
        """What they come to."""
        names = next(iter(self.models), ())
        by_model = len(self.models) == 1 and len(names) == 2
        moved = self._move(by_model, confidence)
        towards, away = (
            sum(n for (side, turn), n in self.counts.items() if side * (turn if by_model else 1) == way)
            for way in (1, -1)
        )
        domains = {name: self.domains[name].share(confidence) for name in sorted(self.domains)}
        return Changed(
            self.others.share(confidence),
            moved,
            p_value(moved),
            names[0] if by_model else "the first candidate",
            towards,
            away,
            sign_test(towards, away) if towards + away else None,
            {name: share for name, share in domains.items() if share is not None},
            self.longer.share(confidence),
        )

    def _move(self, by_model: bool, confidence: float) -> Interval | None:
        if not self.moves.values:
            return None
        turns = self.turned if by_model else (1,) * len(self.turned)
        moves = [move * turn for move, turn in zip(self.moves.values, turns, strict=True)]
        return clustered_mean(moves, self.moves.prompts, confidence)


def measures_of(found: Changed, other_status: int, cases: int) -> tuple[Measure, ...]:
    """What --fail-if may name, each with its interval.

    Args:
        other_status: how many of the cases that both have are judged in one and not in the other, or the like.
    """
    share = other_status / cases if cases else None
    return (
        _measure("changed", found.share, "share", "no case was judged in both"),
        Measure("status", share, None, None, cases, "share", "no case is in both" if share is None else ""),
        _measure("move", found.move, "logits", "no verdict has a number"),
        _measure("longer", found.longer, "share", "the texts are not known, or no winner changed"),
    )


def _measure(name: str, told: Interval | None, unit: str, why: str) -> Measure:
    if told is None:
        return Measure(name, None, None, None, 0, unit, why)
    return Measure(name, told.value, told.low, told.high, told.n, unit)
