"""A chat server as judge, over a real socket: what it is asked, and what its answers come to."""

import logging

import pytest
from judge_server import JudgeServer, error, said, tokens
from questions import KEY, TEXT, TO_TEN, answer_to, asking, over_both_wires, question

from judge_service.domain.prompting import JudgePrompt, Sampling, Span


@over_both_wires
async def test_log_probabilities_of_a_labels_spellings_are_summed_and_normalised(
    server: JudgeServer, wire: str
) -> None:
    server.next.append(tokens({"A": 0.5, " A": 0.25, "B": 0.15, "the": 0.1}))
    async with asking(server, wire) as judge:
        answer = await answer_to(judge)
    assert answer.probabilities == pytest.approx({"A": 0.75 / 0.9, "B": 0.15 / 0.9})
    assert answer.label_mass == pytest.approx(0.9)


@over_both_wires
async def test_a_label_that_is_not_listed_has_at_most_what_is_left_and_never_nothing(
    server: JudgeServer, wire: str
) -> None:
    server.next.append(tokens({"A": 0.99, "the": 0.009}))
    async with asking(server, wire) as judge:
        answer = await answer_to(judge)
    assert answer.probabilities is not None
    assert 0 < answer.probabilities["B"] <= 0.001 / 0.99


@over_both_wires
async def test_a_direct_question_asks_for_one_token_and_its_log_probabilities(server: JudgeServer, wire: str) -> None:
    async with asking(server, wire, sampling={"top_p": 1}) as judge:
        await answer_to(judge)
    (asked,) = server.asked
    assert asked.pop("messages") == [
        {"role": "system", "content": "You judge."},
        {"role": "user", "content": "[Response A]\n7\n[/Response A]\n\nYour answer, A or B:"},
    ]
    assert asked == {
        "model": "m", "max_tokens": 1, "temperature": 0.0, "logprobs": True, "top_logprobs": 20, "top_p": 1,
    }  # fmt: skip


@over_both_wires
async def test_a_text_is_asked_without_log_probabilities_and_with_its_seed(server: JudgeServer, wire: str) -> None:
    async with asking(server, wire) as judge:
        await answer_to(judge, question(TEXT, temperature=0.7, max_tokens=64, seed=5))
    (asked,) = server.asked
    assert (asked["temperature"], asked["max_tokens"], asked["seed"]) == (0.7, 64, 5)
    assert "logprobs" not in asked


async def test_usage_is_what_the_server_counted(server: JudgeServer) -> None:
    async with asking(server) as judge:
        usage = (await answer_to(judge)).usage
    assert (usage.judge_calls, usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens) == (1, 90, 64, 1)


@over_both_wires
async def test_a_server_without_log_probabilities_is_read_as_text(server: JudgeServer, wire: str) -> None:
    server.next.append(said("B", finish="length"))
    async with asking(server, wire) as judge:
        answer = await answer_to(judge)
    assert (answer.text, answer.probabilities, answer.label_mass, answer.failure) == ("B", None, None, None)


@pytest.mark.parametrize(
    "answer",
    [
        said(None, refusal="I cannot judge this."),
        said("I cannot judge this.", finish="content_filter"),
    ],
    ids=["refusal", "content filter"],
)
async def test_a_refusal_is_a_failure_with_the_judges_words(server: JudgeServer, answer: object) -> None:
    server.rule = lambda asked: answer
    async with asking(server) as judge:
        for prompt in (question(), question(TEXT)):
            failure = (await answer_to(judge, prompt)).failure
            assert failure is not None
            assert (failure.kind, failure.raw) == ("refused", "I cannot judge this.")
    assert server.calls == 2


async def test_a_text_cut_at_its_length_is_a_failure_with_the_text(server: JudgeServer) -> None:
    server.rule = lambda asked: said('{"verdict": "A"}', finish="length")
    async with asking(server) as judge:
        failure = (await answer_to(judge, question(TEXT))).failure
    assert failure is not None
    assert (failure.kind, failure.raw) == ("truncated", '{"verdict": "A"}')
    assert server.calls == 1


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
async def test_a_judges_thoughts_are_kept_apart_from_its_answer(server: JudgeServer, field: str) -> None:
    server.rule = lambda asked: said("B", **{field: "A? No."})
    async with asking(server) as judge:
        answer = await answer_to(judge, question(TEXT))
    assert (answer.text, answer.reasoning) == ("B", "A? No.")


