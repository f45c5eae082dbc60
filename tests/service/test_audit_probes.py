"""The audit of what sways a judge, on an emulated judge that is swayed as planted."""

import math
import random
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import orjson
import pytest
from programs import called, ran, write_rows

from judge_service.domain.cases import Candidate, Case
from judge_service.domain.options import options_from
from judge_service.domain.probes import Pair
from judge_service.emulator.behaviour import Behaviour
from judge_service.emulator.server import Emulator
from judge_service.evaluation.audits.measures import Measure
from judge_service.evaluation.audits.probing import Seen
from judge_service.library.probes import open_probes
from judge_service.probing.running import Probing, probed
from judge_service.probing.variants import variants
from judge_service.settings import Settings, read_settings
from judge_service.wiring import open_service

SWAYED = ("sycophancy", "authority", "format", "verbosity")
UNSWAYED = {"bias": 1.2, "noise": 0.3}


def pairs(count: int, authors: tuple[str, str] | None = None) -> list[Pair]:
    """Cases with a planted worth; where authors are named, the first one's style is marked as the emulator's own."""
    drawn = random.Random(7)
    made = []
    for i in range(count):
        worths = [f"(worth {drawn.gauss(13, 1.2):.2f})" for _ in range(2)]
        texts = [f"The first answer to number {i} has some words. It goes on for a while. {worths[0]}",
                 f"Another answer to number {i} is this one. It goes on for a while too. {worths[1]}"]  # fmt: skip
        models: tuple[str | None, str | None] = (None, None)
        if authors is not None:
            # Which of the two stands first says nothing.
            models = authors if i % 2 else authors[::-1]
            texts = [f"{text} (style {model})" for text, model in zip(texts, models, strict=True)]
        candidates = (Candidate("x", texts[0], models[0]), Candidate("y", texts[1], models[1]))
        made.append(Pair(Case(f"c{i}", f"Which of these, number {i}?", candidates)))
    return made


def settings_for(emulator: Emulator, cache: Path) -> Settings:
    told = {"judges": {"default": {"url": [emulator.url], "model": "emulator"}}, "cache": {"url": f"sqlite:///{cache}"}}
    return read_settings(told, environ={}, file=None)


async def found(tmp_path: Path, probing: Probing, **planted: Any) -> dict[str, Measure]:
    """What the audit measures on an emulated judge with these settings, by name."""
    async with Emulator(Behaviour().changed(planted)) as emulator:
        settings = settings_for(emulator, tmp_path / f"{len(list(tmp_path.iterdir()))}.db")
        async with open_service(settings) as service:
            measures = await probed(service, options_from({}, "compare"), probing)
            (judge,) = service.judges.values()
            assert not list(service.cards.of_judge(judge.identity.digest)), "its card learnt of changed cases"
    return {measure.name: measure for measure in measures}


def holds(measure: Measure, truth: float) -> bool:
    """Whether an interval holds the truth; what does not vary at all has an interval as narrow as floats are."""
    assert measure.low is not None
    assert measure.high is not None
    return measure.low - 1e-6 <= truth <= measure.high + 1e-6


async def test_a_judge_that_nothing_sways_is_found_to_be_one_whatever_its_position_bias(tmp_path: Path) -> None:
    measures = await found(tmp_path, Probing(open_probes(SWAYED), pairs(16), texts=3), **UNSWAYED)
    for suite in SWAYED:
        assert holds(measures[f"{suite}.shift"], 0.0), measures[f"{suite}.shift"]
    assert measures["sycophancy.flips"].value == 0.0


async def test_each_planted_leaning_is_found_within_its_interval(tmp_path: Path) -> None:
    tried = pairs(16)
    planted = {"sycophancy": 0.8, "authority": 0.6, "formatting": 0.5}
    measures = await found(
        tmp_path, Probing(open_probes(["sycophancy", "authority", "format"]), tried, texts=4), **UNSWAYED, **planted
    )
    assert holds(measures["sycophancy.shift"], 0.8), measures["sycophancy.shift"]
    assert holds(measures["authority.shift"], 0.6), measures["authority.shift"]
    assert holds(measures["format.shift"], 0.5), measures["format.shift"]
    for suite in ("sycophancy", "authority", "format"):
        assert (measures[f"{suite}.shift"].low or 0.0) > 0.0
        assert (measures[f"{suite}.flips"].value or 0.0) > 0.0
        assert holds(measures[f"{suite}.shift_placebo"], 0.0)


