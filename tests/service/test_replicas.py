"""Judge servers that come and go, are full, or think for long: a judge of several replicas, on real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from judge_server import JudgeServer, by_worth, said, text_of
from programs import called, cases, ended, ran, read_rows, started, write_rows
from services import api

from judge_service.domain.options import options_from
from judge_service.domain.parsing import case_from
from judge_service.emulator.behaviour import Behaviour
from judge_service.emulator.server import Emulator
from judge_service.service import JudgingService
from judge_service.settings import Settings
from judge_service.wiring import open_service
from judge_service.wiring.queues import queue_told

LIST = "servers.txt"
DIRECT = ("--model", "emulator", "--method", "direct", "--orders", "both", "--no-cache", "--quiet")


@asynccontextmanager
async def emulators(count: int, **settings: Any) -> AsyncIterator[list[Emulator]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(Emulator(Behaviour().changed(settings))) for _ in range(count)]


def listing(*servers: Emulator, more: str = "") -> None:
    """Lists these servers, in one step as careful editors do it."""
    new = Path("servers.new")
    new.write_text("# judges\n\n" + "".join(f"{server.url}  # one\n" for server in servers) + more)
    new.replace(LIST)


@asynccontextmanager
async def opened(monkeypatch: pytest.MonkeyPatch, **told: Any) -> AsyncIterator[JudgingService]:
    """A service over the listed servers, which looks at the list all the time."""
    monkeypatch.setattr("judge_service.wiring.roster.LOOK_SECONDS", 0.02)
    judge = {"url": f"@{LIST}", "model": "emulator", "canary_seconds": 0, **told}
    settings = Settings.model_validate({"judges": {"default": judge}, "cache": {"url": "none"}})
    async with open_service(settings, wait=5, probe=False) as service:
        yield service


def names(service: JudgingService) -> set[str]:
    return {name for name, _, _ in service.judges["default"].loads()}


async def until(true: Any) -> None:
    """Waits for what is to come true."""
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.01)


async def judge(service: JudgingService, count: int = 40, start: int = 0) -> None:
    """Has so many cases judged, all of which succeed."""
    sitting = service.sitting("compare", options_from({"method": "direct"}, "compare"))
    rows = (case_from(row, "compare") for row in cases(count, start))
    assert {j.status for j in await asyncio.gather(*map(sitting.judge, rows))} == {"judged"}


async def test_a_server_that_is_added_to_the_list_gets_cases_and_one_taken_off_gets_no_more(monkeypatch):
    async with emulators(3) as (first, second, third):
        listing(first, second)
        async with opened(monkeypatch) as service:
            await judge(service)
            assert first.stats["calls"] > 0
            assert second.stats["calls"] > 0
            listing(second, third)
            await until(lambda: names(service) == {second.url, third.url})
            for server in (first, second, third):
                server.reset()
            await judge(service, start=100)
            assert first.stats["calls"] == 0
            assert second.stats["calls"] > 0
            assert third.stats["calls"] > 0
            await until(lambda: not first._connections)


async def test_a_server_that_goes_finishes_what_it_has(monkeypatch):
    async with emulators(2, latency_ms="300") as (first, second):
        listing(first, second)
        async with opened(monkeypatch) as service:
            judging = asyncio.create_task(judge(service))
            await until(lambda: first.stats["in_flight"] and second.stats["in_flight"])
            listing(second)
            await until(lambda: names(service) == {second.url})
            await judging
            assert first.stats["abandoned"] == 0
            await until(lambda: not first._connections)


async def test_a_server_of_another_model_is_refused_with_a_line_and_not_mixed_in(monkeypatch, caplog):
    async with emulators(1, root="right") as (first,), emulators(1, root="wrong") as (other,):
        listing(first)
        async with opened(monkeypatch) as service:
            listing(first, other)
            await until(lambda: other.url in caplog.text)
            await judge(service)
            assert names(service) == {first.url}
            assert other.stats["calls"] == 0
            assert "not the same judge (root 'wrong' instead of 'right')" in caplog.text
            await asyncio.sleep(0.1)
            assert caplog.text.count("not the same judge") == 1
            other.configure(root="right")
            await until(lambda: names(service) == {first.url, other.url})


async def test_a_server_that_does_not_answer_yet_joins_when_it_does(monkeypatch):
    async with emulators(1) as (first,):
        late = Emulator(Behaviour())
        port = await late.start()
        await late.stop()
        listing(first, late)
        async with opened(monkeypatch) as service:
            assert names(service) == {first.url}
            async with Emulator(Behaviour(), port=port):
                await until(lambda: late.url in names(service))


@pytest.mark.parametrize("content", ["", "# nothing\n\n", "127.0.0.1:8000\n", None])
async def test_a_list_that_becomes_unreadable_changes_nothing_and_is_told_of_once(monkeypatch, caplog, content):
    async with emulators(2) as servers:
        listing(*servers)
        async with opened(monkeypatch) as service:
            if content is None:
                Path(LIST).unlink()
            else:
                Path(LIST).write_text(content)
            await until(lambda: "the servers stay as they are" in caplog.text)
            await judge(service)
            assert names(service) == {server.url for server in servers}
            assert caplog.text.count("the servers stay as they are") == 1
            listing(servers[0])
            await until(lambda: names(service) == {servers[0].url})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "servers.txt cannot be read: No such file"),
        ("# none\n", "servers.txt is empty"),
        ("http://127.0.0.1:1/v1\nlocalhost\n", "servers.txt:2: a judge's url starts with http:// or https://"),
    ],
)
def test_a_list_that_is_no_list_at_the_start_is_an_error_that_says_where(capsys, monkeypatch, content, message):
    if content is not None:
        Path(LIST).write_text(content)
    end = called(
        capsys, monkeypatch, "compare", write_rows(Path("in.jsonl"), cases(1)), "--judge-url", f"@{LIST}", *DIRECT
    )
    assert end.code == 2
    assert message in end.err
    assert "Traceback" not in end.err


async def test_a_run_goes_on_while_one_server_dies_and_another_appears():
    async with emulators(3, latency_ms="20") as (dying, staying, new):
        listing(dying, staying)
        source = write_rows(Path("in.jsonl"), cases(600))
        flags = ("--judge-url", f"@{LIST}", "--concurrency", "4", *DIRECT)
        process = await started("compare", source, "-o", "out.jsonl", *flags)
        await until(lambda: dying.stats["calls"] > 20)
        await dying.stop()
        listing(staying, new)
        end = await ended(process)
        assert end.code == 0, end.err
        assert f"judge replica {new.url} has come" in end.err
        assert f"judge replica {dying.url} has gone" in end.err
        assert new.stats["calls"] > 50
        rows = read_rows(Path("out.jsonl"))
        assert sorted(row["case_id"] for row in rows) == sorted(row["id"] for row in cases(600))
        assert {row["status"] for row in rows} == {"judged"}


async def test_doctor_examines_every_server_that_is_listed():
    async with emulators(2) as servers:
        listing(*servers)
        end = await ran("doctor", "--judge-url", f"@{LIST}", "--model", "emulator")
        assert all(server.url in end.out for server in servers)


async def test_a_server_that_turns_calls_away_is_soon_sent_what_it_takes():
    async with emulators(1, capacity=4, reject=True, latency_ms="10", retry_after=0.05) as (server,):
        source = write_rows(Path("in.jsonl"), cases(300))
        end = await ran("compare", source, "-o", "out.jsonl", "--judge-url", server.url, "--concurrency", "64", *DIRECT)
        assert end.code == 0, end.err
        assert {row["status"] for row in read_rows(Path("out.jsonl"))} == {"judged"}
        assert server.stats["statuses"]["429"] < 300


async def test_what_vllm_would_only_queue_is_held_here(monkeypatch):
    monkeypatch.setattr("judge_service.backends.limited.LOOK_SECONDS", 0.05)
    async with emulators(1, as_vllm=True, capacity=4, latency_ms="20") as (server,):
        listing(server)
        async with opened(monkeypatch, concurrency=64) as service:
            running = asyncio.create_task(judge(service, 400))
            await until(lambda: 4 <= service.judges["default"].loads()[0][1] <= 10 and server.stats["waiting"] < 10)
            assert not running.done()
            assert server.stats["in_flight_max"] > 20
            await running


@pytest.mark.parametrize(
    ("metrics", "queue"),
    [
        (
            'vllm:num_requests_running{engine="0",model_name="m"} 7.0\nvllm:num_requests_waiting{engine="0"} 3.0\n',
            (7, 3),
        ),
        (
            'vllm:num_requests_running{engine="0"} 7.0\nvllm:num_requests_running{engine="1"} 5.0\n'
            'vllm:num_requests_waiting{engine="0"} 1e+02\nvllm:num_requests_waiting{engine="1"} 2.0\n'
            'vllm:num_requests_waiting_by_reason{engine="0",reason="capacity"} 90.0\n',
            (12, 102),
        ),
        ('vllm:num_requests_running{engine="0"} 7.0\n', None),
        ("nothing of that\n", None),
        ("vllm:num_requests_running 1.2.3\nvllm:num_requests_waiting 1\n", None),
    ],
)
def test_a_queue_is_read_of_all_engines_or_not_at_all(metrics, queue):
    assert queue_told(metrics.encode()) == queue


async def test_metrics_show_what_each_replica_is_sent():
    async with emulators(1) as (server,):
        more = {"judges": {"default": {"url": server.url, "model": "emulator", "concurrency": 7}}}
        async with api(None, more=more) as client:
            page = (await client.get("/metrics")).text
        assert f'judge_call_limit{{judge="default",replica="{server.url}"}} 7.0' in page
        assert f'judge_calls_in_flight{{judge="default",replica="{server.url}"}} 0.0' in page


async def test_short_cases_behind_long_ones_are_finished_first(server: JudgeServer):
    """Four cases whose answers do not come, in places for eight calls: all others are finished before them."""
    gate = asyncio.Event()
    long = [f"Task {i}\n" for i in (0, 1)]

    def rule(asked: Any) -> Any:
        text = text_of(asked["messages"][-1])
        return said("[[A]]", waits=gate) if any(mark in text for mark in long) else by_worth(asked)

    server.rule = rule
    source = write_rows(Path("in.jsonl"), cases(120))
    flags = ("--judge-url", server.url, "--model", "m", "--method", "direct", "--no-cache", "--quiet")
    process = await started("compare", source, "-o", "out.jsonl", "--concurrency", "8", *flags)
    await until(lambda: Path("out.jsonl").exists() and len(read_rows(Path("out.jsonl"))) == 118)
    gate.set()
    assert (await ended(process)).code in (0, 3)
    assert {row["case_id"] for row in read_rows(Path("out.jsonl"))[118:]} == {"c0", "c1"}


async def test_thoughts_of_very_different_length_end_in_the_order_of_their_length():
    async with emulators(1, thinking="always", thinking_tokens=1500, tokens_per_second=20_000.0) as (server,):
        source = write_rows(Path("in.jsonl"), cases(60))
        flags = ("--judge-url", server.url, "--model", "emulator", "--method", "cot", "--max-tokens", "16000")
        end = await ran("compare", source, "-o", "out.jsonl", "--concurrency", "12", *flags, "--no-cache")
        assert end.code == 0, end.err
        rows = read_rows(Path("out.jsonl"))
        assert {row["status"] for row in rows} == {"judged"}
        tokens = [row["usage"]["completion_tokens"] for row in rows]
        assert max(tokens) > 4 * min(tokens)
        longest = tokens.index(max(tokens))
        read = int(rows[longest]["case_id"][1:])
        assert sum(int(row["case_id"][1:]) > read for row in rows[:longest]) > 0
