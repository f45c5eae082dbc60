"""import: files of other people's judgments, and what the other commands make of them then."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from programs import Ended, called, read_rows, write_rows

SCORES = ("A>>B", "B>A", "B>A", None)


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A command, run in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*argv: str) -> Ended:
        return called(capsys, monkeypatch, *argv)

    return run


def annotations(folder: Path, name: str = "annotations.json", annotator: str = "weighted") -> list[dict[str, Any]]:
    rows = [
        {
            "instruction": f"Question {i}?",
            "output_1": f"one {i}",
            "generator_1": "reference",
            "output_2": f"two {i}",
            "generator_2": "model",
            "annotator": annotator,
            "preference": 1 + i / 8,
        }
        for i in range(9)
    ]
    (folder / name).write_bytes(orjson.dumps(rows))
    return rows


def arena(folder: Path) -> None:
    """Two models on three questions, with the questions and answers in files of their own."""
    names = [f"q{i}" for i in range(3)]
    write_rows(
        folder / "question.jsonl", [{"uid": name, "category": "coding", "prompt": f"Do {name}."} for name in names]
    )
    for model in ("base", "m", "n"):
        said = [
            {"uid": name, "model": model, "messages": [{"role": "assistant", "content": {"answer": f"{model} {name}"}}]}
            for name in names
        ]
        write_rows(folder / f"answer-{model}.jsonl", said)
    for place, model in enumerate(("m", "n")):
        rows = [
            {
                "uid": name,
                "judge": "gpt-4.1",
                "model": model,
                "baseline": "base",
                "games": [{"score": SCORES[(i + place) % 4]}, {"score": SCORES[(i + place + 1) % 4]}],
            }
            for i, name in enumerate(names)
        ]
        write_rows(folder / f"judged-{model}.jsonl", rows)


TEXTS = ("--cases", "question.jsonl", "--answers", "answer-*.jsonl")


def test_imported_annotations_are_aggregated_exported_and_looked_at(call: Any, tmp_path: Path) -> None:
    rows = annotations(tmp_path)
    ended = call("import", "annotations.json", "-o", "out.jsonl", "--from", "alpaca-eval")
    assert (ended.code, ended.err) == (0, "9 judgments (alpaca-eval): 9 judged\n")
    judged = read_rows(tmp_path / "out.jsonl")
    win_rate = sum(1 - record["verdict"]["probability"] for record in judged) / len(judged)
    assert win_rate == pytest.approx(sum(row["preference"] - 1 for row in rows) / len(rows))
    assert call("aggregate", "out.jsonl", "-o", "again.jsonl", "--combine", "mean-probability", "--quiet").code == 0
    assert [r["verdict"] for r in read_rows(tmp_path / "again.jsonl")] == [r["verdict"] for r in judged]
    assert call("aggregate", "out.jsonl", "-o", "hard.jsonl", "--combine", "vote", "--quiet").code == 0
    hard = [record["verdict"]["probability"] for record in read_rows(tmp_path / "hard.jsonl")]
    assert hard == [1.0] * 4 + [0.5] + [0.0] * 4
    assert call("export", "out.jsonl", "-o", "back.json", "--format", "alpaca-eval", "--quiet").code == 0
    back = orjson.loads((tmp_path / "back.json").read_bytes())
    assert [row["preference"] for row in back] == pytest.approx([row["preference"] for row in rows])
    assert call("export", "out.jsonl", "-o", "pairs.jsonl", "--format", "trl-preference", "--quiet").code == 0
    assert len(read_rows(tmp_path / "pairs.jsonl")) == 8
    assert "9 cases in out.jsonl: 9 judged" in call("status", "out.jsonl").out
    assert "reference" in call("sample", "out.jsonl", "-n", "2").out
    position = call("audit", "position", "out.jsonl")
    assert (position.code, len(position.err.splitlines())) == (2, 1)
    assert "no pair was judged in both orders" in position.err


def test_two_annotators_of_the_same_pairs_are_compared_and_not_mixed(call: Any, tmp_path: Path) -> None:
    for name in ("weighted", "other"):
        annotations(tmp_path, f"{name}.json", name)
        assert call("import", f"{name}.json", "-o", f"{name}.jsonl", "--from", "alpaca-eval", "--quiet").code == 0
    assert "9 cases in both" in call("diff", "weighted.jsonl", "other.jsonl").out
    mixed = call("export", "weighted.jsonl", "other.jsonl", "-o", "x.jsonl", "--format", "kto")
    assert "--allow-mixed" in mixed.err


def test_games_are_imported_with_their_texts_and_those_that_were_not_read_are_partial(
    call: Any, tmp_path: Path
) -> None:
    arena(tmp_path)
    told = ["import", "judged-*.jsonl", "--from", "arena-hard"]
    ended = call(*told, "-o", "out.jsonl", *TEXTS)
    assert (ended.code, ended.err) == (3, "6 judgments (arena-hard): 3 judged, 3 partial\n")
    judged = read_rows(tmp_path / "out.jsonl")
    assert {record["case"]["candidates"][0]["content"] for record in judged} == {"base q0", "base q1", "base q2"}
    assert {record["domain"] for record in judged} == {"coding"}
    exported = call("export", "out.jsonl", "-o", "-", "--format", "nectar")
    assert "judgments left out: 3 partial, 2 orders disagree" in exported.err
    assert [[answer["model"] for answer in row["answers"]] for row in exported.records] == [["base", "m"]]
    assert "orders disagree in 66.7%" in call("status", "out.jsonl").out
    bare = call(*told, "-o", "bare.jsonl")
    assert "6 without texts (--cases and --answers bring them along)" in bare.err
    alone = read_rows(tmp_path / "bare.jsonl")
    assert [record["verdict"] for record in alone] == [record["verdict"] for record in judged]
    assert "has no texts" in call("export", "bare.jsonl", "-o", "x.jsonl", "--format", "kto").err
    assert call("aggregate", "bare.jsonl", "-o", "voted.jsonl", "--combine", "vote", "--quiet").code == 0


def test_ratings_are_scorecards_that_pairs_are_made_of(call: Any, tmp_path: Path) -> None:
    aspects = ("instruction_following", "truthfulness", "honesty", "helpfulness")
    rows = [
        {
            "instruction": f"Question {i}?",
            "completions": [
                {
                    "model": f"m{place}",
                    "response": f"answer {place}",
                    "annotations": {name: {"Rating": str(1 + (place + i) % 4)} for name in aspects},
                }
                for place in range(4)
            ],
        }
        for i in range(4)
    ]
    rows[3]["completions"][0]["annotations"]["honesty"]["Rating"] = "N/A"
    source = write_rows(tmp_path / "raw.jsonl", rows)
    ended = call("import", source, "-o", "out.jsonl", "--from", "ultrafeedback", "--judge", "gpt-4")
    assert (ended.code, ended.err) == (3, "4 judgments (ultrafeedback): 3 judged, 1 partial\n")
    assert {r["provenance"]["judges"][0]["name"] for r in read_rows(tmp_path / "out.jsonl")} == {"gpt-4"}
    pairs = call("export", "out.jsonl", "-o", "-", "--format", "ultrafeedback-binarized").records
    assert [(row["score_chosen"], row["score_rejected"]) for row in pairs] == [(4.0, 1.0)] * 3
    assert [row["chosen"][-1]["content"] for row in pairs] == ["answer 3", "answer 2", "answer 1"]


def test_a_row_that_cannot_be_read_is_told_by_file_and_line_and_the_others_are_kept(call: Any, tmp_path: Path) -> None:
    good = {"question_id": 1, "model_1": "x", "model_2": "y", "g1_winner": "tie", "g2_winner": "tie", "judge": "j"}
    source = write_rows(tmp_path / "in.jsonl", [good, '{"question_id": ', {**good, "judge": None}])
    ended = call("import", source, "-o", "out.jsonl", "--from", "mt-bench")
    assert ended.code == 3
    assert "2 rows cannot be read, the first: in.jsonl line 2: not valid JSON" in ended.err
    told = [record["failure"]["message"] for record in read_rows(tmp_path / "out.jsonl") if record["failure"]]
    assert [message.split(": ")[0] for message in told] == ["in.jsonl line 2", "in.jsonl line 3"]
    assert call("export", "out.jsonl", "-o", "x.jsonl", "--format", "kto", "--ties", "drop").code == 2
    assert "3 cases in out.jsonl: 2 unscored, 1 judged" in call("status", "out.jsonl").out


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (["annotations.json", "--from", "arena"], "--from is one of ultrafeedback, alpaca-eval, arena-hard, mt-bench"),
        (["annotations.json", "--from", "mt-bench"], "no row is one of mt-bench: annotations.json row 1: question_id"),
        (["annotations.json", "--from", "alpaca-eval", "--cases", "annotations.json"], "it takes neither --cases"),
        (["annotations.json", "--from", "alpaca-eval", "--baseline", "m"], "--baseline goes with --from arena-hard"),
        (["none.json", "--from", "alpaca-eval"], "none.json: no such file"),
        (["judged-m.jsonl", "--from", "arena-hard", "-o", "judged-m.jsonl"], "overwrite the input"),
        (
            ["judged-m.jsonl", "--from", "arena-hard", "--cases", "annotations.json"],
            "annotations.json row 1: a row has a uid",
        ),
        (
            ["judged-m.jsonl", "--from", "arena-hard", "--answers", "question.jsonl"],
            "question.jsonl line 1: an answer has a model",
        ),
    ],
)
def test_what_cannot_be_imported_is_one_line_and_leaves_no_file(
    call: Any, tmp_path: Path, flags: list[str], why: str
) -> None:
    annotations(tmp_path)
    arena(tmp_path)
    ended = call("import", *([] if "-o" in flags else ["-o", "out.jsonl"]), *flags)
    assert (ended.code, len(ended.err.splitlines())) == (2, 1)
    assert why in ended.err
    assert not (tmp_path / "out.jsonl").exists()
    assert not list(tmp_path.glob("*.new"))
