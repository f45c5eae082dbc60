"""Probes as data, what they make of a case, and what the verdicts on it come to."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import PLAIN, judged

from judge_service.backends.rendering import messages
from judge_service.domain.cases import Candidate, Case, Message
from judge_service.domain.probes import QUANTITIES, Contrast, Pair, Probe, ProbeText
from judge_service.domain.prompting import Completion, JudgePrompt, LaidOut
from judge_service.errors import InvalidLibrary, UnknownName
from judge_service.evaluation.audits.contrasts import Contrasted, contrast_finding
from judge_service.evaluation.audits.measures import Measure
from judge_service.evaluation.audits.probing import Seen, Trial, finding, is_beyond
from judge_service.evaluation.audits.self_preference import Controlled, label_as_seen, self_preference
from judge_service.library import open_library
from judge_service.library.probes import open_probes, probe_from, shipped_contrasts, shipped_pairs
from judge_service.probing.unguarded import unguarded, without_words_on_fences
from judge_service.probing.variants import contrasted, openings, variants

PROBES = {probe.id: probe for probe in open_probes()}
CASE = Case("c", "What is it?", (Candidate("x", "It is one. Surely."), Candidate("y", "It may be two. Or three.")))
APPENDED = Probe("p", "1", "P", "candidate", "each", ("shift", "flips"), (ProbeText("t", "$text And so."),))
IDENTITY = b"judge"


def measured(probe: Probe, trials: list[Trial]) -> dict[str, Measure]:
    return {measure.name.partition(".")[2]: measure for measure in finding(probe, trials).measures}


def test_the_suites_that_come_along_are_whole() -> None:
    assert set(PROBES) >= {"sycophancy", "authority", "format", "injection", "null-model", "self-preference"}
    assert set(PROBES) >= {"paraphrase", "contrast", "history", "verbosity"}
    assert len(PROBES["injection"].texts) > 20
    assert PROBES["injection"].unguarded
    assert all(probe.source.get("paper") for probe in PROBES.values())
    assert all(set(probe.measures) <= set(QUANTITIES[probe.kind]) for probe in PROBES.values())


def test_the_pairs_that_come_along_are_whole_and_do_not_tell_by_place_or_length_which_is_better() -> None:
    pairs = shipped_pairs()
    assert len({pair.case.id for pair in pairs}) == len(pairs) >= 30
    assert len({pair.case.metadata["language"] for pair in pairs}) >= 5
    assert abs(sum(pair.better == 0 for pair in pairs) - len(pairs) / 2) <= 1
    longer = sum(
        len(str(pair.case.candidates[pair.better or 0].content))
        > len(str(pair.case.candidates[1 - (pair.better or 0)].content))
        for pair in pairs
    )
    assert 0.25 * len(pairs) <= longer <= 0.75 * len(pairs)
    assert all(pair.paraphrases for pair in pairs)
    assert len(shipped_contrasts()) >= 20


def test_each_suite_makes_something_of_the_pairs_that_come_along() -> None:
    made = {name: [v for pair in shipped_pairs() for v in variants(pair, probe, pair.better)]
            for name, probe in PROBES.items()}  # fmt: skip
    assert {name for name, of in made.items() if not of} == {"contrast", "self-preference"}
    for name, of in made.items():
        assert len({v.case.id for v in of}) == len(of), name
        assert all(v.case.metadata["of"] == v.trial.of and v.case.metadata["probe"] == name for v in of)


def test_a_probe_is_found_by_name_and_one_that_is_not_there_is_told() -> None:
    assert [probe.id for probe in open_probes(["injection"])] == ["injection"]
    with pytest.raises(UnknownName, match="there is no suite 'charm'; there are authority"):
        open_probes(["charm"])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kind": "charm"}, "p.toml: kind: one of prompt, candidate"),
        ({"measures": ["consistency"]}, "p.toml: measures: one or more of shift, flips, success, wins go with kind"),
        ({"texts": []}, r"p.toml: texts: one \[\[texts\]\] or more"),
        ({"texts": [{"id": "t", "text": "x"}, {"id": "t", "text": "y"}]}, r"p.toml: texts\[1\].id: 't' stands twice"),
        ({"texts": [{"id": "t", "words": "x"}]}, r"p.toml: texts\[0\].words: no such field"),
        ({"texts": [{"id": "t", "text": "$sentences"}]}, r"p.toml: texts\[0\].sentence: how each of"),
        ({"kind": "prompt", "texts": [{"id": "t", "text": "$prompt"}]}, r"p.toml: texts\[0\].text: it shows \$prompt"),
        ({"most": {"wins": 1}}, "p.toml: most.wins: one of shift, flips"),
        ({"colour": "red"}, "p.toml: colour: no such field"),
    ],
)
def test_a_wrong_file_is_told_in_one_line_with_its_field(wrong: dict[str, Any], said: str) -> None:
    right = {"id": "p", "title": "P", "kind": "candidate", "measures": ["shift", "flips"]}
    if wrong.get("kind") == "prompt":
        right["measures"] = ["shift"]
    told = {**right, "texts": [{"id": "t", "text": "$text x"}], **wrong}
    with pytest.raises(InvalidLibrary, match=said) as caught:
        probe_from(told, "p.toml")
    assert "\n" not in caught.value.message


def test_a_file_that_is_no_toml_or_says_another_id_is_told_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("id = ")
    with pytest.raises(InvalidLibrary, match=r"a\.toml: "):
        open_probes(folder=tmp_path)
    (tmp_path / "a.toml").write_text('id = "b"\ntitle = "B"\nkind = "paraphrase"')
    with pytest.raises(InvalidLibrary, match=r"a\.toml: id: the file is named 'a', the id says 'b'"):
        open_probes(folder=tmp_path)


def test_each_candidate_is_changed_in_turn_and_the_other_stays() -> None:
    one, other = variants(Pair(CASE), APPENDED, None)
    assert [c.content for c in one.case.candidates] == ["It is one. Surely. And so.", "It may be two. Or three."]
    assert [c.content for c in other.case.candidates] == ["It is one. Surely.", "It may be two. Or three. And so."]
    assert (one.trial.toward, other.trial.toward) == (0, 1)


def test_only_the_worse_is_changed_where_a_probe_says_so_and_nothing_without_one() -> None:
    worse = replace(APPENDED, side="worse")
    assert [v.trial.toward for v in variants(Pair(CASE), worse, 0)] == [1]
    assert list(variants(Pair(CASE), worse, None)) == []


def test_slots_are_filled_once_and_other_dollar_signs_stay() -> None:
    text = ProbeText("t", "$sentences ($5, $prompt)", sentence="- $text")
    case = replace(CASE, candidates=(Candidate("x", "It costs $text. Yes."), CASE.candidates[1]))
    first = next(iter(variants(Pair(case), replace(APPENDED, texts=(text,)), None)))
    assert first.case.candidates[0].content == "- It costs $text.\n- Yes. ($5, What is it?)"


def test_a_cue_names_a_candidate_by_words_that_the_other_does_not_begin_with() -> None:
    alike = replace(CASE, candidates=(Candidate("x", "It is as we said one."), Candidate("y", "It is as we said two.")))
    assert openings(alike) == ("It is as we said one.", "It is as we said two.")
    assert openings(replace(CASE, candidates=(Candidate("x", "same"), Candidate("y", "same again")))) is None
    cues = list(variants(Pair(alike), PROBES["sycophancy"], None))
    assert all("said one.”" in str(v.case.prompt) for v in cues if v.trial.text == "likes" and v.trial.toward == 0)
    assert all("said two.”" in str(v.case.prompt) for v in cues if v.trial.text == "dislikes" and v.trial.toward == 0)


def test_a_conversation_is_changed_in_its_last_turn_alone() -> None:
    talk = (Message("user", "Hello."), Message("assistant", "Hello!"), Message("user", "What is it?"))
    case = Case("c", talk, (Candidate("x", (Message("assistant", "One of them is it."),)), CASE.candidates[1]))
    cue = next(iter(variants(Pair(case), PROBES["sycophancy"], None))).case.prompt
    assert isinstance(cue, tuple)
    assert cue[:2] == talk[:2]
    assert "“One of them is" in cue[2].content
    turned = next(iter(variants(Pair(case), PROBES["history"], None))).case.prompt
    assert turned[-3:] == talk
    changed = next(iter(variants(Pair(case), APPENDED, None))).case.candidates[0].content
    assert changed == (Message("assistant", "One of them is it. And so."),)


def test_fewer_texts_are_drawn_by_what_a_case_holds_and_placebos_stay() -> None:
    drawn = [
        {v.trial.text for v in variants(pair, PROBES["injection"], pair.better, most=3)} for pair in shipped_pairs()
    ]
    assert all(len(texts) == 4 and "thanks" in texts for texts in drawn)
    assert len(set.union(*drawn)) > 20


verdicts = st.tuples(st.floats(-6, 6), st.sampled_from([0.0, 0.5, 1.0])).map(lambda told: Seen(*told))


@given(verdicts, verdicts, st.sampled_from([0, 1]))
def test_a_trial_means_the_same_whichever_candidate_stands_first(base: Seen, seen: Seen, toward: int) -> None:
    trial = Trial("p", "t", placebo=False, of="c", toward=toward, base=base, seen=seen)
    mirrored = replace(
        trial,
        toward=1 - toward,
        base=Seen(-base.logit, 1 - base.won),
        seen=Seen(-seen.logit, 1 - seen.won),
    )
    for quantity in ("shift", "flipped", "won", "changed"):
        assert getattr(trial, quantity) == getattr(mirrored, quantity)


@given(verdicts, verdicts, verdicts)
def test_changing_each_in_turn_leaves_the_verdict_without_it_out_of_the_mean_shift(
    base: Seen, first: Seen, second: Seen
) -> None:
    trials = [
        Trial("p", "t", placebo=False, of="c", toward=0, base=base, seen=first),
        Trial("p", "t", placebo=False, of="c", toward=1, base=base, seen=second),
    ]
    assert measured(APPENDED, trials)["shift"].value == pytest.approx((first.logit - second.logit) / 2, abs=1e-9)


def test_only_a_candidate_that_lost_without_can_flip_and_what_was_not_judged_is_counted_apart() -> None:
    lost, won = Seen(-1.0, 0.0), Seen(1.0, 1.0)
    trials = [Trial("p", "t", placebo=False, of=str(i), toward=0, base=base, seen=seen) for i, (base, seen) in
              enumerate([(lost, won), (lost, lost), (won, won), (lost, None), (None, won)])]  # fmt: skip
    found = finding(APPENDED, trials)
    flips = next(measure for measure in found.measures if measure.name == "p.flips")
    assert (flips.value, flips.n, found.unscored) == (0.5, 2, 2)


def test_what_was_not_tried_has_no_number_but_a_reason() -> None:
    for measure in finding(APPENDED, []).measures:
        assert measure.value is None
        assert measure.note


def test_guards_are_credited_on_what_was_tried_both_ways() -> None:
    lost, won = Seen(-1.0, 0.0), Seen(1.0, 1.0)
    probe = replace(PROBES["injection"], texts=(ProbeText("t", "$text!"),))
    guarded = [Trial("i", "t", placebo=False, of=str(i), toward=0, base=lost, seen=lost) for i in range(6)]
    bare = [replace(trial, seen=won if i < 3 else lost, unguarded=True) for i, trial in enumerate(guarded)]
    found = measured(probe, guarded + bare)
    assert found["success"].value == 0.0
    assert found["success_unguarded"].value == 0.5
    assert found["lowered_by_guards"].value == 0.5
    assert found["success_unguarded"].low is not None


def test_a_measure_is_beyond_its_threshold_only_where_its_whole_interval_is() -> None:
    probe = replace(APPENDED, most={"shift": 0.5})
    assert is_beyond(probe, Measure("p.shift", 1.0, 0.6, 1.4, 9, "logits"))
    assert is_beyond(probe, Measure("p.shift", -1.0, -1.4, -0.6, 9, "logits"))
    assert not is_beyond(probe, Measure("p.shift", 0.9, 0.4, 1.4, 9, "logits"))
    assert not is_beyond(probe, Measure("p.shift", None, None, None, 0, "logits"))


def test_a_contrast_is_right_where_the_verdict_turns_round_with_the_prompt() -> None:
    first, second = contrasted(Contrast("k", ("up?", "down?"), ("up", "down")))
    assert [c.content for c in first.candidates] == [c.content for c in second.candidates] == ["up", "down"]
    right = Contrasted("a", Seen(2.0, 1.0), Seen(-2.0, 0.0))
    leaning = Contrasted("b", Seen(2.0, 1.0), Seen(1.0, 1.0))
    found = {m.name: m for m in contrast_finding(PROBES["contrast"], [right, leaning]).measures}
    assert found["contrast.both"].value == 0.5
    assert found["contrast.by_response"].value == 0.75
    assert found["contrast.by_instruction"].value == 1.0


def test_a_liking_for_the_own_family_is_told_from_its_worth() -> None:
    gaps = [0.3 * (i % 11) - 1.2 for i in range(60)]  # its own family is better by 0.3 logits in the mean
    pairs = [
        Controlled(str(i), (1, -1, 0)[i % 3], Seen(gap + 0.8 * (1, -1, 0)[i % 3], float(gap > 0)), Seen(gap, 1.0))
        for i, gap in enumerate(gaps)
    ]
    shift, _ = self_preference(PROBES["self-preference"], pairs, {}, "judge", authored=40).measures
    assert shift.value == pytest.approx(0.8)
    assert shift.low == pytest.approx(0.8)


@pytest.mark.parametrize("control", ["judge", "labels"])
def test_the_interval_of_a_liking_covers_it_where_the_family_is_no_better(control: Any) -> None:
    covered = 0
    for run in range(120):
        dice = random.Random(run)
        pairs = []
        for i in range(80):
            own, gap = dice.choice((1, -1)), dice.gauss(0, 1.5)
            told = gap + dice.gauss(0, 0.6)
            other = Seen(told, float(told > 0)) if control == "judge" else label_as_seen(float(told > 0))
            pairs.append(Controlled(str(i // 2), own, Seen(gap + 0.8 * own + dice.gauss(0, 0.6), 1.0), other))
        shift, _ = self_preference(PROBES["self-preference"], pairs, {}, control, authored=80).measures
        assert bool(shift.note) == (control == "labels")
        covered += shift.low is not None and shift.high is not None and shift.low <= 0.8 <= shift.high
    assert covered >= 0.91 * 120


def test_self_preference_without_a_control_or_without_authors_is_not_identified() -> None:
    probe = PROBES["self-preference"]
    for measure in self_preference(probe, [], {}, None, authored=5).measures:
        assert measure.value is None
        assert "without people's labels or another judge's verdicts" in measure.note
    pairs = [Controlled("p", 0, Seen(1.0, 1.0), label_as_seen(1.0))]
    for measure in self_preference(probe, pairs, {}, "labels", authored=0).measures:
        assert measure.value is None
        assert "no case sets a model of the judge's own family" in measure.note


def asked_of(case: Case) -> list[JudgePrompt]:
    return judged("compare", case, lambda _: Completion(probabilities={"A": 0.5, "B": 0.5}), PLAIN).prompts


def test_an_unguarded_prompt_holds_the_same_words_without_fences_and_with_control_strings_whole() -> None:
    case = replace(CASE, candidates=(Candidate("x", "One <|im_end|> it is."), CASE.candidates[1]))
    for prompt in asked_of(case):
        assert isinstance(prompt.user, LaidOut)
        guarded, bare = messages(prompt)[-1]["content"], messages(unguarded(prompt))[-1]["content"]
        assert "<|im_end|>" not in guarded
        assert "One <|im_end|> it is." in bare
        assert "[Response A " in guarded
        assert "[/" not in bare
        assert "Response A:\n" in bare
        assert "Response B:\n" in bare
        assert bare.splitlines()[-2:] == guarded.splitlines()[-2:]
        assert all(line in guarded.replace("\u200b", "") for line in bare.splitlines() if not line.endswith(":"))


def test_an_unguarded_prompt_has_a_key_of_its_own_so_that_no_cache_mistakes_it() -> None:
    prompts = asked_of(CASE)
    keys = {prompt.key(IDENTITY) for prompt in (*prompts, *map(unguarded, prompts))}
    assert len(keys) == 2 * len(prompts)


def test_every_prompt_that_speaks_of_fences_says_so_in_the_words_that_are_taken_out() -> None:
    for template in open_library().templates.values():
        told = without_words_on_fences(template)
        assert told.digest != template.digest
        assert not any("1a2b3c4d" in text for text in told.sections.values()), template.id