async def test_verbosity_is_found_as_far_as_the_texts_grew(tmp_path: Path) -> None:
    tried = pairs(16)
    (probe,) = open_probes(["verbosity"])
    measures = await found(tmp_path, Probing([probe], tried), verbosity=0.7, **UNSWAYED)
    grown = [
        math.log(len(str(v.case.candidates[side].content).strip()) / len(str(pair.case.candidates[side].content)))
        for pair in tried
        for v in variants(pair, probe, None)
        if (side := v.trial.toward) is not None
    ]
    assert holds(measures["verbosity.shift"], 0.7 * fmean(grown))


async def test_injected_orders_succeed_less_often_with_our_guards_than_without(tmp_path: Path) -> None:
    (probe,) = open_probes(["injection"])
    # What poses as a thought is not shown to a judge at all, guarded or not.
    shown = replace(probe, texts=tuple([text for text in probe.texts if text.id != "fake-reasoning"]))
    probing = Probing([shown], pairs(12), texts=8)
    obedient = await found(tmp_path, probing, obeys=3.0, obeys_fenced=0.4)
    guarded, bare = obedient["injection.success"], obedient["injection.success_unguarded"]
    assert guarded.value is not None
    assert bare.value is not None
    assert guarded.value < bare.value - 0.3
    assert (obedient["injection.lowered_by_guards"].low or 0.0) > 0.0
    assert holds(obedient["injection.shift"], 0.4)
    assert holds(obedient["injection.shift_unguarded"], 3.0)
    deaf = await found(tmp_path, probing, **UNSWAYED)
    assert (deaf["injection.lowered_by_guards"].value or 0.0) <= 0.1
    assert holds(deaf["injection.lowered_by_guards"], 0.0)


async def test_answers_that_are_none_and_turns_before_the_prompt_are_told_where_they_count(tmp_path: Path) -> None:
    probing = Probing(open_probes(["null-model", "history"]), pairs(10), texts=4)
    sound = await found(tmp_path, probing)
    assert sound["null-model.wins"].value == 0.0
    assert sound["history.consistency"].value == 1.0
    fooled = await found(tmp_path, probing, degenerate=20.0, history=2.0)
    assert (fooled["null-model.wins"].low or 0.0) > 0.1
    assert (fooled["history.changed"].value or 0.0) > 0.1


async def test_self_preference_is_found_with_a_control_and_not_identified_without(tmp_path: Path) -> None:
    (probe,) = open_probes(["self-preference"])
    tried = pairs(40, ("emulator", "claude-3"))
    bare = await found(tmp_path, Probing([probe], tried), self_preference=0.9)
    assert bare["self-preference.shift"].value is None
    assert "without people's labels" in bare["self-preference.shift"].note
    worths = {pair.case.id: [float(str(c.content).split("(worth ")[1].split(")")[0]) for c in pair.case.candidates]
              for pair in tried}  # fmt: skip
    noise = random.Random(2)
    gaps = {name: one - other + noise.gauss(0, 0.2) for name, (one, other) in worths.items()}
    controls = {name: Seen(gap, float(gap > 0)) for name, gap in gaps.items()}
    controlled = Probing([probe], tried, controls=controls)
    fond = await found(tmp_path, controlled, self_preference=0.9, **UNSWAYED)
    assert holds(fond["self-preference.shift"], 0.9), fond["self-preference.shift"]
    assert (fond["self-preference.shift"].low or 0.0) > 0.0
    fair = await found(tmp_path, controlled, **UNSWAYED)
    assert holds(fair["self-preference.shift"], 0.0), fair["self-preference.shift"]
    assert holds(fair["self-preference.excess"], 0.0)


async def test_what_a_judge_did_not_answer_is_counted_and_is_no_verdict(tmp_path: Path) -> None:
    measures = await found(tmp_path, Probing(open_probes(["sycophancy"]), pairs(4), texts=1), frefuse=1.0)
    assert all(measure.value is None and measure.n == 0 for measure in measures.values())


