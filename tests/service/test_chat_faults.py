"""Faults between us and a judge server: what may pass is tried again, the rest is told, all in time."""

import asyncio
import socket

import pytest
from judge_server import CUT, RESET, Answer, JudgeServer, error, tokens
from questions import answer_to, asking, over_both_wires, question

from judge_service.backends.base import Terms
from judge_service.sections import JudgeSettings
from judge_service.wiring import open_judge

PASSING = {
    "408": error(408),
    "429": error(429),
    "500": error(500),
    "503": error(503),
    "cut body": CUT,
    "reset": RESET,
    "damaged JSON": Answer(b'{"choices": [{"ind'),
    "no choices": Answer({"object": "chat.completion", "choices": []}),
    "HTML": Answer(b"<html>Bad gateway</html>", 502),
}


@over_both_wires
@pytest.mark.parametrize("fault", list(PASSING))
async def test_what_may_pass_is_tried_again_and_then_answered(server: JudgeServer, wire: str, fault: str) -> None:
    server.next.append(PASSING[fault])
    async with asking(server, wire) as judge:
        answer = await answer_to(judge)
    assert answer.failure is None
    assert answer.probabilities is not None
    assert server.calls == 2


@over_both_wires
async def test_a_server_that_says_when_to_come_back_is_left_alone_until_then(server: JudgeServer, wire: str) -> None:
    server.next.append(error(429, retry_after="0.4"))
    loop = asyncio.get_running_loop()
    async with asking(server, wire) as judge:
        started = loop.time()
        answer = await answer_to(judge)
    assert answer.failure is None
    assert loop.time() - started >= 0.4


@over_both_wires
@pytest.mark.parametrize(("status", "tried"), [(500, 3), (429, 3), (401, 1), (403, 1), (404, 1)])
async def test_a_status_that_stays_is_told_with_what_the_server_said(
    server: JudgeServer, wire: str, status: int, tried: int
) -> None:
    server.rule = lambda asked: error(status, "the server's words", retry_after="0")
    async with asking(server, wire) as judge:
        failure = (await answer_to(judge)).failure
    assert failure is not None
    assert failure.kind == ("judge_unavailable" if tried > 1 else "judge_error")
    assert str(status) in failure.message
    assert "the server's words" in failure.message
    assert server.calls == tried


@over_both_wires
async def test_a_judge_that_is_not_there_is_unavailable(server: JudgeServer, wire: str) -> None:
    await server.stop()
    async with asking(server, wire, attempts=2) as judge:
        failure = (await answer_to(judge)).failure
    assert failure is not None
    assert (failure.kind, server.calls) == ("judge_unavailable", 0)
    assert "2 attempts" in failure.message


@over_both_wires
async def test_the_deadline_ends_a_call_and_says_so(server: JudgeServer, wire: str) -> None:
    never = asyncio.Event()
    server.next.append(tokens({"A": 1.0}, waits=never))
    loop = asyncio.get_running_loop()
    async with asking(server, wire) as judge:
        started = loop.time()
        failure = (await answer_to(judge, terms=Terms(deadline=started + 0.2))).failure
        late = loop.time() - started - 0.2
        never.set()
    assert failure is not None
    assert failure.kind == "timeout"
    assert late < 0.5


async def test_the_deadline_ends_a_wait_for_a_busy_server(server: JudgeServer) -> None:
    server.rule = lambda asked: error(429, retry_after="60")
    loop = asyncio.get_running_loop()
    async with asking(server) as judge:
        started = loop.time()
        failure = (await answer_to(judge, terms=Terms(deadline=started + 0.2))).failure
    assert failure is not None
    assert (failure.kind, server.calls) == ("timeout", 1)
    assert loop.time() - started < 1


async def test_the_deadline_ends_a_wait_for_a_place_and_calls_nobody(server: JudgeServer) -> None:
    let_go = asyncio.Event()
    server.next.append(tokens({"A": 1.0}, waits=let_go))
    loop = asyncio.get_running_loop()
    async with asking(server, most=1) as judge:
        first = asyncio.create_task(answer_to(judge))
        await server.asked_for(1)
        failure = (await answer_to(judge, terms=Terms(deadline=loop.time() + 0.1))).failure
        let_go.set()
        assert (await first).failure is None
    assert failure is not None
    assert (failure.kind, server.calls) == ("timeout", 1)


async def test_one_question_that_fails_leaves_the_others_of_its_round_answered(server: JudgeServer) -> None:
    server.rule = lambda asked: error(404) if "bad" in str(asked["messages"]) else tokens({"A": 1.0})
    async with asking(server) as judge:
        answers = await judge.complete([question(candidate=text) for text in ("fine", "bad", "good")], Terms())
    assert [answer.failure.kind if answer.failure else None for answer in answers] == [None, "judge_error", None]


@over_both_wires
async def test_calls_one_after_the_other_share_one_connection(server: JudgeServer, wire: str) -> None:
    async with asking(server, wire) as judge:
        for _ in range(10):
            await answer_to(judge)
    assert len(server.connections) == 1


@over_both_wires
async def test_there_are_never_more_connections_than_allowed(server: JudgeServer, wire: str) -> None:
    async with asking(server, wire, most=3) as judge:
        answers = await judge.complete([question(candidate=str(i)) for i in range(30)], Terms())
    assert all(answer.failure is None for answer in answers)
    assert len(server.connections) <= 3


@over_both_wires
async def test_a_closed_wire_leaves_no_connection_open(server: JudgeServer, wire: str) -> None:
    async with asking(server, wire) as judge:
        await answer_to(judge)
    await server.stop()
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", server.port))


async def test_a_case_stays_with_its_replica_and_moves_on_when_that_one_is_gone(server: JudgeServer) -> None:
    other = await JudgeServer().start()
    settings = JudgeSettings(url=(server.url, other.url), model="m")
    judge = await open_judge("default", settings, None, explanations=True, wait=5)
    for _ in range(3):
        await answer_to(judge.backend, terms=Terms(affinity=7))
    own, spare = (server, other) if server.calls else (other, server)
    assert (own.calls, spare.calls) == (3, 0)
    await own.stop()
    answer = await answer_to(judge.backend, terms=Terms(affinity=7))
    assert answer.failure is None
    assert (own.calls, spare.calls) == (3, 1)
    await judge.backend.aclose()
    await other.stop()
