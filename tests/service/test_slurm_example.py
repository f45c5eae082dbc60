"""The scripts of examples/slurm, as they stand, under a stand-in for Slurm."""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from programs import cases, ran, read_rows, write_rows
from slurm import Job, Slurm

from judge_service.emulator.behaviour import Behaviour
from judge_service.emulator.server import Emulator

SCRIPTS = Path(__file__).parents[2] / "examples" / "slurm"
MODEL = "org/judge"
ROWS = 300
ITS_OWN = ("id", "created", "usage")


@pytest.fixture
async def slurm(corner: Path) -> AsyncIterator[Slurm]:
    """A cluster whose working directory holds the scripts."""
    for script in SCRIPTS.iterdir():
        shutil.copy(script, corner)
    cluster = Slurm(corner)
    yield cluster
    await cluster.aclose()


def submitted(slurm: Slurm) -> tuple[Job, Job, Job]:
    """The three jobs that submit.sh makes."""
    told = {"MODEL": MODEL, "INPUT": "in.jsonl", "ARRAY": "1-3", "FLAGS": "--concurrency 2"}
    subprocess.run(["bash", "submit.sh"], check=True, env={**slurm.environ, **told}, stdout=subprocess.DEVNULL)
    judges, label, merge = slurm.submitted()
    return judges, label, merge


def said(output: str) -> dict[str, Any]:
    """What each judgment says, by case."""
    rows = [{name: row[name] for name in row if name not in ITS_OWN} for row in read_rows(Path(output))]
    by_case = {row["case_id"]: row for row in rows}
    assert len(by_case) == len(rows)
    for row in rows:
        row["votes"] = [{**vote, "cached": None} for vote in row["votes"]]
    return by_case


async def lines_in(path: Path, least: int) -> None:
    async with asyncio.timeout(60):
        while not path.is_file() or path.read_bytes().count(b"\n") < least:
            await asyncio.sleep(0.01)


async def listed(count: int) -> list[str]:
    """Waits until so many judges are listed."""
    path = Path("servers.txt")
    async with asyncio.timeout(60):
        while not path.is_file() or len(path.read_text().split()) != count:
            await asyncio.sleep(0.05)
    return path.read_text().split()


async def test_an_array_with_a_task_drained_and_requeued_says_what_one_run_says(slurm: Slurm) -> None:
    write_rows(Path("in.jsonl"), cases(ROWS))
    judges, label, merge = submitted(slurm)
    assert label.told["dependency"] == f"after:{judges.number}"
    assert merge.told["dependency"] == f"afterok:{label.number}"
    servers = await slurm.started(judges)
    tasks = [await slurm.task(label, number) for number in (1, 2, 3)]
    await lines_in(Path("out/part-2.jsonl"), 10)
    # Slurm signals the script and nothing else: --signal=B:USR1@120.
    tasks[1].send_signal(signal.SIGUSR1)
    assert [await task.wait() for task in tasks] == [0, 75, 0]
    assert slurm.requeued() == [f"requeue {label.number}_2"]
    before = len(read_rows(Path("out/part-2.jsonl")))
    assert 10 <= before < ROWS // 3
    again = await slurm.task(label, 2)
    assert await again.wait() == 0
    assert await (await slurm.started(merge)).wait() == 0
    async with asyncio.timeout(30):
        await servers.wait()
    assert Path("servers.txt").read_text() == "", "a replica that ended is still listed"
    async with Emulator(Behaviour().changed({"model": MODEL})) as judge:
        plain = await ran("compare", "in.jsonl", "-o", "plain.jsonl", "--judge-url", judge.url, "--model", MODEL)
    assert plain.code == 0
    assert said("all.jsonl") == said("plain.jsonl")


async def test_replicas_are_listed_while_they_answer(slurm: Slurm) -> None:
    write_rows(Path("in.jsonl"), cases(1))
    judges, _, _ = submitted(slurm)
    servers = await slurm.started(judges)
    addresses = await listed(2)
    assert len(set(addresses)) == 2
    assert all(address.startswith("http://127.0.0.1:") and address.endswith("/v1") for address in addresses)
    servers.terminate()
    await servers.wait()
    assert await listed(0) == []


@pytest.mark.parametrize("script", ["label.sbatch", "judges.sbatch", "submit.sh"])
def test_a_variable_that_is_missing_is_named(slurm: Slurm, script: str) -> None:
    environ = {name: value for name, value in slurm.environ.items() if name not in os.environ or name == "PATH"}
    end = subprocess.run(["bash", script], env=environ, capture_output=True, text=True, check=False)
    assert end.returncode != 0
    assert "MODEL: names the judge" in end.stderr
    assert slurm.submitted() == []