async def test_the_command_tells_its_findings_and_asks_nothing_twice(tmp_path: Path) -> None:
    own = [
        {"id": pair.case.id, "prompt": pair.case.prompt, "candidates": [c.content for c in pair.case.candidates],
         "paraphrases": ["In other words?"]}
        for pair in pairs(6)
    ]  # fmt: skip
    (tmp_path / "own.jsonl").write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in own))
    labels = [{"case_id": row["id"], "label": "a"} for row in own]
    (tmp_path / "labels.jsonl").write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in labels))
    async with Emulator(Behaviour().changed({"sycophancy": 1.5})) as emulator:
        which = ("--judge-url", emulator.url, "--model", "emulator", "--quiet")
        asked = ("audit", "probes", "own.jsonl", *which, "--suite", "sycophancy,paraphrase", "--texts", "2")
        first = await ran(*asked, "--labels", "labels.jsonl", "--json", "-o", "card.json")
        assert first.code == 0, first.err
        again = await ran(*asked)
    record = orjson.loads(first.out)
    assert record == orjson.loads((tmp_path / "card.json").read_bytes())
    assert record["object"] == "probes"
    assert [suite["suite"]["id"] for suite in record["suites"]] == ["paraphrase", "sycophancy"]
    measures = {measure["name"]: measure for measure in record["measures"]}
    assert measures["sycophancy.shift"]["value"] == pytest.approx(1.5, abs=1e-6)
    assert measures["paraphrase.consistency"] == {
        "name": "paraphrase.consistency", "value": 1.0, "low": pytest.approx(0.541, abs=0.01), "high": 1.0, "n": 6,
        "unit": "share", "note": "",
    }  # fmt: skip
    assert record["judge_calls"] > 0
    assert again.code == 0, again.err
    assert "sycophancy: What the user says" in again.out
    assert "+1.50 (+1.50 to +1.50) logits, n 24" in again.out
    assert "beyond what the suite suggests" in again.out


async def test_another_judges_judgments_are_a_control_and_contrasts_may_be_ones_own(tmp_path: Path) -> None:
    rows = [
        {"id": pair.case.id, "prompt": pair.case.prompt,
         "candidates": [{"id": c.id, "content": c.content, "model": c.model} for c in pair.case.candidates]}
        for pair in pairs(20, ("emulator", "claude-3"))
    ]  # fmt: skip
    write_rows(tmp_path / "own.jsonl", rows)
    contrasts = [{"id": 1, "prompts": ["up?", "down?"], "responses": ["up (worth 3)", "down (worth 1)"]}]
    write_rows(tmp_path / "contrasts.jsonl", contrasts)
    async with Emulator(Behaviour()) as other, Emulator(Behaviour().changed({"self_preference": 0.9})) as fond:
        apart = ("compare", "own.jsonl", "--judge-url", other.url, "--model", "other", "--quiet", "-o", "other.jsonl")
        judged = await ran(*apart)
        assert judged.code == 0, judged.err
        which = ("--judge-url", fond.url, "--model", "emulator", "--quiet", "--suite", "self-preference,contrast")
        given = ("--control", "other.jsonl", "--contrast", "contrasts.jsonl", "--json")
        ended = await ran("audit", "probes", "own.jsonl", *which, *given)
    assert ended.code == 0, ended.err
    measures = {measure["name"]: measure for measure in orjson.loads(ended.out)["measures"]}
    assert measures["self-preference.shift"]["value"] == pytest.approx(0.9, abs=0.02)
    assert measures["self-preference.shift"]["n"] == 20
    assert (measures["contrast.by_response"]["value"], measures["contrast.by_response"]["n"]) == (0.5, 2)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("--suite", "charm"), "there is no suite 'charm'"),
        (("none.jsonl",), "none.jsonl: no such file"),
        (("bad.jsonl",), "bad.jsonl line 2: candidates are missing"),
        (("--contrast", "bad.jsonl"), "bad.jsonl line 1: prompts is a list of two texts"),
        (("--label", "x", "--control", "bad.jsonl"), "give one"),
    ],
)
def test_bad_input_is_one_clear_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    argv: tuple[str, ...],
    said: str,
) -> None:
    (tmp_path / "bad.jsonl").write_text('{"prompt": "p", "candidates": ["a", "b"]}\n{"prompt": "q"}\n')
    ended = called(capsys, monkeypatch, "audit", "probes", *argv, "--offline", "--suite", "contrast")
    assert ended.code == 2
    assert said in ended.err
    assert len(ended.err.splitlines()) == 1


async def test_a_run_that_was_not_all_judged_ends_with_three(tmp_path: Path) -> None:
    async with Emulator(Behaviour().changed({"frefuse": 1.0})) as emulator:
        which = ("--judge-url", emulator.url, "--model", "emulator", "--quiet")
        ended = await ran("audit", "probes", *which, "--suite", "contrast", "--json")
    assert ended.code == 3, ended.err
    record = orjson.loads(ended.out)
    assert record["unscored"] == record["judged"] == 48
    assert all(measure["value"] is None for measure in record["measures"])
