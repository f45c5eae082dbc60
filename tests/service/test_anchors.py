"""Anchors and a second judge, asked over real sockets while a judge drifts, falls silent or goes."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from judge_server import Answer, Asked, JudgeServer, by_worth
from services import served

from judge_service.errors import InvalidCase, InvalidConfiguration
from judge_service.integrations.anchors import Anchors
from judge_service.integrations.client import AsyncJudgeClient, JudgeClient
from judge_service.integrations.hacking import WINDOW

FROZEN = [
    {"prompt": "p", "candidates": ["x (worth 3)", "y (worth 1)"], "metadata": {"better": "a"}},
    {"prompt": "q", "candidates": ["x (worth 1)", "y (worth 3)"], "metadata": {"better": 2}},
    {"prompt": "r", "candidates": ["x (worth 1)", "y (worth 2)"], "metadata": {"better": "a"}},
    {"prompt": "s", "candidates": ["x (worth 1)", "y (worth 2)"]},
]
STEP = [{"prompt": f"t{i}", "candidates": [f"{i} x (worth 3)", f"{i} y (worth 1)"]} for i in range(20)]


def turned(asked: Asked) -> Answer:
    """The judge as it would be with all its preferences the other way round."""
    worse = {"(worth 1)": "(worth 3)", "(worth 3)": "(worth 1)", "(worth 2)": "(worth 0)"}
    text = json.dumps(asked["messages"])
    parts = [worse.get(part, part) for part in _split(text)]
    return by_worth({**asked, "messages": json.loads("".join(parts))})


def _split(text: str) -> list[str]:
    return re.split(r"(\(worth \d\))", text)


@asynccontextmanager
async def asking(server: JudgeServer) -> AsyncIterator[AsyncJudgeClient]:
    async with served(server) as url, AsyncJudgeClient(url, retries=1) as client:
        yield client


async def test_anchors_tell_whether_the_judge_is_right_and_has_stayed_the_same(server: JudgeServer) -> None:
    async with asking(server) as client:
        anchors = Anchors(client, FROZEN, every=10)
        assert (await anchors.asked(3)).figures == {}
        first = await anchors.asked(0)
        assert first.figures["judge/anchor_accuracy"] == pytest.approx(2 / 3)
        assert (first.figures["judge/anchor_drift"], first.figures["judge/anchor_flips"]) == (0.0, 0.0)
        assert first.figures["judge/anchor_unscored"] == 0.0
        calls = server.calls
        await anchors.asked(10)
        assert server.calls == 2 * calls, "the cache was passed by"
        server.rule = turned
        told = [await anchors.asked(step) for step in (20, 30, 40)]
    assert [t.figures["judge/anchor_flips"] for t in told] == [1.0] * 3
    assert told[0].figures["judge/anchor_drift"] > 1.0
    assert told[0].figures["judge/anchor_accuracy"] == pytest.approx(1 / 3)
    assert [len(t.warnings) for t in told] == [0, 1, 0]
    assert "at step 30" in told[1].warnings[0]


async def test_a_second_judge_is_asked_about_the_same_sample_of_a_step(server: JudgeServer) -> None:
    other = await JudgeServer(turned).start()
    try:
        async with asking(server) as client, asking(other) as second:
            judgments = await client.judge("compare", STEP)
            samples = []
            for _ in range(2):
                other.asked.clear()
                anchors = Anchors(client, every=5, second=second, sample=8, seed=3)
                told = await anchors.asked(5, "compare", STEP, judgments)
                samples.append(sorted(other.prompts()))
        assert told.figures["judge/second_agreement"] == 0.0
        assert told.figures["judge/second_pairs"] == 8.0
        assert samples[0] == samples[1]
        assert len(samples[0]) == 16
    finally:
        await other.stop()


async def test_a_second_judge_of_the_same_service_is_asked_by_its_name(server: JudgeServer) -> None:
    judges = {"default": {"url": server.url, "model": "m"}, "other": {"kind": "offline"}}
    async with served(server, more={"judges": judges}) as url, AsyncJudgeClient(url) as client:
        judgments = await client.judge("rank", STEP)
        calls = server.calls
        told = await Anchors(client, every=1, second="other").asked(0, "rank", STEP, judgments)
    assert told.figures["judge/second_pairs"] == 20.0
    assert server.calls == calls


async def test_agreement_that_falls_while_the_reward_rises_is_told_once(server: JudgeServer) -> None:
    other = await JudgeServer().start()
    try:
        async with asking(server) as client, asking(other) as second:
            judgments = await client.judge("compare", STEP)
            anchors = Anchors(client, every=1, second=second)
            warnings: list[str] = []
            for step in range(WINDOW + 3):
                if step == WINDOW // 2:
                    other.rule = turned
                told = await anchors.asked(step, "compare", STEP, judgments, reward=0.1 * step)
                warnings += told.warnings
    finally:
        await other.stop()
    assert len(warnings) == 1
    assert "reward hacking is likely" in warnings[0]


async def test_what_cannot_be_asked_is_told_and_never_raised_and_holds_nobody_up(server: JudgeServer) -> None:
    held = asyncio.Event()
    async with asking(server) as client:
        judgments = await client.judge("compare", STEP[:2])
        gone = AsyncJudgeClient("http://127.0.0.1:9", retries=0)
        server.rule = lambda asked: Answer(by_worth(asked).body, waits=held)
        anchors = Anchors(client, FROZEN, every=1, second="nobody", timeout=0.2)
        told = await anchors.asked(0, "compare", STEP[:2], judgments)
        assert any("the second judge could not be asked: there is no judge 'nobody'" in w for w in told.warnings)
        # The service itself may say that the anchors' time is over, or their own clock.
        assert told.figures.get("judge/anchor_unscored", 1.0) == 1.0
        silent = await Anchors(gone, FROZEN, every=1).asked(0)
        assert silent.figures == {"judge/anchor_unscored": 1.0}
        held.set()
        await gone.aclose()
    refused = Anchors(AsyncJudgeClient("http://127.0.0.1:9"), FROZEN, every=1).asked_now(0)
    assert "asked_now needs a JudgeClient" in refused.warnings[0]


async def test_a_program_without_a_loop_asks_its_anchors_too(server: JudgeServer) -> None:
    def asked(url: str) -> Any:
        with JudgeClient(url) as client:
            judgments = client.judge("compare", STEP)
            return Anchors(client, FROZEN, every=2, second=client).asked_now(4, "compare", STEP, judgments, 0.5)

    async with served(server) as url:
        told = await asyncio.to_thread(asked, url)
    assert told.figures["judge/anchor_accuracy"] == pytest.approx(2 / 3)
    assert told.figures["judge/second_agreement"] == 1.0
    assert told.warnings == ()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "not valid JSON"),
        ('{"prompt": "p"}', "candidates are missing"),
        ('{"prompt": "p", "candidates": ["x", "y"], "metadata": {"better": "c"}}', "'c' is no label"),
    ],
)
def test_a_wrong_anchor_is_told_with_its_line(tmp_path: Path, line: str, why: str) -> None:
    file = tmp_path / "anchors.jsonl"
    file.write_text(json.dumps(FROZEN[0]) + "\n\n" + line + "\n")
    with pytest.raises(InvalidCase, match=why) as told:
        Anchors(AsyncJudgeClient(), file, every=1)
    assert f"{file}:3: " in told.value.message
    with pytest.raises(InvalidCase, match="no-such-file"):
        Anchors(AsyncJudgeClient(), tmp_path / "no-such-file", every=1)
    with pytest.raises(InvalidConfiguration):
        Anchors(AsyncJudgeClient(), every=0)
