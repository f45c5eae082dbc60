"""leaderboard, audit protocol, compare --ratings and diff between versions, from files to pages."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from programs import Ended, called, cases, read_rows, write_rows

OFFLINE = ("--offline", "--quiet")
ANSWERS = {
    "long": "{0} is the answer, as shown here step by step with all that is known of it and why it holds",
    "plain": "the answer is {0}",
    "poor": "no idea {0}",
}


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A command, run in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *argv: called(capsys, monkeypatch, *argv)


def told(end: Ended) -> Any:
    assert end.err == ""
    return orjson.loads(end.out)


def named_pairs(prompts: int) -> list[dict[str, Any]]:
    """Each two models' answers on each prompt."""
    names = list(ANSWERS)
    return [
        {
            "id": f"{k}-{one}-{other}",
            "prompt": f"What is {k}?",
            "domain": "odd" if k % 2 else "even",
            "candidates": [
                {"id": name, "model": name, "content": ANSWERS[name].format(k)} for name in (names[one], names[other])
            ],
        }
        for k in range(prompts)
        for one, other in ((0, 1), (1, 2), (0, 2))
    ]


def annotation(k: int, one: str, other: str, preference: float | None) -> dict[str, Any]:
    """A line of AlpacaEval's annotations: `preference` is 2 where the second is better, and None without a verdict."""
    return {
        "instruction": f"Q{k}", "output_1": "one", "generator_1": one, "output_2": "two", "generator_2": other,
        "annotator": "judge", "preference": preference,
    }  # fmt: skip


def test_judged_pairs_of_three_models_become_a_table_by_prompts_with_a_report(call: Any) -> None:
    source = write_rows(Path("in.jsonl"), named_pairs(30))
    assert call("compare", source, "-o", "out.jsonl", *OFFLINE).code == 0
    found = told(
        call("leaderboard", "out.jsonl", "--cases", source, "--json", "--unscored", "drop", "--report", "r.md")
    )
    assert {row["model"] for row in found["models"]} == set(ANSWERS)
    assert (found["comparisons"], found["prompts"]) == (90, 30)
    cell = {(each["model"], each["against"]): each for each in found["win_matrix"]}
    assert cell["long", "poor"]["wins"] == cell["poor", "long"]["losses"]
    assert cell["long", "poor"]["win_rate"] + cell["poor", "long"]["win_rate"] == pytest.approx(100)
    assert found["judged_by"]["judge"].startswith("offline")
    assert Path("r.md").read_text().startswith("# Leaderboard")
    alone = told(call("leaderboard", "out.jsonl", "--json", "--unscored", "drop", "--draws", "20"))
    assert alone["prompts"] == 90
    assert any("prompt of its own" in warning for warning in alone["warnings"])


def test_a_table_is_printed_with_ranks_ties_and_who_stands_outside(call: Any) -> None:
    rows = []
    for k in range(60):
        rows += [
            annotation(k, "m", "n", 1.2 if k % 3 else 1.9),
            annotation(k, "n", "q", 1.5 if k % 4 == 0 else 1.1 + 0.8 * (k % 2)),
        ]
        rows += [annotation(k, "m", "best", 2.0)]
    Path("annotations.json").write_text(json.dumps(rows))
    end = call("leaderboard", "annotations.json", "--baseline", "n", "--report", "page.html")
    assert end.code == 0
    lines = end.out.splitlines()
    assert lines[0] == "4 models, 180 comparisons on 60 prompts"
    assert "best is above: it lost to none of those with a strength" in end.out
    assert "against n" in end.out
    assert "(Holm)" in end.out
    assert "<h1>Leaderboard</h1>" in Path("page.html").read_text()
    soft = told(call("leaderboard", "annotations.json", "--soft", "--json", "--draws", "20"))
    assert soft["tie_parameter"] is None
    assert next(row for row in soft["models"] if row["model"] == "best")["reason"].startswith("above")
    assert json.dumps(soft, allow_nan=False)


def test_missing_verdicts_of_one_model_end_with_3_and_tie_or_drop_settle_it(call: Any) -> None:
    rows = [annotation(k, "m", "n", 1.0 + k % 2) for k in range(40)]
    rows += [annotation(100 + k, "m", "q", None if k < 4 else 1.0 + k % 2) for k in range(40)]
    Path("annotations.json").write_text(json.dumps(rows))
    open_ = call("leaderboard", "annotations.json", "--draws", "20")
    assert open_.code == 3
    assert "--unscored tie or drop" in open_.out
    for way in ("tie", "drop"):
        assert call("leaderboard", "annotations.json", "--unscored", way, "--draws", "20").code == 0


def outputs(count: int) -> list[str]:
    """A file of outputs to each model, as AlpacaEval has them; whose answer is best goes by the prompt."""
    for name in ANSWERS:
        rows = [
            {
                "instruction": f"What is {k}?",
                "generator": name,
                "output": [*ANSWERS.values()][(k + len(name)) % 3].format(k),
            }
            for k in range(count)
        ]
        Path(f"{name}.json").write_text(json.dumps(rows))
    return [f"{name}.json" for name in ANSWERS]


