"""A service of its own process, whose judge is the emulator: what reward functions ask while a trainer runs."""

import json
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from judged import environ, program

CALM = {"ftext": 0.0, "f500": 0.0, "sticky": False, "bias": 0.0, "slope": 1.0, "latency_ms": "0", "fhang": 0.0}
"""How the judge behaves when no test wants anything else."""


@dataclass(frozen=True)
class Served:
    """The address of a service, and of the emulated judge behind it."""

    url: str
    judge: str

    def behave(self, **settings: Any) -> None:
        """Changes what the emulated judge does from now on."""
        _post(f"{self.judge.removesuffix('/v1')}/config", settings)

    def judged(self, task: str, cases: list[dict[str, Any]], **options: Any) -> list[dict[str, Any]]:
        """The judgments of the service itself, asked without any client of ours."""
        answer: dict[str, Any] = _post(f"{self.url}/v1/{task}", {"cases": cases, **options})
        return list(answer["data"])

    def rank_scores(self, prompt: Any, completions: list[Any], **options: Any) -> list[float]:
        """What /v1/rank says of the completions to a prompt, with what the reward functions ask for by default."""
        told = {"orders": "one", "cache": "bypass", "seed": 0, **options}
        verdict = self.judged("rank", [{"prompt": prompt, "candidates": completions}], **told)[0]["verdict"]
        return list(verdict["scores"].values())


@contextmanager
def served(judge: str) -> Iterator[str]:
    """The address of a service that asks the judge at this one."""
    command = program("serve", "--judge-url", judge, "--model", "m", "--port", "0")
    with subprocess.Popen(command, env=environ(), stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            yield next(found[0] for line in server.stderr if (found := re.search(r"http://127\S+", line)))
        finally:
            server.terminate()


def _post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        told: dict[str, Any] = json.load(answer)
    return told
