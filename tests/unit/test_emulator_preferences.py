"""The emulated judge's mind: which candidates it sees in any template, and what it thinks of them."""

from __future__ import annotations

import json
import math
from statistics import fmean, pstdev

import pytest
from emulated_prompts import GOOD, PLAIN, POOR, TEMPLATES, asked, pair
from hypothesis import given
from hypothesis import strategies as st

from judge_service.emulator.behaviour import Behaviour
from judge_service.emulator.candidates import candidates_in
from judge_service.emulator.faults import drawn_fault
from judge_service.emulator.pacing import latency
from judge_service.emulator.preferences import logits, pair_leanings, shown
from judge_service.emulator.prefixes import Prefixes
from judge_service.emulator.requests import Prompt
from judge_service.emulator.speaking import said
from judge_service.emulator.tokens import decode, encode, id_of, token_of
from judge_service.errors import InvalidOption


@pytest.mark.parametrize("name", TEMPLATES)
def test_candidates_are_found_in_any_template_in_both_orders(name):
    assert candidates_in(TEMPLATES[name].format(GOOD, POOR)) == (GOOD, POOR)
    assert candidates_in(TEMPLATES[name].format(POOR, GOOD)) == (POOR, GOOD)


@pytest.mark.parametrize("name", TEMPLATES)
def test_swapping_unmarked_candidates_turns_the_logit_round(name):
    behaviour = Behaviour(bias=0.7)
    one, other = (
        logits(shown(TEMPLATES[name].format(*order), behaviour), behaviour) for order in ((GOOD, POOR), (POOR, GOOD))
    )
    assert (one[0] - one[1]) + (other[0] - other[1]) == pytest.approx(1.4)


def test_a_system_prompt_that_speaks_of_the_fences_holds_no_candidate():
    text = "Between [Response A 1a2b3c4d] and its closing line [/Response A 1a2b3c4d], with the same code, is material."
    assert candidates_in(text) == ()


def test_a_lone_response_between_our_fences_is_one_candidate():
    assert candidates_in("x\n[Response 1f2e3d4c]\nSome text.\n[/Response 1f2e3d4c]\n\nYour score, 1 to 5:") == (
        "Some text.",
    )


@given(st.text(max_size=400))
def test_no_text_breaks_the_search_for_candidates_or_the_answer(text):
    candidates_in(text)
    for fields in ({}, {"logprobs": True, "top_logprobs": 5}, {"temperature": 1.0}):
        assert said(Prompt(text), asked(**fields), PLAIN, ("drawn",)).text


@given(st.floats(-20, 20).map(lambda x: round(x, 2)), st.floats(-20, 20).map(lambda x: round(x, 2)), st.floats(-3, 3))
def test_the_logit_of_marked_candidates_is_as_planted(first, second, bias):
    behaviour = Behaviour(bias=bias, slope=0.5)
    values = logits(shown(pair(first, second), behaviour), behaviour)
    assert values[0] - values[1] == pytest.approx(0.5 * (first - second) + bias)


def test_flipped_preferences_keep_the_bias():
    behaviour = Behaviour(bias=1.0, flip=True)
    values = logits(shown(pair(5, 3), behaviour), behaviour)
    assert values[0] - values[1] == pytest.approx(-2.0 + 1.0)


def test_noise_depends_on_pair_and_order_alone_and_has_the_spread_that_is_set():
    behaviour = Behaviour(noise=0.8)
    drawn = [
        logits(shown(pair(i, i + 1, closing), behaviour), behaviour) for i in range(800) for closing in ("x", "yy")
    ]
    noise = [values[0] - values[1] + 1.0 for values in drawn]
    assert noise[::2] == noise[1::2]
    assert fmean(noise) == pytest.approx(0.0, abs=0.1)
    assert pstdev(noise) == pytest.approx(0.8, abs=0.08)
    swapped = logits(shown(pair(1, 0), behaviour), behaviour)
    assert swapped[0] - swapped[1] - 1.0 != pytest.approx(noise[0])


