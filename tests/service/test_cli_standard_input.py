"""Rows that come through a pipe, now and then: what is there is judged, and signals are heard while none comes."""

import asyncio
import signal
from pathlib import Path

import orjson
import pytest
from judge_server import JudgeServer
from programs import cases, ended, read_rows, started


async def begun(server: JudgeServer, *flags: str) -> asyncio.subprocess.Process:
    """A run that reads standard input, of which three rows have come and been judged."""
    judge = ("--judge-url", server.url, "--model", "m", "--no-cache")
    process = await started("compare", "-", "-o", "out.jsonl", *judge, *flags)
    assert process.stdin is not None
    process.stdin.write(b"".join(orjson.dumps(row) + b"\n" for row in cases(3)))
    await process.stdin.drain()
    async with asyncio.timeout(30):
        await server.asked_for(6)
        while not Path("out.jsonl").exists() or Path("out.jsonl").read_bytes().count(b"\n") < 3:
            await asyncio.sleep(0.01)
    return process


async def test_what_has_come_is_judged_and_written_while_more_is_awaited(server: JudgeServer) -> None:
    process = await begun(server)
    end = await ended(process, orjson.dumps(cases(4)[3]))
    assert end.code == 0
    assert sorted(row["case_id"] for row in read_rows(Path("out.jsonl"))) == ["c0", "c1", "c2", "c3"]


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 130), ("SIGUSR1", 75)])
async def test_signals_are_heard_while_no_row_comes(server: JudgeServer, name: str, code: int) -> None:
    process = await begun(server, "--drain-on", "SIGUSR1")
    process.send_signal(getattr(signal, name))
    assert process.stderr is not None
    async with asyncio.timeout(30):
        # Standard input stays open.
        assert await process.wait() == code
    assert "run the same command again to go on" in (await process.stderr.read()).decode()
    assert len(read_rows(Path("out.jsonl"))) == 3


async def test_a_row_that_is_refused_ends_the_run(server: JudgeServer) -> None:
    await ended(await begun(server))
    process = await started("compare", "-", "-o", "out.jsonl", "--judge-url", server.url, "--model", "m", "--no-cache")
    end = await ended(process, orjson.dumps({**cases(1)[0], "prompt": "another"}))
    assert end.code == 2
    assert "standard input line 1: case 'c0' was judged before with another text" in end.err
