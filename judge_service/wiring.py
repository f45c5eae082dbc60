"""Settings become parts: the only place where parts are chosen, ordered and closed."""

from __future__ import annotations

import asyncio
import importlib
import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from judge_service.backends.base import Backend, TransientFault
from judge_service.backends.cached import Cached
from judge_service.backends.canary import Watch
from judge_service.backends.chat import ChatJudge
from judge_service.backends.fronted import Fronted
from judge_service.backends.limited import Limited
from judge_service.backends.offline import VERSION, OfflineJudge
from judge_service.backends.pool import Pool
from judge_service.backends.retried import Retried
from judge_service.backends.shared import Shared
from judge_service.backends.sqlite_file import Limits
from judge_service.backends.stores import Keeper, MemoryStore, SqliteStore, Store
from judge_service.backends.wires import DirectWire, Wire
from judge_service.domain.answers import Answer, FreeText
from judge_service.domain.digests import digest
from judge_service.domain.prompting import Completion, JudgePrompt
from judge_service.domain.verdicts import JudgeIdentity
from judge_service.errors import InvalidConfiguration, JudgeDown
from judge_service.judge import Judge
from judge_service.library import open_library
from judge_service.protocols.readings import Unreadable, read
from judge_service.service import JudgingService
from judge_service.settings import CacheSettings, JudgeSettings, Settings, secret, user_cache_directory

log: Final = logging.getLogger(__name__)
_POLL_SECONDS: Final = 0.25
_WATCH_SECONDS: Final = 1.0
READY_SECONDS: Final = 2.0
_DAY_SECONDS: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Server:
    """What a judge server says of itself."""

    kind: str
    root: str


@asynccontextmanager
async def open_service(settings: Settings, wait: float = 10.0, probe: bool = True) -> AsyncIterator[JudgingService]:
    """The whole service under these settings; what it opened is closed at the end.

    Args:
        wait: seconds to wait for judges that do not answer yet.
        probe: whether judges are asked a few fixed questions, now and every ten minutes, to notice one that thinks or
            that has become another.

    Raises:
        InvalidConfiguration, InvalidLibrary: what was configured is wrong.
        JudgeDown: a judge did not answer in time.
    """
    library = open_library(Path(settings.rubrics) if settings.rubrics else None)
    if not settings.judges:
        raise InvalidConfiguration(
            "no judge is configured: give --judge-url and --model, or --offline to try things out"
        )
    async with AsyncExitStack() as stack:
        store = open_store(settings.cache)
        if store is not None:
            stack.push_async_callback(store.aclose)
        judges = {}
        for name, judge_settings in settings.judges.items():
            judges[name] = await open_judge(name, judge_settings, store, settings.cache.explanations, wait)
            stack.push_async_callback(judges[name].backend.aclose)
        if probe:
            await asyncio.gather(*(judge.watch() for judge in judges.values()))
            watching = asyncio.create_task(_watched(list(judges.values())))
            stack.callback(watching.cancel)
        yield JudgingService(judges, library, getattr(store, "faults", None))


async def _watched(judges: Sequence[Judge]) -> None:
    """Asks again now and then whether the judges are still who they were."""
    while True:
        await asyncio.sleep(_WATCH_SECONDS)
        for judge in judges:
            await judge.watch()


def open_store(settings: CacheSettings) -> Store | None:
    """The cache's store by its URL's scheme.

    Raises:
        InvalidConfiguration: the URL is wrong.
    """
    return MemoryStore() if settings.url.startswith("memory://") else open_keeper(settings)


def open_keeper(settings: CacheSettings) -> Keeper | None:
    """The cache's store, if it is one that outlives this process.

    Raises:
        InvalidConfiguration: the URL is wrong.
    """
    url = settings.url or f"sqlite:///{user_cache_directory() / 'cache.db'}"
    scheme, _, rest = url.partition("://")
    if url == "none" or scheme == "memory":
        return None
    if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        # As elsewhere: sqlite:///relative.db, sqlite:////absolute.db
        limits = Limits(settings.max_age_days * _DAY_SECONDS, settings.max_bytes)
        return SqliteStore(Path(rest[1:]).expanduser(), limits)
    if scheme in ("redis", "rediss", "unix"):
        return _redis(url, settings)
    raise InvalidConfiguration(f"cache.url is sqlite:///path, redis://host, memory:// or none; got {scheme!r}")


def _redis(url: str, settings: CacheSettings) -> Keeper:
    # Imported only here: who has no Redis should not wait for its client.
    store = importlib.import_module("judge_service.backends.redis_store").RedisStore
    seconds = settings.max_age_days * _DAY_SECONDS
    try:
        opened: Keeper = store(url, settings.namespace, settings.timeout, settings.max_entry_bytes, seconds)
    except (ValueError, TypeError):
        # The reason may quote a password.
        form = "redis://[user:password@]host[:port][/number], rediss:// likewise, or unix:///path"
        raise InvalidConfiguration(f"cache.url is no address of a Redis, or has an unknown option: {form}") from None
    return opened