def test_outputs_of_several_models_are_judged_all_against_all_and_gone_on_with(call: Any) -> None:
    files = outputs(12)
    end = call("leaderboard", *files, "--offline", "-o", "out.jsonl", "--draws", "20", "--json", "-q")
    found = orjson.loads(end.out)
    assert (found["comparisons"], found["prompts"], len(found["win_matrix"])) == (36, 12, 6)
    assert len(read_rows(Path("out.jsonl"))) == 36
    again = call("leaderboard", *files, "--offline", "-o", "out.jsonl", "--draws", "20", "--json")
    assert "36 of them were finished before" in again.err
    stored = told(call("leaderboard", "out.jsonl", "--draws", "20", "--json"))
    for other in (orjson.loads(again.out), stored):
        assert {**other, "judged_by": None} == {**found, "judged_by": None}


def test_outputs_are_judged_against_a_baseline_alone_where_one_is_named(call: Any) -> None:
    files = outputs(4)
    found = orjson.loads(
        call("leaderboard", *files, "--offline", "--baseline", "plain", "--json", "--draws", "5", "-q").out
    )
    met = {(each["model"], each["against"]) for each in found["win_matrix"]}
    assert met == {("long", "plain"), ("plain", "long"), ("poor", "plain"), ("plain", "poor")}
    for flags, message in (
        ((*files, "--offline", "--baseline", "other"), "there is no model 'other' here; known: long, plain, poor"),
        (("long.json", "--offline"), "two models or more"),
        ((*files, "--offline", "--cluster", "x"), "go with judgments, and these are outputs"),
    ):
        end = call("leaderboard", *flags)
        assert end.code == 2
        assert message in end.err


def test_what_is_no_leaderboard_is_refused_in_one_line(call: Any) -> None:
    source = write_rows(Path("in.jsonl"), named_pairs(2))
    call("rank", source, "-o", "ranked.jsonl", *OFFLINE)
    Path("annotations.json").write_text(json.dumps([annotation(0, "m", "n", 1.0)]))
    for flags, message in (
        (("ranked.jsonl",), "ranked.jsonl row 1 is a ranking"),
        (("annotations.json", "--baseline", "q"), "no model 'q' here; known: m, n"),
        (("annotations.json", "--offline"), "no judge is asked"),
        (("annotations.json", "--report", "x.pdf"), "--report names a file that ends in"),
        (("nothing.jsonl",), "nothing.jsonl: no such file"),
    ):
        end = call("leaderboard", *flags)
        assert end.code == 2
        assert message in end.err
        assert end.err.count("\n") == 1


def test_candidates_are_rated_too_in_a_second_output_and_both_are_gone_on_with(call: Any) -> None:
    source = write_rows(Path("in.jsonl"), cases(6))
    asked = ("compare", source, "-o", "out.jsonl", "--ratings", "rated.jsonl", "--offline")
    assert call(*asked, "--quiet", "--limit", "4").code == 0
    again = call(*asked)
    assert again.code == 0
    assert again.err.count("4 of them were finished before") == 2
    compared, rated = (read_rows(Path(name)) for name in ("out.jsonl", "rated.jsonl"))
    assert [row["case_id"] for row in compared] == [row["case_id"] for row in rated]
    assert [row["case_digest"] for row in compared] == [row["case_digest"] for row in rated]
    assert {row["kind"] for row in rated} == {"scorecard"}
    assert compared[0]["provenance"]["rubric"] == rated[0]["provenance"]["rubric"]


def test_bad_rows_are_unscored_in_both_outputs_and_the_run_ends_with_3(call: Any) -> None:
    source = write_rows(Path("in.jsonl"), [*cases(2), {"id": "bad", "prompt": "alone"}])
    end = call("rank", source, "-o", "out.jsonl", "--ratings", "rated.jsonl", *OFFLINE)
    assert end.code == 3
    for name in ("out.jsonl", "rated.jsonl"):
        assert {row["case_id"]: row["status"] for row in read_rows(Path(name))}["bad"] == "unscored"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("compare", "in.jsonl", "-o", "x.jsonl", "--ratings", "x.jsonl"), "--ratings and --output name the same file"),
        (("compare", "in.jsonl", "--ratings", "-"), "--ratings needs files"),
        (("score", "in.jsonl", "-o", "x.jsonl", "--ratings", "y.jsonl"), "--ratings goes with compare and rank"),
        (("compare", "--prompt", "p", "--a", "x", "--b", "y", "--ratings", "y.jsonl"), "--ratings goes with a file"),
        (("compare", "in.jsonl", "-o", "x.jsonl", "--ratings", "in.jsonl"), "in.jsonl"),
    ],
)
def test_ratings_that_cannot_be_are_refused_before_anything_is_judged(
    call: Any, flags: tuple[str, ...], message: str
) -> None:
    write_rows(Path("in.jsonl"), cases(2))
    end = call(*flags, *OFFLINE)
    assert end.code == 2
    assert message in end.err
    assert not Path("x.jsonl").exists()


