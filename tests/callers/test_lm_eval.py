"""lm_eval: a real task with a dummy model, scored as it runs; and its logged samples, judged afterwards."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from judged import environ, ran
from lm_eval import simple_evaluate
from lm_eval.loggers import EvaluationTracker
from lm_eval.models.dummy import DummyLM
from lm_eval.tasks import TaskManager
from serving import Served

from judge_service.integrations.lm_eval import cases_from, judged

DOCS = [
    {"question": "Name a prime number.", "answer": "7 (worth 1)"},
    {"question": "Name another.", "answer": "11 (worth 9)"},
]
TASK = """
task: judged_primes
dataset_path: json
dataset_kwargs: {data_files: {test: %s}}
test_split: test
output_type: generate_until
doc_to_text: "Question: {{question}}\\nAnswer:"
doc_to_target: "{{answer}}"
generation_kwargs: {until: ["\\n"]}
process_results: !function utils.process_results
metric_list:
  - {metric: judge, aggregation: mean, higher_is_better: true}
  - {metric: judge_scored, aggregation: mean, higher_is_better: true}
"""


class Answering(DummyLM):
    """A model that gives one answer to everything."""

    def __init__(self, answer: str) -> None:
        super().__init__()
        self.answer = answer

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        return [self.answer for _ in requests]


def evaluated(tmp_path: Path, settings: str, answer: str = "13 (worth 4)") -> dict[str, Any]:
    """What lm-eval says of a model, by a task of ours in a folder of its own."""
    (tmp_path / "docs.jsonl").write_text("".join(json.dumps(doc) + "\n" for doc in DOCS))
    (tmp_path / "judged_primes.yaml").write_text(TASK % (tmp_path / "docs.jsonl"))
    lines = ["from judge_service.integrations.lm_eval import judged", f"process_results = judged({settings})"]
    (tmp_path / "utils.py").write_text("\n".join(lines) + "\n")
    tasks = TaskManager(include_path=str(tmp_path), include_defaults=False)
    told = simple_evaluate(Answering(answer), tasks=["judged_primes"], task_manager=tasks, bootstrap_iters=0)
    assert told is not None
    return told


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


def test_a_task_is_scored_as_it_runs(service: Served, tmp_path: Path) -> None:
    metrics = evaluated(tmp_path, '"question", baseline="answer"')["results"]["judged_primes"]
    assert metrics["judge,none"] == pytest.approx((0.9526 + 0.0067) / 2, abs=1e-3)
    assert metrics["judge_scored,none"] == 1.0


def test_documents_without_a_verdict_are_in_no_mean(service: Served, tmp_path: Path) -> None:
    service.behave(label_mass=0.01)
    metrics = evaluated(tmp_path, '"question", cache="bypass"')["results"]["judged_primes"]
    assert metrics["judge_scored,none"] == 0.0
    assert "judge,none" not in metrics


def test_the_document_may_hold_an_answer_that_the_judge_sees(service: Served) -> None:
    doc = {"question": "Name a prime number.", "answer": "Any prime."}
    assert judged("question", reference="answer")(doc, ["13 (worth 4)"])["judge_scored"] == 1.0


def saved(tmp_path: Path, name: str, answer: str) -> Path:
    """The file of samples that lm-eval writes for a model."""
    told = evaluated(tmp_path, '"question"', answer)
    tracker = EvaluationTracker(output_path=str(tmp_path / name))
    tracker.save_results_aggregated(results=told, samples=told["samples"])
    tracker.save_results_samples("judged_primes", told["samples"]["judged_primes"])
    (path,) = (tmp_path / name).rglob("samples_judged_primes_*.jsonl")
    return path


def test_logged_samples_of_two_models_become_cases_that_the_program_judges(service: Served, tmp_path: Path) -> None:
    files = [saved(tmp_path, name, answer) for name, answer in (("one", "13 (worth 4)"), ("two", "15 (worth 2)"))]
    cases, judgments = tmp_path / "cases.jsonl", tmp_path / "judgments.jsonl"
    command = [sys.executable, "-m", "judge_service.integrations.lm_eval", *map(str, files)]
    subprocess.run([*command, "-o", str(cases), "--prompt", "question"], env=environ(), check=True, timeout=60)
    ran("compare", str(cases), "-o", str(judgments), "--server", service.url, "--quiet")
    told = [json.loads(line) for line in judgments.read_text().splitlines()]
    assert [row["verdict"]["winner"] for row in told] == ["m0", "m0"]
    assert {row["case_id"] for row in told} == {"0", "1"}


def test_without_a_field_for_it_the_prompt_is_what_the_model_was_sent(service: Served, tmp_path: Path) -> None:
    samples = evaluated(tmp_path, '"question"')["samples"]["judged_primes"]
    assert [case["prompt"] for case in cases_from([samples])] == [
        f"Question: {doc['question']}\nAnswer:" for doc in DOCS
    ]


def test_samples_of_other_documents_are_refused(service: Served, tmp_path: Path) -> None:
    path = saved(tmp_path, "one", "13")
    (tmp_path / "turned.jsonl").write_text("\n".join(reversed(path.read_text().splitlines())))
    command = [sys.executable, "-m", "judge_service.integrations.lm_eval", str(path), str(tmp_path / "turned.jsonl")]
    ended = subprocess.run(command, env=environ(), capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (2, "sample 1: the files are on different documents\n")
