"""What each API key may use, and what is told of it: limits as configured, headers, and the words of a refusal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from judge_service.api.access import digest_of, tenant_of
from judge_service.api.problems import Problem
from judge_service.backends.buckets import (
    EMPTY,
    SECONDS,
    Charged,
    Level,
    Limit,
    Measure,
    Span,
    left,
    seconds_until,
    seconds_until_whole,
)
from judge_service.domain.options import Options
from judge_service.sections import Allowances
from judge_service.settings import Settings

ANYBODY: Final = "anybody"
"""The name of all callers together, where there are no keys."""
MEASURES: Final[tuple[Measure, ...]] = ("requests", "judge_calls", "tokens")
_SPANS: Final[tuple[Span, ...]] = ("minute", "day")
_CODES: Final[Mapping[Span, str]] = {"minute": "rate_limit_exceeded", "day": "quota_exceeded"}
_WORDS: Final[Mapping[Measure, str]] = {"requests": "requests", "judge_calls": "judge calls", "tokens": "tokens"}
_LONGEST_WAIT: Final = 120.0
"""OpenAI's client does not wait for longer, and need not try again sooner."""
_NEWEST: Final = 0.1
_FIRST_CALLS, _FIRST_TOKENS = 2.0, 1000.0
"""What a case is taken to cost before any has been seen: a pair in both orders."""


@dataclass(slots=True, eq=False)
class Account:
    """One API key, or all callers where there are none.

    Attributes:
        id: under which it is kept what it has used.
        levels: as they were last seen, in the order of the limits.
        per_case: what a case of its costs, on average of late.
    """

    id: str
    name: str
    limits: tuple[Limit, ...]
    is_batch: bool = False
    levels: tuple[Level, ...] = ()
    per_case: dict[Measure, float] = field(
        default_factory=lambda: {"judge_calls": _FIRST_CALLS, "tokens": _FIRST_TOKENS}
    )

    def __post_init__(self) -> None:
        self.levels = self.levels or (EMPTY,) * len(self.limits)

    def learn(self, cases: int, used: Mapping[Measure, float]) -> None:
        """So many cases have cost so much."""
        for measure, amount in used.items():
            self.per_case[measure] += (amount / cases - self.per_case[measure]) * _NEWEST

    def costs(self, requests: float, cases: float) -> list[float]:
        """What they will cost, in the order of the limits, if the past is any guide."""
        told: dict[Measure, float] = {m: cost * cases for m, cost in self.per_case.items()}
        return self.amounts({"requests": requests, **told})

    def amounts(self, told: Mapping[Measure, float]) -> list[float]:
        """Amounts in the order of the limits."""
        return [told.get(limit.measure, 0.0) for limit in self.limits]

    def with_priority(self, options: Options) -> Options:
        """The options with the key's own priority, where its caller told none."""
        if not self.is_batch or "priority" in options.told:
            return options
        return replace(options, priority="batch")


def accounts_of(settings: Settings) -> dict[str, Account]:
    """The accounts that have a limit, or go behind others, by tenant.

    Raises:
        InvalidConfiguration: a key is missing, stands twice, or is no digest.
    """
    named, found = settings.named_keys(), {}
    for key in settings.plain_keys():
        tenant = tenant_of(digest_of(key))
        found[tenant] = _account(tenant, f"#{tenant[:8]}", settings.quotas, settings.quotas)
    for name, key in named.items():
        tenant = tenant_of(digest_of(key))
        found[tenant] = _account(tenant, name, settings.keys[name], settings.quotas)
    if not found:
        found[""] = _account(ANYBODY, ANYBODY, settings.quotas, settings.quotas)
    return {tenant: account for tenant, account in found.items() if account.limits or account.is_batch}


def _account(tenant: str, name: str, own: Allowances, all_: Allowances) -> Account:
    limits = []
    for measure in MEASURES:
        for span in _SPANS:
            most = getattr(own, f"{measure}_per_{span}")
            most = getattr(all_, f"{measure}_per_{span}") if most is None else most
            if most:
                limits.append(Limit(measure, span, most))
    return Account(tenant, name, tuple(limits), (own.priority or all_.priority) == "batch")


def refused(account: Account, charged: Charged, costs: Sequence[float]) -> tuple[Problem, Limit, float]:
    """What a caller is told who has used up a limit; the one that takes longest, and the seconds until it allows."""
    waits = [(seconds_until(account.limits[at], charged.levels[at], costs[at]), at) for at in charged.refused]
    seconds, at = max(waits)
    limit = account.limits[at]
    what = f"its {limit.most:,.15g} {_WORDS[limit.measure]} per {limit.span}"
    told = f"key '{account.name}' has used up {what}: there is more in {duration(seconds)}"
    problem = Problem(429, told, code=_CODES[limit.span], retry=max(1, math.ceil(seconds)))
    problem.headers["retry-after-ms"] = str(math.ceil(1000 * seconds))
    return (problem.for_good() if seconds > _LONGEST_WAIT else problem), limit, seconds


def headers(account: Account, levels: Sequence[Level]) -> dict[str, str]:
    """`x-ratelimit-…` as OpenAI's servers send them; of two limits of a kind, the one with less left."""
    told: dict[str, str] = {}
    for measure in MEASURES:
        pairs = [
            (limit, level) for limit, level in zip(account.limits, levels, strict=True) if limit.measure == measure
        ]
        if pairs:
            limit, level = min(pairs, key=lambda pair: left(*pair))
            name = measure.replace("_", "-")
            told[f"x-ratelimit-limit-{name}"] = f"{limit.most:.15g}"
            told[f"x-ratelimit-remaining-{name}"] = str(math.floor(left(limit, level)))
            told[f"x-ratelimit-reset-{name}"] = duration(seconds_until_whole(limit, level))
    return told


def duration(seconds: float) -> str:
    """A time as OpenAI's servers write it: 12ms, 1.5s, 6m0s, 2h0m30s; rounded up."""
    milliseconds = math.ceil(seconds * 1000 - 1e-6)
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    if milliseconds < 1000 * SECONDS["minute"]:
        return f"{milliseconds / 1000:.3f}".rstrip("0").rstrip(".") + "s"
    minutes, rest = divmod(math.ceil(milliseconds / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m{rest}s" if hours else f"{minutes}m{rest}s"
