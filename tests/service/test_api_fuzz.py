"""Schemathesis asks what the OpenAPI page allows, and much that it does not: no 500, and no undocumented answer."""

import asyncio
import sys
from pathlib import Path

import httpx
import pytest
from programs import serving

from judge_service.emulator.behaviour import Behaviour
from judge_service.emulator.server import Emulator

PROGRAM = str(Path(sys.executable).with_name("schemathesis"))
SECONDS = 300
# Not among them: that all the page forbids is refused, since one bad case of many is told at its place in an answer of
# 200; and that all it allows is taken, since it does not know, for one, which readings and principles there are.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
)
RUNS = {
    "every edge of one judging route and of all others": (
        "--phases=examples,coverage",
        "--exclude-operation-id-regex=^(score|rank)$",
    ),
    "some of everything": ("--phases=fuzzing", "--max-examples=25"),
}


async def fuzzed(page: str, *flags: str) -> tuple[int, str]:
    """The exit code and the report of a run that is the same every time."""
    process = await asyncio.create_subprocess_exec(
        PROGRAM, "run", page, "--checks", ",".join(CHECKS), "--continue-on-failure",
        "--generation-deterministic", "--no-color", *flags,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(SECONDS):
            out, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        raise
    assert process.returncode is not None
    return process.returncode, out.decode()


async def test_without_a_key_every_route_says_so_as_the_page_does() -> None:
    async with serving("--offline", environ={"JUDGE_API_KEYS": "sekret"}) as (address, _):
        # The page itself is behind the door too; -H would give every request the key.
        async with httpx.AsyncClient() as client:
            page = await client.get(f"{address}/openapi.json", headers={"authorization": "Bearer sekret"})
        Path("page.json").write_bytes(page.content)
        code, report = await fuzzed("page.json", "--url", address, "--phases=examples,fuzzing", "--max-examples=5")
    assert code == 0, report


@pytest.mark.parametrize("run", list(RUNS))
async def test_whatever_is_asked_is_answered_as_the_page_says(run: str) -> None:
    async with (
        Emulator(Behaviour()) as emulator,
        serving("--judge-url", emulator.url, "--model", "emulator") as (address, _),
    ):
        code, report = await fuzzed(f"{address}/openapi.json", *RUNS[run])
        asked = emulator.stats["calls"]
    assert code == 0, report
    assert asked > 5, "some of it came as far as the judge"
