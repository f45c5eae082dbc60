"""TRL's rows as cases, judgments as rewards, and what is known of a trainer: without a service, torch or TRL."""

import json
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge_service.domain.parsing import case_from
from judge_service.environ import options_under
from judge_service.errors import InvalidConfiguration, InvalidOption
from judge_service.integrations.trl import JudgePreference, JudgeReward
from judge_service.integrations.trl.gathering import generations_of, split_told, trainer_behind
from judge_service.integrations.trl.rows import Columns, Row, content, group_case, in_groups, length, rows_from
from judge_service.integrations.trl.scored import scores_of, strategy_for
from judge_service.protocols.designs import chosen_strategy

ABSENT = [
    *("fastapi", "pydantic", "orjson", "numpy", "openai", "redis", "aiohttp", "uvicorn", "typer", "rich"),
    *("prometheus_client", "tenacity", "torch", "trl"),
]


def test_importing_it_needs_neither_the_servers_dependencies_nor_torch() -> None:
    blocked = f"import sys; sys.modules.update(dict.fromkeys({ABSENT!r}))"
    code = f"{blocked}; import judge_service.integrations.trl as trl; print(trl.reward.__name__, trl.JudgeReward)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("judge ")


@given(st.integers(2, 16), st.integers(0, 12))
def test_groups_are_runs_of_rows_and_hold_each_row_once(size: int, count: int) -> None:
    groups = in_groups(size * count, size)
    assert [place for group in groups for place in group] == list(range(size * count))
    assert {len(group) for group in groups} <= {size}


@given(st.integers(1, 40), st.integers(2, 9))
def test_a_last_group_that_is_not_whole_is_no_group(rows: int, size: int) -> None:
    if rows % size:
        with pytest.raises(ValueError, match="no groups"):
            in_groups(rows, size)


@given(st.integers(1, 33), st.integers(1, 8), st.integers(2, 16))
def test_the_batch_sizes_that_are_named_hold_whole_groups(batch: int, steps: int, size: int) -> None:
    args = SimpleNamespace(per_device_train_batch_size=batch, steps_per_generation=steps)
    trainer = SimpleNamespace(args=args, model=SimpleNamespace(training=True))
    told = split_told(batch * steps, size, trainer)
    wider, longer = (int(part.split()[0].rstrip(".")) for part in told.split("=")[1:])
    assert wider * steps % size == 0
    assert batch * longer % size == 0
    assert (wider >= batch, longer >= steps) == (True, True)


def test_the_trainer_behind_a_call_says_how_many_completions_it_makes() -> None:
    class Trainer:
        num_generations, num_generations_eval = 8, 2
        model = SimpleNamespace(training=True)

        def log_metric(self, name: str, value: float) -> None:
            """As TRL has it: a method of its own."""

    trainer = Trainer()
    assert trainer_behind(trainer.log_metric) is trainer
    assert generations_of(trainer) == 8
    trainer.model = SimpleNamespace(training=False)
    assert generations_of(trainer) == 2
    assert trainer_behind(print) is None
    assert trainer_behind(None) is None


@given(st.integers(2, 64))
def test_groups_are_ranked_as_the_service_would_rank_them_by_a_judge_it_knows_nothing_of(size: int) -> None:
    assert strategy_for(size) == chosen_strategy(size)


def test_messages_become_openai_messages() -> None:
    call = {"type": "function", "function": {"name": "add", "arguments": {"x": 1}}}
    talk = [
        {"role": "assistant", "content": None, "tool_calls": [call], "train": True},
        {"role": "tool", "name": "add", "content": "2", "tool_calls": None},
        {"role": "assistant", "content": [{"type": "text", "text": "It is 2."}]},
    ]
    taken = content(talk)
    case = case_from({"prompt": "1 + 1?", "candidates": [taken, "2"]}, "rank")
    first, second, third = case.candidates[0].content
    assert (first.tool_calls[0].name, json.loads(first.tool_calls[0].arguments)) == ("add", {"x": 1})
    assert (second.name, second.content, third.content) == ("add", "2", "It is 2.")
    assert length("four") == length([{"role": "user", "content": "four"}]) == 4


texts = st.text(max_size=20)
messages = st.lists(st.fixed_dictionaries({"role": st.just("assistant"), "content": texts}), min_size=1, max_size=3)


@given(texts | messages, st.lists(texts | messages, min_size=2, max_size=5))
def test_a_group_that_can_be_judged_is_a_case_whose_candidates_are_its_rows(prompt: Any, completions: Any) -> None:
    rows = rows_from([prompt] * len(completions), completions, {}, Columns())
    assert all(row.is_judgeable for row in rows)
    case = case_from(group_case("1", dict(enumerate(rows))), "rank")
    assert [candidate.id for candidate in case.candidates] == [str(place) for place in range(len(rows))]


@pytest.mark.parametrize("broken", [None, [], 7, "half a pair: \ud800", [{"role": "user", "content": "\udfff"}]])
def test_what_would_have_a_whole_group_refused_is_known_before(broken: Any) -> None:
    assert not Row("p", content(broken), {}).is_judgeable


def test_columns_that_are_named_go_along_and_all_others_are_let_be() -> None:
    given_ = {"answer": ["42", None], "prompt_id": ["p1", "p1"], "level": [1, 2], "environments": object()}
    first, second = rows_from(["q"] * 2, ["a", "b"], given_, Columns(reference="answer"))
    case = group_case("3.0", {0: first, 1: second})
    assert (case["id"], case["reference"]) == ("p1@3.0", "42")
    assert set(case) == {"id", "prompt", "candidates", "reference"}
    assert "reference" not in group_case("3.0", {1: second})
    with pytest.raises(InvalidConfiguration, match="reference: the dataset has no column 'gold'; it has answer, level"):
        rows_from(["q"] * 2, ["a", "b"], given_, Columns(reference="gold"))


def test_no_judgment_is_no_reward() -> None:
    assert scores_of(None, "ranking", (0, 1)) == {0: (None, "timeout"), 1: (None, "timeout")}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"reward": "best"}, "reward is one of"),
        ({"split": "drop"}, "split is one of"),
        ({"num_generations": 1}, "num_generations"),
        ({"reward": "baseline"}, "baseline"),
        ({"baseline": "answer"}, "baseline"),
        ({"reward": "strengths", "strategy": "pointwise"}, "strengths"),
    ],
)
def test_what_cannot_be_is_refused_when_it_is_made(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidConfiguration, match=told):
        JudgeReward(**wrong)


def test_options_are_checked_when_it_is_made() -> None:
    with pytest.raises(InvalidOption, match="no option 'rubrik'"):
        JudgeReward(rubrik="helpfulness")
    with pytest.raises(InvalidOption, match="no option 'strategy'"):
        JudgePreference(strategy="pairs")
    with pytest.raises(InvalidConfiguration, match="on_failure is one of"):
        JudgePreference(on_failure="zero")


def test_arguments_stand_in_variables_as_words_or_json() -> None:
    told = {"JUDGE_REWARD__RUBRIC": "honesty", "JUDGE_REWARD__EVERY": "10", "JUDGE_REWARD__REFERENCE": "", "OTHER": "1"}
    assert options_under("JUDGE_REWARD__", told) == {"rubric": "honesty", "every": 10}
