"""win-rate from the command line: files of outputs, stored judgments and annotations, and how it ends."""

import asyncio
import csv
import json
import signal
from pathlib import Path
from typing import Any

import pytest
from programs import Ended, called, ended, ran, read_rows, serving, started, write_rows

from judge_service.emulator.behaviour import Behaviour
from judge_service.emulator.server import Emulator

CHANCE = 0.12
"""More than four standard errors of the rates here."""


def outputs(model: str, worth: Any, count: int = 60, samples: int = 1) -> str:
    """A file of outputs whose worth the emulated judge reads off the text."""
    rows = [
        {
            "instruction": f"Task {i}",
            "output": f"{model} {i}.{k} (worth {worth(i)})",
            "generator": model,
            "dataset": f"d{i % 2}",
        }
        for i in range(count)
        for k in range(samples)
    ]  # fmt: skip
    return write_rows(Path(f"{model}.json"), rows)


def judge(emulator: Emulator) -> tuple[str, ...]:
    return ("--judge-url", emulator.url, "--model", "emulator", "--method", "direct", "--quiet")


def found(ended_: Ended) -> dict[str, Any]:
    assert ended_.code in (0, 3), ended_.err
    told: dict[str, Any] = json.loads(ended_.out)
    return told


async def test_a_planted_position_bias_is_told_and_does_not_move_the_rate() -> None:
    new, base = outputs("new", lambda i: 2 + (i % 3 == 0)), outputs("base", lambda i: 2)
    async with Emulator(Behaviour(bias=1.0)) as emulator:
        told = found(await ran("win-rate", new, base, *judge(emulator), "--json"))
    assert (told["model"], told["baseline"], told["n_total"], told["n_prompts"]) == ("new", "base", 60, 60)
    assert told["position"]["lean"]["value"] == pytest.approx(1.0, abs=1e-6)
    alone = (told["position"]["win_rate_baseline_first"], told["position"]["win_rate_model_first"])
    assert alone[0] < told["win_rate"] - 10 < told["win_rate"] + 10 < alone[1]
    # A third is better by one logit, and the others are as good.
    assert told["win_rate"] == pytest.approx(100 * (0.731 / 3 + 0.5 * 2 / 3), abs=0.2)
    assert (told["n_wins"], told["n_wins_base"], told["n_draws"]) == (20, 0, 40)
    assert told["discrete_win_rate"] == pytest.approx(100 * 40 / 60)
    assert told["soft_is"] == "probability"
    assert set(told["categories"]) == {"d0", "d1"}


async def test_what_was_judged_is_not_judged_again_after_a_kill_and_comes_to_the_same() -> None:
    new, base = outputs("new", lambda i: 2 + i % 3, 80), outputs("base", lambda i: 3, 80)
    out = Path("out.jsonl")
    async with Emulator(Behaviour(latency_ms="5", noise=0.5)) as emulator:
        flags = (new, base, *judge(emulator), "--concurrency", "8", "--no-cache")
        process = await started("win-rate", *flags, "-o", str(out))
        while process.returncode is None and not (out.exists() and out.read_bytes().count(b"\n") >= 20):
            await asyncio.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        await ended(process)
        kept = len(out.read_bytes().splitlines())
        assert 20 <= kept < 80
        emulator.reset()
        resumed = await ran("win-rate", *flags, "-o", str(out), "--json")
        calls = emulator.stats["calls"]
        whole = await ran("win-rate", *flags, "--json")
    assert calls <= 2 * (80 - kept) + 2 * 8, "the cases that were under way, and the probe"
    assert len(read_rows(out)) == 80
    assert found(resumed) == found(whole)


