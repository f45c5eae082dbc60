"""Runs on a Ray of two workers on this machine, looked at from outside while they last."""

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
from programs import Ended, ended, read_rows, started

from judge_service.emulator.server import Emulator

ON_RAY = ("--ray", "--ray-workers", "2")
ITS_OWN = ("id", "created", "usage")
_SECONDS = 120


def on(cluster: str) -> tuple[str, ...]:
    """The flags for a cluster that runs already."""
    return *ON_RAY, "--ray-address", cluster


def comparing(judge: Emulator, *flags: str, source: str = "in.jsonl", output: str = "out.jsonl") -> tuple[str, ...]:
    """The command, with few enough calls at once that it lasts."""
    which = ("--judge-url", judge.url, "--model", "m", "--concurrency", "16")
    return ("compare", source, "-o", output, *which, *flags)


async def ran(*argv: str, environ: Mapping[str, str] | None = None) -> Ended:
    """A command run to its end."""
    return await ended(await started(*argv, environ=environ))


def said(output: str) -> dict[str, dict[str, Any]]:
    """What each judgment says, by case: not when it was made, nor what it cost, nor what of it was in a cache."""
    rows = read_rows(Path(output))
    by_case = {row["case_id"]: {name: row[name] for name in row if name not in ITS_OWN} for row in rows}
    assert len(by_case) == len(rows), "a case stands twice"
    for row in by_case.values():
        row["votes"] = [{**vote, "cached": None} for vote in row["votes"]]
    return by_case


async def lines_in(output: str, least: int) -> int:
    """Waits for so many lines of an output; how many there are by then."""
    async with asyncio.timeout(_SECONDS):
        while (count := _lines(Path(output))) < least:
            await asyncio.sleep(0.02)
    return count


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.is_file() else 0


def workers_of(driver: asyncio.subprocess.Process) -> list[psutil.Process]:
    """The processes whose actors judge for a run."""
    return [p for p in psutil.Process(driver.pid).children(recursive=True) if "MapWorker" in _title(p)]


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def rows_with_texts(count: int) -> Iterator[dict[str, Any]]:
    """Pairs of which now the first is better and now the second."""
    for i in range(count):
        texts = [f"{i} first (worth {i % 7})", f"{i} second (worth {i % 5})"]
        yield {"id": f"c{i}", "prompt": f"Task {i // 2}", "candidates": texts, "kept": {"place": i}}
