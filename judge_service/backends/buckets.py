"""How much of an allowance is used, and when there is some of it again. Time is told, never read, and nothing waits.

Of a minute's allowance, what was used is forgotten evenly, at the rate at which it may be used: a leaky bucket (Turner,
"New directions in communications", 1986; with single units it is the generic cell rate algorithm of ITU-T I.371). So in
any minute there is at most twice the allowance, once saved up and once come in, and in the long run no more than it. Of
a day's, one whole allowance is forgotten at each midnight UTC: within a day there is never more than it. What was used
beyond, because it was known only afterwards, is a debt: it must be forgotten before anything more is allowed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Final, Literal

Measure = Literal["requests", "judge_calls", "tokens"]
Span = Literal["minute", "day"]
SECONDS: Final[dict[Span, int]] = {"minute": 60, "day": 86_400}
_NOTHING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Limit:
    """An allowance.

    Attributes:
        most: so much in a minute, or in a day; above 0.
    """

    measure: Measure
    span: Span
    most: float


@dataclass(frozen=True, slots=True)
class Level:
    """How much is used.

    Attributes:
        used: from 0; beyond the allowance it is a debt.
        at: when it was so, in seconds since 1970.
    """

    used: float = 0.0
    at: float = 0.0


EMPTY: Final = Level()


def later(limit: Limit, level: Level, now: float) -> Level:
    """The same, after what is forgotten until now; a clock that went back forgets nothing."""
    if now <= level.at:
        return level
    if limit.span == "minute":
        used = level.used - (now - level.at) * limit.most / SECONDS["minute"]
    else:
        used = level.used - (_day(now) - _day(level.at)) * limit.most
    return Level(max(0.0, used), now)


def has_room(limit: Limit, level: Level, cost: float) -> bool:
    """Whether so much more is allowed; of an allowance that nobody has touched, anything is.

    A cost that is not known yet is 0, and needs some allowance to be left.
    """
    return level.used <= _NOTHING or level.used + max(cost, _NOTHING) <= limit.most


def changed(level: Level, amount: float) -> Level:
    """With so much more used, or less, but no less than nothing."""
    return Level(max(0.0, level.used + amount), level.at)


def left(limit: Limit, level: Level) -> float:
    """How much more is allowed; 0 for a debt."""
    return max(0.0, limit.most - level.used)


def seconds_until(limit: Limit, level: Level, cost: float) -> float:
    """How long it takes from the level's time on until so much more is allowed, if nothing else is used."""
    if has_room(limit, level, cost):
        return 0.0
    return _seconds_to(limit, level, max(_NOTHING, limit.most - max(cost, _NOTHING)))


def seconds_until_whole(limit: Limit, level: Level) -> float:
    """How long it takes until all of the allowance is there."""
    return _seconds_to(limit, level, _NOTHING)


def _seconds_to(limit: Limit, level: Level, used: float) -> float:
    over = level.used - used
    if over <= 0.0:
        return 0.0
    if limit.span == "minute":
        return over * SECONDS["minute"] / limit.most
    return (_day(level.at) + ceil(over / limit.most)) * SECONDS["day"] - level.at


def _day(now: float) -> int:
    return floor(now / SECONDS["day"])


@dataclass(frozen=True, slots=True)
class Charged:
    """What became of a charge.

    Attributes:
        levels: of each limit, afterwards; all of one time.
        refused: the limits that did not allow it, by their places. If there are any, nothing was charged.
    """

    levels: tuple[Level, ...]
    refused: tuple[int, ...] = ()


def charge(limits: Sequence[Limit], levels: Sequence[Level], costs: Sequence[float], now: float) -> Charged:
    """Charges all limits or, if one does not allow it, none."""
    come = tuple(later(limit, level, now) for limit, level in zip(limits, levels, strict=True))
    told = zip(limits, come, costs, strict=True)
    refused = tuple(place for place, each in enumerate(told) if not has_room(*each))
    if refused:
        return Charged(come, refused)
    return Charged(tuple(changed(level, cost) for level, cost in zip(come, costs, strict=True)))


def settle(limits: Sequence[Limit], levels: Sequence[Level], amounts: Sequence[float], now: float) -> Charged:
    """Charges what has been used already, or takes back what has not."""
    come = (later(limit, level, now) for limit, level in zip(limits, levels, strict=True))
    return Charged(tuple(changed(level, amount) for level, amount in zip(come, amounts, strict=True)))
