"""How a run ends before its end: interrupted, stopped, its judge lost, its output taken."""

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest
from judge_server import JudgeServer, by_worth, error
from programs import called, cases, ended, ran, read_rows, started, write_rows


def command(server: JudgeServer, rows: list[Any], *flags: str) -> tuple[str, ...]:
    source = write_rows(Path("in.jsonl"), rows)
    judge = ("--judge-url", server.url, "--model", "m", "--no-cache", "--concurrency", "2")
    return ("compare", source, "-o", "out.jsonl", *judge, *flags)


def held_after(server: JudgeServer, calls: int) -> asyncio.Event:
    """From then on the judge keeps its answers until the event is set."""
    let_go = asyncio.Event()

    def rule(asked: Any) -> Any:
        answer = by_worth(asked)
        return answer if server.calls <= calls else type(answer)(answer.body, waits=let_go)

    server.rule = rule
    return let_go


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
async def test_an_interrupted_run_keeps_what_is_finished_and_goes_on_from_there(server: JudgeServer, name: str) -> None:
    let_go = held_after(server, 6)
    process = await started(*command(server, cases(8)))
    await server.asked_for(8)
    process.send_signal(getattr(signal, name))
    end = await ended(process)
    let_go.set()
    assert end.code == 130
    assert "interrupted: what is finished is kept" in end.err
    kept = read_rows(Path("out.jsonl"))
    assert len(kept) == 3
    assert {row["status"] for row in kept} == {"judged"}
    if name == "SIGTERM":
        return
    calls = server.calls
    again = await ran(*command(server, cases(8)))
    assert again.code == 0
    assert server.calls == calls + 10
    assert sorted(row["case_id"] for row in read_rows(Path("out.jsonl"))) == [f"c{i}" for i in range(8)]


async def test_an_interrupt_while_waiting_for_the_judge_ends_at_once(server: JudgeServer) -> None:
    never = asyncio.Event()
    server.models = type(server.models)({}, waits=never)
    process = await started(*command(server, cases(1), "--wait-judge", "60"))
    async with asyncio.timeout(30):
        await server.described.wait()
    process.send_signal(signal.SIGINT)
    end = await ended(process)
    never.set()
    assert (end.code, end.out) == (130, "")
    assert "Traceback" not in end.err


async def test_a_judge_lost_midway_leaves_the_rest_unavailable_and_exits_3(server: JudgeServer) -> None:
    server.rule = lambda asked: by_worth(asked) if server.calls <= 4 else error(503, "gone", retry_after="0")
    end = await ran(*command(server, cases(4), "--concurrency", "8"))
    assert end.code == 3
    rows = read_rows(Path("out.jsonl"))
    assert len(rows) == 4
    for row in rows:
        failures = {vote["failure"]["kind"] for vote in row["votes"] if vote["failure"]}
        assert failures == (set() if row["status"] == "judged" else {"judge_unavailable"})
        if row["status"] != "judged":
            assert row["verdict"]["winner"] is None
            assert row["verdict"]["probability"] is None
    assert "judge_unavailable" in end.err


def unscored(total: int, bad: int) -> list[Any]:
    """Pairs that need no call, and among them rows that are no pairs."""
    same = [{"id": f"c{i}", "prompt": "p", "candidates": ["same", "same "]} for i in range(total)]
    return [{"id": row["id"], "prompt": "p"} if i < bad else row for i, row in enumerate(same)]


@pytest.mark.parametrize(("bad", "code"), [(30, 4), (10, 3)])
def test_a_run_stops_after_a_thousand_cases_when_the_condition_holds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bad: int, code: int
) -> None:
    source = write_rows(tmp_path / "in.jsonl", unscored(1200, bad))
    flags = ("--offline", "--concurrency", "8", "--stop-if", "unscored>2%,flip>60%")
    end = called(capsys, monkeypatch, "compare", source, "-o", "out.jsonl", *flags)
    assert end.code == code
    written = len(read_rows(Path("out.jsonl")))
    assert (1000 <= written < 1100) if code == 4 else written == 1200
    assert ("unscored is" in end.err) == (code == 4)


async def test_two_writers_of_one_output_are_one_too_many(server: JudgeServer) -> None:
    let_go = held_after(server, 0)
    first = await started(*command(server, cases(2)))
    await server.asked_for(1)
    second = await ran(*command(server, cases(2)))
    assert second.code == 2
    assert "another process is writing this output" in second.err
    let_go.set()
    assert (await ended(first)).code == 0
    assert len(read_rows(Path("out.jsonl"))) == 2
