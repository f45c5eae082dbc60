"""AReaL: its wrapper of reward functions, which runs them in a pool of processes. Its file is loaded alone: the package
around it needs GPUs' libraries."""

import asyncio
import importlib.util
import logging
import sys
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from serving import Served

from judge_service.integrations.areal import reward
from judge_service.integrations.worth import Unscored


@pytest.fixture
def wrapper(monkeypatch: pytest.MonkeyPatch) -> Any:
    """AReaL's AsyncRewardWrapper."""
    utils = ModuleType("areal.utils")
    utils.logging = logging  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "areal.utils", utils)
    monkeypatch.setitem(sys.modules, "areal", ModuleType("areal"))
    place = next(Path(entry) / "areal" / "api" / "reward_api.py" for entry in sys.path if Path(entry, "areal").is_dir())
    spec = importlib.util.spec_from_file_location("areal_reward_api", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.AsyncRewardWrapper


def test_its_pool_of_processes_runs_the_reward(service: Served, wrapper: Any) -> None:
    function = wrapper(partial(reward, base_url=service.url, prompt_key="question"), max_workers=1)
    told = [
        function("<|user|>", answer, [1], [2], question="Name a prime number.", answer="7")
        for answer in ("7 (worth 5)", "8 (worth 2)")
    ]

    async def run() -> list[float]:
        return await asyncio.gather(*told)

    better, worse = asyncio.run(run())
    assert 0.0 <= worse < better <= 1.0


def test_without_a_verdict_it_is_an_error_in_areal_too_and_no_zero(service: Served, wrapper: Any) -> None:
    service.behave(label_mass=0.01)
    with pytest.raises(Unscored, match="low_label_mass"):
        asyncio.run(wrapper(partial(reward, base_url=service.url), max_workers=1, max_retries=1)("?", "7", [1], [2]))
