"""verifiers: its plugged judges and its own DecisionJudge, on real tasks and traces."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import verifiers.v1 as vf
from serving import Served
from verifiers.v1.errors import TaskError

PLUG = "from judge_service.integrations.verifiers import ServiceJudge\n\n__all__ = ['ServiceJudge']\n"


class Primes(vf.TaskData):
    """A task of ours."""

    answer: str = "Any prime."
    draft: str = "9 (worth 3)"


@pytest.fixture(autouse=True)
def plugged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file beside the taskset, by which verifiers finds the judge."""
    (tmp_path / "judge_by_service.py").write_text(PLUG)
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("judge_by_service", None)


def traced(reply: str, **judge: Any) -> Any:
    """A trace with this reply, scored by verifiers with one plugged judge."""
    data = Primes(idx=0, prompt="Name a prime number.")
    task = vf.Task[Primes, vf.State, vf.TaskConfig](data, vf.TaskConfig(judges=[judge]))
    agent = vf.AgentInfo(config=vf.AgentConfig())
    trace = vf.Trace(task=vf.TraceTask(type="Task", data=data), agent=agent, root_reply=reply)
    asyncio.run(task.score(trace))
    return trace


def test_a_plugged_judge_rewards_the_better_reply(service: Served) -> None:
    better, worse = (traced(reply, id="judge_by_service") for reply in ("7 (worth 5)", "8 (worth 2)"))
    assert worse.rewards["judge_by_service"].value < better.rewards["judge_by_service"].value
    (call,) = better.info["judge_calls"]
    assert json.loads(call["response"]["message"]["content"])["status"] == "judged"
    assert better.extra_usage[0].prompt_tokens > 0


def test_a_reply_may_be_held_against_a_field_of_the_task(service: Served) -> None:
    told = {"baseline_field": "draft", "options": {"orders": "both"}, "name": "beats", "weight": 2.0}
    reward = traced("7 (worth 5)", id="judge_by_service", **told).rewards["beats"]
    assert (reward.score, reward.weight) == (pytest.approx(0.8808, abs=1e-3), 2.0)


def test_the_judge_may_see_an_answer_of_the_task(service: Served) -> None:
    assert traced("7 (worth 5)", id="judge_by_service", answer_field="answer").rewards["judge_by_service"].value > 0
    with pytest.raises(TaskError, match="no field 'gold'"):
        traced("7 (worth 5)", id="judge_by_service", answer_field="gold")


def test_a_reply_without_a_verdict_is_an_error_of_the_trace_or_what_was_said(service: Served) -> None:
    service.behave(label_mass=0.01)
    with pytest.raises(TaskError, match="low_label_mass"):
        traced("7 (worth 5)", id="judge_by_service")
    assert traced("7", id="judge_by_service", on_failure=0.25).rewards["judge_by_service"].value == 0.25


def test_verifiers_own_decision_judge_asks_the_service_unchanged(service: Served) -> None:
    told = {"id": "decision", "base_url": f"{service.url}/v1/systemone", "model": "default"}
    levels = ["Incorrect (worth 1)", "Correct (worth 3)"]
    graded = traced("7", **told, levels=levels, answer_field="answer", api_key_var="JUDGE_API_KEY")
    assert graded.rewards["decision"].value == pytest.approx(0.8808, abs=1e-3)
    assert graded.extra_usage[0].prompt_tokens > 0
    reversed_levels = ["Incorrect (worth 3)", "Poor (worth 0)", "Correct (worth 1)"]
    assert traced("7", **told, levels=reversed_levels).rewards["decision"].value < 0.25
