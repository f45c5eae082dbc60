"""win-rate --until decided: when to stop, as flags say it, and what it came to."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Annotated, Final, get_args

import typer

from judge_service.cli.contests.contest import ContestFlags, Course, Settle, judged_contest
from judge_service.contests.comparisons import Compared
from judge_service.contests.deciding import Decision, Terms, deciding
from judge_service.contests.pairing import Paired
from judge_service.contests.sequential import Kind, Value
from judge_service.domain.frozen import frozen
from judge_service.errors import InvalidOption
from judge_service.evaluation.contests.rates import Unscored
from judge_service.loops import run_interruptibly

Until = Annotated[
    str,
    typer.Option(
        metavar="decided", help="Of outputs: judge prompts in a drawn order until it is decided who is better."
    ),
]
Budget = Annotated[
    str,
    typer.Option(metavar="N", help="With --until: at most so many prompts, or judge calls: 300, 300prompts, 600calls."),
]
Alpha = Annotated[
    float | None,
    typer.Option(min=0.0001, max=0.5, help="With --until or --plan: the share of wrong alarms. [default: 0.05]"),
]
SequenceOption = Annotated[str, typer.Option(help="With --until: betting or asymptotic. [default: betting]")]
VerdictOption = Annotated[str, typer.Option(help="With --until: soft or discrete verdicts decide. [default: soft]")]

ALPHA: Final = 0.05
_BUDGET: Final = re.compile(r"([1-9]\d*) ?(prompts|calls)?")


@frozen
class Decided:
    """What a contest came to that ended once it was decided."""

    decision: Decision
    compared: Compared
    model: str
    baseline: str


@frozen
class UntilFlags:
    """When to stop, as it is told; "" and None where it is not."""

    until: str
    budget: str
    alpha: float | None
    sequence: str
    verdict: str

    def terms(self, unscored: Unscored, seed: int) -> Terms | None:
        """When to stop; None: after all prompts.

        Raises:
            InvalidOption: a flag says nothing that is known, or goes with --until alone.
        """
        if not self.until:
            for name, told in (("budget", self.budget), ("sequence", self.sequence), ("verdict", self.verdict)):
                if told:
                    raise InvalidOption(f"--{name} goes with --until decided", name)
            if self.alpha is not None:
                raise InvalidOption("--alpha goes with --until decided or --plan", "alpha")
            return None
        if self.until != "decided":
            raise InvalidOption(f"--until is 'decided'; got {self.until!r}", "until")
        prompts, calls = self._spending()
        alpha = ALPHA if self.alpha is None else self.alpha
        return Terms(alpha, _kind(self.sequence), _value(self.verdict), unscored, prompts, calls, seed)

    def _spending(self) -> tuple[int | None, int | None]:
        if not self.budget:
            return None, None
        found = _BUDGET.fullmatch(self.budget)
        if found is None:
            told = f"--budget is a number of prompts, or of calls such as 600calls; got {self.budget!r}"
            raise InvalidOption(told, "budget")
        count = int(found[1])
        return (None, count) if found[2] == "calls" else (count, None)


def check_only_outputs(terms: Terms | None, lock: str) -> None:
    """That nothing is to be stopped or pinned where nothing is judged.

    Raises:
        InvalidOption: it is.
    """
    if terms is not None or lock:
        name = "lock" if terms is None else "until"
        raise InvalidOption(f"--{name} goes with two files of outputs: these are judged already", name)


def check_undecided_files(annotations: str, leaderboard: str, difficulty: str) -> None:
    """That no rate is asked for of a contest that ends once it is decided: it has none of a fixed number of prompts.

    Raises:
        InvalidOption: one is.
    """
    for name, told in (("annotations", annotations), ("leaderboard", leaderboard), ("difficulty", difficulty)):
        if told:
            raise InvalidOption(f"--{name} needs all prompts: leave --until out", name)


def _kind(told: str) -> Kind:
    kinds: tuple[Kind, ...] = get_args(Kind)
    for kind in kinds:
        if told in (kind, ""):
            return kind
    raise InvalidOption(f"--sequence is one of {', '.join(kinds)}; got {told!r}", "sequence")


def _value(told: str) -> Value:
    values: tuple[Value, ...] = get_args(Value)
    for value in values:
        if told in (value, ""):
            return value
    raise InvalidOption(f"--verdict is one of {', '.join(values)}; got {told!r}", "verdict")


def decided_contest(contest: Paired, asked: ContestFlags, terms: Terms, settle: Settle) -> Decided:
    """Judges a contest until it is decided.

    Raises:
        JudgeServiceError: nothing could be judged.
    """
    run = deciding(contest.rows, terms)
    drawn = replace(contest, rows=tuple(run.rows))
    compared = run_interruptibly(judged_contest(drawn, asked, Course(settle, run.note, run.is_enough, run.ahead)))
    return Decided(run.decision(), compared, contest.model, contest.baseline)
