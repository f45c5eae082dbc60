"""docs/trainers/trl.md: its programs run as they stand, on a small model and few rows."""

import ast
import re
import shlex
from functools import partial
from pathlib import Path
from typing import Any

import datasets
import pytest
import trl
import trl.experimental.async_grpo as async_grpo
import trl.experimental.online_dpo as online_dpo
from datasets import Dataset
from serving import Served

PAGE = (Path(__file__).parents[2] / "docs" / "trainers" / "trl.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
SMALL = {"max_steps": 1, "logging_steps": 1, "report_to": "none", "save_strategy": "no", "use_cpu": True, "bf16": False}
ASYNC = "AsyncGRPOTrainer"


@pytest.mark.parametrize("block", [block for block in BLOCKS if ASYNC not in block])
def test_a_program_of_the_page_trains(
    block: str, service: Served, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = Dataset.from_dict({"prompt": [[{"role": "user", "content": f"Question {i}?"}] for i in range(8)]})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets, "load_dataset", lambda name, split: rows)
    for place, name, length in (
        (trl, "GRPOConfig", "max_completion_length"),
        (trl, "RLOOConfig", "max_completion_length"),
        (online_dpo, "OnlineDPOConfig", "max_new_tokens"),
    ):
        monkeypatch.setattr(place, name, partial(getattr(place, name), **SMALL, **{length: 8}))
    program: dict[str, Any] = {"__name__": "program"}
    exec(compile(block.replace("Qwen/Qwen3-0.6B", model), "trl.md", "exec"), program)
    logged = program["trainer"].state.log_history
    assert any("loss" in step for step in logged)
    assert next(step["judge/unscored"] for step in logged if "judge/unscored" in step) == 0.0


def test_the_program_for_async_grpo_names_what_there_is(service: Served) -> None:
    # It takes a GPU and vLLM: tests/trl/test_async_grpo.py has what it does with the reward function.
    (block,) = [block for block in BLOCKS if ASYNC in block]
    calls = [node for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Call)]
    given = {ast.unparse(call.func): {word.arg for word in call.keywords} for call in calls}
    assert given[ASYNC] <= set(async_grpo.AsyncGRPOTrainer.__init__.__annotations__)
    assert given["AsyncGRPOConfig"] <= set(async_grpo.AsyncGRPOConfig.__dataclass_fields__)


def test_the_command_of_the_page_is_one() -> None:
    from trl.scripts.grpo import make_parser

    (command,) = re.findall(r"^trl grpo (.*?)```", PAGE, re.DOTALL | re.MULTILINE)
    script, training, *_ = make_parser().parse_args_and_config(
        args=[*shlex.split(command.replace("\\\n", "")), "--use_cpu", "--bf16", "False"]
    )
    assert script.reward_funcs == ["judge_service.integrations.trl.reward"]
    assert training.num_generations == 8
