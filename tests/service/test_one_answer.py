"""The API, the command line, a service elsewhere and a direct call give the same judgment."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest
from judge_server import JudgeServer
from programs import called, ran, write_rows
from services import CASE_OF, PAIR, api, judged, opened, served

CHANGES = ("created", "usage", "cached")
OPTIONS: list[tuple[Any, dict[str, Any]]] = [
    ("compare", {}),
    ("compare", {"method": "cot", "repeats": 3, "seed": 5, "combine": "vote"}),
    ("compare", {"rubric": "general", "principle": "sample", "orders": "one", "ties": "allow"}),
    ("compare", {"escalate": {"to": "cot", "below": 0.95}, "include": ["votes", "case", "prompts", "raw"]}),
    ("score", {"rubric": "code-quality"}),
    ("rank", {"strategy": "listwise", "repeats": 4}),
    ("rank", {"strategy": "pairs", "temperature": 0.5, "method": "cot"}),
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


async def by_call_and_by_api(task: Any, case: dict[str, Any], options: dict[str, Any]) -> list[Any]:
    """A direct call's judgment, the API's on the case inline, and the API's on the case among others."""
    async with opened(None) as service:
        direct = await judged(service, case, task, **options)
    async with api(None) as client:
        inline = await client.post(f"/v1/{task}", json={**case, **options})
        listed = await client.post(f"/v1/{task}", json={"cases": [{"id": "bad"}, case], **options})
    return [direct, inline.json(), listed.json()["data"][1]]


@pytest.mark.parametrize(("task", "options"), OPTIONS, ids=[f"{task}-{','.join(o)}" for task, o in OPTIONS])
def test_every_way_in_gives_the_same_judgment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, task: Any, options: dict[str, Any]
) -> None:
    case = {**CASE_OF[task], "id": "c1", "metadata": {"n": 1}}
    direct, *others = asyncio.run(by_call_and_by_api(task, case, options))
    source = write_rows(Path("in.jsonl"), [case])
    line = called(capsys, monkeypatch, task, source, "--offline", "--quiet", *flags(options))
    assert direct["status"] == "judged"
    for other in (*others, *line.records):
        assert same(other) == same(direct)


async def test_a_process_and_a_service_elsewhere_give_the_same_judgment(server: JudgeServer) -> None:
    case = {**PAIR, "id": "c1", "metadata": {"n": [1, {"x": None}]}, "reference": "7", "context": "c", "domain": "d"}
    row = write_rows(Path("in.jsonl"), [case])
    async with opened(server) as service:
        direct = await judged(service, case)
    async with served(server) as address:
        here, there = await asyncio.gather(
            ran("compare", row, "--judge-url", server.url, "--model", "m", "--quiet"),
            ran("compare", row, "--server", address, "--quiet"),
        )
    assert same(here.records) == same(there.records) == [same(direct)]


async def test_the_prompts_are_the_same_to_the_letter(server: JudgeServer) -> None:
    async with opened(server) as service:
        await judged(service)
    async with api(server) as client:
        await client.post("/v1/compare", json=PAIR)
    first, second, *others = server.asked
    assert others == [first, second]