def test_verbosity_adds_worth_by_the_logarithm_of_the_length():
    text = TEMPLATES["ours"].format("x" * 100 + "(worth 5)", "x" * 10 + "(worth 5)")
    behaviour = Behaviour(verbosity=2.0)
    values = logits(shown(text, behaviour), behaviour)
    assert values[0] - values[1] == pytest.approx(2.0 * math.log(109 / 19))


def test_a_candidate_without_a_mark_is_worth_what_its_hash_draws_and_the_seed_changes_it():
    text = TEMPLATES["ours"].format("marked (worth 3)", "unmarked")
    first, second = shown(text, PLAIN).worths
    assert first == 3.0
    assert 0.0 < second < 10.0
    assert shown(text, Behaviour(seed=1)).worths[1] != second


def test_a_tie_weighs_most_between_equals():
    equal, unequal = (math.exp(pair_leanings([z, 0.0], 0.5)[2]) for z in (0.0, 4.0))
    assert equal == pytest.approx(0.5 / 2.5)
    assert unequal < equal


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=100))
def test_the_toy_tokenizer_is_exact(text):
    assert decode(encode(text)) == text


def test_control_tokens_and_two_digit_numbers_are_one_token():
    assert [len(encode(text)) for text in ("<|im_end|>", "10", " A", "A", "abc")] == [1, 1, 1, 1, 3]
    assert token_of(id_of("A")) == "A"
    assert id_of("A") == 1000 + ord("A")


def test_settings_are_checked_by_name_type_and_range():
    changed = PLAIN.changed({"bias": 2, "latency_ms": 20, "reject_fields": "logprobs, temperature"})
    assert (changed.bias, changed.latency_ms, changed.reject_fields) == (2.0, "20", ("logprobs", "temperature"))
    for wrong in ({"bais": 1}, {"bias": "x"}, {"f500": 1.5}, {"reading": "tea"}, {"latency_ms": "often"}, {"flip": 1}):
        with pytest.raises(InvalidOption) as told:
            PLAIN.changed(wrong)
        assert told.value.param == next(iter(wrong))
    with pytest.raises(InvalidOption, match="more than all calls"):
        PLAIN.changed({"f500": 0.6, "f429": 0.6})
    with pytest.raises(InvalidOption):
        PLAIN.changed({"bias": json.loads("1e999")})


def test_every_setting_says_what_it_does():
    assert all(PLAIN.__dataclass_fields__[name].metadata["about"] for name in PLAIN.as_json())


def test_latencies_are_fixed_or_distributed():
    assert latency("200").seconds(0.9) == 0.2
    assert latency("uniform:50,300").seconds(0.5) == pytest.approx(0.175)
    assert latency("lognormal:200,0.5").seconds(0.5) == pytest.approx(0.2)
    assert latency("lognormal:200,0.5").seconds(0.95) == pytest.approx(0.2 * math.exp(0.5 * 1.645), rel=1e-3)


def test_faults_come_by_their_share_and_pass_on_another_attempt_unless_they_stick():
    behaviour = Behaviour(f500=0.2, fbad=0.1)
    kinds = [drawn_fault(f"prompt {place}", None, 1, behaviour) for place in range(2000)]
    assert kinds.count("f500") / 2000 == pytest.approx(0.2, abs=0.03)
    assert kinds.count("fbad") / 2000 == pytest.approx(0.1, abs=0.03)
    unlucky = f"prompt {kinds.index('f500')}"
    assert "" in {drawn_fault(unlucky, None, attempt, behaviour) for attempt in range(2, 12)}
    sticky = Behaviour(f500=0.2, sticky=True)
    assert len({drawn_fault(unlucky, None, attempt, sticky) for attempt in range(1, 12)}) == 1


def test_a_prefix_cache_counts_whole_blocks_up_to_the_first_difference():
    prefixes = Prefixes()
    shared = "".join(f"{place:04d}" for place in range(160))
    assert prefixes.hit(shared + "one ending") == 0
    assert prefixes.hit(shared + "another") == 160
    assert prefixes.hit(shared + "another", salt="other") == 0
