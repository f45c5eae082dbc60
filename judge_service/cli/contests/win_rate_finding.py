"""What win-rate finds in comparisons, and what it writes of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from judge_service.cli.contests.win_rate_files import write_annotations, write_leaderboard
from judge_service.cli.contests.win_rate_record import Controls, Found
from judge_service.contests.comparisons import Compared
from judge_service.errors import InvalidOption, RunRefused
from judge_service.evaluation.contests.difficulty import Difficulties
from judge_service.evaluation.contests.length_control import length_finding
from judge_service.evaluation.contests.paired_rates import difference_of
from judge_service.evaluation.contests.rates import UNSCORED, Unscored
from judge_service.evaluation.contests.style import style_controlled
from judge_service.evaluation.contests.win_rates import Unclear, WinRate, evenly_missing, oriented, pairings, win_rate
from judge_service.evaluation.origins import differing

_TWO: Final = 2


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be found.

    Attributes:
        model, baseline: to go by these only; "" for any.
        difficulties: of instructions, as AlpacaEval's length control takes them.
    """

    model: str
    baseline: str
    unscored: Unscored
    confidence: float
    difficulties: Difficulties | None = None

    def rates(self, compared: Compared) -> list[WinRate]:
        """The win rate of each model that was compared.

        Raises:
            InvalidOption: which is to be compared with which cannot be told.
        """
        try:
            pairs = pairings(compared.comparisons, self.model, self.baseline)
        except Unclear as e:
            raise InvalidOption(str(e), "baseline") from None
        return [
            win_rate(compared.comparisons, model, baseline, self.unscored, compared.unplaced, self.confidence)
            for model, baseline in pairs
        ]

    def controls(self, rates: Iterable[WinRate], compared: Compared) -> dict[str, Controls]:
        """Length and style controlled for, of each model that has a win rate, in the order of the comparisons.

        AlpacaEval's estimate goes by that order: its folds are shuffled by place.
        """
        found = {}
        for one in rates:
            if not one.rate.withheld:
                own = oriented(compared.comparisons, one.model, one.baseline)
                length = length_finding(own, self.difficulties, self.confidence)
                found[one.model] = Controls(length, style_controlled(own, self.confidence))
        return found


def unscored_told(told: str) -> Unscored:
    """What --unscored says.

    Raises:
        InvalidOption: nothing that is known.
    """
    for name in UNSCORED:
        if name == told:
            return name
    raise InvalidOption(f"--unscored is one of {', '.join(UNSCORED)}; got {told!r}", "unscored")


def found_in(wanted: Wanted, compared: Compared) -> Found:
    """Each model's win rate; two models over one baseline are compared with each other too."""
    rates = evenly_missing(wanted.rates(compared), wanted.unscored)
    difference = difference_of(rates[0], rates[1], wanted.confidence) if len(rates) == _TWO else None
    controls = wanted.controls(rates, compared)
    return Found(tuple(rates), difference, compared, wanted.unscored, controls, compared.told)


def found_between(wanted: Wanted, compared: Compared, against: Compared, allow_mixed: bool) -> Found:
    """The win rates of one model here and of one model there, and what they differ by.

    Raises:
        InvalidOption: there are several models in one of them, or their baselines differ.
        RunRefused: they were judged by others, or otherwise.
    """
    _check_alike(compared, against, allow_mixed)
    both = [wanted.rates(compared), replace(wanted, model="").rates(against)]
    for rates in both:
        if len(rates) > 1:
            names = ", ".join(one.model for one in rates)
            raise InvalidOption(f"--against compares one model with one: here are {names} (--evaluated)", "against")
    (one,), (other,) = both
    if one.baseline != other.baseline:
        raise InvalidOption(f"their baselines differ: {one.baseline} and {other.baseline} (--baseline)", "against")
    rates = evenly_missing([one, other], wanted.unscored)
    difference = difference_of(rates[0], rates[1], wanted.confidence)
    controls = {**wanted.controls(rates[:1], compared), **wanted.controls(rates[1:], against)}
    told = (*compared.told, *against.told)
    return Found(tuple(rates), difference, compared, wanted.unscored, controls, told)


def _check_alike(compared: Compared, against: Compared, allow_mixed: bool) -> None:
    origins = list(dict.fromkeys([*compared.origins, *against.origins]))
    if len(origins) > 1 and not allow_mixed:
        differs = " and ".join(differing(origins[1], origins[0]))
        raise RunRefused(f"what --against names differs in {differs} (--allow-mixed takes both)")


def write_files(found: Found, annotations: str, leaderboard: str) -> list[str]:
    """Writes AlpacaEval's files, those that are named; what could not be written, in words.

    Raises:
        InvalidOption: texts are not known.
        InvalidRequest: the leaderboard is none.
    """
    if annotations:
        write_annotations(annotations, found.rates, "+".join(found.compared.judges))
    if not leaderboard:
        return []
    rated = [one for one in found.rates if not one.rate.withheld]
    if rated:
        write_leaderboard(leaderboard, rated, _length_controlled(found.controls))
    withheld = [one.model for one in found.rates if one.rate.withheld]
    return [f"no row of {model} in {leaderboard}: there is no win rate" for model in withheld]


def _length_controlled(controls: Mapping[str, Controls]) -> dict[str, tuple[float, float | None]]:
    """What AlpacaEval's leaderboard would show, by model, where there is such a rate."""
    told = {model: own.length.alpaca for model, own in controls.items()}
    return {model: (own.win_rate, own.standard_error) for model, own in told.items() if not isinstance(own, str)}
