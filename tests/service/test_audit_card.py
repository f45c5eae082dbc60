"""audit IN…: what is planted in a judge is found within its interval, and nothing where nothing was."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from labelled_files import judgment, written
from programs import Ended, called, write_rows

from judge_service.api.catalogue import judge_record
from judge_service.domain.verdicts import Preference, Ranking, Vote
from judge_service.emulator.behaviour import Behaviour
from judge_service.emulator.server import Emulator
from judge_service.reports.page import Histogram, Reliability, Scatter
from judge_service.settings import Settings, read_settings
from judge_service.statistics.debias import sigmoid
from judge_service.wiring import open_service


def cases(path: Path, count: int = 120, seed: int = 0) -> str:
    """Pairs of a known worth; every third prompt is in Russian, and answers grow longer."""
    gaps = 2 * np.random.default_rng(seed).normal(size=count)
    return write_rows(
        path,
        [
            {
                "id": f"c{k}",
                "prompt": f"Задание {k}" if k % 3 == 0 else f"Task {k}",
                "candidates": [f"{k} (worth {5 + gap:.3f}){' and so on' * (k % 5)}", "other (worth 5)"],
                "human": "a" if gap > 0 else "b",
            }
            for k, gap in enumerate(gaps)
        ],
    )


_NUMBERS = count()


@contextmanager
def serving(**settings: Any) -> Iterator[Emulator]:
    """An emulated judge on a thread of its own, so that commands can be run in this one; no other has its cache."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    emulator = Emulator(Behaviour().changed({"root": f"model {next(_NUMBERS)}", **settings}))
    try:
        asyncio.run_coroutine_threadsafe(emulator.__aenter__(), loop).result()
        yield emulator
        asyncio.run_coroutine_threadsafe(emulator.__aexit__(None, None, None), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def ran(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    return lambda *argv: called(capsys, monkeypatch, *argv)


@pytest.fixture
def audit(ran: Callable[..., Ended]) -> Callable[..., Ended]:
    def audit(emulator: Any, *argv: str) -> Ended:
        probes = () if "--probes" in argv else ("--probes", "0")
        return ran("audit", *argv, *probes, "--judge-url", emulator.url, "--model", "emulator", "--quiet")

    return audit


def findings(ended: Ended) -> dict[str, Any]:
    assert ended.code == 0, ended.err
    return {each["name"]: each for each in json.loads(ended.out)["findings"]}


def holds(told: Any, value: float) -> bool:
    return bool(told["low"] - 1e-6 <= value <= told["high"] + 1e-6)


def near(told: Any, value: float) -> bool:
    """Within twice the interval: for one of several that are looked at together, each of which misses in twenty."""
    reach = told["high"] - told["low"]
    return bool(abs(told["value"] - value) <= reach)


def test_place_and_label_are_told_apart_and_each_is_found_where_it_was_planted(
    tmp_path: Path, audit: Callable[..., Ended], ran: Callable[..., Ended]
) -> None:
    source = cases(tmp_path / "in.jsonl")
    planted = {(0.8, -0.5): "both", (0.8, 0.0): "place", (0.0, 0.6): "label", (0.0, 0.0): "neither"}
    for (place, label), what in planted.items():
        with serving(bias=place, label_bias=label, noise=0.3, seed=len(what)) as emulator:
            found = findings(audit(emulator, source, "--json", "--repeats", "0", "--label", "human"))
        assert holds(found["position.bias"], place), what
        assert holds(found["label.bias"], label), what
        assert found["position.bias"]["n"] == found["label.bias"]["n"] == 120
        assert near(found["position.bias[language=cyrillic]"], place), what
        assert found["position.bias[language=cyrillic]"]["n"] == 40
        assert {f"accuracy[length={third}]" for third in ("short", "middling", "long")} <= found.keys()
        if not place and not label:
            assert found["accuracy"]["value"] > 0.9


def test_an_unsteady_judge_is_asked_again_past_the_cache_and_found_out(
    tmp_path: Path, audit: Callable[..., Ended], ran: Callable[..., Ended]
) -> None:
    source = cases(tmp_path / "in.jsonl", 80)
    with serving(unsteady=0.5) as emulator:
        found = findings(audit(emulator, source, "--json", "--repeats", "3"))
        assert holds(found["retest.noise"], 0.5)
        # The logits spread by 2 over cases: 4 / (4 + 0.25).
        assert found["consistency.icc"]["low"] < 0.94 < found["consistency.icc"]["high"] + 0.02
        assert found["consistency.same_winner"]["value"] < 1
        assert found["consistency.same_winner"]["n"] == 80 * 2 * 6
    with serving() as emulator:
        steady = findings(audit(emulator, source, "--json", "--repeats", "1"))
    assert steady["retest.noise"]["value"] == 0
    assert steady["consistency.same_winner"]["value"] == 1


def test_the_card_holds_what_probes_find_and_teaches_the_position_card_nothing_of_them(
    tmp_path: Path, audit: Callable[..., Ended]
) -> None:
    source = cases(tmp_path / "in.jsonl", 12)
    with serving(bias=0.5) as emulator:
        ended = audit(emulator, source, "--json", "--repeats", "0", "--probes", "1", "--label", "human")
        found = findings(ended)
        settings = read_settings({"judges": {"default": {"url": [emulator.url], "model": "emulator"}}}, file=None)
        shown = asyncio.run(_card_of(settings))
    assert {"injection.success", "sycophancy.shift", "null-model.wins", "history.changed"} <= found.keys()
    assert found["sycophancy.shift"]["value"] == pytest.approx(0.0, abs=1e-6)
    assert "not identified" in found["self-preference.shift"]["note"]
    assert found["verbosity.bias"]["n"] > 0
    # Scores and comparisons go by the same worth.
    assert (found["protocol.disagreement"]["value"], found["protocol.disagreement"]["n"]) == (0.0, 12)
    assert [rubric["audited"] for rubric in shown["rubrics"]] == [12]


def test_a_judge_that_writes_is_drawn_again_and_its_letters_are_left_alone(
    tmp_path: Path, audit: Callable[..., Ended], ran: Callable[..., Ended]
) -> None:
    source = cases(tmp_path / "in.jsonl", 30)
    with serving(slope=0.4) as emulator:
        found = findings(audit(emulator, source, "--json", "--method", "cot", "--repeats", "4"))
    assert 0.5 < found["consistency.same_winner"]["value"] < 1
    assert found["position.bias"]["value"] is None
    assert found["label.bias"]["value"] is None
    assert "not identified" in found["label.bias"]["note"]
    assert "retest.noise" not in found


def test_a_threshold_makes_the_exit_code_and_a_second_audit_shows_the_change(
    tmp_path: Path, audit: Callable[..., Ended], ran: Callable[..., Ended]
) -> None:
    source, first = cases(tmp_path / "in.jsonl", 60), tmp_path / "first.json"
    limits = tmp_path / "limits.toml"
    limits.write_text('fail_if = ["position.flips>90%"]\n')
    flags = ["--repeats", "0", "--thresholds", str(limits)]
    with serving(bias=1.5, noise=0.2) as emulator:
        held = audit(emulator, source, *flags, "-o", str(first), "--fail-if", "|position.bias|>2")
        assert held.code == 0, held.err
        assert "no card of this judge under this rubric was made before" in held.out
        failed = audit(emulator, source, *flags, "--fail-if", "|position.bias|>1, verdicts.unscored>5%")
        assert failed.code == 3
        assert "FAILED: |position.bias|>1" in failed.out
        assert "held: position.flips>90%" in failed.out
        assert "0 of" in failed.out
        # The same file at the same address: another judge in the same epoch, as far as anyone can tell.
        emulator.configure(bias=0.3)
        more = write_rows(
            tmp_path / "more.jsonl",
            [{**json.loads(row), "prompt": f"New {k}"} for k, row in enumerate(Path(source).read_text().splitlines())],
        )
        told = json.loads((audit(emulator, more, "--json", "--repeats", "0")).out)
        against = json.loads((audit(emulator, more, "--json", "--repeats", "0", "--against", str(first))).out)
    change = {each["name"]: each for each in told["changes"]["changes"]}["position.bias"]
    assert change["beyond"] is True
    assert change["change"] == pytest.approx(-1.2, abs=0.1)
    assert told["changes"]["same_epoch"] is True
    assert against["changes"]["version"] == json.loads(first.read_bytes())["version"]


def test_the_card_is_shown_by_the_service_until_the_judge_becomes_another(
    tmp_path: Path, audit: Callable[..., Ended], ran: Callable[..., Ended]
) -> None:
    source = cases(tmp_path / "in.jsonl", 20)
    (tmp_path / "judge-service.toml").write_text(
        '[judges.default]\nmodel = "emulator"\ncanary_seconds = 0.000001\nurl = "URL"\n'
    )
    with serving(bias=0.5) as emulator:
        config = Path("judge-service.toml")
        config.write_text(config.read_text().replace("URL", emulator.url))
        made = json.loads((ran("audit", source, "--json", "-q", "--repeats", "0", "--probes", "0")).out)
        before = asyncio.run(_card_of())
        emulator.configure(flip=True, bias=-2.0)
        after = asyncio.run(_card_of())
        again = json.loads((ran("audit", source, "--json", "-q", "--repeats", "0", "--probes", "0")).out)
    assert [card["version"] for card in before["audits"]] == [made["version"]]
    assert before["last_audit"] >= made["made_at"]
    assert before["audits_of_an_earlier_epoch"] == []
    assert (after["epoch"], after["audits"]) == (1, [])
    assert [card["version"] for card in after["audits_of_an_earlier_epoch"]] == [made["version"]]
    assert again["changes"]["same_epoch"] is False
    assert again["changes"]["version"] == made["version"]


async def _card_of(settings: Settings | None = None) -> Any:
    async with open_service(settings or read_settings()) as service:
        return await judge_record(service.judges["default"], service.cards)


def test_perturbing_says_where_the_variance_comes_from_and_where_it_does_not(
    tmp_path: Path, audit: Callable[..., Ended], ran: Callable[..., Ended]
) -> None:
    source, page = cases(tmp_path / "in.jsonl", 60), tmp_path / "page.html"
    with serving(bias=0.7, label_bias=0.4, wording=0.6, unsteady=0.3, seed=1) as emulator:
        ended = audit(emulator, "--perturb", source, "--json", "--report", str(page))
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)
    variances = {each["factor"]: each["variance"] for each in told["factors"]}
    assert near(told["position_bias"], 0.7)
    assert {name: near(each, 0.4) for name, each in told["label_bias"].items()} == {"A and B": True, "1 and 2": True}
    assert near(variances["repeats"], 0.09)
    assert near(variances["date"], 0.0)
    # Of three wordings each moves the verdict by 0.6; over them that is two thirds of it, of five four fifths.
    assert near(variances["paraphrase"], 0.36 * 2 / 3)
    assert near(variances["language"], 0.36 * 4 / 5)
    assert {each["factor"]: each["levels"] for each in told["factors"]}["language"] == 5
    assert told["left_out"].keys() == {"thinking"}
    assert all(title in page.read_text() for title in ("Variance of one answer", "Winners that a wording changes"))


def test_thinking_that_is_optional_is_turned_on_for_one_wording(
    tmp_path: Path, audit: Callable[..., Ended], ran: Callable[..., Ended]
) -> None:
    source = cases(tmp_path / "in.jsonl", 8)
    with serving(thinking="optional") as emulator:
        Path("judge-service.toml").write_text(
            f'[judges.default]\nmodel = "emulator"\nurl = "{emulator.url}"\nthinking = "optional"\n'
            "template_kwargs = {enable_thinking = false}\n"
        )
        ended = ran("audit", source, "--perturb", "--json", "-q", "--repeats", "0")
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)
    assert told["left_out"] == {}
    (thinking,) = [each for each in told["wordings"] if each["factor"] == "thinking"]
    assert thinking["flips"]["n"] == 8
    assert thinking["lean"] is None


