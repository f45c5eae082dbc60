"""A judge and all that stands around it: cache, single flight, retry, pool, and a limiter to each replica."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from judge_service.backends.base import Backend, TransientFault
from judge_service.backends.by_ids import ByIds
from judge_service.backends.by_messages import ByMessages
from judge_service.backends.cached import Cached
from judge_service.backends.canary import Watch, canaries, reward_canaries
from judge_service.backends.chat import ChatJudge, Dialect
from judge_service.backends.limited import Limited
from judge_service.backends.offline import VERSION, OfflineJudge
from judge_service.backends.passing import Passing
from judge_service.backends.pool import Pool
from judge_service.backends.retried import Retried
from judge_service.backends.reward import RewardJudge
from judge_service.backends.server_tokens import NoTokenizer, ServerTokens
from judge_service.backends.shared import Shared
from judge_service.backends.sighted import Sighted
from judge_service.backends.stores import MemoryStore, Store
from judge_service.backends.traced import Numbered, Traced, TracedWire
from judge_service.backends.vllm import Asking, VllmJudge
from judge_service.backends.wires import Wire
from judge_service.domain.digests import digest
from judge_service.domain.judgments import JudgeIdentity
from judge_service.errors import InvalidConfiguration
from judge_service.judge import Judge
from judge_service.sections import JudgeSettings
from judge_service.wiring.prefix_cache import warn_of_prefix_cache
from judge_service.wiring.queues import queue_of
from judge_service.wiring.roster import Roster, addresses
from judge_service.wiring.servers import Server, any_answers, closing_on_error, reached, template_told, wire_to
from judge_service.wiring.stores import answer_in
from judge_service.wiring.tokenizers import makes_the_same, open_tokenizer

if TYPE_CHECKING:
    from judge_service.backends.exact import ExactPrompts
    from judge_service.tracing.spans import Tracing

_MOST_AT_ONCE: Final = 512
"""Cases of a judge without servers: it answers on the spot."""
_STATED: Final[Mapping[str, Any]] = {
    "top_p": 1.0,
    "top_k": 0,
    "min_p": 0.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "repetition_penalty": 1.0,
}
"""Sampling in full: what is left out, vLLM takes from the model's own generation_config.json."""


async def open_judge(
    name: str,
    settings: JudgeSettings,
    store: Store | None,
    explanations: bool,
    wait: float,
    tracing: Tracing | None = None,
) -> Judge:
    """A judge with everything that stands around it.

    Raises:
        InvalidConfiguration: what was configured is wrong.
        JudgeDown: it does not answer within `wait` seconds.
    """
    if settings.kind in ("offline", "reward"):
        _check_blind(name, settings)
    if settings.kind == "offline":
        identity = _identity(name, settings, Server("offline", VERSION))
        judge = _judge(name, settings, identity, OfflineJudge(), store, explanations)
        judge.has_room = lambda cases: cases < min(settings.concurrency, _MOST_AT_ONCE)
        return judge
    if not settings.url or not settings.model:
        raise InvalidConfiguration(f"judge '{name}' needs a url and a model")
    wires = [wire_to(url, settings) for url in addresses(settings.url)]
    pool = Pool(())
    async with closing_on_error(wires):
        server = await reached(wires, settings, wait)
        exact = await _exact(settings, server, wires[0])
        if server.kind == "vllm":
            await warn_of_prefix_cache(wires[0])
        roster = Roster(settings, server, pool, lambda wire: _replica(wire, settings, server, exact, tracing))
        await roster.join(wires)
    identity = _identity(name, settings, server)
    asking = Retried(pool)
    answering = Shared(asking if tracing is None else Numbered(asking), identity.digest)
    judge = _judge(name, settings, identity, answering, store, explanations)
    judge.has_room, judge.loads, judge.tend = pool.has_room, pool.loads, roster.tend
    judge.line = _line_before(pool, judge.backend)
    judge.answers = lambda: any_answers(list(roster.wires.values()), settings)
    judge.most_tokens = server.most_tokens
    if server.kind != "reward":
        judge.passing = Passing(pool, lambda name: _spoken(roster.wires[name], tracing), settings.model)
    if exact is not None:
        judge.tokens_of = lambda prompt: len(exact.ids(prompt))
    if settings.canary_seconds:
        heard = store or MemoryStore()
        questions = (reward_canaries if server.kind == "reward" else canaries)(name)
        watch = Watch(answering, heard, identity, judge.is_found, settings.canary_seconds, questions=questions)
        judge.watch, pool.returned = watch.checked, watch.doubt
    return judge


