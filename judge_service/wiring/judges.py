"""A judge and all that stands around it: cache, single flight, retry, pool, and a limiter to each replica."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from judge_service.backends.base import Backend, TransientFault
from judge_service.backends.by_ids import ByIds
from judge_service.backends.by_messages import ByMessages
from judge_service.backends.cached import Cached
from judge_service.backends.canary import Watch
from judge_service.backends.chat import ChatJudge, Dialect
from judge_service.backends.limited import Limited
from judge_service.backends.offline import VERSION, OfflineJudge
from judge_service.backends.pool import Pool
from judge_service.backends.retried import Retried
from judge_service.backends.server_tokens import NoTokenizer, ServerTokens
from judge_service.backends.shared import Shared
from judge_service.backends.stores import MemoryStore, Store
from judge_service.backends.traced import Numbered, Traced, TracedWire
from judge_service.backends.vllm import VllmJudge
from judge_service.backends.wires import Wire
from judge_service.domain.digests import digest
from judge_service.domain.verdicts import JudgeIdentity
from judge_service.errors import InvalidConfiguration
from judge_service.judge import Judge
from judge_service.settings import JudgeSettings
from judge_service.wiring.prefix_cache import warn_of_prefix_cache
from judge_service.wiring.servers import Server, any_answers, closing_on_error, reached, template_told, wire_to
from judge_service.wiring.stores import answer_in

if TYPE_CHECKING:
    from judge_service.backends.exact import ExactPrompts
    from judge_service.tracing.spans import Tracing

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
    if settings.kind == "offline":
        identity = _identity(name, settings, Server("offline", VERSION))
        return _judge(name, settings, identity, OfflineJudge(), store, explanations)
    if not settings.url or not settings.model:
        raise InvalidConfiguration(f"judge '{name}' needs a url and a model")
    wires = [wire_to(url, settings) for url in settings.url]
    async with closing_on_error(wires):
        server = await reached(wires, settings, wait)
        exact = await _exact(settings, server, wires[0])
        if server.kind == "vllm":
            await warn_of_prefix_cache(wires[0])
    replicas = [(w.address, _replica(w, settings, server, exact, tracing)) for w in wires]
    identity = _identity(name, settings, server)
    pool = Pool(replicas)
    asking = Retried(pool)
    answering = Shared(asking if tracing is None else Numbered(asking), identity.digest)
    judge = _judge(name, settings, identity, answering, store, explanations)
    judge.answers = lambda: any_answers(wires, settings)
    if settings.canary_seconds:
        heard = store or MemoryStore()
        watch = Watch(answering, heard, identity, judge.is_found, settings.canary_seconds)
        judge.watch, pool.returned = watch.checked, watch.doubt
    return judge


def _replica(
    wire: Wire, settings: JudgeSettings, server: Server, exact: ExactPrompts | None, tracing: Tracing | None
) -> Limited:
    spoken = wire if tracing is None else TracedWire(wire, tracing)
    asked = _asked(spoken, settings, server, exact)
    if tracing is not None:
        asked = Traced(asked, tracing, wire.address, settings.model)
    return Limited(asked, settings.concurrency)


def _asked(wire: Wire, settings: JudgeSettings, server: Server, exact: ExactPrompts | None) -> Backend:
    """One server, asked in the way it is of most use."""
    sampling = dict(settings.sampling)
    if server.kind != "vllm":
        told = dict(settings.template_kwargs)
        return ChatJudge(wire, settings.model, sampling | ({"chat_template_kwargs": told} if told else {}))
    told = template_told(settings)
    sampling["chat_template_kwargs"] = told
    chat = ChatJudge(wire, settings.model, sampling, Dialect(priority=True), _STATED)
    if exact is not None:
        return VllmJudge(ByIds(chat, exact, server.most_tokens), chat)
    return VllmJudge(ByMessages(chat, ServerTokens(wire, settings.model, told), told), chat)


async def _exact(settings: JudgeSettings, server: Server, wire: Wire) -> ExactPrompts | None:
    """The model's own tokenizer, where one is configured.

    Raises:
        InvalidConfiguration: it is no use here, or not the one the server has.
    """
    if not settings.tokenizer:
        return None
    if server.kind != "vllm":
        raise InvalidConfiguration("a tokenizer is of use with a vLLM server only: others take no token ids")
    try:
        # Imported only here: it comes with an extra.
        exact = importlib.import_module("judge_service.backends.exact")
    except ModuleNotFoundError:
        raise InvalidConfiguration("a tokenizer needs an extra: pip install 'judge-service[exact]'") from None
    told = template_told(settings)
    try:
        prompts: ExactPrompts = exact.open_exact_prompts(settings.tokenizer, told)
        dated: ExactPrompts = exact.open_exact_prompts(settings.tokenizer, told, datetime.now(UTC))
    except exact.NoExactPrompts as e:
        raise InvalidConfiguration(f"tokenizer '{settings.tokenizer}': {e}") from None
    await _check_same(prompts, dated, settings, wire)
    return prompts


async def _check_same(prompts: ExactPrompts, dated: ExactPrompts, settings: JudgeSettings, wire: Wire) -> None:
    """The server makes the same ids of the same texts, but for the day that its template may print."""
    tokens = ServerTokens(wire, settings.model, template_told(settings))
    turns = [{"role": "system", "content": "You judge."}, {"role": "user", "content": "Which is better?\n\nA or B?"}]
    if prompts.folds_system:
        turns = [{"role": "user", "content": f"{turns[0]['content']}\n\n{turns[1]['content']}"}]
    try:
        theirs = await tokens.of_messages(turns)
    except (NoTokenizer, TransientFault):
        return
    ours = [made.ids_of("You judge.", "Which is better?\n\nA or B?") for made in (prompts, dated)]
    if theirs not in ours:
        raise InvalidConfiguration(
            f"tokenizer '{settings.tokenizer}' is not the server's: the same prompt is {len(ours[0])} tokens here and"
            f" {len(theirs)} there, or other ones"
        )


def _judge(
    name: str, settings: JudgeSettings, identity: JudgeIdentity, answering: Backend, store: Store | None, texts: bool
) -> Judge:
    mass, tokens = settings.min_label_mass, settings.explanation_tokens
    judge = Judge(name, answering, identity, settings.thinking, mass, tokens, settings.thinking_tokens)
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
