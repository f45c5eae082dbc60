"""win-rate --plan: how many prompts a difference needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import typer

from judge_service.domain.frozen import frozen
from judge_service.errors import InvalidOption, InvalidRequest
from judge_service.evaluation.contests.plans import Plan, assumed_plan, plan_from
from judge_service.evaluation.contests.win_rates import WinRate

PlanOption = Annotated[
    bool,
    typer.Option(
        "--plan",
        help="Say how many prompts a difference needs, by IN as a pilot, or without any by what is then assumed.",
    ),
]
DifferenceOption = Annotated[
    float | None, typer.Option(metavar="POINTS", help="With --plan: points from 50%, or between two models.")
]
_TWO: Final = 2


@frozen
class PlanFlags:
    """What a plan is told.

    Attributes:
        difference: in points.
        alpha: None where it is not told.
    """

    is_wanted: bool
    difference: float | None
    alpha: float | None
    seed: int

    @property
    def share(self) -> float:
        """The difference as a share.

        Raises:
            InvalidOption: there is none, or none that a win rate can have; or no plan is wanted.
        """
        if not self.is_wanted:
            raise InvalidOption("--difference goes with --plan", "difference")
        if self.difference is None or not 0.0 < self.difference < 50.0:
            told = "--plan needs --difference, in points between 0 and 50: 3 is 53% from 50%"
            raise InvalidOption(told, "difference")
        return self.difference / 100.0


def planned(rates: Sequence[WinRate], difference: float, alpha: float, seed: int) -> Plan:
    """By what a pilot found, or without one.

    Args:
        rates: of one model, or of the two whose difference is planned for; none without a pilot.
        difference: a share.

    Raises:
        InvalidRequest: the pilot says too little.
        InvalidOption: it is of more than two models.
    """
    if not rates:
        return assumed_plan(difference, alpha, seed)
    if len(rates) > _TWO:
        names = ", ".join(one.model for one in rates)
        raise InvalidOption(f"a plan is for one model or for two: here are {names} (--evaluated)", "evaluated")
    try:
        return plan_from(
            rates[0].comparisons, difference, [c for one in rates[1:] for c in one.comparisons], alpha, seed
        )
    except ValueError as e:
        raise InvalidRequest(str(e)) from None
