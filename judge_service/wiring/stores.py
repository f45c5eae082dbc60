"""The cache's store, and the places where files and batches, and cohorts, are kept, by their URLs."""

from __future__ import annotations

import importlib
import logging
from pathlib import Path
from typing import Any, Final

from judge_service.backends.books import Book
from judge_service.backends.papers import Papers
from judge_service.backends.seats import MemorySeats, Seats
from judge_service.backends.sqlite_file import Limits
from judge_service.backends.sqlite_papers import SqlitePapers
from judge_service.backends.stores import Keeper, MemoryStore, SqliteStore, Store
from judge_service.disks import local_place, network_file_system
from judge_service.domain.answers import Answer, FreeText
from judge_service.domain.prompting import Completion, JudgePrompt
from judge_service.errors import InvalidConfiguration
from judge_service.protocols.readings import LABEL_AFTER, Unreadable, read
from judge_service.protocols.staged import NOTE
from judge_service.sections import CacheSettings, CohortSettings, JobSettings, QuotaSettings
from judge_service.settings import user_cache_directory

log: Final = logging.getLogger(__name__)
_DAY_SECONDS: Final = 86_400.0
_REDIS: Final = ("redis://", "rediss://", "unix://")


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
    url = settings.url or _default_url()
    if _is_fleeting(url):
        return None
    path = _file_in(url, "cache.url")
    seconds = settings.max_age_days * _DAY_SECONDS
    if path is not None:
        return SqliteStore(_on_a_disk_of_its_own(path), Limits(seconds, settings.max_bytes))
    told = (settings.namespace, settings.timeout, settings.max_entry_bytes, seconds)
    opened: Keeper = _redis("redis_store", "RedisStore", "cache.url", url, *told)
    return opened


def open_papers(jobs: JobSettings, cache: CacheSettings, several: bool = False) -> Papers | None:
    """Where files and batches are kept; None where they are not.

    Args:
        several: whether other processes serve the same address, so that the memory of one is no place to keep a thing.

    Raises:
        InvalidConfiguration: the URL is wrong, or the file that was named cannot be opened.
    """
    url = jobs.url or cache.url or _default_url()
    if _is_fleeting(url):
        return None if several or url == "none" else SqlitePapers(None)
    path = _file_in(url, "jobs.url" if jobs.url else "cache.url")
    if path is None:
        opened: Papers = _redis("redis_papers", "RedisPapers", "jobs.url", url, cache.namespace)
        return opened
    if jobs.url:
        return SqlitePapers(path)
    try:
        # A file of its own: the cache's may be deleted, and has a limit of its size.
        return SqlitePapers(path.with_name(f"{path.stem}.jobs{path.suffix}"))
    except InvalidConfiguration as e:
        log.warning("%s: this server takes none", e.message)
        return None


def open_seats(cohorts: CohortSettings, cache: CacheSettings, several: bool = False) -> Seats | None:
    """Where cohorts are kept; None where they cannot be: the memory of one process is no place that others share.

    Args:
        several: whether other processes serve the same address.

    Raises:
        InvalidConfiguration: the URL is wrong.
    """
    url = _of_all_servers(cohorts.url, cache, "cohorts.url")
    if url is None:
        return None if several else MemorySeats()
    opened: Seats = _redis("redis_seats", "RedisSeats", "cohorts.url", url, cache.namespace)
    return opened


def is_shared(quotas: QuotaSettings, cache: CacheSettings) -> bool:
    """Whether several processes would count together what API keys have used."""
    return (quotas.url or cache.url).startswith(_REDIS)


def open_book(quotas: QuotaSettings, cache: CacheSettings) -> Book | None:
    """Where it is kept what API keys have used; None for the memory of each process.

    Raises:
        InvalidConfiguration: the URL is wrong.
    """
    url = _of_all_servers(quotas.url, cache, "quotas.url")
    if url is None:
        return None
    opened: Book = _redis("redis_books", "RedisBook", "quotas.url", url, cache.namespace, cache.timeout)
    return opened


def _of_all_servers(own: str, cache: CacheSettings, name: str) -> str | None:
    """The Redis that servers share: the one named, else the cache's; None for the memory of each process.

    Raises:
        InvalidConfiguration: what was named is neither a Redis nor memory.
    """
    if own and not own.startswith((*_REDIS, "memory://")):
        raise InvalidConfiguration(f"{name} is redis://host or memory://; got {own.partition('://')[0]!r}")
    url = own or cache.url
    return url if url.startswith(_REDIS) else None


def _default_url() -> str:
    return f"sqlite:///{user_cache_directory() / 'cache.db'}"


def _is_fleeting(url: str) -> bool:
    return url == "none" or url.startswith("memory://")


def _file_in(url: str, name: str) -> Path | None:
    """The file that a URL names; None where it names a Redis."""
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        # As elsewhere: sqlite:///relative.db, sqlite:////absolute.db
        return Path(rest[1:]).expanduser()
    if url.startswith(_REDIS):
        return None
    raise InvalidConfiguration(f"{name} is sqlite:///path, redis://host, memory:// or none; got {scheme!r}")


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


def _redis(module: str, store: str, name: str, url: str, *told: Any) -> Any:
    # Imported only here: who has no Redis should not wait for its client.
    opened = getattr(importlib.import_module(f"judge_service.backends.{module}"), store)
    try:
        return opened(url, *told)
    except (ValueError, TypeError):
        # The reason may quote a password.
        form = "redis://[user:password@]host[:port][/number], rediss:// likewise, or unix:///path"
        raise InvalidConfiguration(f"{name} is no address of a Redis, or has an unknown option: {form}") from None


def answer_in(prompt: JudgePrompt, completion: Completion) -> Answer | None:
    """The verdict in a text, as the protocols read it: what is cached of a text where texts are not."""
    if not isinstance(prompt.space, FreeText) or prompt.space.reading in (LABEL_AFTER, NOTE):
        # What is asked after an explanation, or a note, is asked with its text.
        return None
    try:
        return read(completion.text, prompt.space, [span.text for span in prompt.user if span.source])
    except Unreadable:
        return None
