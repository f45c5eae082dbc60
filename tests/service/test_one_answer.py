"""The API, the command line, a service elsewhere and a direct call give the same judgment."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest
from judge_server import JudgeServer
from programs import ran, write_rows
from services import CASE_OF, PAIR, api, judged, opened, served

CHANGES = ("created", "usage", "cached")
OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("compare", {}),
    ("compare", {"method": "cot", "repeats": 3, "seed": 5, "combine": "vote"}),
    ("compare", {"rubric": "general", "principle": "sample", "orders": "one", "ties": "allow"}),
    ("compare", {"escalate": {"to": "cot", "below": 0.95}, "include": ["votes", "case", "prompts", "raw"]}),
    ("score", {"rubric": "code-quality"}),
    ("rank", {"strategy": "listwise", "repeats": 4}),
    ("rank", {}),
]


def same(judgment: Any) -> Any:
    """A judgment without what may differ from one call to the next."""
    if isinstance(judgment, dict):
        return {name: same(value) for name, value in judgment.items() if name not in CHANGES}
    return [same(value) for value in judgment] if isinstance(judgment, list) else judgment


def flags(options: dict[str, Any]) -> list[str]:
    told = []
    for name, value in options.items():
        text = ",".join(value) if isinstance(value, list) else value
        told += [f"--{name}", text if isinstance(text, str) else orjson.dumps(text).decode()]
    return told


@pytest.mark.parametrize(("task", "options"), OPTIONS, ids=[f"{task}-{','.join(o)}" for task, o in OPTIONS])
async def test_every_way_in_gives_the_same_judgment(server: JudgeServer, task: Any, options: dict[str, Any]) -> None:
    case = {**CASE_OF[task], "id": "c1", "metadata": {"n": 1}}
    async with opened(server) as service:
        direct = await judged(service, case, task, **options)
    async with api(server) as client:
        inline = (await client.post(f"/v1/{task}", json={**case, **options})).json()
        listed = (await client.post(f"/v1/{task}", json={"cases": [case], **options})).json()["data"][0]
    row = write_rows(Path("in.jsonl"), [case])
    line = await ran(task, row, "--judge-url", server.url, "--model", "m", "--quiet", *flags(options))
    assert (line.code, line.err) == (0, "")
    assert direct["status"] == "judged"
    assert same(inline) == same(direct)
    assert same(listed) == same(direct)
    assert same(line.records[0]) == same(direct)


@pytest.mark.parametrize("offline", [True, False], ids=["offline", "on a socket"])
async def test_a_service_elsewhere_gives_the_same_judgment(server: JudgeServer, offline: bool) -> None:
    case = {**PAIR, "id": "c1", "metadata": {"n": [1, {"x": None}]}, "reference": "7", "context": "c", "domain": "d"}
    row = write_rows(Path("in.jsonl"), [case])
    judge = ("--offline",) if offline else ("--judge-url", server.url, "--model", "m")
    async with opened(None if offline else server) as service:
        direct = await judged(service, case)
    async with served(None if offline else server) as address:
        here, there = await asyncio.gather(
            ran("compare", row, *judge, "--quiet"), ran("compare", row, "--server", address, "--quiet")
        )
    assert same(here.records[0]) == same(there.records[0]) == same(direct)


async def test_the_prompts_are_the_same_to_the_letter(server: JudgeServer) -> None:
    async with opened(server) as service:
        await judged(service)
    async with api(server) as client:
        await client.post("/v1/compare", json=PAIR)
    first, second, *others = server.asked
    assert others == [first, second]