def test_a_trained_judge_s_own_format_is_not_worded_otherwise(
    tmp_path: Path, audit: Callable[..., Ended], ran: Callable[..., Ended]
) -> None:
    source = cases(tmp_path / "in.jsonl", 6)
    with serving() as emulator:
        ended = audit(emulator, source, "--perturb", "--rubric", "pandalm", "--json")
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)
    assert set(told["left_out"]) == {"labels", "paraphrase", "date", "language", "thinking"}


def votes(k: int, one: float, other: float) -> tuple[Vote, ...]:
    def vote(first: str, second: str, lean: float) -> Vote:
        told = {first: sigmoid(lean), second: sigmoid(-lean)}
        return Vote("default", "pair", "direct", (first, second), evidence="logprobs", probabilities=told, tie=0.0)

    return vote("a", "b", one), vote("b", "a", other)


def stored(path: Path) -> str:
    judgments = [
        judgment(
            f"c{k}", z, votes=votes(k, z + 0.5, -z + 0.5), metadata={"human": "a", "language": "de" if k % 2 else "nl"},
            verdict=Preference("ab"[z < 0], sigmoid(z), z, abs(z) > 0.5, 0.5, "logprobs", "mean-logit"),
        )
        for k, z in enumerate(map(float, np.random.default_rng(1).normal(size=40)))
    ]  # fmt: skip
    return written(path, judgments)