def test_ratings_and_comparisons_are_audited_against_each_other(call: Any) -> None:
    source = write_rows(Path("in.jsonl"), named_pairs(10))
    call("compare", source, "-o", "out.jsonl", "--ratings", "rated.jsonl", *OFFLINE)
    found = told(call("audit", "protocol", "rated.jsonl", "out.jsonl", "--cases", source, "--json"))
    assert (found["pairs"], found["prompts"]) == (30, 10)
    rated = {row["case_id"]: row["verdict"]["scores"] for row in read_rows(Path("rated.jsonl"))}
    other = 0
    for row in read_rows(Path("out.jsonl")):
        one, two = row["candidates"]
        best = one if rated[row["case_id"]][one]["score"] > rated[row["case_id"]][two]["score"] else two
        other += best != row["verdict"]["winner"]
    assert found["disagreement"]["ratings"]["ties_count"]["value"] == pytest.approx(other / 30)
    assert set(found["domains"]) <= {"odd", "even"}
    assert found["favours"]["longer"]["rated"]["n"] == 30
    page = call("audit", "protocol", "rated.jsonl", "out.jsonl", "--report", "page.html")
    assert page.code == 0
    assert "never comparable" in page.out
    assert "never comparable" in Path("page.html").read_text()


def test_rankings_are_audited_by_each_two_of_their_candidates(call: Any) -> None:
    rows = [
        {"id": f"c{k}", "prompt": f"p{k}", "candidates": [f"a {k}", f"bb {k} and more", f"c {k}!"]} for k in range(4)
    ]
    source = write_rows(Path("in.jsonl"), rows)
    call("rank", source, "-o", "out.jsonl", "--ratings", "rated.jsonl", *OFFLINE)
    assert told(call("audit", "protocol", "rated.jsonl", "out.jsonl", "--json"))["pairs"] == 12


def test_outputs_that_cannot_be_joined_are_refused_in_one_line(call: Any) -> None:
    call("compare", write_rows(Path("in.jsonl"), cases(2)), "-o", "out.jsonl", "--ratings", "rated.jsonl", *OFFLINE)
    call("compare", write_rows(Path("in2.jsonl"), cases(2, 5)), "-o", "far.jsonl", *OFFLINE)
    changed = [{**row, "prompt": "Another"} for row in cases(2)]
    call("compare", write_rows(Path("in3.jsonl"), changed), "-o", "other.jsonl", *OFFLINE)
    for files, message in (
        (("out.jsonl", "rated.jsonl"), "out.jsonl row 1 is a preference: give here what score makes"),
        (("rated.jsonl", "rated.jsonl"), "rated.jsonl row 1 is a scorecard: give here what compare or rank makes"),
        (("rated.jsonl", "far.jsonl"), "no case is judged both ways (2 only compared, 2 only rated)"),
        (("rated.jsonl", "other.jsonl"), "was rated with another text"),
    ):
        end = call("audit", "protocol", *files)
        assert end.code == 2
        assert message in end.err


def test_two_versions_of_a_rubric_are_compared_with_intervals_and_a_limit_makes_the_exit_code(call: Any) -> None:
    source = write_rows(Path("in.jsonl"), named_pairs(12))
    call("compare", source, "-o", "a.jsonl", *OFFLINE)
    rows = read_rows(Path("a.jsonl"))
    for row in rows[:9]:
        verdict = row["verdict"]
        first, second = row["candidates"]
        won = second if verdict["winner"] == first else first
        row["verdict"] = {
            **verdict,
            "winner": won,
            "probability": 1 - verdict["probability"],
            "logit": -verdict["logit"],
        }
    write_rows(Path("b.jsonl"), rows)
    flags = ("diff", "a.jsonl", "b.jsonl", "--cases", source)
    found = told(call(*flags, "--json"))
    assert found["changed"]["value"] == pytest.approx(9 / 36)
    assert (found["changed"]["n"], found["changed"]["clusters"]) == (36, 12)
    assert found["moves"]["verdicts_towards"] + found["moves"]["verdicts_away"] == 9
    assert set(found["changed_by_domain"]) == {"odd", "even"}
    assert found["flips_to_the_longer"]["n"] == 9
    failed = call(*flags, "--fail-if", "changed>5%", "--report", "page.html")
    assert failed.code == 3
    assert "--fail-if changed>5%: failed, it is 0.25" in failed.out
    assert "<h1>Two versions, case by case</h1>" in Path("page.html").read_text()
    assert call(*flags, "--fail-if", "changed>30%,status>0").code == 0
    unknown = call(*flags, "--fail-if", "kappa<0.5")
    assert (unknown.code, unknown.err.count("\n")) == (2, 1)
