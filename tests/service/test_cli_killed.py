"""Runs that are ended in every way, again and again: what comes of it in the end is what one undisturbed run makes."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from programs import cases, ended, ran, read_rows, started, write_rows

from judge_service.emulator.behaviour import Behaviour
from judge_service.emulator.server import Emulator

CASES = 300
AT_ONCE = 8
ENDINGS = ("SIGKILL", "SIGTERM", "SIGKILL", "SIGINT twice", "SIGKILL", "torn", "SIGUSR1", "SIGKILL")


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator(Behaviour(latency_ms="5")) as emulator:
        yield emulator


def command(emulator: Emulator, output: str) -> tuple[str, ...]:
    judge = ("--judge-url", emulator.url, "--model", "emulator", "--method", "direct", "--concurrency", str(AT_ONCE))
    return ("compare", "in.jsonl", "-o", output, *judge, "--drain-on", "SIGUSR1", "--quiet")


def lines_of(output: str) -> Path:
    return Path(output if output.endswith(".jsonl") else f"{output}.partial")


def told(output: str) -> list[dict[str, Any]]:
    """What is in an output, without what is of one making alone."""
    own = ("id", "created", "usage", "votes")
    rows = sorted(read_rows(Path(output)), key=lambda row: row["case_id"])
    votes = [[{**vote, "cached": None} for vote in row["votes"]] for row in rows]
    return [{**{k: v for k, v in row.items() if k not in own}, "votes": v} for row, v in zip(rows, votes, strict=True)]


async def ended_by(how: str, emulator: Emulator, output: str, written: int) -> None:
    """A run that is ended once so many rows are written, or earlier if it is through."""
    process = await started(*command(emulator, output))
    path = lines_of(output)
    while process.returncode is None and not (path.exists() and path.read_bytes().count(b"\n") >= written):
        await asyncio.sleep(0.005)
    if process.returncode is None:
        name = how.split(maxsplit=1)[0] if how.startswith("SIG") else "SIGKILL"
        process.send_signal(getattr(signal, name))
        if how.endswith("twice"):
            await asyncio.sleep(0.02)
            if process.returncode is None:
                process.send_signal(signal.SIGINT)
    await ended(process)
    if how == "torn" and path.exists():
        with path.open("ab") as file:
            file.write(b'{"object":"judgment","case_id":"c1')


@pytest.mark.parametrize("output", ["out.jsonl", "out.json.gz"])
async def test_an_output_that_was_ended_in_every_way_is_that_of_one_run(emulator: Emulator, output: str) -> None:
    write_rows(Path("in.jsonl"), cases(CASES))
    assert (await ran(*command(emulator, f"whole-{output}"))).code == 0
    emulator.reset()
    drawn = random.Random(output)
    moments = sorted(drawn.randrange(1, CASES - 20) for _ in ENDINGS)
    for how, written in zip(ENDINGS, moments, strict=True):
        await ended_by(how, emulator, output, written)
    assert (await ran(*command(emulator, output))).code == 0
    assert told(output) == told(f"whole-{output}")
    assert len(told(output)) == CASES


async def test_what_was_finished_is_not_asked_again(emulator: Emulator) -> None:
    write_rows(Path("in.jsonl"), cases(CASES))
    for how, written in zip(("SIGKILL",) * 5, range(30, CASES, 55), strict=True):
        await ended_by(how, emulator, "out.jsonl", written)
    assert (await ran(*command(emulator, "out.jsonl"))).code == 0
    again = emulator.stats["calls"] - emulator.stats["distinct"]
    # Of each run that was killed: what was under way, what had been answered and not written, and the canaries.
    assert again <= 6 * (2 * AT_ONCE + 6)
