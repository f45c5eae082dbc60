"""A vLLM server as a judge: its labels' own tokens are asked for, and what it cannot do is noticed once."""

import logging
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from judge_server import JudgeServer
from services import judged

from judge_service.domain.options import options_from
from judge_service.emulator.behaviour import Behaviour
from judge_service.emulator.server import Emulator
from judge_service.errors import InvalidConfiguration, InvalidOption
from judge_service.service import JudgingService
from judge_service.settings import Settings
from judge_service.wiring import open_service

PAIR = {"id": "p", "prompt": "Which?", "candidates": ["One (worth 6.2)", "Two (worth 5.0)"]}
ONE = {"id": "s", "prompt": "How good?", "response": "So (worth 6.2)"}
TO_TEN = {"scale": [1, 10], "criteria": [{"name": "worth", "text": "Its worth.", "question": "How worthy is it?"}]}


@asynccontextmanager
async def judge_of(**behaviour: Any) -> AsyncIterator[tuple[JudgingService, Emulator]]:
    """A service before an emulated vLLM server; settings of the judge stand under `judge`."""
    told = behaviour.pop("judge", {})
    async with Emulator(Behaviour(**{"as_vllm": True, **behaviour})) as emulator:
        only = {"default": {"url": emulator.url, "model": "emulator", **told}}
        settings = Settings.model_validate({"judges": only, "cache": {"url": "none"}})
        async with open_service(settings, wait=5) as service:
            emulator.reset()
            yield service, emulator


async def test_its_verdicts_are_those_of_the_same_judge_behind_any_chat_server() -> None:
    verdicts = []
    for as_vllm in (True, False):
        async with judge_of(as_vllm=as_vllm, bias=0.7) as (service, emulator):
            pair = await judged(service, PAIR)
            score = await judged(service, ONE, "score", rubric=TO_TEN)
            assert pair["provenance"]["judges"][0]["kind"] == ("vllm" if as_vllm else "chat")
            assert {v["evidence"] for v in (*pair["votes"], *score["votes"])} == {"logprobs"}
            assert emulator.stats["calls"] == pair["usage"]["judge_calls"] + score["usage"]["judge_calls"] == 3
            verdicts.append((pair["verdict"], score["verdict"]))
    (pair, score), (pair_by_chat, score_by_chat) = verdicts
    assert pair["logit"] == pytest.approx(1.2, abs=1e-6)
    assert pair["position_bias"] == pytest.approx(0.7, abs=1e-6)
    assert pair["probability"] == pytest.approx(pair_by_chat["probability"], abs=1e-6)
    assert score["score"] == pytest.approx(score_by_chat["score"], abs=1e-6)


async def test_both_surfaces_of_a_label_count_and_the_mass_is_told() -> None:
    async with judge_of(surface=0.3, label_mass=0.8) as (service, _):
        pair = await judged(service, PAIR)
    assert pair["verdict"]["logit"] == pytest.approx(1.2, abs=1e-6)
    assert [v["label_mass"] for v in pair["votes"]] == pytest.approx([0.8, 0.8], abs=1e-6)


async def test_a_low_mass_is_a_failure_and_no_verdict() -> None:
    async with judge_of(label_mass=0.3) as (service, _):
        pair = await judged(service, PAIR)
    assert (pair["status"], pair["verdict"]["winner"]) == ("unscored", None)
    assert {v["failure"]["kind"] for v in pair["votes"]} == {"low_label_mass"}


