"""Quotas at work: a request is charged at the door, its judge calls and tokens once they are known."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from judge_service.api.access import OPEN_PATHS, TENANT
from judge_service.api.accounts import Account, headers, refused
from judge_service.api.metrics import Metrics
from judge_service.api.problems import Problem
from judge_service.backends.books import Book, BookAway, MemoryBook
from judge_service.backends.buckets import EMPTY, Charged, Limit, Measure, changed, has_room, later
from judge_service.domain.verdicts import Usage

SPENDING: Final = "judge_service.spending"
"""Where a request's scope says what it is charged to."""
_SETTLE_EACH: Final = 32
"""Judge calls after which a long request is charged for what it has used so far."""
_LONGEST_PAUSE: Final = 30.0
_TINY: Final = 1e-9


class Quotas:
    """Every account and its book.

    Args:
        is_closed: whether requests are refused while the book is away; else this process goes on by its own.
    """

    def __init__(
        self, accounts: Mapping[str, Account], book: Book | None, metrics: Metrics, is_closed: bool = False
    ) -> None:
        self._accounts = accounts
        self._own = MemoryBook(time.time)
        self._book: Book = self._own if book is None else book
        self._metrics = metrics
        self._is_closed = is_closed
        self._is_away = False

    @property
    def is_used(self) -> bool:
        """Whether anybody's requests are limited, or go behind others'."""
        return bool(self._accounts)

    @property
    def faults(self) -> Mapping[str, int]:
        """How often the book failed, by kind."""
        return self._book.faults

    def account(self, tenant: str) -> Account | None:
        """The account of a caller; None for one without limits."""
        return self._accounts.get(tenant)

    async def charge(self, account: Account, requests: int) -> Spending:
        """Charges so many requests and, until it is known, what one case usually costs.

        Raises:
            Problem: 429, something is used up; 503, that cannot be known.
        """
        costs = account.costs(requests, 1)
        if account.limits:
            charged = await self._charged(account, costs)
            account.levels = charged.levels
            if charged.refused:
                problem, limit, _ = refused(account, charged, costs)
                self.refuse(account, limit)
                raise problem
        return Spending(account, self, costs)

    async def turn(self, account: Account) -> Spending:
        """The same for a line of a batch: no request, and instead of being refused it waits."""
        while True:
            costs = account.costs(0, 1)
            charged = await self._charged(account, costs) if account.limits else Charged(())
            account.levels = charged.levels
            if not charged.refused:
                return Spending(account, self, costs)
            _, _, seconds = refused(account, charged, costs)
            await asyncio.sleep(min(_LONGEST_PAUSE, seconds + _TINY))

    async def _charged(self, account: Account, costs: Sequence[float]) -> Charged:
        try:
            charged = await self._book.charge(account.id, account.limits, costs)
        except BookAway as e:
            self._is_away = True
            if self._is_closed:
                raise Problem(503, f"the quotas cannot be looked up: {e}", code="quotas_unavailable", retry=1) from None
            return await self._own.charge(account.id, account.limits, costs)
        self._is_away = False
        return charged

    def settle(self, account: Account, amounts: Sequence[float]) -> None:
        """Charges what has been used, or takes back what has not."""
        if any(amounts):
            (self._own if self._is_away else self._book).settle(account.id, account.limits, amounts)
            account.levels = tuple(
                changed(level, amount) for level, amount in zip(account.levels, amounts, strict=True)
            )

    def refuse(self, account: Account, limit: Limit) -> None:
        """Counts a refusal."""
        self._metrics.quota_refused(account.name, limit.measure, limit.span)

    def told(self, account: Account) -> dict[str, str]:
        """Headers on what the account has left, as far as this process knows."""
        now = time.time()
        told = zip(account.limits, account.levels, strict=True)
        return headers(account, [level if level is EMPTY else later(limit, level, now) for limit, level in told])

    def tell(self) -> None:
        """Tells the metrics what every account has left, and how often the book failed."""
        now = time.time()
        for account in self._accounts.values():
            for limit, level in zip(account.limits, account.levels, strict=True):
                remaining = max(0.0, limit.most - later(limit, level, now).used)
                self._metrics.quota_left(account.name, limit.measure, limit.span, remaining)
        self._metrics.quota_faults(self.faults)


