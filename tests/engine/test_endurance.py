"""A real server that hangs, dies and comes back under the service, and many callers at once."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest
from running import HERE, RUBRICS, Vllm, judged, service_for
from world import exercises

from judge_service.domain.options import options_from
from judge_service.domain.parsing import case_from
from judge_service.domain.verdicts import Preference

CALLERS = 64
SECONDS = float(os.environ.get("ENDURANCE_SECONDS", "20"))


async def test_many_callers_get_each_their_own_verdict(tiny: Vllm) -> None:
    """Every verdict equals the one its caller gets alone; memory stays what it was."""
    cases = [exercise.case for exercise in exercises("callers", 200)]
    async with service_for(tiny) as service:
        sitting = service.sitting("compare", options_from({"rubric": "tiny-warm", "cache": "bypass"}, "compare"))
        alone = [judgment.verdict for judgment in [await sitting.judge(case) for case in cases]]
        until = time.monotonic() + SECONDS
        asked = 0
        memory: list[int] = []

        async def caller(number: int) -> None:
            nonlocal asked
            at = number
            while time.monotonic() < until:
                at = (at + 7) % len(cases)
                judgment = await sitting.judge(cases[at])
                expected = alone[at]
                assert isinstance(judgment.verdict, Preference)
                assert isinstance(expected, Preference)
                assert judgment.verdict.winner == expected.winner
                assert judgment.verdict.logit == pytest.approx(expected.logit, abs=0.05)
                asked += 1
                if asked % 500 == 0:
                    memory.append(resident())

        await asyncio.gather(*map(caller, range(CALLERS)))
    assert asked > 2 * CALLERS
    if len(memory) > 2:
        assert memory[-1] <= memory[len(memory) // 3] * 1.1


async def test_drawn_answers_to_a_long_prompt_leave_the_server_alive(random_judge: Vllm) -> None:
    """A prompt longer than a step computes, with a seed: vLLM for the CPU died of it where it computed in parts."""
    candidates = [{"id": name, "content": f"{name} {'on and on ' * 200}"} for name in ("a", "b")]
    case = case_from({"prompt": "Tell me.", "candidates": candidates}, "compare")
    async with service_for(random_judge) as service:
        options = {"rubric": "tiny-warm", "method": "cot", "repeats": 3, "max_tokens": 8}
        (judgment,) = await judged(service, "compare", [case], **options)
    assert judgment.usage.prompt_tokens > 6 * 2048
    assert {vote.failure.kind for vote in judgment.votes if vote.failure} <= {"unreadable", "truncated"}
    assert random_judge.answers()


def resident() -> int:
    """This process's memory, in pages."""
    return int(Path("/proc/self/statm").read_text().split()[1])


def test_a_batch_survives_the_death_of_its_judge(tmp_path: Path) -> None:
    """Nothing finished is lost, the rest is judge_unavailable, and running the command again completes it."""
    source = tmp_path / "cases.jsonl"
    count = 1500
    rows = [{"id": f"c{i}", **pair(e.case)} for i, e in enumerate(exercises("death", count))]
    source.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    out = tmp_path / "out.jsonl"
    with Vllm(HERE / "tiny_judge" / "model", "tiny") as server:
        port = server.port
        running = subprocess.Popen(command(source, out, server.url, tmp_path), env=environ(tmp_path), cwd=tmp_path)
        while not out.exists() or out.read_bytes().count(b"\n") < count // 5:
            assert running.poll() is None, "the batch was over before its judge could die"
            time.sleep(0.05)
    code = running.wait(180)
    first = {record["case_id"]: record for record in map(orjson.loads, out.read_bytes().splitlines())}
    assert code == 3
    kinds = {r["failure"]["kind"] for r in first.values() if r["status"] == "unscored"}
    assert (len(first), kinds) == (count, {"judge_unavailable"})
    done = {name for name, record in first.items() if record["status"] == "judged"}
    assert count // 5 <= len(done) < count
    with Vllm(HERE / "tiny_judge" / "model", "tiny", port=port) as server:
        again = subprocess.run(
            [*command(source, out, server.url, tmp_path), "--retry-failed"],
            env=environ(tmp_path),
            cwd=tmp_path,
            check=False,
        )
    whole = {record["case_id"]: record for record in map(orjson.loads, out.read_bytes().splitlines())}
    assert (again.returncode, len(whole)) == (0, count)
    assert all(whole[name]["created"] == first[name]["created"] for name in done), "what was finished is left as it was"


async def test_a_hanging_server_costs_a_deadline_and_is_used_again_when_it_goes_on(tiny: Vllm) -> None:
    cases = [exercise.case for exercise in exercises("hanging", 3)]
    async with service_for(tiny, canary_seconds=0) as service:
        (before,) = await judged(service, "compare", cases[:1], rubric="tiny-warm", timeout=20)
        tiny.pause()
        try:
            started = time.monotonic()
            (during,) = await judged(service, "compare", cases[1:2], rubric="tiny-warm", timeout=2)
            took = time.monotonic() - started
            assert not await service.judges["tiny"].answers()
        finally:
            tiny.go_on()
        (after,) = await judged(service, "compare", cases[1:2], rubric="tiny-warm", timeout=60)
        assert await service.judges["tiny"].answers()
    assert (before.status, during.status, after.status) == ("judged", "unscored", "judged")
    assert during.failure is not None
    assert during.failure.kind == "timeout"
    assert took < 10


def command(source: Path, out: Path, url: str, folder: Path) -> list[str]:
    program = [sys.executable, "-m", "judge_service", "compare", str(source), "-o", str(out)]
    return [*program, "--judge-url", url, "--model", "tiny", "--rubric", "tiny-warm", "--concurrency", "16", "--quiet"]


def environ(folder: Path) -> dict[str, str]:
    own = {"JUDGE_RUBRICS": str(RUBRICS), "JUDGE_CACHE__URL": f"sqlite:///{folder}/cache.db"}
    return {**os.environ, **own}


def pair(case: object) -> dict[str, object]:
    """A case as a row."""
    return {"prompt": case.prompt, "candidates": [c.content for c in case.candidates]}  # type: ignore[attr-defined]
