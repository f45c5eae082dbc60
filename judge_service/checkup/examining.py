"""The check-up: which checks are made of what, in which order, and what is said of those that cannot be made."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from judge_service.backends.base import TransientFault
from judge_service.backends.wires import Wire
from judge_service.checkup import manners, servers, tokens, verdicts
from judge_service.checkup.caches import cache
from judge_service.checkup.checks import Check, about, failed, unchecked, warned
from judge_service.checkup.replicas import Met, replicas_agree
from judge_service.checkup.servers import Fetching
from judge_service.checkup.subject import Subject
from judge_service.domain.cases import Candidate, Case
from judge_service.domain.prompting import JudgePrompt
from judge_service.errors import InvalidConfiguration, JudgeDown, JudgeServiceError, UnknownName
from judge_service.sections import CacheSettings, JudgeSettings, TraceSettings
from judge_service.service import JudgingService
from judge_service.settings import Settings
from judge_service.wiring import open_service
from judge_service.wiring.roster import addresses
from judge_service.wiring.servers import Server, reached, wire_to

_CANARY_SECONDS: Final = 600.0
_OF_THE_SERVER: Final = ("model", "context length", "clock")
_OF_ITS_WAYS: Final = ("thinking", "label tokens", "control tokens", "prefix cache")
_OF_VERDICTS: Final = (
    "sample cases",
    "log-probabilities",
    "label mass",
    "position bias",
    "consistency",
    "obvious pairs",
)
_AWAY: Final = "the judge is out of reach"


async def examine(settings: Settings, names: Sequence[str], wait: float) -> list[Check]:
    """Every line: of each judge (all that are configured, if none is named) and each of its replicas, and of the cache.

    Args:
        wait: seconds to wait for a judge that does not answer.

    Raises:
        InvalidConfiguration: no judge is configured, or one cannot even be asked: no address, or no key where one is
            named.
        UnknownName: a judge is named that is not configured.
    """
    if not settings.judges:
        raise InvalidConfiguration(
            "no judge is configured: give --judge-url and --model, or --offline to try things out"
        )
    unknown = [name for name in names if name not in settings.judges]
    if unknown:
        raise UnknownName(f"there is no judge '{unknown[0]}'; there are {', '.join(settings.judges)}", "judge")
    chosen = {name: settings.judges[name] for name in names or settings.judges}
    async with AsyncExitStack() as stack:
        wires = {name: _wires(name, judge) for name, judge in chosen.items()}
        for wire in (wire for of_judge in wires.values() for wire in of_judge):
            stack.push_async_callback(wire.aclose)
        lines: list[Check] = []
        for name, judge in chosen.items():
            lines += await _judge(name, judge, wires[name], settings, wait)
    return lines + await cache(settings.cache)


def _wires(name: str, judge: JudgeSettings) -> list[Wire]:
    if judge.kind == "offline":
        return []
    if not judge.url or not judge.model:
        raise InvalidConfiguration(f"judge '{name}' needs a url and a model")
    return [wire_to(url, judge) for url in addresses(judge.url)]


async def _judge(
    name: str, judge: JudgeSettings, wires: Sequence[Wire], settings: Settings, wait: float
) -> list[Check]:
    if judge.kind == "offline":
        return about(await _offline(name, judge, settings), name)
    if judge.kind == "reward":
        to_do = "score a few responses that you know with it"
        return about([unchecked("reward model", "it has no labels, words or orders to look at", to_do)], name)
    each = [_Examined(name, judge.model_copy(update={"url": (wire.address,)}), wire, settings) for wire in wires]
    await asyncio.gather(*(one.examine(wait) for one in each))
    lines = [line for one in each for line in about(one.lines, name, one.wire.address)]
    if len(each) > 1:
        met = [Met(one.wire.address, one.server, one.logits) for one in each if one.server is not None]
        lines += about([replicas_agree(met)], name)
    return lines


async def _offline(name: str, judge: JudgeSettings, settings: Settings) -> list[Check]:
    """The built-in judge. Nothing of it can be mended, and so nothing of it fails."""
    to_do = "use it to try things out, and never train on its labels; --judge-url and --model name a judge that counts"
    lines = [warned("model", "the built-in offline judge, a scorer on text features: no model judges", to_do)]
    async with open_service(_alone(name, judge, settings), learn=False) as service:
        lines += _of_verdicts(await verdicts.sampled(service, name), "its own arithmetic")
    return [replace(line, level="warn") if line.level == "fail" else line for line in lines]


def _alone(name: str, judge: JudgeSettings, settings: Settings) -> Settings:
    """Settings under which this judge is opened by itself, without cache or traces, and its thoughts are noticed."""
    noticed = judge.model_copy(update={"canary_seconds": judge.canary_seconds or _CANARY_SECONDS})
    apart = {"judges": {name: noticed}, "cache": CacheSettings(url="none"), "traces": TraceSettings()}
    return settings.model_copy(update=apart)


def _of_verdicts(found: verdicts.Sampled, how: str) -> list[Check]:
    return [
        verdicts.sample_cases(found),
        verdicts.log_probabilities(found, how),
        verdicts.label_mass(found),
        verdicts.position_bias(found),
        verdicts.consistency(found),
        verdicts.obvious_pairs(found),
    ]


@dataclass(slots=True)
class _Examined:
    """One replica under examination, and its lines so far."""

    name: str
    judge: JudgeSettings
    wire: Wire
    settings: Settings
    lines: list[Check] = field(default_factory=list)
    server: Server | None = None
    logits: tuple[float, ...] = ()

    async def examine(self, wait: float) -> None:
        """Makes all checks, each as far as those before it allow."""
        try:
            self.server = await reached([self.wire], self.judge, wait)
        except (JudgeDown, InvalidConfiguration) as e:
            self.lines.append(failed("reachable", e.message, _to_reach(e)))
            self._unchecked((*_OF_THE_SERVER, *_OF_ITS_WAYS, *_OF_VERDICTS), _AWAY)
            return
        subject = Subject(self.name, self.judge, self.wire, self.server)
        await self._server(subject)
        if self.judge.tokenizer:
            await self._made("token ids", partial(tokens.token_ids, subject))
            if self.lines[-1].level == "fail":
                self._unchecked((*_OF_ITS_WAYS, *_OF_VERDICTS), "with this tokenizer the judge cannot be opened")
                return
        await self._judging(subject)

    async def _server(self, subject: Subject) -> None:
        answered = await Fetching(self.judge).get("/models")
        self.lines.append(servers.reachable(subject, answered))
        await self._made("model", partial(servers.model, subject, answered))
        await self._made("context length", partial(servers.context_length, subject))
        await self._made("clock", partial(servers.clock, answered))

    async def _judging(self, subject: Subject) -> None:
        try:
            async with open_service(_alone(self.name, self.judge, self.settings), learn=False) as service:
                await self._ways(subject, service)
                how = await manners.whose_logprobs(subject)
                found = await verdicts.sampled(service, self.name)
        except (JudgeServiceError, TransientFault, TimeoutError) as e:
            told = e.message if isinstance(e, JudgeServiceError) else _told(e)
            self.lines.append(failed("sample cases", told, "mend what it complains of, or see the server's log"))
            said = {line.name for line in self.lines}
            self._unchecked([name for name in (*_OF_ITS_WAYS, *_OF_VERDICTS) if name not in said], "see sample cases")
            return
        self.lines += _of_verdicts(found, how)
        self.logits = found.logits

    async def _ways(self, subject: Subject, service: JudgingService) -> None:
        prompt_of = partial(_prompt_of, service, self.name)
        labels = tokens.label_tokens_check if subject.is_vllm else manners.label_tokens_seen
        await self._made("thinking", partial(manners.thinking, subject, service.judge_named(self.name)))
        await self._made("label tokens", partial(labels, subject))
        await self._made("control tokens", partial(tokens.control_tokens, subject, prompt_of))
        if subject.is_vllm:
            await self._made("template date", partial(tokens.template_date, subject))
        await self._made("prefix cache", partial(manners.prefix_cache, subject, Fetching(self.judge)))

    async def _made(self, name: str, check: Callable[[], Awaitable[Check]]) -> None:
        """One check; a server that does not answer on the way is what it has found."""
        try:
            self.lines.append(await check())
        except (TransientFault, TimeoutError) as e:
            self.lines.append(failed(name, _told(e), "see whether the server is overloaded, and its log"))

    def _unchecked(self, names: Sequence[str], why: str) -> None:
        self.lines += [unchecked(name, why) for name in names]


def _prompt_of(service: JudgingService, name: str, text: str) -> JudgePrompt:
    """The prompt that shows this text as a candidate."""
    case = Case("doctor", "Is it so?", (Candidate("a", text), Candidate("b", "It is not.")))
    return verdicts.sitting_of(service, name).first_round(case)[0]


def _to_reach(error: JudgeServiceError) -> str:
    if isinstance(error, InvalidConfiguration):
        return "put the server's key into the variable that --judge-key-env (`key_env`) names"
    return "start the judge server, or correct --judge-url (`url`); it ends in /v1 as a rule"


def _told(error: BaseException) -> str:
    return str(error) or "no answer in time"
