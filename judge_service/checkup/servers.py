"""What a judge server says of itself: whether it is there, which models it has, how long they read, and its clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Final

import aiohttp

from judge_service.checkup.checks import Check, failed, passed, unchecked, warned
from judge_service.checkup.subject import Subject, listed
from judge_service.sections import JudgeSettings
from judge_service.settings import secret
from judge_service.wiring.servers import models_in

LEAST_CONTEXT: Final = 4096
MOST_SECONDS_APART: Final = 30.0
_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back from a GET.

    Attributes:
        took: seconds that it took.
        ahead: how many seconds the server's clock is ahead of ours; None if its answer carries no date.
    """

    status: int = 0
    body: bytes = b""
    took: float = 0.0
    ahead: float | None = None

    def models(self) -> Mapping[str, Mapping[str, Any]]:
        """The models that it lists, by id; none if it lists none."""
        return models_in(self.body)


@dataclass(slots=True)
class Fetching:
    """Fetches pages of a server with their heads, which the ways to judges do not carry."""

    settings: JudgeSettings
    _headers: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        """Looks up the key."""
        key = secret(self.settings.key_env)
        self._headers = {"authorization": f"Bearer {key}"} if key else {}

    async def get(self, path: str) -> Answered:
        """A page below the judge's address; status 0 if no whole answer came."""
        url = self.settings.url[0].rstrip("/") + path
        timeout = aiohttp.ClientTimeout(total=_SECONDS)
        try:
            async with aiohttp.ClientSession(headers=self._headers, timeout=timeout) as session:
                before = time.time()
                async with session.get(url) as response:
                    body = await response.read()
                    took = time.time() - before
                    ahead = _ahead(response.headers.get("date"), before + took / 2)
                    return Answered(response.status, body, took, ahead)
        except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError, TimeoutError):
            return Answered()


def _ahead(date: str | None, now: float) -> float | None:
    try:
        told = parsedate_to_datetime(date or "")
    except ValueError:
        return None
    # The header's seconds are whole ones: half of one is lost on average.
    return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp() + 0.5 - now


def reachable(subject: Subject, answered: Answered) -> Check:
    """It has answered before this is called."""
    server = subject.server
    what = f"vLLM {server.version}" if server.version else {"vllm": "vLLM"}.get(server.kind, "a chat server")
    return passed("reachable", f"{what}, answers within {1000 * answered.took:.0f} ms")


async def model(subject: Subject, answered: Answered) -> Check:
    """Whether the server has the judge's model."""
    wanted, names = subject.settings.model, list(answered.models())
    if wanted in names:
        root = subject.server.root
        return passed("model", wanted if root in ("", wanted) else f"{wanted}, which is {root}")
    lists = f"the server lists {listed(names)}, and not {wanted}" if names else "the server lists no models"
    failure = (await subject.asked("Say yes.")).failure
    if failure is None or failure.kind in ("truncated", "refused"):
        to_do = f"see that {wanted} is the model that answers" + (", or give --model as it is listed" if names else "")
        return warned("model", f"{lists}; it answers to {wanted} all the same", to_do)
    return failed("model", f"{lists}: {failure.message}", "give --model (or `model`) as the server names it")


async def context_length(subject: Subject) -> Check:
    """How long a prompt and its answer may be together."""
    most = subject.server.most_tokens
    if not most:
        to_do = "know it yourself: a prompt that is too long is noticed only when the judge refuses it"
        return warned("context length", "not told", to_do)
    if most < LEAST_CONTEXT:
        to_do = f"start vLLM with --max-model-len {LEAST_CONTEXT} or more, or take a model that reads more"
        return warned("context length", f"{most:,} tokens: long pairs will be refused as too long", to_do)
    return passed("context length", f"{most:,} tokens")


async def clock(answered: Answered) -> Check:
    """Whether the judge's machine and this one tell the same time."""
    if answered.ahead is None:
        return unchecked("clock", "the server's answers carry no date", "compare the two machines' clocks yourself")
    apart = abs(answered.ahead)
    if apart > MOST_SECONDS_APART:
        side = "ahead of" if answered.ahead > 0 else "behind"
        to_do = "set both machines' clocks (NTP): times of judgments, of the log and of traces do not fit together"
        return warned("clock", f"the server's is {apart:,.0f} s {side} ours", to_do)
    return passed("clock", f"within {max(1.0, apart):.0f} s of ours")