async def test_a_server_without_priorities_is_asked_without_them_after_one_refusal(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with judge_of(reject_fields=("priority",)) as (service, emulator):
        for _ in range(3):
            pair = await judged(service, PAIR, priority="batch", cache="bypass")
            assert pair["verdict"]["winner"] == "a"
        refused = emulator.stats["statuses"]["400"]
    assert 1 <= refused <= 2, "one, or as many as were under way at once"
    assert sum("priority" in message for message in caplog.messages) == 1


async def test_a_server_that_leaves_the_fields_out_without_a_word_is_asked_like_any_other(
    server: JudgeServer, caplog: pytest.LogCaptureFixture
) -> None:
    only = {"default": {"url": server.url, "model": "m", "kind": "vllm"}}
    settings = Settings.model_validate({"judges": only, "cache": {"url": "none"}})
    async with open_service(settings, wait=5) as service:
        pair = await judged(service, {**PAIR, "candidates": ["7 (worth 3)", "8 (worth 1)"]})
    assert pair["verdict"]["winner"] == "a"
    assert {v["evidence"] for v in pair["votes"]} == {"logprobs"}
    assert sum("like any chat server" in message for message in caplog.messages) == 1


async def test_a_judge_whose_thoughts_can_be_closed_answers_directly(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with judge_of(thinking="optional", thinking_field="reasoning") as (service, _):
        pair = await judged(service, PAIR)
        thought = await judged(service, PAIR, method="cot")
    assert (pair["provenance"]["method"], pair["verdict"]["winner"]) == ("direct", "a")
    assert pair["votes"][0]["label_mass"] == pytest.approx(1.0, abs=1e-6)
    assert thought["usage"]["reasoning_tokens"] > 0, "an explanation may be thought about"
    assert sum("thoughts are closed" in message for message in caplog.messages) == 1


@pytest.mark.parametrize("thinking_field", ["", "reasoning"])
async def test_a_judge_that_always_thinks_is_noticed_though_only_letters_were_allowed(thinking_field: str) -> None:
    async with judge_of(thinking="always", closed_thought=False, thinking_field=thinking_field) as (service, _):
        assert service.judges["default"].thinking == "always"
        with pytest.raises(InvalidOption, match="always thinks"):
            service.sitting("compare", options_from({"method": "direct"}, "compare"))
        pair = await judged(service, PAIR)
    assert (pair["provenance"]["method"], pair["verdict"]["winner"]) == ("cot", "a")


async def test_a_judge_of_small_words_is_no_thinking_judge() -> None:
    async with judge_of(label_mass=0.05, judge={"min_label_mass": 0.0}) as (service, _):
        assert service.judges["default"].thinking == "auto"
        pair = await judged(service, PAIR)
    assert pair["verdict"]["logit"] == pytest.approx(1.2, abs=1e-6)
    assert math.isclose(pair["votes"][0]["label_mass"], 0.05, abs_tol=1e-6)


async def test_a_new_version_of_the_server_is_another_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    digests = []
    for version in ("0.33.0", "0.34.0"):
        monkeypatch.setattr("judge_service.emulator.endpoints.VLLM_VERSION", version)
        async with judge_of() as (service, _):
            digests.append(service.judges["default"].identity.digest)
    assert digests[0] != digests[1]


async def test_a_tokenizer_for_a_server_that_takes_no_token_ids_is_refused() -> None:
    with pytest.raises(InvalidConfiguration, match="vLLM"):
        async with judge_of(as_vllm=False, judge={"tokenizer": "somewhere"}):
            pass


async def test_a_thought_that_was_cut_is_asked_for_again_with_more_room_in_both_orders() -> None:
    room = {"thinking": "always", "thinking_tokens": 100, "explanation_tokens": 50}
    async with judge_of(thinking="always", closed_thought=False, thinking_tokens=110, judge=room) as (service, _):
        pairs = [await judged(service, {**PAIR, "prompt": f"Which of them, {number}?"}) for number in range(12)]
    found = [(pair["usage"]["judge_calls"], pair["verdict"]["winner"]) for pair in pairs]
    assert {calls for calls, _ in found} == {2, 4}, "both orders again, or neither"
    assert found.count((4, "a")) >= 3, "with more room they come to an end"
    assert {winner for _, winner in found} <= {"a", None}


async def test_a_thought_without_an_end_is_cut_in_the_end_and_never_a_verdict() -> None:
    room = {"thinking": "always", "thinking_tokens": 100, "explanation_tokens": 50}
    async with judge_of(thinking="always", closed_thought=False, overrun=1.0, judge=room) as (service, _):
        pair = await judged(service, PAIR)
    assert (pair["status"], pair["usage"]["judge_calls"]) == ("unscored", 4)
    assert {v["failure"]["kind"] for v in pair["votes"]} == {"truncated"}
