"""The emulator on real sockets, asked by OpenAI's own client."""

from __future__ import annotations

import math
from typing import Any

import pytest
from emulated import COT, http, messages, question, serving, told

from judge_service.emulator.tokens import encode, id_of


async def test_log_probabilities_are_those_of_the_planted_truth():
    async with serving(bias=0.5) as (_, client):
        choice = await told(client, max_tokens=1, logprobs=True, top_logprobs=5)
    (first,) = choice.logprobs.content
    assert choice.message.content == first.token == "A"
    assert {t.token: math.exp(t.logprob) for t in first.top_logprobs} == pytest.approx(
        {"A": 1 / (1 + math.exp(-1.5)), "B": 1 / (1 + math.exp(1.5))}
    )
    assert first.bytes == [65]


async def test_a_text_ends_in_the_verdict_asked_for_and_says_what_it_cost():
    async with serving() as (_, client):
        completion = await client.chat.completions.create(model="any", messages=messages(2, 9, COT))
    assert completion.choices[0].message.content.endswith("[[B>>A]]")
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage.completion_tokens > 5
    assert completion.model == "any"


async def test_several_choices_of_one_prompt_are_drawn_apart_and_the_same_again():
    async with serving() as (_, client):
        calls = [
            await client.chat.completions.create(
                model="m", messages=messages(5, 5), n=40, temperature=1.0, seed=seed, max_tokens=1
            )
            for seed in (1, 1, 2)
        ]
    said = [[choice.message.content for choice in call.choices] for call in calls]
    assert said[0] == said[1] != said[2]
    assert set(said[0]) == {"A", "B"}


async def test_completions_take_a_text_token_ids_or_a_list():
    prompts: list[Any] = [question(), encode(question(1, 2)), [question(), question(1, 2)], [encode(question())]]
    async with serving() as (_, client):
        said = [
            [
                c.text
                for c in (await client.completions.create(model="m", prompt=prompt, max_tokens=1, logprobs=2)).choices
            ]
            for prompt in prompts
        ]
    assert said == [["A"], ["B"], ["A", "B"], ["A"]]


async def test_the_fields_of_vllm_for_a_verdict_by_token_ids_are_understood():
    ids = [id_of("A"), id_of("B")]
    extra = {"allowed_token_ids": ids, "logprob_token_ids": ids, "return_tokens_as_token_ids": True}
    async with serving(as_vllm=True, label_mass=0.5) as (_, client):
        completion = await client.completions.create(
            model="m", prompt=encode(question()), max_tokens=1, logprobs=1, extra_body=extra
        )
    (choice,) = completion.choices
    assert choice.text == "A"
    (tops,) = choice.logprobs.top_logprobs
    assert set(tops) == {f"token_id:{number}" for number in ids}
    assert sum(map(math.exp, tops.values())) == pytest.approx(0.5)
    assert completion.usage.prompt_tokens == len(encode(question()))


async def test_conversations_in_a_batch_get_a_choice_each():
    async with serving() as (emulator, _):
        body = {"model": "m", "messages": [messages(), messages(1, 2)], "logprobs": True}
        _, answer, _ = await http(emulator, "POST", "/v1/chat/completions/batch", body)
    assert [choice["message"]["content"] for choice in answer["choices"]] == ["A", "B"]


async def test_the_server_says_what_it_is():
    async with serving(as_vllm=True, model="toy", root="/models/toy", max_model_len=99) as (emulator, client):
        (model,) = (await client.models.list()).data
        version = await http(emulator, "GET", "/version")
        health = await http(emulator, "GET", "/health")
        tokenized = await http(
            emulator, "POST", "/tokenize", {"messages": [{"role": "user", "content": "<|im_end|>A"}]}
        )
        again = await http(emulator, "POST", "/detokenize", {"tokens": tokenized[1]["tokens"]})
    assert (model.id, model.owned_by) == ("toy", "vllm")
    assert model.model_extra == {"root": "/models/toy", "parent": None, "max_model_len": 99}
    assert (version[0], health[0]) == (200, 200)
    assert tokenized[1]["tokens"].count(id_of("<|im_end|>")) == 2
    assert again[1]["prompt"] == "<|im_start|>user\n<|im_end|>A<|im_end|>\n<|im_start|>assistant\n"


async def test_settings_are_changed_while_it_runs_and_wrong_ones_are_named():
    async with serving(bias=1.0) as (emulator, client):
        before = await told(client, messages(9, 1))
        status, settings, _ = await http(emulator, "POST", "/config", {"flip": True})
        after = await told(client, messages(9, 1))
        wrong = await http(emulator, "POST", "/config", {"bais": 1})
        _, kept, _ = await http(emulator, "GET", "/config")
    assert (before.message.content, after.message.content) == ("A", "B")
    assert (status, settings["flip"], settings["bias"]) == (200, True, 1.0)
    assert wrong[0] == 400
    assert wrong[1]["error"]["param"] == "bais"
    assert kept == settings


async def test_it_counts_what_it_was_asked_until_it_is_reset():
    async with serving() as (emulator, client):
        for _ in range(2):
            await told(client)
        await told(client, messages(1, 2))
        await told(client, [{"role": "user", "content": "A or B?"}])
        _, stats, _ = await http(emulator, "GET", "/stats")
        await http(emulator, "POST", "/reset", {})
        _, fresh, _ = await http(emulator, "GET", "/stats")
        metrics = await http(emulator, "GET", "/metrics")
    assert (stats["calls"], stats["distinct"], stats["repeated"]) == (4, 3, 1)
    assert (stats["no_worth"], stats["statuses"]) == (1, {"200": 4})
    assert stats["characters"] > 4 * 10
    assert (fresh["calls"], fresh["distinct"]) == (0, 0)
    assert "vllm:num_requests_running" in metrics[1]


async def test_a_judge_without_log_probabilities_is_silent_about_them():
    async with serving(logprobs=False) as (_, client):
        choice = await told(client, logprobs=True, top_logprobs=5, max_tokens=1)
    assert (choice.message.content, choice.logprobs) == ("A", None)


async def test_cached_tokens_are_counted_where_a_prefix_cache_is_played():
    head = {"role": "system", "content": "The standard. " * 50}
    async with serving(prefix_cache=True) as (_, client):
        usages = [
            (await client.chat.completions.create(model="m", messages=[head, *messages(i)])).usage for i in (1, 2)
        ]
    assert usages[0].prompt_tokens_details.cached_tokens == 0
    assert 160 <= usages[1].prompt_tokens_details.cached_tokens < usages[1].prompt_tokens
