"""Starts as vLLM's server does, in seconds: a log, a child process, a port bound late, keys asked for under /v1.

Variables: FAKE_VLLM_NOTE, a file in which it notes what it was started with; FAKE_VLLM_FATE, how it goes on.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from aiohttp import ClientSession, web

from judge_service.emulator.behaviour import Behaviour
from judge_service.emulator.server import Emulator

# Like the process that vLLM computes in: of the same group, and deaf to a polite request.
CORE = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(300)"
LOG = """\
(APIServer pid=1) INFO 11-21 11:46:50 [model.py:733] Resolved architecture: LlamaForCausalLM
(Worker pid=3) INFO 11-21 11:47:07 [cpu_model_runner.py:68] Starting to load model tiny...
Loading safetensors checkpoint shards:   0% Completed | 0/2 [00:00<?, ?it/s]
Loading safetensors checkpoint shards:  50% Completed | 1/2 [00:00<00:00, 69.65it/s]
Loading safetensors checkpoint shards: 100% Completed | 2/2 [00:00<00:00, 69.65it/s]
(Worker pid=3) INFO 11-21 11:47:07 [default_loader.py:501] Loading weights took 0.02 seconds
(Worker pid=3) INFO 11-21 11:47:08 [cpu_model_runner.py:87] Warming up model for the compilation...
(EngineCore pid=2) INFO 11-21 11:47:37 [kv_cache_utils.py:2327] CPU KV cache size: 1,048,576 tokens, Maximum
(APIServer pid=1) INFO 11-21 11:47:43 [entry.py:140] Starting vLLM server on http://127.0.0.1:18999"""


def asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for flag in ("--model", "--host", "--port", "--scheduling-policy", "--max-model-len", "--served-model-name"):
        parser.add_argument(flag)
    parser.add_argument("--api-key", default=os.environ["VLLM_API_KEY"])
    for flag in ("--enable-prefix-caching", "--enable-prompt-tokens-details", "--disable-uvicorn-access-log"):
        parser.add_argument(flag, action="store_true")
    return parser.parse_args()


async def serve(told: argparse.Namespace, fate: str) -> None:
    latency = "1000" if fate == "slow" else "0"
    model = told.served_model_name or told.model
    behaviour = Behaviour().changed({"as_vllm": True, "model": model, "latency_ms": latency})
    async with Emulator(behaviour) as emulator, ClientSession() as session:

        async def answer(request: web.Request) -> web.Response:
            keyed = request.headers.get("authorization") == f"Bearer {told.api_key}"
            if request.path.startswith("/v1") and not keyed:
                return web.json_response({"error": "Unauthorized"}, status=401)
            url = emulator.url.removesuffix("/v1") + request.path
            async with session.request(request.method, url, data=await request.read()) as response:
                return web.Response(status=response.status, body=await response.read())

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        # Ends well when told to, as vLLM does.
        await web._run_app(app, host=told.host, port=int(told.port), print=None)


def main() -> None:
    told, fate = asked(), os.environ.get("FAKE_VLLM_FATE", "serves")
    core = subprocess.Popen([sys.executable, "-c", CORE], stdout=subprocess.PIPE)
    core.stdout.readline()
    note = {"argv": sys.argv[1:], "key": os.environ["VLLM_API_KEY"], "pids": [os.getpid(), os.getppid(), core.pid]}
    part = Path(os.environ["FAKE_VLLM_NOTE"] + ".part")
    part.write_text(json.dumps(note))
    part.rename(os.environ["FAKE_VLLM_NOTE"])
    print(LOG, flush=True)
    if fate == "dies":
        sys.exit("".join(f"line {n} of the reason\n" for n in range(40)) + "ValueError: the weights are not there")
    if fate == "never":
        time.sleep(300)
    asyncio.run(serve(told, fate))


if __name__ == "__main__":
    main()
