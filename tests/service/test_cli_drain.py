"""A run that is told to make room: it finishes what is under way, exits with 75, and the same command goes on."""

import asyncio
import signal
from pathlib import Path

import pytest
from judge_server import JudgeServer
from programs import cases, ended, ran, read_rows, started
from test_cli_endings import command, held_after

ON = ("--drain-on", "SIGUSR1,term")


@pytest.mark.parametrize("name", ["SIGUSR1", "SIGTERM"])
async def test_what_is_under_way_is_finished_and_nothing_new_begun(server: JudgeServer, name: str) -> None:
    let_go = held_after(server, 6)
    process = await started(*command(server, cases(300), *ON))
    await server.asked_for(8)
    process.send_signal(getattr(signal, name))
    let_go.set()
    end = await ended(process)
    assert end.code == 75
    assert "drained: what is finished is kept; run the same command again to go on" in end.err
    kept = read_rows(Path("out.jsonl"))
    # With two calls at a time no more than the cases that were begun are finished: 256 at the most.
    assert 4 <= len(kept) <= 256
    assert {row["status"] for row in kept} == {"judged"}
    assert server.calls == 2 * len(kept)
    again = await ran(*command(server, cases(300), *ON))
    assert again.code == 0
    assert server.calls == 600
    assert len({row["case_id"] for row in read_rows(Path("out.jsonl"))}) == 300


@pytest.mark.parametrize("how", ["in time", "by a second signal"])
async def test_what_takes_too_long_is_left_for_the_next_run(server: JudgeServer, how: str) -> None:
    let_go = held_after(server, 6)
    seconds = "0.2" if how == "in time" else "60"
    process = await started(*command(server, cases(8), *ON, "--drain-seconds", seconds))
    await server.asked_for(8)
    process.send_signal(signal.SIGUSR1)
    if how == "by a second signal":
        await asyncio.sleep(0.2)
        process.send_signal(signal.SIGTERM)
    end = await ended(process)
    let_go.set()
    assert end.code == 75
    assert len(read_rows(Path("out.jsonl"))) == 3


async def test_an_interrupt_is_no_drain(server: JudgeServer) -> None:
    let_go = held_after(server, 6)
    process = await started(*command(server, cases(8), *ON))
    await server.asked_for(8)
    process.send_signal(signal.SIGINT)
    end = await ended(process)
    let_go.set()
    assert end.code == 130
    assert "interrupted: " in end.err


async def test_a_signal_while_waiting_for_the_judge_drains_at_once(server: JudgeServer) -> None:
    never = asyncio.Event()
    server.models = type(server.models)({}, waits=never)
    process = await started(*command(server, cases(1), "--wait-judge", "60", *ON))
    async with asyncio.timeout(30):
        await server.described.wait()
    process.send_signal(signal.SIGUSR1)
    end = await ended(process)
    never.set()
    assert (end.code, end.out, end.err) == (75, "", "")


async def test_a_run_that_was_through_when_it_was_told_is_finished(server: JudgeServer) -> None:
    let_go = held_after(server, 0)
    process = await started(*command(server, cases(2), *ON))
    await server.asked_for(2)
    process.send_signal(signal.SIGUSR1)
    await asyncio.sleep(0.2)
    let_go.set()
    end = await ended(process)
    assert (end.code, len(read_rows(Path("out.jsonl")))) == (0, 2)


@pytest.mark.parametrize("told", ["SIGKILL", "USR3", "SIGUSR1,9"])
async def test_a_signal_that_cannot_be_heard_is_refused(server: JudgeServer, told: str) -> None:
    end = await ran(*command(server, cases(1), "--drain-on", told))
    assert end.code == 2
    assert end.err.count("\n") == 1
    assert "--drain-on takes signals such as SIGUSR1,SIGTERM" in end.err
