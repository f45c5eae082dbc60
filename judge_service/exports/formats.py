"""What a format is: the function that writes its rows, and what it can tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from judge_service.domain.frozen import frozen
from judge_service.exports.groups import Group
from judge_service.exports.paired import Row, Writing
from judge_service.exports.policy import Pair, Ties


@frozen
class Paired:
    """A format of pairs.

    Attributes:
        best_worst_only: whether other pairs would contradict each other, an answer being both good and bad.
        ties: the ways of treating ties that it has, the usual one first.
        takes: the options of writing that mean something to it: temperature, threshold.
    """

    rows: Callable[[Pair, Writing], Iterable[Row]]
    best_worst_only: bool = False
    ties: tuple[Ties, ...] = ("drop", "both")
    takes: tuple[str, ...] = ()


@frozen
class Grouped:
    """A format of all answers to a prompt.

    Attributes:
        least: so many answers at least.
        most: so many at most; None without a limit.
        kinds: the kinds of judgments it takes; all of them if empty.
        takes: the options of writing that mean something to it: temperature, threshold.
    """

    rows: Callable[[Group, Writing], Iterable[Row]]
    least: int = 2
    most: int | None = None
    ties: tuple[Ties, ...] = ("soft", "drop")
    kinds: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