def _answer_in(prompt: JudgePrompt, completion: Completion) -> Answer | None:
    """The verdict in a text, as the protocols read it: what is cached of a text where texts are not."""
    if not isinstance(prompt.space, FreeText):
        return None
    try:
        return read(completion.text, prompt.space, [span.text for span in prompt.user if span.source])
    except Unreadable:
        return None


async def open_judge(name: str, settings: JudgeSettings, store: Store | None, explanations: bool, wait: float) -> Judge:
    """A judge with everything that stands around it: cache, single flight, retry, pool, a limiter to each replica."""
    if settings.kind == "offline":
        identity = _identity(name, settings, Server("offline", VERSION))
        return _judge(name, settings, identity, OfflineJudge(), store, explanations)
    if not settings.url or not settings.model:
        raise InvalidConfiguration(f"judge '{name}' needs a url and a model")
    wires = [_wire(url, settings) for url in settings.url]
    server = await _reached(wires, settings, wait)
    sampling = dict(settings.sampling)
    if settings.template_kwargs:
        sampling["chat_template_kwargs"] = dict(settings.template_kwargs)
    replicas = [(w.address, Limited(ChatJudge(w, settings.model, sampling), settings.concurrency)) for w in wires]
    identity = _identity(name, settings, server)
    pool = Pool(replicas)
    answering = Shared(Retried(pool), identity.digest)
    judge = _judge(name, settings, identity, answering, store, explanations)
    judge.answers = lambda: _any_answers(wires, settings)
    if settings.canary_seconds:
        heard = store or MemoryStore()
        watch = Watch(answering, heard, identity, judge.is_found, settings.canary_seconds)
        judge.watch, pool.returned = watch.checked, watch.doubt
    return judge


async def _any_answers(wires: Sequence[Wire], settings: JudgeSettings) -> bool:
    for wire in wires:
        with suppress(TransientFault, TimeoutError):
            async with asyncio.timeout(READY_SECONDS):
                await _described(wire, settings)
                return True
    return False


def _judge(
    name: str, settings: JudgeSettings, identity: JudgeIdentity, answering: Backend, store: Store | None, texts: bool
) -> Judge:
    mass, tokens = settings.min_label_mass, settings.explanation_tokens
    judge = Judge(name, answering, identity, settings.thinking, mass, tokens, settings.thinking_tokens)
    if store is not None:
        near = store if isinstance(store, MemoryStore) else Fronted(store)
        judge.backend = Cached(answering, near, lambda: judge.identity.digest, texts, store.claims, _answer_in)
    return judge


def _identity(name: str, settings: JudgeSettings, server: Server) -> JudgeIdentity:
    """Who answers: the name under which it is configured is no part of what could change its answers."""
    revision = settings.revision or server.root or ",".join(settings.url)
    sampling: dict[str, Any] = {**settings.sampling, **settings.template_kwargs}
    model = settings.model or settings.kind
    who = digest([server.kind, model, revision, sampling])
    return JudgeIdentity(name, server.kind, model, revision, 0, who, sampling)


def _wire(url: str, settings: JudgeSettings) -> Wire:
    """Own servers are spoken to directly; a hosted provider through OpenAI's client."""
    if not url.startswith(("http://", "https://")):
        raise InvalidConfiguration(f"a judge's url starts with http:// or https://; got {url!r}")
    key = secret(settings.key_env)
    if url.startswith("https://"):
        # Imported only here: it takes half a second, which nobody with a judge of their own should wait for.
        wire: Wire = importlib.import_module("judge_service.backends.openai_wire").OpenAIWire(
            url, key, settings.concurrency
        )
        return wire
    return DirectWire(url, key, settings.concurrency)


async def _reached(wires: list[Wire], settings: JudgeSettings, wait: float) -> Server:
    """What the first replica that answers says of itself."""
    give_up = time.monotonic() + wait
    while True:
        told = []
        for wire in wires:
            try:
                async with asyncio.timeout(max(READY_SECONDS, give_up - time.monotonic())):
                    return await _described(wire, settings)
            except TransientFault as e:
                told.append(str(e))
            except TimeoutError:
                told.append(f"{wire.address} takes the call and says nothing")
        if time.monotonic() + _POLL_SECONDS > give_up:
            for wire in wires:
                await wire.aclose()
            raise JudgeDown(f"the judge does not answer ({'; '.join(told)})")
        await asyncio.sleep(_POLL_SECONDS)


async def _described(wire: Wire, settings: JudgeSettings) -> Server:
    reply = await wire.get("/models")
    if reply.status in (401, 403):
        raise InvalidConfiguration(
            f"{wire.address} answered {reply.status}: the judge's key is missing or wrong (key_env)"
        )
    if reply.status >= 500:
        raise TransientFault("judge_unavailable", f"{wire.address}/models answered {reply.status}")
    model = _listed(reply.body).get(settings.model, {})
    kind = settings.kind
    if kind == "auto":
        kind = "vllm" if model.get("owned_by") == "vllm" else "chat"
    return Server(kind, str(model.get("root") or ""))


def _listed(body: bytes) -> Mapping[str, Mapping[str, Any]]:
    try:
        return {model["id"]: model for model in orjson.loads(body)["data"]}
    except (ValueError, KeyError, TypeError):
        return {}