class Spending:
    """What one request, or one line of a batch, is charged: an estimate first, and then what it used.

    Args:
        held: what was charged already, in the order of the account's limits.
    """

    __slots__ = ("_calls", "_cases", "_held", "_quotas", "_tokens", "account")

    def __init__(self, account: Account, quotas: Quotas, held: Sequence[float]) -> None:
        self.account = account
        self._quotas = quotas
        self._held = [0.0 if limit.measure == "requests" else h for limit, h in zip(account.limits, held, strict=True)]
        self._cases = 0
        self._calls = self._tokens = 0

    def expect(self, cases: int) -> None:
        """More cases belong to it than the one it was charged for.

        Raises:
            Problem: 429, what they usually cost is more than there is.
        """
        account = self.account
        if cases < 1 or not account.limits:
            return
        more = account.costs(0, cases)
        self._check(more)
        self._held = [held + cost for held, cost in zip(self._held, more, strict=True)]
        self._quotas.settle(account, more)

    def _check(self, more: Sequence[float]) -> None:
        account, now = self.account, time.time()
        told = zip(account.limits, account.levels, self._held, more, strict=True)
        short = tuple(
            at
            for at, (limit, level, held, cost) in enumerate(told)
            if cost and not has_room(limit, changed(later(limit, level, now), -held), held + cost)
        )
        if short:
            problem, limit, _ = refused(account, Charged(account.levels, short), more)
            self._quotas.refuse(account, limit)
            raise problem

    def used(self, usage: Usage) -> None:
        """A case has been judged."""
        self._cases += 1
        self._calls += usage.judge_calls
        self._tokens += usage.prompt_tokens + usage.completion_tokens
        if self._calls >= _SETTLE_EACH:
            self._settle(beyond=True)

    def end(self) -> None:
        """It is answered: what is charged is what it used, to the last."""
        self._settle(beyond=False)

    def _settle(self, beyond: bool) -> None:
        """Charges what has been used since the last time.

        Args:
            beyond: whether more is to come, so that what was put aside for it stays put aside.
        """
        account = self.account
        told: dict[Measure, float] = {"judge_calls": float(self._calls), "tokens": float(self._tokens)}
        if self._cases:
            account.learn(self._cases, told)
        amounts = account.amounts(told)
        paid = [min(held, amount) if beyond else held for held, amount in zip(self._held, amounts, strict=True)]
        self._held = [held - gone for held, gone in zip(self._held, paid, strict=True)]
        self._cases = self._calls = self._tokens = 0
        self._quotas.settle(account, [amount - gone for amount, gone in zip(amounts, paid, strict=True)])


class Metered:
    """Charges requests to their callers' accounts, and tells on every answer what is left."""

    def __init__(self, app: ASGIApp, quotas: Quotas) -> None:
        self._app = app
        self._quotas = quotas

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, or answers 429. What only reads (GET), or deletes, is not charged."""
        account = self._quotas.account(scope.get(TENANT, "")) if scope["type"] == "http" else None
        if account is None or scope["path"] in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        quotas = self._quotas

        async def send_with_limits(message: Message) -> None:
            if message["type"] == "http.response.start":
                told = [(name.encode(), value.encode()) for name, value in quotas.told(account).items()]
                message["headers"] = [*message["headers"], *told]
            await send(message)

        if scope["method"] != "POST":
            await self._app(scope, receive, send_with_limits)
            return
        try:
            spending = await quotas.charge(account, 1)
        except Problem as problem:
            await problem.response()(scope, receive, send_with_limits)
            return
        scope[SPENDING] = spending
        try:
            await self._app(scope, receive, send_with_limits)
        finally:
            spending.end()
