"""agreement: a judge beside one person or several, by slice, with intervals and thresholds."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from labelled_files import judgment, written
from programs import write_rows
from typer.testing import CliRunner

from judge_service.cli.app import app
from judge_service.domain.judgments import Judgment
from judge_service.domain.verdicts import CandidateScore, Scorecard
from judge_service.errors import InvalidOption, InvalidRequest, RunRefused


def asked(*argv: str) -> Result:
    return CliRunner().invoke(app, ["agreement", *argv])


def told(*argv: str, code: int = 0) -> Any:
    result = asked(*argv, "--json")
    assert result.exit_code == code, result.exception
    return json.loads(result.stdout)


def pairs(count: int = 60, right: float = 0.8, seed: int = 0) -> list[Judgment]:
    """The judge has people's side with that probability; every tenth pair of people's is a tie."""
    rng = np.random.default_rng(seed)
    made = []
    for k in range(count):
        label = "tie" if k % 10 == 9 else "ab"[int(rng.integers(0, 2))]
        logit = 1.0 if (label == "a") == bool(rng.random() < right) else -1.0
        country = ("no", "pt")[k % 2]
        made.append(judgment(f"c{k}", logit, metadata={"human": label, "country": country}, domain="law"))
    return made


def score(case_id: str, value: float, **more: Any) -> Judgment:
    card = Scorecard(value, value / 5, ())
    return judgment(case_id, 1.0, kind="scorecard", candidates=("a",), models={"a": None}, verdict=card, **more)


def test_pairs_have_accuracy_kappa_and_alpha_with_intervals_and_slices(tmp_path: Path) -> None:
    found = told(written(tmp_path / "j.jsonl", pairs()), "--label", "human", "--by", "country", "--by", "domain")
    assert (found["kind"], found["cases"], found["raters"]) == ("pairs", 60, 1)
    assert found["accuracy"]["n"] == 60
    assert found["accuracy_decided"]["n"] == 54
    for name in ("accuracy", "accuracy_decided", "kappa", "alpha"):
        assert found[name]["low"] < found[name]["value"] < found[name]["high"]
    assert found["people_kappa"]["value"] is None
    assert found["rubric"].startswith("r@1")
    assert [(own["group"], own["cases"]) for own in found["slices"]["country"]] == [("no", 30), ("pt", 30)]
    assert sum(own["accuracy"]["value"] for own in found["slices"]["country"]) / 2 == pytest.approx(
        found["accuracy"]["value"]
    )
    assert [own["group"] for own in found["slices"]["domain"]] == ["law"]


def test_rows_in_another_order_are_the_same_finding(tmp_path: Path) -> None:
    made = pairs()
    one = told(written(tmp_path / "j.jsonl", made), "--label", "human")
    assert told(written(tmp_path / "k.jsonl", made[::-1]), "--label", "human") == one


def several(count: int, judge_right: float, person_right: float, seed: int = 0) -> tuple[list[Judgment], list[dict]]:
    """Three people and a judge, each right with a probability of its own."""
    rng = np.random.default_rng(seed)
    made, rows = [], []
    for k in range(count):
        truth = int(rng.integers(0, 2))
        made.append(judgment(f"c{k}", 1.0 if (rng.random() < judge_right) == (truth == 0) else -1.0))
        for rater in ("ann", "bo", "cy"):
            side = truth if rng.random() < person_right else 1 - truth
            rows.append({"case_id": f"c{k}", "label": "ab"[side], "rater": rater})
    return made, rows


@pytest.mark.parametrize(
    ("judge", "person", "verdict"), [(0.95, 0.75, "better than"), (0.6, 0.95, "not as good"), (0.85, 0.85, "cannot be")]
)
def test_several_people_say_whether_the_judge_is_as_good_as_another(
    tmp_path: Path, judge: float, person: float, verdict: str
) -> None:
    made, rows = several(300, judge, person)
    labels = write_rows(tmp_path / "l.jsonl", rows)
    found = told(written(tmp_path / "j.jsonl", made), "--labels", labels)
    assert (found["raters"], found["labels"]) == (3, 900)
    assert verdict in found["verdict"]
    expected = person**2 + (1 - person) ** 2
    assert found["people_agree"]["value"] == pytest.approx(expected, abs=0.04)
    assert found["people_kappa"]["value"] == pytest.approx(2 * expected - 1, abs=0.1)
    assert [one["rater"] for one in found["people"]] == ["ann", "bo", "cy"]
    by_hand = np.mean([one["judge_less_person"]["value"] for one in found["people"]])
    assert by_hand == pytest.approx(found["judge_less_person"]["value"])


def test_slices_by_who_labelled_hold_that_groups_labels_only(tmp_path: Path) -> None:
    """The judge has the taste of those in Norway; those in Portugal say the opposite in a third of the cases."""
    made = [judgment(f"c{k}", 1.0) for k in range(90)]
    rows = [{"case_id": f"c{k}", "label": "a", "rater": "n", "country": "no"} for k in range(90)]
    rows += [
        {"case_id": f"c{k}", "label": "b" if k % 3 == 0 else "a", "rater": "p", "country": "pt"} for k in range(90)
    ]
    labels = write_rows(tmp_path / "l.jsonl", rows)
    found = told(written(tmp_path / "j.jsonl", made), "--labels", labels, "--by", "country")
    norway, portugal = found["slices"]["country"]
    assert (norway["group"], norway["labels"], norway["accuracy"]["value"]) == ("no", 90, 1.0)
    assert (portugal["group"], portugal["labels"], portugal["accuracy"]["value"]) == ("pt", 90, pytest.approx(2 / 3))
    assert portugal["accuracy"]["high"] < norway["accuracy"]["low"]


def test_scores_have_icc_and_rank_correlations(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    made, rows = [], []
    for k in range(80):
        truth = rng.normal(3, 1)
        made.append(score(f"c{k}", float(np.clip(truth + 0.5 * rng.normal(), 1, 5))))
        rows += [
            {"case_id": f"c{k}", "label": float(np.clip(round(truth + 0.5 * rng.normal()), 1, 5)), "rater": rater}
            for rater in ("ann", "bo")
        ]
    labels = write_rows(tmp_path / "l.jsonl", rows)
    found = told(written(tmp_path / "j.jsonl", made), "--labels", labels)
    assert found["kind"] == "scores"
    for name in ("spearman", "kendall", "icc_agreement", "icc_consistency", "alpha", "people_alpha"):
        assert 0.3 < found[name]["low"] < found[name]["value"] < found[name]["high"] < 1
    assert found["mean_difference"]["low"] < 0 < found["mean_difference"]["high"]
    assert found["people_agree"]["value"] < 0, "a nearness: the distance turned round"


def test_responses_of_one_case_are_scored_one_by_one(tmp_path: Path) -> None:
    cards = {name: CandidateScore(value, value / 5, ()) for name, value in (("a", 4.0), ("b", 2.0))}
    made = [
        judgment(
            f"c{k}",
            1.0,
            kind="scorecard",
            verdict=Scorecard(None, None, None, cards),
            metadata={"human": {"a": 5, "b": k}},
        )
        for k in range(1, 5)
    ]
    found = told(written(tmp_path / "j.jsonl", made), "--label", "human")
    assert (found["cases"], found["prompts"]) == (8, 4)
    assert found["mean_difference"]["value"] == pytest.approx(((4 - 5) * 4 + sum(2 - k for k in range(1, 5))) / 8)
    assert "too narrow" in found["notes"][0]


def test_what_has_no_verdict_or_label_is_counted_and_never_a_disagreement(tmp_path: Path) -> None:
    made = [
        *pairs(20),
        judgment("x", 1.0),
        judgment("y", 1.0, status="unscored", verdict=None, metadata={"human": "a"}),
    ]
    found = told(written(tmp_path / "j.jsonl", made), "--label", "human")
    assert found["cases"] == 20
    assert found["left_out"] == {"not judged": 1, "without a label": 1}
    labels = write_rows(tmp_path / "l.jsonl", [{"case_id": "c0", "label": "a"}, {"case_id": "gone", "label": "b"}])
    assert told(written(tmp_path / "j.jsonl", made), "--labels", labels)["labels_without_verdict"] == 1


def test_thresholds_make_the_exit_code_and_the_page_reads(tmp_path: Path) -> None:
    source = written(tmp_path / "j.jsonl", pairs(200))
    kept = asked(source, "--label", "human", "--fail-under", "accuracy=0.5", "--by", "country")
    assert kept.exit_code == 0
    assert "same as the majority, by country" in kept.output
    assert "is not known: each case has the label of one person" in kept.output
    short = asked(source, "--label", "human", "--fail-under", "accuracy.low=0.9")
    assert short.exit_code == 3
    assert "accuracy.low is 0." in short.output


def test_a_report_is_written_in_each_form(tmp_path: Path) -> None:
    made, rows = several(40, 0.9, 0.9)
    labels, source = write_rows(tmp_path / "l.jsonl", rows), written(tmp_path / "j.jsonl", made)
    for ending in (".html", ".md", ".json"):
        path = tmp_path / f"report{ending}"
        told(source, "--labels", labels, "--report", str(path))
        assert "accuracy" in path.read_text() or "same as the majority" in path.read_text()


@pytest.mark.parametrize(
    ("argv", "error", "message"),
    [
        ((), InvalidOption, "say where the labels are"),
        (("--label", "human", "--by", "age"), InvalidOption, "no labelled case has a 'age'"),
        (("--label", "human", "--by", "length"), InvalidOption, "lengths need the texts"),
        (("--label", "human", "--fail-under", "taste=1"), InvalidOption, "takes NAME=VALUE with one of accuracy"),
        (("--label", "absent"), InvalidRequest, "no judgment here has both a verdict and a label"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(
    tmp_path: Path, argv: tuple[str, ...], error: type, message: str
) -> None:
    result = asked(written(tmp_path / "j.jsonl", pairs(10)), *argv)
    assert isinstance(result.exception, error)
    assert message in result.exception.message


def test_labels_that_contradict_each_other_need_raters(tmp_path: Path) -> None:
    source = written(tmp_path / "j.jsonl", pairs(10))
    rows = [{"case_id": "c0", "label": "a"}, {"case_id": "c0", "label": "b"}]
    result = asked(source, "--labels", write_rows(tmp_path / "l.jsonl", rows))
    assert "line 2: somebody without a name" in result.exception.message
    mixed = asked(source, written(tmp_path / "s.jsonl", [score("c77", 3.0, metadata={"human": 3})]), "--label", "human")
    assert isinstance(mixed.exception, InvalidRequest | RunRefused)