def test_stored_judgments_need_no_judge_and_say_what_they_cannot_tell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, page = stored(tmp_path / "j.jsonl"), tmp_path / "page.json"
    ended = called(capsys, monkeypatch, "audit", source, "--label", "human", "--json", "--report", str(page))
    found = findings(ended)
    assert found["position.bias"]["value"] == pytest.approx(0.5)
    assert found["position.bias[language=nl]"]["n"] == 20
    assert "letters were not turned round" in found["label.bias"]["note"]
    assert found["consistency.same_winner"]["value"] is None
    assert "nothing was asked twice" in found["consistency.same_winner"]["note"]
    numbers = json.loads(page.read_bytes())
    assert numbers
    shown = called(capsys, monkeypatch, "audit", source, "--label", "human")
    assert shown.code == 0
    assert "stored judgments" in shown.out
    assert "place and label are not told apart" in shown.out


def test_a_report_of_a_card_has_its_plots(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr("judge_service.cli.audits.card.write_report", lambda path, report: drawn.append(report))
    called(capsys, monkeypatch, "audit", stored(tmp_path / "j.jsonl"), "--label", "human", "--report", "page.html")
    kinds = [type(plot) for section in drawn[0].sections for plot in section.plots]
    assert {Scatter, Histogram, Reliability} <= set(kinds)


def test_repeated_rankings_have_a_card_of_their_agreement(
    tmp_path: Path, ran: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr("judge_service.cli.audits.card.write_report", lambda path, report: drawn.append(report))
    ranked = [
        judgment(f"c{k}", 0.0, kind="ranking", verdict=Ranking(("a", "b"), None, None, None, w, "listwise", 5))
        for k, w in enumerate((0.2, 0.6, 1.0, None))
    ]
    found = findings(ran("audit", written(tmp_path / "r.jsonl", ranked), "--json", "--report", "w.html"))
    assert found.keys() == {"rankings.kendall_w"}
    assert (found["rankings.kendall_w"]["value"], found["rankings.kendall_w"]["n"]) == (pytest.approx(0.6), 3)
    (histogram,) = [plot for section in drawn[0].sections for plot in section.plots]
    assert histogram.counts == (0, 1, 0, 0, 0, 1, 0, 0, 0, 1)


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (["j.jsonl", "--perturb"], "takes cases"),
        (["j.jsonl", "--fail-if", "nothing>1"], "no measure 'nothing'"),
        (["j.jsonl", "--against", "j.jsonl"], "--against j.jsonl"),
        (["j.jsonl", "--thresholds", "none.toml"], "none.toml"),
        (["j.jsonl", "--perturb", "--fail-if", "position.bias>1"], "--perturb takes no"),
        (["nowhere.jsonl"], "nowhere.jsonl"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(
    tmp_path: Path, argv: list[str], why: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(tmp_path / "j.jsonl")
    ended = called(capsys, monkeypatch, "audit", *argv)
    assert ended.code == 2
    assert why in ended.err
    assert len(ended.err.strip().splitlines()) == 1


def test_audit_alone_and_its_help_name_the_card_and_its_parts(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for argv in (["audit", "--help"], ["audit"]):
        ended = called(capsys, monkeypatch, *argv)
        assert all(name in ended.out + ended.err for name in ("card", "position", "calibration", "IN…"))
