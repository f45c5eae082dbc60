"""Two files of outputs, in every shape that evaluations keep them in, become cases, or one clear line says why not."""

from pathlib import Path
from typing import Any

import pytest
from programs import write_rows

from judge_service.batch.imported import texts_in
from judge_service.batch.rows import case_of_row
from judge_service.contests.answers import answers_of
from judge_service.contests.pairing import Paired, paired
from judge_service.domain.cases import Case, Message
from judge_service.errors import InvalidRequest


def contest(ours: Any, theirs: Any, questions: Any = None, allow_missing: bool = False, **names: str) -> Paired:
    """The contest that two files make; rows are written as JSON lines."""
    asked = write_rows(Path("question.jsonl"), questions) if questions else ""
    paths = [
        rows if isinstance(rows, str) else write_rows(Path(f"{name}.jsonl"), rows)
        for name, rows in (("ours", ours), ("theirs", theirs))
    ]
    model, baseline = (
        answers_of(path, texts_in(asked, ()), {}, names.get(name, ""))
        for path, name in zip(paths, ("model", "baseline"), strict=True)
    )
    return paired(model, baseline, allow_missing)


def cases(made: Paired) -> list[Case]:
    return [case_of_row(row, "compare", {}) for row in made.rows]


def contents(made: Paired) -> list[tuple[Any, Any, Any]]:
    return [(case.prompt, case.candidates[1].content, case.candidates[0].content) for case in cases(made)]


def output(instruction: str, said: str, generator: str, **more: Any) -> dict[str, Any]:
    return {"instruction": instruction, "output": said, "generator": generator, **more}


def test_alpaca_evals_outputs_are_joined_by_what_was_asked() -> None:
    ours = write_rows(Path("new.json"), [output(f"q{i}", f"n{i}", "new", dataset="koala") for i in (0, 1, 2)])
    theirs = write_rows(Path("base.json"), [output(f"q{i}", f"b{i}", "base") for i in (2, 0, 1)])
    made = contest(ours, theirs)
    assert contents(made) == [("q0", "n0", "b0"), ("q1", "n1", "b1"), ("q2", "n2", "b2")]
    case = cases(made)[0]
    assert [(c.id, c.model) for c in case.candidates] == [("baseline", "base"), ("model", "new")]
    assert (case.domain, made.model, made.baseline, made.samples) == ("koala", "new", "base", 1)
    assert len({case.id for case in cases(made)}) == 3


def arena(uid: str, model: str, said: str, asked: str | None = "Write.") -> dict[str, Any]:
    messages = [{"role": "user", "content": asked}] if asked else []
    return {"uid": uid, "model": model, "messages": [*messages, {"role": "assistant", "content": {"answer": said}}]}


def test_arena_hards_answers_say_what_was_asked_or_its_questions_do() -> None:
    told = [{"uid": "u1", "category": "hard_prompt", "prompt": "Write."}]
    with_questions = contest([arena("u1", "new", "n", None)], [arena("u1", "base", "b", None)], told)
    alone = contest([arena("u1", "new", "n")], [arena("u1", "base", "b")])
    assert contents(with_questions) == contents(alone) == [("Write.", "n", "b")]
    assert [case.domain for case in cases(with_questions)] == ["hard_prompt"]
    with pytest.raises(InvalidRequest, match=r"ours\.jsonl line 1: what was asked as 'u1' is not known"):
        contest([arena("u1", "new", "n", None)], [arena("u1", "base", "b", None)])


def bench(name: int, model: str, *choices: list[str]) -> dict[str, Any]:
    listed = [{"index": i, "turns": turns} for i, turns in enumerate(choices)]
    return {"question_id": name, "answer_id": "x", "model_id": model, "choices": listed, "tstamp": 1.0}


def test_mt_benchs_last_turn_is_judged_with_each_models_own_turns_before_it() -> None:
    told = [{"question_id": 81, "category": "writing", "turns": ["One?", "Two?"]}]
    made = contest([bench(81, "new", ["n1", "n2"])], [bench(81, "base", ["b1", "b2"])], told)
    (case,) = cases(made)
    assert case.prompt == "One?"
    assert case.candidates[1].content == (
        Message("assistant", "n1"), Message("user", "Two?"), Message("assistant", "n2")
    )  # fmt: skip
    assert case.candidates[0].content[-1] == Message("assistant", "b2")
    assert case.domain == "writing"


def test_several_answers_to_a_prompt_are_set_against_each_other_in_their_order() -> None:
    told = [{"question_id": 1, "turns": ["One?"]}]
    made = contest([bench(1, "new", ["n1"], ["n2"])], [bench(1, "base", ["b1"], ["b2"])], told)
    assert [pair[1:] for pair in contents(made)] == [("n1", "b1"), ("n2", "b2")]
    rows = [{"prompt": "One?", "response": f"{k}"} for k in range(4)]
    plain = contest(rows, [{**row, "response": row["response"] + "!"} for row in rows])
    assert [pair[1:] for pair in contents(plain)] == [(f"{k}", f"{k}!") for k in range(4)]
    assert (plain.samples, {case.metadata["sample"] for case in cases(plain)}) == (4, {1, 2, 3, 4})
    assert len({case.metadata["prompt_id"] for case in cases(plain)}) == 1


