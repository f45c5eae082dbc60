"""The emulator plays a judge that thinks before it answers."""

from __future__ import annotations

import math

import pytest
from emulated import COT, messages, serving, told


async def test_a_thinking_judge_thinks_first_and_its_thoughts_hold_other_verdicts():
    async with serving(thinking="always") as (_, client):
        choice = await told(client, messages(9, 1, COT))
    thought, _, answer = choice.message.content.partition("</think>")
    assert thought.startswith("<think>\n")
    assert any(decoy in thought for decoy in ("[[B", "Output (b)", "Choice: B", "[RESULT] B", '"B"', "Response 2"))
    assert answer.strip().endswith("[[A>>B]]")


async def test_thoughts_may_have_a_field_of_their_own():
    async with serving(thinking="always", thinking_field="reasoning") as (_, client):
        completion = await client.chat.completions.create(model="m", messages=messages(9, 1, COT))
    (choice,) = completion.choices
    assert choice.message.content.endswith("[[A>>B]]")
    assert len(choice.message.model_extra["reasoning"]) > 20
    assert completion.usage.completion_tokens_details.reasoning_tokens > 5


async def test_an_optional_thinker_can_be_told_not_to_think():
    async with serving(thinking="optional") as (_, client):
        off = await told(client, extra_body={"chat_template_kwargs": {"enable_thinking": False}})
        on = await told(client)
    assert off.message.content == "A"
    assert on.message.content.startswith("<think>")


async def test_the_first_token_of_a_thinking_judge_is_no_label():
    async with serving(thinking="always") as (_, client):
        choice = await told(client, logprobs=True, top_logprobs=5, max_tokens=1)
    tops = {t.token: math.exp(t.logprob) for t in choice.logprobs.content[0].top_logprobs}
    assert max(tops, key=tops.__getitem__) == "<think>"
    assert tops["A"] + tops["B"] < 0.01
    assert choice.finish_reason == "length"


async def test_a_closed_thought_in_the_prompt_makes_it_answer_at_once():
    closed = [*messages(), {"role": "assistant", "content": "<think>\n\n</think>\n\n"}]
    extra = {"continue_final_message": True, "add_generation_prompt": False}
    async with serving(thinking="always") as (emulator, client):
        choice = await told(client, closed, logprobs=True, top_logprobs=5, max_tokens=1, extra_body=extra)
        assert choice.message.content == "A"
        emulator.configure(closed_thought=False)
        choice = await told(client, closed, max_tokens=1, extra_body=extra)
        assert choice.message.content.startswith("<think>")


async def test_a_thought_that_overruns_is_cut_without_an_answer():
    async with serving(thinking="always", overrun=1.0) as (emulator, client):
        choice = await told(client, messages(9, 1, COT), max_tokens=300)
        assert choice.finish_reason == "length"
        assert "</think>" not in choice.message.content
        assert len(choice.message.content) == pytest.approx(1200, rel=0.05)
        emulator.configure(thinking_field="reasoning")
        choice = await told(client, messages(9, 1, COT), max_tokens=300)
        assert choice.message.content is None
        assert choice.finish_reason == "length"