def test_an_output_is_evaluated_again_by_itself_and_as_annotations(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    new, base = outputs("new", lambda i: i, 12, 2), outputs("base", lambda i: 5, 12, 2)
    first = called(
        capsys, monkeypatch, "win-rate", new, base, "--offline", "-q", "--json", "-o", "out.jsonl",
        "--annotations", "annotations.json", "--leaderboard", "board.csv",
    )  # fmt: skip
    told = found(first)
    assert (told["n_total"], told["n_prompts"]) == (24, 12)
    again = found(called(capsys, monkeypatch, "win-rate", "out.jsonl", "--json"))
    same = set(told) - {"statuses"}
    assert {name: again[name] for name in same} == {name: told[name] for name in same}
    imported = found(called(capsys, monkeypatch, "win-rate", "annotations.json", "--json"))
    for name in ("model", "baseline", "n_wins", "n_wins_base", "n_draws", "n_prompts"):
        assert imported[name] == told[name], name
    assert imported["win_rate"] == pytest.approx(told["win_rate"])
    assert imported["win_rate_interval"] == pytest.approx(told["win_rate_interval"])
    (row,) = csv.DictReader(Path("board.csv").read_text().splitlines())
    assert (row[""], float(row["win_rate"])) == ("new", pytest.approx(told["win_rate"]))
    annotation = json.loads(Path("annotations.json").read_text())[0]
    assert (annotation["generator_1"], annotation["generator_2"], annotation["annotator"]) == ("base", "new", "offline")


def test_a_row_of_a_leaderboard_takes_the_place_of_its_own_and_leaves_others(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    board = Path("board.csv")
    board.write_text(",win_rate,mode,more\nother,12.5,verified,x\nnew,99.0,verified,y\n")
    new, base = outputs("new", lambda i: 1, 4), outputs("base", lambda i: 2, 4)
    assert called(capsys, monkeypatch, "win-rate", new, base, "--offline", "-q", "--leaderboard", "board.csv").code == 0
    rows = {row[""]: row for row in csv.DictReader(board.read_text().splitlines())}
    assert list(rows) == ["other", "new"]
    assert (rows["other"]["win_rate"], rows["other"]["more"], rows["new"]["more"]) == ("12.5", "x", "y")
    assert float(rows["new"]["win_rate"]) < 99
    board.write_text("name,rate\nx,1\n")
    refused = called(capsys, monkeypatch, "win-rate", new, base, "--offline", "-q", "--leaderboard", "board.csv")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "board.csv is no leaderboard" in refused.err


def annotations(model: str, preferences: list[float | None], name: str = "") -> str:
    rows = [
        {"instruction": f"q{i}", "output_1": "one", "generator_1": "base", "dataset": "d", "output_2": "two",
         "generator_2": model, "annotator": "weighted", "preference": p}
        for i, p in enumerate(preferences)
    ]  # fmt: skip
    return write_rows(Path(f"{name or model}.json"), rows)


def test_without_verdicts_on_two_in_a_hundred_there_are_bounds_and_exit_code_3(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = annotations("new", [None] * 2 + [1.7] * 98)
    ended_ = called(capsys, monkeypatch, "win-rate", path, "--json", "--leaderboard", "board.csv")
    assert "no row of new in board.csv: there is no win rate" in ended_.err
    assert not Path("board.csv").exists()
    told = found(ended_)
    assert ended_.code == 3
    assert (told["win_rate"], told["discrete_win_rate"], told["n_missing"]) == (None, None, 2)
    assert told["withheld"] == "2 of 100 (2.0%) have no verdict"
    assert told["win_rate_bounds"]["all_lost"] == pytest.approx(68.6)
    assert told["win_rate_bounds"]["all_won"] == pytest.approx(70.6)
    page = called(capsys, monkeypatch, "win-rate", path)
    assert page.code == 3
    assert "68.6% if all missing were lost, 70.6% if all were won" in page.out
    tie, drop = (called(capsys, monkeypatch, "win-rate", path, "--json", "--unscored", way) for way in ("tie", "drop"))
    assert (tie.code, drop.code) == (0, 0)
    assert found(tie)["win_rate"] == pytest.approx(69.6)
    assert found(drop)["win_rate"] == pytest.approx(70.0)


def test_two_models_over_one_baseline_are_compared_prompt_by_prompt(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = annotations("one", [1.9, 1.2, 1.8, 1.6] * 10), annotations("two", [1.4, 1.3, 1.7, 1.2] * 10)
    together = found(called(capsys, monkeypatch, "win-rate", one, other, "--json"))
    apart = found(called(capsys, monkeypatch, "win-rate", one, "--against", other, "--json"))
    assert [row["model"] for row in together["models"]] == ["one", "two"]
    assert together["difference"] == apart["difference"]
    assert apart["difference"]["win_rate_difference"] == pytest.approx(22.5)
    assert apart["difference"]["n_prompts"] == 40
    assert apart["difference"]["disagreeing"]["value"] == pytest.approx(0.5)
    assert 0 < apart["difference"]["p"] < 1e-3
    page = called(capsys, monkeypatch, "win-rate", one, "--against", other)
    assert "one less two, both against base" in page.out
    assert found(called(capsys, monkeypatch, "win-rate", one, other, "--evaluated", "two", "--json"))["model"] == "two"


def test_verdicts_that_are_missing_unevenly_leave_no_headline(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = annotations("one", [1.6] * 200), annotations("two", [None] + [1.6] * 199)
    alone = called(capsys, monkeypatch, "win-rate", other, "--json")
    assert alone.code == 0
    both = called(capsys, monkeypatch, "win-rate", one, "--against", other, "--json")
    assert both.code == 3
    told = found(both)
    assert [row["win_rate"] for row in told["models"]] == [None, None]
    assert "missing unevenly: 0.0% of one, 0.5% of two" in told["difference"]["withheld"]
    assert told["difference"]["win_rate_difference"] is None
    assert called(capsys, monkeypatch, "win-rate", one, "--against", other, "--unscored", "drop").code == 0


async def test_votes_read_from_text_are_told_as_shares_of_votes() -> None:
    new, base = outputs("new", lambda i: 4, 10), outputs("base", lambda i: 2, 10)
    async with Emulator(Behaviour()) as emulator:
        flags = ("--judge-url", emulator.url, "--model", "emulator", "--method", "cot", "--quiet")
        page = await ran("win-rate", new, base, *flags)
        told = found(await ran("win-rate", new, base, *flags, "--json"))
    assert told["soft_is"] == "vote share"
    assert "vote shares: votes read from text or after a thought, no probabilities" in page.out


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (("nothing.jsonl",), "nothing.jsonl: no such file"),
        (("new.json",), "give two files"),
        (("new.json", "a.json"), "give files of one kind"),
        (("a.json", "--offline"), "these are judgments: no judge is asked"),
        (("a.json", "--questions", "q.jsonl"), "go with two files of outputs"),
        (("a.json", "--unscored", "lost"), "--unscored is one of bounds, tie, drop"),
        (("a.json", "--evaluated", "nobody"), "no comparison of nobody; there are m against base"),
        (("a.json", "--against", "c.json"), "their baselines differ: base and other"),
        (("new.json", "base.json", "--offline", "-o", "new.json"), "would overwrite the input"),
        (("a.json", "--annotations", "a.json"), "would overwrite the input"),
        (("new.json", "base.json", "--offline", "-o", "-"), "standard output is for the finding"),
        (("new.json", "base.json", "--offline", "--baseline", "old"), "base.json holds no answers of old, but of base"),
    ],
)
def test_what_cannot_be_evaluated_is_one_line_and_exit_code_2(
    argv: tuple[str, ...], why: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs("new", lambda i: 1, 2), outputs("base", lambda i: 1, 2)
    annotations("m", [1.2, 1.8], "a")
    write_rows(Path("q.jsonl"), [{"uid": "u", "prompt": "q"}])
    other = json.loads(Path("a.json").read_text())
    write_rows(Path("c.json"), [{**row, "generator_1": "other"} for row in other])
    refused = called(capsys, monkeypatch, "win-rate", *argv)
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.count("\n") == 1
    assert why in refused.err


def test_another_models_output_in_the_same_file_is_an_output_of_another_run_of_the_same_judge(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    new, mid, base = (outputs(name, lambda i: i, 6) for name in ("new", "mid", "base"))
    for model in (new, mid):
        assert called(capsys, monkeypatch, "win-rate", model, base, "--offline", "-q", "-o", "all.jsonl").code == 0
    told = found(called(capsys, monkeypatch, "win-rate", "all.jsonl", "--json"))
    assert [(row["model"], row["n_total"]) for row in told["models"]] == [("mid", 6), ("new", 6)]


async def test_a_planted_liking_for_length_is_told_and_taken_off() -> None:
    rows: dict[str, list[dict[str, Any]]] = {"new": [], "base": []}
    for i in range(80):
        # As good as each other; the new model's answers are mostly longer.
        for model, words in (("new", 3 + i % 7), ("base", 1 + (3 * i) % 5)):
            said = f"{model} {i} (worth 2){' and so on' * words}"
            rows[model].append({"instruction": f"Task {i}", "output": said, "generator": model})
    files = [write_rows(Path(f"{model}.json"), told) for model, told in rows.items()]
    async with Emulator(Behaviour(verbosity=2.0)) as emulator:
        told = found(await ran("win-rate", *files, *judge(emulator), "--json", "--report", "report.json"))
    assert told["win_rate_interval"][0] > 55
    assert told["length_adjusted"]["low"] < 50 < told["length_adjusted"]["high"]
    assert told["length_effect"]["low"] > 0
    assert abs(told["style_controlled"]["win_rate"] - 50) < 3
    assert told["length_controlled_win_rate"] < told["win_rate"]
    assert json.loads(Path("report.json").read_text())["numbers"] == told


def test_reports_hold_every_plot_and_say_why_there_is_no_rate(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    new, base = outputs("new", lambda i: i, 24), outputs("base", lambda i: 5, 24)
    flags = ("--offline", "-q", "--report", "report.md")
    assert called(capsys, monkeypatch, "win-rate", new, base, *flags).code == 0
    told = Path("report.md").read_text()
    for title in (
        "# Win rate of new against base",
        "### Win rates",
        "### Soft verdicts",
        "### Lean to the first-shown",
    ):
        assert title in told
    path = annotations("gaps", [None] * 2 + [1.7] * 98)
    assert called(capsys, monkeypatch, "win-rate", path, "--report", "report.html").code == 3
    assert "There is no win rate of gaps against base, as 2 of 100 (2.0%) have no verdict" in Path(
        "report.html"
    ).read_text(encoding="utf-8")
    refused = called(capsys, monkeypatch, "win-rate", path, "--report", path)
    assert refused.code == 2
    assert "would overwrite the input" in refused.err


async def test_a_service_elsewhere_judges_as_one_in_this_process_does() -> None:
    new, base = outputs("new", lambda i: i, 6), outputs("base", lambda i: 3, 6)
    async with serving("--offline") as (address, _):
        elsewhere = found(await ran("win-rate", new, base, "--server", address, "-q", "--json", "-o", "there.jsonl"))
    here = found(await ran("win-rate", new, base, "--offline", "-q", "--json"))
    assert elsewhere == here
    assert found(await ran("win-rate", "there.jsonl", "--json"))["win_rate"] == here["win_rate"]


async def test_bounds_hold_what_a_judge_that_never_refuses_would_have_said() -> None:
    new, base = outputs("new", lambda i: 2 + i % 4, 50), outputs("base", lambda i: 3, 50)
    async with Emulator(Behaviour(frefuse=0.1, sticky=True)) as emulator:
        refusing = await ran("win-rate", new, base, *judge(emulator), "--no-cache", "--json")
        emulator.configure(frefuse=0.0)
        whole = found(await ran("win-rate", new, base, *judge(emulator), "--no-cache", "--json"))
    told = found(refusing)
    assert refusing.code == 3
    # A pair that is refused in one order is partial, and one that is refused in both is unscored: neither is a tie.
    assert set(told["missing"]) <= {"partial", "unscored"}
    assert told["n_missing"] == 50 - told["n_total"] > 0
    for name in ("win_rate", "discrete_win_rate"):
        assert told[name] is None
        assert told[f"{name}_bounds"]["all_lost"] < whole[name] < told[f"{name}_bounds"]["all_won"]