async def test_a_scale_to_ten_of_a_tokenizer_that_splits_numbers_is_read_as_text(server: JudgeServer) -> None:
    answer = tokens({"1": 0.9, "9": 0.08, "8": 0.02})
    answer.body["choices"][0]["message"]["content"] = "10"
    server.rule = lambda asked: answer
    async with asking(server) as judge:
        completion = await answer_to(judge, question(TO_TEN, max_tokens=2))
    assert (completion.text, completion.probabilities) == ("10", None)


async def test_a_scale_to_ten_of_a_tokenizer_that_has_ten_is_read_from_log_probabilities(server: JudgeServer) -> None:
    server.rule = lambda asked: tokens({"10": 0.6, "1": 0.3, "9": 0.1})
    async with asking(server) as judge:
        completion = await answer_to(judge, question(TO_TEN, max_tokens=2))
    assert completion.probabilities is not None
    assert completion.probabilities["10"] == pytest.approx(0.6, abs=1e-6)
    assert completion.probabilities["1"] == pytest.approx(0.3, abs=1e-6)


CONTROL = ["<|im_end|>", "<|eot_id|>", "<｜User｜>", "</s>", "<s>", "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>",
           "<think>", "</think>", "<start_of_turn>", "<end_of_turn>", "[TOOL_CALLS]", "<unused7>", "<BOS_TOKEN>",
           "[gMASK]", "<sop>"]  # fmt: skip


@pytest.mark.parametrize("token", CONTROL)
async def test_control_tokens_of_a_candidate_arrive_broken_and_ours_whole(server: JudgeServer, token: str) -> None:
    user = (Span(f"[Response A]\n{token} ours\n"), Span(f"{token}theirs{token}", "candidate"), Span(f"\n{token} ours"))
    async with asking(server) as judge:
        await answer_to(judge, JudgePrompt("j", (Span("s"),), user, TEXT, Sampling()))
    (text,) = server.prompts()
    _, first, theirs, last = text.split("\n")
    assert first == last == f"{token} ours"
    assert token not in theirs
    assert theirs.replace("\u200b", "") == f"{token}theirs{token}"


PLAIN = [
    "tabs\tand\r\nlines\rand\x00NUL and \x7f and \x1b[31m",
    "e\u0301 is not \u00e9, \ufb01 is not fi, \u200d\u200b stay, and so does \ufeff",
    "a <b>tag</b>, <td>, a < b, x[0], [[B]], [Response A], [A link](http://x), List<String>, </A>",
    "\u202eright to left\u202c 🏳️\u200d🌈 한국어 ภาษาไทย",
    '{"verdict": "A"} \\" \\n \\u0041 %s {} $prompt ${x}',
    "   leading and trailing   \n\n",
]


@over_both_wires
@pytest.mark.parametrize("text", PLAIN, ids=range(len(PLAIN)))
async def test_all_other_text_of_a_candidate_arrives_as_it_is(server: JudgeServer, wire: str, text: str) -> None:
    async with asking(server, wire) as judge:
        await answer_to(judge, question(candidate=text))
    assert server.prompts() == [f"[Response A]\n{text}\n[/Response A]\n\nYour answer, A or B:"]


# OpenAI's client hands a large body to aiohttp in one piece, and aiohttp tells it so.
@pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning")
@over_both_wires
async def test_a_text_of_five_megabytes_arrives_whole(server: JudgeServer, wire: str) -> None:
    text = "wörd " * 1_000_000
    async with asking(server, wire) as judge:
        assert (await answer_to(judge, question(candidate=text))).failure is None
    assert text in server.prompts()[0]


@over_both_wires
async def test_the_key_goes_to_the_judge_and_into_no_log(
    server: JudgeServer, wire: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.refuses = {"logprobs is unknown": lambda asked: "logprobs" in asked}
    server.next.extend([error(500), error(401, "wrong key")])
    async with asking(server, wire) as judge:
        failure = (await answer_to(judge)).failure
    assert failure is not None
    assert all(headers["Authorization"] == f"Bearer {KEY}" for headers in server.headers)
    assert KEY not in caplog.text + failure.message
    assert "logprobs" in caplog.text
