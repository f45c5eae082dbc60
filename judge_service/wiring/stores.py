"""The cache's store, by its URL."""

from __future__ import annotations

import importlib
import logging
from pathlib import Path
from typing import Final

from judge_service.backends.sqlite_file import Limits
from judge_service.backends.stores import Keeper, MemoryStore, SqliteStore, Store
from judge_service.disks import local_place, network_file_system
from judge_service.domain.answers import Answer, FreeText
from judge_service.domain.prompting import Completion, JudgePrompt
from judge_service.errors import InvalidConfiguration
from judge_service.protocols.readings import LABEL_AFTER, Unreadable, read
from judge_service.protocols.staged import NOTE
from judge_service.settings import CacheSettings, user_cache_directory

log: Final = logging.getLogger(__name__)
_DAY_SECONDS: Final = 86_400.0


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
        return SqliteStore(_on_a_disk_of_its_own(Path(rest[1:]).expanduser()), limits)
    if scheme in ("redis", "rediss", "unix"):
        return _redis(url, settings)
    raise InvalidConfiguration(f"cache.url is sqlite:///path, redis://host, memory:// or none; got {scheme!r}")


def _on_a_disk_of_its_own(path: Path) -> Path:
    """A cache file's place, which SQLite's locks need to be on this machine: many hosts would damage it.

    Raises:
        InvalidConfiguration: there is no such place.
    """
    kind = network_file_system(path)
    if kind is None:
        return path
    local = local_place(path, path.name)
    log.warning("the cache %s would lie on a network file system (%s): this machine keeps it at %s", path, kind, local)
    return local


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


def answer_in(prompt: JudgePrompt, completion: Completion) -> Answer | None:
    """The verdict in a text, as the protocols read it: what is cached of a text where texts are not."""
    if not isinstance(prompt.space, FreeText) or prompt.space.reading in (LABEL_AFTER, NOTE):
        # What is asked after an explanation, or a note, is asked with its text.
        return None
    try:
        return read(completion.text, prompt.space, [span.text for span in prompt.user if span.source])
    except Unreadable:
        return None
