"""The prefix cache: what a case's questions share is computed once, and a server that cannot do so is told of."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from services import judged

from judge_service.emulator.behaviour import Behaviour
from judge_service.emulator.server import Emulator
from judge_service.emulator.tokens import CHARACTERS_PER_TOKEN
from judge_service.sections import JudgeSettings
from judge_service.settings import Settings
from judge_service.wiring import open_judge, open_service

CRITERIA = [
    {"name": f"quality {i}", "text": f"What quality {i} is. " * 12, "question": f"How good is it in quality {i}?"}
    for i in range(8)
]
RUBRIC = {"criteria": CRITERIA, "compare": "per-criterion"}
RESPONSES = [f"Response {worth} " + f"goes on about {worth}. " * 60 + f"(worth {worth})" for worth in (3, 7, 5, 1)]
CASE = {"prompt": "Write about a river. " * 40, "candidates": RESPONSES}
QUESTION_TOKENS = 90  # with the lines around texts, and what does not fill a block
WARM = {"prompt": "Write about a hill.", "candidates": ["One (worth 1)", "Two (worth 2)"]}
ALL_PAIRS = {"rubric": {"criteria": CRITERIA}, "strategy": "round-robin", "orders": "both"}


@pytest.mark.parametrize(
    ("told", "calls", "responses"),
    [
        ({"rubric": RUBRIC, "strategy": "listwise"}, 8, 4),
        (ALL_PAIRS, 12, 4 + 12),  # each once as the first, and once behind each other
    ],
)
async def test_what_questions_share_is_computed_once_though_all_are_asked_at_once(told, calls, responses):
    behaviour = Behaviour(as_vllm=True, prefix_cache=True)
    async with Emulator(behaviour) as emulator:
        only = {"default": {"url": emulator.url, "model": "emulator"}}
        async with open_service(Settings.model_validate({"judges": only, "cache": {"url": "none"}})) as service:
            await judged(service, WARM, "rank", **told)
            judgment = await judged(service, CASE, "rank", **told)
    usage = judgment["usage"]
    assert (judgment["verdict"]["ranking"], usage["judge_calls"]) == (["b", "c", "a", "d"], calls)
    texts = (len(CASE["prompt"]) + responses * len(RESPONSES[0])) / CHARACTERS_PER_TOKEN
    computed = usage["prompt_tokens"] - usage["cached_tokens"]
    assert texts < computed < texts + calls * QUESTION_TOKENS
    assert usage["prompt_tokens"] > 3 * computed


def cache(**labels: str) -> str:
    told = {"block_size": "16", "enable_prefix_caching": "True", "mamba_cache_mode": "none", **labels}
    listed = ",".join(f'{name}="{value}"' for name, value in told.items())
    return f"vllm:cache_config_info{{{listed}}} 1.0\n"


@asynccontextmanager
async def vllm_with(metrics: str | None) -> AsyncIterator[str]:
    """The address of a server that says of itself what vLLM says; None for one that hides its metrics."""

    async def models(request: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": "m", "owned_by": "vllm"}]})

    async def version(request: web.Request) -> web.Response:
        return web.json_response({"version": "0.32.0"})

    async def told(request: web.Request) -> web.Response:
        return web.Response(text=metrics or "", status=200 if metrics else 404)

    app = web.Application()
    app.add_routes([web.get("/v1/models", models), web.get("/version", version), web.get("/metrics", told)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("metrics", "warning"),
    [
        (cache(), ""),
        (cache(block_size="128"), ""),
        (None, ""),
        ("nothing of that\n", ""),
        (cache(enable_prefix_caching="False"), "keeps no prefix cache"),
        (cache(block_size="528", mamba_cache_mode="align"), "hybrid attention, whose cache serves whole blocks of 528"),
        (cache(cache_hit_alignment_tokens="2048"), "whole blocks of 2048 tokens only"),
    ],
)
async def test_a_server_whose_cache_serves_little_is_told_of_at_the_start(metrics, warning, caplog):
    async with vllm_with(metrics) as url:
        settings = JudgeSettings(url=(url,), model="m", canary_seconds=0)
        judge = await open_judge("default", settings, None, True, 5.0)
        await judge.backend.aclose()
    assert judge.identity.kind == "vllm"
    assert len(caplog.messages) == (1 if warning else 0)
    assert warning in "".join(caplog.messages)
