"""inspect_ai: a real evaluation of its mock model, scored by the service; and a log scored afterwards."""

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import inspect_ai
import pytest
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog
from inspect_ai.model import ChatMessageSystem, ChatMessageUser, ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import Scorer
from serving import Served

from judge_service.integrations.inspect_ai import judged, preferred

ANSWERS = ("7 (worth 5)", "8 (worth 2)")


def output(text: str) -> ModelOutput:
    """What the mock model says; it would load a tokenizer from elsewhere to count tokens that nobody told."""
    said = ModelOutput.from_content("m", text)
    said.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
    return said


def logged(tmp_path: Path, by: Scorer, samples: list[Sample] | None = None) -> EvalLog:
    """The log of an evaluation of two answers."""
    given = samples or [
        Sample(input="Name a prime number.", target="9 (worth 3)", id=i, metadata={"draft": "9 (worth 1)"})
        for i in range(2)
    ]
    model = get_model("mockllm/model", custom_outputs=[output(text) for text in ANSWERS])
    task = inspect_ai.Task(dataset=given, scorer=by, name="primes")
    (log,) = inspect_ai.eval(task, model=model, display="none", log_dir=str(tmp_path), max_samples=1)
    assert log.status == "success", log.error
    return log


def values(log: EvalLog) -> list[Any]:
    assert log.samples is not None
    return [next(iter((sample.scores or {}).values())).value for sample in log.samples]


def metrics(log: EvalLog) -> dict[str, float]:
    assert log.results is not None
    return {name: metric.value for name, metric in log.results.scores[0].metrics.items()}


def test_answers_are_scored_under_a_rubric(service: Served, tmp_path: Path) -> None:
    log = logged(tmp_path, judged())
    better, worse = values(log)
    assert worse < better
    assert metrics(log)["mean"] == pytest.approx((better + worse) / 2)


def test_answers_are_held_against_the_target_or_a_field_of_the_metadata(service: Served, tmp_path: Path) -> None:
    log = logged(tmp_path, preferred())
    assert values(log) == pytest.approx([1 / (1 + math.exp(-2)), 1 / (1 + math.exp(1))], abs=1e-3)
    assert metrics(log)["consistency"] == 1.0
    assert values(logged(tmp_path, preferred(baseline="draft")))[1] > 0.5


def test_an_answer_without_a_verdict_is_unscored_and_in_no_metric(service: Served, tmp_path: Path) -> None:
    service.behave(label_mass=0.01)
    log = logged(tmp_path, preferred(options={"cache": "bypass"}))
    assert all(math.isnan(value) for value in values(log))
    assert log.samples is not None
    told = next(iter((log.samples[0].scores or {}).values()))
    assert told.reason == "grader_failed"
    assert "low_label_mass" in (told.explanation or "")
    assert log.results is not None
    assert (log.results.scores[0].scored_samples, log.results.scores[0].unscored_samples) == (0, 2)


def test_conversations_are_judged_as_such(service: Served, tmp_path: Path) -> None:
    talk = [ChatMessageSystem(content="Be brief."), ChatMessageUser(content="Name a prime number.")]
    samples = [Sample(input=talk, target="9 (worth 3)", id=i) for i in range(2)]
    better, worse = values(logged(tmp_path, judged(history=True), samples))
    assert worse < better


def test_a_stored_log_is_scored_afterwards_by_the_scorers_name(service: Served, tmp_path: Path) -> None:
    log = logged(tmp_path, judged())
    again = inspect_ai.score(log, preferred(rubric="helpfulness"), action="overwrite", display="none")
    assert values(again)[0] > 0.5


def test_the_command_line_scores_a_log_by_the_scorers_name(service: Served, tmp_path: Path) -> None:
    path = logged(tmp_path, judged()).location
    told = ["--scorer", "judge_service/preferred", "-S", "baseline=draft", "--action", "overwrite", "--overwrite"]
    command = [sys.executable, "-m", "inspect_ai", "score", path, *told, "--display", "none"]
    subprocess.run(command, check=True, timeout=120, capture_output=True)
    again = inspect_ai.log.read_eval_log(path)
    assert again.results is not None
    assert [score.name for score in again.results.scores] == ["preferred"]
    assert values(again)[0] > 0.9