def _line_before(pool: Pool, backend: Backend) -> Callable[[bool], tuple[int, float]]:
    if isinstance(backend, Cached):
        return lambda gives_way: pool.line(gives_way, backend.coming)
    return pool.line


def _replica(
    wire: Wire, settings: JudgeSettings, server: Server, exact: ExactPrompts | None, tracing: Tracing | None
) -> Limited:
    asked = _asked(_spoken(wire, tracing), settings, server, exact)
    if tracing is not None:
        asked = Traced(asked, tracing, wire.address, settings.model)
    look = partial(queue_of, wire) if server.kind in ("vllm", "reward") else None
    return Limited(asked, settings.concurrency, look)


def _spoken(wire: Wire, tracing: Tracing | None) -> Wire:
    return wire if tracing is None else TracedWire(wire, tracing)


def _asked(wire: Wire, settings: JudgeSettings, server: Server, exact: ExactPrompts | None) -> Backend:
    """One server, asked in the way it is of most use."""
    sampling = dict(settings.sampling)
    if server.kind == "reward":
        fields = {"chat_template_kwargs": template_told(settings), **sampling}
        return RewardJudge(ChatJudge(wire, settings.model, dialect=Dialect(priority=True)), fields, server.version)
    if server.kind != "vllm":
        told = dict(settings.template_kwargs)
        return ChatJudge(wire, settings.model, sampling | ({"chat_template_kwargs": told} if told else {}))
    sampling["chat_template_kwargs"] = template_told(settings)
    chat = ChatJudge(wire, settings.model, sampling, Dialect(priority=True), _STATED)
    judge = VllmJudge(way_to_ask(chat, settings, server, exact), chat)
    if exact is None or not settings.images:
        return judge
    return Sighted(judge, VllmJudge(way_to_ask(chat, settings, server, None), chat))


def _check_blind(name: str, settings: JudgeSettings) -> None:
    """Refuses to say of a judge that reads nothing but text that it takes images.

    Raises:
        InvalidConfiguration: it was said.
    """
    if settings.images:
        raise InvalidConfiguration(f"judge '{name}' is of the kind '{settings.kind}', which takes no images")


def way_to_ask(chat: ChatJudge, settings: JudgeSettings, server: Server, exact: ExactPrompts | None) -> Asking:
    """How prompts reach a vLLM server: as token ids where there is a tokenizer, and else as messages."""
    if exact is not None:
        return ByIds(chat, exact, server.most_tokens)
    told = template_told(settings)
    return ByMessages(chat, ServerTokens(chat.wire, settings.model, told), told)


async def _exact(settings: JudgeSettings, server: Server, wire: Wire) -> ExactPrompts | None:
    """The model's own tokenizer, where one is configured.

    Raises:
        InvalidConfiguration: it is no use here, or not the one the server has.
    """
    if not settings.tokenizer:
        return None
    exact = open_tokenizer(settings, server)
    tokens = ServerTokens(wire, settings.model, template_told(settings))
    with suppress(NoTokenizer, TransientFault):
        if not await makes_the_same(exact, tokens, "You judge.", "Which is better?\n\nA or B?"):
            raise InvalidConfiguration(
                f"tokenizer '{settings.tokenizer}' is not the server's: the same prompt has other tokens here and there"
            )
    return exact


def _judge(
    name: str, settings: JudgeSettings, identity: JudgeIdentity, answering: Backend, store: Store | None, texts: bool
) -> Judge:
    mass, tokens = settings.min_label_mass, settings.explanation_tokens
    thinking = "never" if identity.kind == "reward" else settings.thinking
    judge = Judge(name, answering, identity, thinking, mass, tokens, settings.thinking_tokens, settings.images)
    if store is not None:
        judge.backend = Cached(answering, store, lambda: judge.identity.digest, texts, store.claims, answer_in)
    return judge


def _identity(name: str, settings: JudgeSettings, server: Server) -> JudgeIdentity:
    """Who answers: the name under which it is configured is no part of what could change its answers."""
    revision = settings.revision or server.root or ",".join(settings.url)
    sampling: dict[str, Any] = {**settings.sampling, **settings.template_kwargs}
    model = settings.model or settings.kind
    who = digest([server.kind, model, revision, sampling, *([server.version] if server.version else [])])
    return JudgeIdentity(name, server.kind, model, revision, 0, who, sampling)
