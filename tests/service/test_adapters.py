"""Adapters whose frameworks hand them plain values, asked as those ask, where nothing but httpx is installed.

The others, and the frameworks themselves, are tried by make test-callers.
"""

from __future__ import annotations

import asyncio
import sys

import pytest
from judge_server import JudgeServer
from services import served

BARE = """
import asyncio, sys
from importlib.abc import MetaPathFinder
from types import SimpleNamespace
class Blocked(MetaPathFinder):
    allowed = {"judge_service", "httpx", "httpcore", "h11", "anyio", "sniffio", "idna", "certifi", "typing_extensions"}
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in self.allowed and top not in sys.stdlib_module_names:
            raise ImportError(f"{name} is not installed here")
sys.meta_path.insert(0, Blocked())
url, prompt, better, worse = sys.argv[1], "Name a prime number.", "7 (worth 5)", "8 (worth 2)"
"""
VERL = """
from judge_service.integrations.verl import compute_score
info = {"question": prompt, "draft": worse}
told = [asyncio.run(compute_score("primes", text, None, info, base_url=url)) for text in (better, worse)]
assert 0 <= told[1]["score"] < told[0]["score"] <= 1 and told[0].keys() == told[1].keys(), told
beats = asyncio.run(compute_score("primes", better, None, info, base_url=url, baseline_key="draft", orders="both"))
assert beats["score"] > 0.9 and beats["judge_calls"] == 2, beats
"""
SLIME = """
from judge_service.integrations.slime import reward
args = SimpleNamespace(judge_url=url)
group = [SimpleNamespace(prompt=prompt, response=text) for text in (better, worse, "9 (worth 3)")]
told = asyncio.run(reward(args, group))
assert told[1] < told[2] < told[0] and abs(sum(told) - 1.5) < 1e-6, told
assert asyncio.run(reward(args, group[0])) > asyncio.run(reward(args, group[1]))
"""
AREAL = """
import pickle
from functools import partial
from judge_service.integrations.areal import reward
function = pickle.loads(pickle.dumps(partial(reward, base_url=url, prompt_key="question")))
told = [function("?", text, [1], [2], question=prompt) for text in (better, worse)]
assert 0 <= told[1] < told[0] <= 1, told
"""
MS_SWIFT = """
from judge_service.integrations.ms_swift import JudgeReward
messages = [[{"role": "user", "content": prompt}, {"role": "assistant", "content": text}] for text in (better, worse)]
for _ in range(2):
    told = asyncio.run(JudgeReward(base_url=url)([better, worse], messages=messages))
    assert 0 <= told[1] < told[0] <= 1, told
"""
LM_EVAL = """
from judge_service.integrations.lm_eval import cases_from, judged
doc = {"question": prompt, "draft": worse}
assert judged("question", baseline="draft", base_url=url)(doc, [better])["judge"] > 0.9
row = {"doc_id": 3, "doc": doc, "doc_hash": "h", "arguments": [("sent", {})], "filtered_resps": [better]}
(case,) = cases_from([[row], [{**row, "filtered_resps": [[worse]]}]])
assert (case["id"], case["prompt"]) == ("3", "sent") and [c["content"] for c in case["candidates"]] == [better, worse]
"""


@pytest.mark.parametrize(
    "script",
    [VERL, SLIME, AREAL, MS_SWIFT, LM_EVAL],
    ids=["verl", "slime", "areal", "ms_swift", "lm_eval"],
)
async def test_an_adapter_needs_nothing_but_httpx(server: JudgeServer, script: str) -> None:
    async with served(server) as url:
        pipe = asyncio.subprocess.PIPE
        told = [sys.executable, "-c", BARE + script, url]
        process = await asyncio.create_subprocess_exec(*told, stdout=pipe, stderr=pipe)
        _, err = await process.communicate()
    assert process.returncode == 0, err.decode()
