"""audit rankings: from stored rankings to a filter on W, what it saves, and the option to paste."""

import random
from dataclasses import replace

import orjson
import pytest
import typer
from scripted import PLAIN, case_of, failing, judged, said, shown, writing
from typer.testing import CliRunner

from judge_service.cli.audits.rankings import rankings
from judge_service.domain.judgments import Judgment
from judge_service.domain.options import options_from
from judge_service.domain.records import record_of
from judge_service.domain.verdicts import NO_USAGE
from judge_service.errors import InvalidOption, InvalidRequest
from judge_service.evaluation.audits.repeated_rankings import audit

APP = typer.Typer()
APP.command()(rankings)
CASE = case_of("3", "2", "1", "0")


def judgment(name, rule, **options):
    """A ranking as it is stored."""
    found = judged("rank", CASE, rule, PLAIN, "cot", strategy="listwise", **options).finding
    ids = tuple(c.id for c in CASE.candidates)
    kept = {"candidates": ids, "models": dict.fromkeys(ids), "verdict": found.verdict, "votes": found.votes}
    made = {"created": "2026-01-01T00:00:00Z", "case_digest": "sha256:0", "run_digest": "sha256:0", "provenance": None}
    return Judgment(name, kind="ranking", status=found.status, case_id=name, usage=NO_USAGE, **kept, **made)


def unsure(seed):
    """A judge that is sure of some cases and not of others."""
    dice = random.Random(seed)
    doubt = dice.lognormvariate(0.3, 0.8)

    def answer(prompt):
        points = [float(text) + doubt * dice.gauss(0, 1) for text in shown(prompt)]
        order = sorted(range(len(points)), key=lambda place: -points[place])
        return said(orjson.dumps({"ranking": ["ABCD"[place] for place in order]}).decode())

    return answer


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    path = tmp_path_factory.mktemp("audit") / "out.jsonl"
    rows = [judgment(f"c{i}", unsure(i), repeats=5) for i in range(700)]
    rows += [judgment("failed", lambda prompt: failing("timeout"), repeats=5)]
    rows += [
        judgment("fewer", writing(), repeats=2),
        replace(rows[0], id="other", case_id="other", verdict=None, status="unscored"),
    ]
    path.write_bytes(b"".join(orjson.dumps(record_of(row), option=orjson.OPT_APPEND_NEWLINE) for row in rows))
    return path


def asked(*argv):
    ended = CliRunner().invoke(APP, [str(part) for part in argv])
    if ended.exception and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    return ended.output


def test_an_audit_says_what_is_kept_and_what_stopping_saves_on_cases_it_did_not_learn_from(stored):
    told = orjson.loads(asked(stored, "--json", "--error", "0.02"))
    assert (told["cases"], told["left_out"], told["repeats"], told["random"]) == (700, 3, 5, 0.2)
    assert list(told["w"]) == ["10%", "25%", "50%", "75%", "90%"]
    assert told["kept"] == pytest.approx(0.5, abs=0.03)
    assert told["exact"]["same"] == 1.0
    assert told["learned"]["rankings"] < told["exact"]["rankings"] < 5
    assert told["learned"]["same"] >= 0.97


def test_its_last_line_is_an_option_that_is_taken_and_stops_as_it_says(stored):
    told = orjson.loads(asked(stored, "--json", "--error", "0.02"))
    last = asked(stored, "--error", "0.02").splitlines()[-1]
    assert last.startswith("--repeats '{")
    option = orjson.loads(last.removeprefix("--repeats '").removesuffix("'"))
    assert option == told["option"]
    assert options_from({"repeats": option}, "rank").repeats.keep == told["keep"]
    stopped = [judgment(f"c{i}", unsure(i), repeats=option) for i in range(200)]
    assert sum(len(row.votes) for row in stopped) / 200 == pytest.approx(told["learned"]["rankings"], abs=0.3)


def test_the_top_share_or_the_threshold_can_be_said(stored):
    quarter = orjson.loads(asked(stored, "--json", "--top", "25%"))
    assert quarter["kept"] == pytest.approx(0.25, abs=0.03)
    said_so = orjson.loads(asked(stored, "--json", "--keep", quarter["keep"]))
    assert said_so == quarter
    with pytest.raises(InvalidOption, match="not both"):
        asked(stored, "--keep", "0.6", "--top", "50%")
    for flags in (("--keep", "1.5"), ("--top", "half"), ("--top", "0%"), ("--error", "0")):
        with pytest.raises(InvalidOption):
            asked(stored, *flags)


def test_few_cases_still_tell_which_w_to_keep_and_say_that_they_teach_no_bounds():
    cases = [[[1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [2.0, 1.0, 3.0]], [[1.0, 2.0, 3.0], [3.0, 2.0, 1.0], [2.0, 1.0, 3.0]]]
    told = audit(cases * 20, 0, None, 0.5, 0.01)
    assert (told.kept, told.learned, set(told.option)) == (0.5, None, {"max", "keep"})


def test_rankings_that_stopped_early_are_no_sample_to_learn_from(tmp_path):
    path = tmp_path / "out.jsonl"
    rows = [judgment(f"c{i}", unsure(i), repeats={"max": 5, "keep": 0.5}) for i in range(30)]
    path.write_bytes(b"".join(orjson.dumps(record_of(row), option=orjson.OPT_APPEND_NEWLINE) for row in rows))
    with pytest.raises(InvalidRequest, match="stopped early"):
        asked(path)
    path.write_bytes(orjson.dumps(record_of(judgment("one", writing()))))
    with pytest.raises(InvalidRequest, match="--repeats 5"):
        asked(path)
