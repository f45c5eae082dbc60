"""What a worker of Ray does with the cases it is given, and what it is told; Ray itself has a tier of its own."""

import asyncio
import pickle
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from judge_server import JudgeServer
from programs import called, cases, write_rows

from judge_service.batch.ray_actor import CASE, JUDGMENT, Ended, JudgeActor, Opening, packed_case, unpacked
from judge_service.batch.rows import case_of_row
from judge_service.batch.runner import Judging
from judge_service.cli.flags import WhichJudge
from judge_service.cli.on_ray import Workers
from judge_service.cli.opened import opened_judging
from judge_service.domain.cases import Case
from judge_service.domain.judgments import Judgment
from judge_service.files.reading import Row

Opened = Callable[[], AbstractAsyncContextManager[Any]]
OFFLINE: Opened = partial(opened_judging, "compare", {}, WhichJudge(offline=True), None, 1.0, "", None)
KEY = "key-that-nobody-should-read"


async def digest_of(opened: Opened) -> str:
    async with opened() as judging:
        return str(judging.run_digest)


def block(count: int) -> dict[str, Any]:
    rows = [Row(f"in.jsonl line {i}", row) for i, row in enumerate(cases(count), 1)]
    return {CASE: [packed_case(row.where, case_of_row(row, "compare", {})) for row in rows]}


def told(answer: dict[str, Any]) -> list[Any]:
    return [unpacked(packed) for packed in answer[JUDGMENT]]


async def test_a_blocks_judgments_come_in_its_order_and_are_those_of_the_driver() -> None:
    actor = JudgeActor(Opening(OFFLINE, await digest_of(OFFLINE), 4))
    first, second = await asyncio.gather(actor(block(5)), actor(block(3)))
    assert [j.case_id for j in told(first)] == [f"c{i}" for i in range(5)]
    assert [j.case_id for j in told(second)] == [f"c{i}" for i in range(3)]
    assert {j.status for j in told(first)} == {"judged"}
    await asyncio.to_thread(actor.__del__)


async def test_a_worker_that_would_judge_another_run_ends_it() -> None:
    answer = await JudgeActor(Opening(OFFLINE, "another", 4))(block(2))
    (ended,) = told(answer)
    assert isinstance(ended, Ended)
    assert "would be of another run" in ended.message


async def test_a_judge_that_a_worker_cannot_reach_ends_the_run_with_its_name() -> None:
    nowhere = WhichJudge(urls=("http://127.0.0.1:9/v1",), model="m")
    actor = JudgeActor(Opening(partial(opened_judging, "compare", {}, nowhere, None, 0.1, ""), "", 4))
    for answer in await asyncio.gather(actor(block(1)), actor(block(2))):
        (ended,) = told(answer)
        assert isinstance(ended, Ended)
        assert "http://127.0.0.1:9" in ended.message


async def test_what_was_opened_is_opened_once_and_closed_when_ray_lets_go_of_the_actor() -> None:
    steps: list[str] = []

    @asynccontextmanager
    async def watched() -> AsyncIterator[Any]:
        async with OFFLINE() as judging:
            steps.append("opened")
            yield judging
        steps.append("closed")

    actor = JudgeActor(Opening(watched, await digest_of(OFFLINE), 4))
    await asyncio.gather(actor(block(1)), actor(block(1)))
    assert steps == ["opened"]
    await asyncio.to_thread(actor.__del__)
    assert steps == ["opened", "closed"]


async def test_no_more_cases_are_under_way_than_there_is_room_for() -> None:
    under_way: list[int] = [0, 0]

    class Counting:
        run_digest = ""

        def __init__(self, judging: Judging) -> None:
            self._judging = judging

        def has_room(self, cases: int) -> bool:
            return cases < 3

        async def judge(self, case: Case) -> Judgment:
            under_way[0] += 1
            under_way[1] = max(under_way)
            await asyncio.sleep(0.001)
            under_way[0] -= 1
            return await self._judging.judge(case)

    @asynccontextmanager
    async def counted() -> AsyncIterator[Any]:
        async with OFFLINE() as judging:
            yield Counting(judging)

    actor = JudgeActor(Opening(counted, "", 6))
    await asyncio.gather(actor(block(6)), actor(block(6)))
    assert under_way == [0, 3]
    await asyncio.to_thread(actor.__del__)


async def test_keys_do_not_travel_to_the_workers(server: JudgeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUDGE_API_KEYS", KEY)
    monkeypatch.setenv("MY_KEY", KEY)
    which = WhichJudge(urls=(server.url,), model="m", key_env="MY_KEY")
    workers = Workers("compare", {}, which, None, 1.0, "")
    async with opened_judging("compare", {}, which, None, 1.0, "") as judging:
        opening = workers.opening(judging, None)
    assert KEY.encode() not in pickle.dumps(opening)
    assert "127.0.0.1" not in repr(opening)
    # The worker finds the key under its name, in its own environment.
    actor = JudgeActor(pickle.loads(pickle.dumps(opening)))
    (judgment,) = told(await actor(block(1)))
    assert judgment.status == "judged"
    assert server.headers[-1]["Authorization"] == f"Bearer {KEY}"
    await asyncio.to_thread(actor.__del__)


def test_ray_that_is_not_installed_is_named_with_the_way_to_install_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    source = write_rows(Path("in.jsonl"), cases(1))
    end = called(capsys, monkeypatch, "compare", source, "-o", "out.jsonl", "--offline", "--ray")
    assert end.code == 2
    assert end.err.splitlines()[-1] == "judge-service: --ray needs an extra: pip install 'judge-service[ray]'"


def test_flags_of_a_cluster_without_one_are_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_rows(Path("in.jsonl"), cases(1))
    end = called(capsys, monkeypatch, "compare", source, "--offline", "--ray-workers", "2")
    assert end.code == 2
    assert "--ray-workers and --ray-address go with --ray" in end.err