def test_plain_rows_are_joined_by_id_and_named_by_their_files() -> None:
    ours = [{"id": i, "question": f"q{i}", "completion": f"n{i}"} for i in range(2)]
    theirs = [{"id": i, "prompt": f"q{i}", "answer": f"b{i}"} for i in (1, 0)]
    made = contest(ours, theirs)
    assert contents(made) == [("q0", "n0", "b0"), ("q1", "n1", "b1")]
    assert (made.model, made.baseline) == ("ours", "theirs")
    assert cases(made)[0].metadata["prompt_id"] == "0"


def test_ids_that_tell_answers_and_not_prompts_apart_do_not_join_them() -> None:
    made = contest([{"id": "n-1", "prompt": "q", "output": "n"}], [{"id": "b-1", "prompt": "q", "output": "b"}])
    assert contents(made) == [("q", "n", "b")]


def test_prompts_that_one_file_does_not_answer_are_refused_or_told() -> None:
    ours = [{"prompt": f"q{i}", "output": "n"} for i in range(5)]
    theirs = [{"prompt": "q0", "output": "b"}, {"prompt": "q1", "output": None}]
    with pytest.raises(InvalidRequest, match=r"theirs.jsonl answers 4 of 5 prompts not: 'q1'; 'q2'; 'q3'; … \(--allow"):
        contest(ours, theirs)
    made = contest(ours, theirs, allow_missing=True)
    assert (len(made.rows), made.told) == (1, ("theirs.jsonl answers 4 of 5 prompts not: 'q1'; 'q2'; 'q3'; …",))


@pytest.mark.parametrize(
    ("ours", "theirs", "why"),
    [
        ([], [{"prompt": "q", "output": "b"}], "ours.jsonl: there is no answer"),
        ([{"prompt": "q", "output": "n"}], [{"prompt": "p", "output": "b"}], "have no prompt in common"),
        ([{"prompt": "q"}], [{"prompt": "q", "output": "b"}], "ours.jsonl line 1: there is no output"),
        ([{"output": "n"}], [{"prompt": "q", "output": "b"}], "ours.jsonl line 1: there is no prompt"),
        (["oh"], [{"prompt": "q", "output": "b"}], "ours.jsonl line 1: not valid JSON"),
        ([[1]], [{"prompt": "q", "output": "b"}], "ours.jsonl line 1: an answer is an object"),
        (
            [{"prompt": "q", "output": "n"}, {"prompt": "q", "output": "other"}],
            [{"prompt": "q", "output": "b"}],
            "ours.jsonl line 2: answer 2 to 'q', where the other file has 1",
        ),
        (
            [{"id": 1, "prompt": "q", "output": "n"}],
            [{"id": 1, "prompt": "p", "output": "b"}],
            "theirs.jsonl line 1: prompt '1' has another text than in ours.jsonl line 1",
        ),
        (
            [output("q", "n", "x"), output("p", "n", "y")],
            [output("q", "b", "base")],
            r"ours.jsonl holds answers of several models \(x, y\)",
        ),
        ([bench(1, "new", ["a", "b"])], [bench(1, "base", ["c"])], "'1' is not known: give --questions"),
        ([{"question_id": 1, "choices": []}], [bench(1, "base", ["c"])], "an answer has messages, or choices"),
    ],
)
def test_files_that_make_no_contest_are_refused_in_one_line(ours: Any, theirs: Any, why: str) -> None:
    with pytest.raises(InvalidRequest, match=why) as refused:
        contest(ours, theirs)
    assert "\n" not in refused.value.message


def test_one_of_several_models_of_a_file_can_be_named() -> None:
    both = [output("q", name, name) for name in ("x", "y")]
    assert contents(contest(both, [output("q", "b", "base")], model="y")) == [("q", "y", "b")]
    with pytest.raises(InvalidRequest, match="holds no answers of z, but of x, y"):
        contest(both, [output("q", "b", "base")], model="z")
    unnamed = contest([{"prompt": "q", "output": "n"}], [{"prompt": "q", "output": "b"}], baseline="gpt-x")
    assert (unnamed.model, unnamed.baseline) == ("ours", "gpt-x")


def test_two_runs_of_one_model_go_by_their_files_too() -> None:
    made = contest([output("q", "n", "m")], [output("q", "b", "m")])
    assert (made.model, made.baseline) == ("m (ours.jsonl)", "m (theirs.jsonl)")
