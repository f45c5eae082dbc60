"""cache stats | purge."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import typer

from judge_service.backends.stores import Keeper, Stock
from judge_service.cli.flags import Config
from judge_service.errors import InvalidConfiguration
from judge_service.loops import run
from judge_service.sections import CacheSettings
from judge_service.settings import read_settings
from judge_service.wiring import open_keeper

app = typer.Typer(help="The cache of judges' answers: what is in it, and emptying it.", no_args_is_help=True)


@app.command("stats")
def stats(config: Config = None) -> None:
    """Where the cache is and how much it holds."""
    print(run(_stats(_settings(config))))


@app.command("purge")
def purge(config: Config = None) -> None:
    """Remove every entry of this cache; of a shared Redis, those of the configured namespace and no others."""
    print(run(_purge(_settings(config))))


def _settings(config: Path | None) -> CacheSettings:
    return read_settings(file=config).cache


async def _stats(settings: CacheSettings) -> str:
    async with _opened(settings) as keeper:
        return _described(await keeper.stock())


async def _purge(settings: CacheSettings) -> str:
    async with _opened(settings) as keeper:
        gone = await keeper.purge()
        return f"{gone:,} {_entries(gone)} removed"


@asynccontextmanager
async def _opened(settings: CacheSettings) -> AsyncIterator[Keeper]:
    keeper = open_keeper(settings)
    if keeper is None:
        raise InvalidConfiguration(f"cache.url is {settings.url!r}: no cache outlives a process")
    try:
        yield keeper
    finally:
        await keeper.aclose()


def _described(stock: Stock) -> str:
    oldest = ""
    if stock.oldest is not None:
        oldest = f", the oldest of {datetime.fromtimestamp(stock.oldest, UTC):%Y-%m-%d %H:%M} UTC"
    size = f"{stock.bytes / 2**20:,.1f} MiB"
    return f"{stock.place}\n{stock.entries:,} {_entries(stock.entries)}{oldest}\n{size} in all"


def _entries(n: int) -> str:
    return "entry" if n == 1 else "entries"
