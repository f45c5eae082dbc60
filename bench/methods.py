"""Tokens that a real vLLM computes for a case of each method: its example, with the rubric's own options.

    python bench/methods.py --engine-python vllm/bin/python
    python bench/methods.py --judge-url http://127.0.0.1:8000/v1 --model NAME

Starts vLLM with a model of random weights that ends its texts (`methods_model.py`), or asks the one that is named. A
case of the same method with other texts goes ahead, as in a run, so that the rubric's own text is in the prefix cache.
Counted is what the server says of each call: prompt tokens, those of them that no cache held, and those it wrote. A
judge that explains itself writes far more than this model does.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from judge_service.cli.described import group_of, protocol_of, source_of
from judge_service.domain.judgments import Judgment
from judge_service.domain.options import Task, options_from
from judge_service.domain.parsing import case_from
from judge_service.domain.standards import Standard
from judge_service.errors import InvalidCase
from judge_service.hosting.finding import is_for_cpu, python_with_vllm
from judge_service.hosting.launching import launch
from judge_service.hosting.process import VllmServer
from judge_service.library.examples import Example, example_of
from judge_service.service import JudgingService
from judge_service.settings import Settings
from judge_service.wiring import open_service

MODEL_MAKER: Final = Path(__file__).with_name("methods_model.py")
FLAGS: Final = ("--dtype", "float32")
START_SECONDS: Final = 600.0
_AT_ONCE: Final = 4
_KEY: Final = "VLLM_API_KEY"
_NO_TEXT: Final = frozenset(("role", "id", "url", "type", "name", "model", "author"))


class Measured(NamedTuple):
    """A method's example, judged.

    Attributes:
        judgment: None where the case was refused.
        refused: why.
    """

    standard: Standard
    task: Task
    judgment: Judgment | None
    refused: str = ""


async def measured(url: str, model: str, key_env: str = "") -> list[Measured]:
    """Every method's example, judged once by the model at this address."""
    judge = {"url": url, "model": model, "key_env": key_env, "min_label_mass": 0.0, "canary_seconds": 0.0}
    settings = Settings.model_validate({"judges": {"random": judge}, "cache": {"url": "none"}})
    async with open_service(settings, wait=START_SECONDS) as service:
        places = asyncio.Semaphore(_AT_ONCE)

        async def one(standard: Standard, example: Example) -> Measured:
            async with places:
                return await _measured(service, standard, example)

        examples = [(s, example_of(s.id)) for s in service.library.standards.values()]
        return list(await asyncio.gather(*(one(s, example) for s, example in examples if example is not None)))


async def _measured(service: JudgingService, standard: Standard, example: Example) -> Measured:
    options = options_from({**example.options, "rubric": standard.id}, example.task)
    sitting = service.sitting(example.task, options)
    try:
        await sitting.judge(case_from(other(example.case), example.task))
        judgment = await sitting.judge(case_from(example.case, example.task))
    except InvalidCase as e:
        return Measured(standard, example.task, None, e.message)
    return Measured(standard, example.task, judgment)


def other(value: Any, field: str = "") -> Any:
    """A case of the same shape with other texts."""
    if isinstance(value, str):
        return value if field in _NO_TEXT else f"Another one. {value}"
    if isinstance(value, Mapping):
        return {name: other(part, name) for name, part in value.items()}
    return [other(part, field) for part in value] if isinstance(value, list) else value


def report(lines: Sequence[Measured]) -> None:
    """Prints the table."""
    print("\n| method | source | asked | protocol | calls | prompt tokens | computed | written | status |")
    print("|---|---|---|---|---|---|---|---|---|")
    for line in sorted(lines, key=lambda one: (group_of(one.standard), one.standard.id)):
        standard, judgment = line.standard, line.judgment
        print(f"| {standard.id} | {source_of(standard)} | {line.task} | {protocol_of(standard, line.task)} ", end="")
        if judgment is None:
            print(f"| | | | | refused: {line.refused} |")
            continue
        usage = judgment.usage
        print(f"| {usage.judge_calls} | {usage.prompt_tokens:,} | {usage.computed_tokens:,} ", end="")
        kind = f": {judgment.failure.kind}" if judgment.failure else ""
        print(f"| {usage.completion_tokens:,} | {judgment.status}{kind} |")


@contextmanager
def opened(given: argparse.Namespace) -> Iterator[tuple[str, str, str]]:
    """Address and model of the server that was named, or of one of our own, and the variable that holds its key."""
    if given.judge_url:
        yield given.judge_url.rstrip("/"), given.model, given.judge_key_env
        return
    python = python_with_vllm(given.engine_python or os.environ.get("ENGINE_PYTHON", ""))
    key = secrets.token_hex(16)
    os.environ |= {"HF_HUB_OFFLINE": "1", "VLLM_CPU_KVCACHE_SPACE": "1"} | os.environ | {_KEY: key}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([python, str(MODEL_MAKER), folder], check=True, capture_output=True)
        with VllmServer(launch(python, folder, FLAGS, is_for_cpu(python)), key, _tell, _tell, None) as vllm:
            yield vllm.url, vllm.ready(START_SECONDS), _KEY


def _tell(told: str) -> None:
    print(f"vLLM: {told}", file=sys.stderr, flush=True)


def main() -> None:
    """Measures, and prints the table."""
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--engine-python", default="", help="the Python that has vLLM; or ENGINE_PYTHON")
    flags.add_argument("--judge-url", default="")
    flags.add_argument("--model", default="")
    flags.add_argument("--judge-key-env", default="")
    with opened(flags.parse_args()) as told:
        report(asyncio.run(measured(*told)))


if __name__ == "__main__":
    main()
