"""cache stats | purge."""

import asyncio
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from redis_server import RedisServer, running
from typer.testing import CliRunner

from judge_service.backends.stores import Store
from judge_service.cli import caching
from judge_service.errors import InvalidConfiguration
from judge_service.sections import CacheSettings
from judge_service.wiring import open_store

ENTRIES = {n.to_bytes(32): b"x" * 100 for n in range(1500)}


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    with running() as server:
        yield server


def kept(store: Store | None, entries: Mapping[bytes, bytes] = ENTRIES) -> None:
    assert store

    async def keep() -> None:
        await store.put_many(entries)
        await store.aclose()

    asyncio.run(keep())


def said(*command: str) -> str:
    """What a command prints; its errors are raised."""
    result = CliRunner().invoke(caching.app, command, catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_a_file_is_described_and_emptied(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    kept(open_store(CacheSettings(url=f"sqlite:///{path}")))
    assert str(path) in said("stats")
    assert "1,500 entries, the oldest of 20" in said("stats")
    before = path.stat().st_size
    assert said("purge") == "1,500 entries removed\n"
    assert said("purge") == "0 entries removed\n"
    assert path.stat().st_size < before / 4
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT COUNT(*) FROM answers").fetchone() == (0,)
    db.close()


def test_a_namespace_of_a_redis_is_described_and_emptied_and_no_other(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUDGE_CACHE__URL", redis_server.url.replace("redis://", "redis://:@"))
    monkeypatch.setenv("JUDGE_CACHE__NAMESPACE", "mine")
    kept(open_store(CacheSettings(url=redis_server.url, namespace="mine")))
    kept(open_store(CacheSettings(url=redis_server.url, namespace="theirs")), {b"k" * 32: b"x"})
    assert f"{redis_server.url}\n1,500 entries\n" in said("stats")
    assert said("purge") == "1,500 entries removed\n"
    assert redis_server.names() == [b"theirs:v1:" + (b"k" * 32).hex().encode()]
    monkeypatch.setenv("JUDGE_CACHE__NAMESPACE", "theirs")
    assert "1 entry\n" in said("stats")
    assert said("purge") == "1 entry removed\n"


def test_the_configuration_file_may_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JUDGE_CACHE__URL")
    config = tmp_path / "mine.toml"
    config.write_text(f'[cache]\nurl = "sqlite:///{tmp_path}/other.db"\n')
    assert "other.db" in said("stats", "--config", str(config))


@pytest.mark.parametrize("command", ["stats", "purge"])
@pytest.mark.parametrize("url", ["none", "memory://"])
def test_what_does_not_outlive_a_process_cannot_be_looked_after(
    command: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUDGE_CACHE__URL", url)
    with pytest.raises(InvalidConfiguration, match=r"cache\.url"):
        said(command)


@pytest.mark.parametrize("command", ["stats", "purge"])
def test_a_redis_that_is_not_there_is_told_in_one_line(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with running() as gone:
        pass
    monkeypatch.setenv("JUDGE_CACHE__URL", gone.url.replace("redis://", "redis://:geheim@"))
    with pytest.raises(InvalidConfiguration, match="the cache redis://127") as told:
        said(command)
    assert "geheim" not in told.value.message
    assert "\n" not in told.value.message
