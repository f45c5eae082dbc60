"""An explanation and then the bare label: two calls on one prefix, by every way a judge is asked."""

import pytest
from judge_server import JudgeServer, said, tokens
from services import ONE, PAIR, judged, opened
from test_vllm_judge import judge_of

from judge_service.domain.options import options_from
from judge_service.errors import InvalidOption

TWO_STEPS = {"method": "cot", "reading": "label", "include": ["votes", "prompts"]}


async def test_the_label_is_asked_for_after_the_explanation_and_on_its_prefix(server: JudgeServer) -> None:
    server.next.extend([said("One has the better facts."), said("Two is shorter.")])
    server.next.extend([tokens({"A": 0.9, "B": 0.1}), tokens({"A": 0.3, "B": 0.7})])
    async with opened(server) as service:
        judgment = await judged(service, PAIR, **TWO_STEPS)
    explaining, labelling = server.asked[:2], server.asked[2:]
    assert [len(asked["messages"]) for asked in server.asked] == [2, 2, 4, 4]
    assert [asked["messages"][:2] for asked in labelling] == [asked["messages"] for asked in explaining]
    assert [asked["messages"][2]["content"] for asked in labelling] == ["One has the better facts.", "Two is shorter."]
    assert all(asked["messages"][3]["content"].endswith("Your answer, A or B:") for asked in labelling)
    assert ["logprobs" in asked for asked in server.asked] == [False, False, True, True]
    votes = judgment["votes"]
    assert [v["explanation"] for v in votes] == ["One has the better facts.", "Two is shorter."]
    assert [v["probabilities"]["a"] for v in votes] == pytest.approx([0.9, 0.7])
    assert {(v["method"], v["evidence"]) for v in votes} == {("cot", "logprobs")}
    assert judgment["usage"]["judge_calls"] == 4


async def test_what_is_read_after_a_thought_is_one_vote_and_no_probability(server: JudgeServer) -> None:
    server.next.extend([said("So."), said("Thus.")])
    server.next.extend([tokens({"A": 0.999, "B": 0.001}), tokens({"B": 0.999, "A": 0.001})])
    async with opened(server) as service:
        verdict = (await judged(service, PAIR, **TWO_STEPS))["verdict"]
    assert verdict["winner"] == "a"
    # Two wins in two votes, half a vote of smoothing: ln(2.5 / 0.5), whatever the log-probabilities said.
    assert verdict["logit"] == pytest.approx(1.604, abs=0.01)
    assert (verdict["evidence"], verdict["position_bias"]) == ("text", None)


async def test_a_cut_explanation_is_one_and_a_refused_one_is_a_failure(server: JudgeServer) -> None:
    server.next.extend([said("One has the", finish="length"), said(None, refusal="I cannot.")])
    server.next.append(tokens({"A": 0.9, "B": 0.1}))
    async with opened(server) as service:
        judgment = await judged(service, PAIR, **TWO_STEPS)
    assert [v["failure"] and v["failure"]["kind"] for v in judgment["votes"]] == [None, "refused"]
    assert (judgment["status"], judgment["verdict"]["winner"]) == ("partial", None)
    assert judgment["votes"][0]["explanation"] == "One has the"


async def test_a_second_run_asks_nothing_unless_explanations_are_not_kept(server: JudgeServer) -> None:
    for kept, calls in ((True, 0), (False, 2)):
        async with opened(server, more={"cache": {"url": "memory://", "explanations": kept}}) as service:
            first = await judged(service, PAIR, **TWO_STEPS)
            before = server.calls
            again = await judged(service, PAIR, **TWO_STEPS)
        assert (again["verdict"], server.calls - before) == (first["verdict"], calls)


async def test_scores_and_a_vllm_judge() -> None:
    async with judge_of(bias=0.4) as (service, _):
        pair = await judged(service, PAIR, **TWO_STEPS)
        score = await judged(service, ONE, "score", **TWO_STEPS)
    assert (pair["verdict"]["winner"], pair["usage"]["judge_calls"]) == ("a", 4)
    assert score["status"] == "judged"
    assert {v["evidence"] for v in score["votes"]} == {"logprobs"}


async def test_a_judge_that_always_thinks_cannot_say_a_bare_label() -> None:
    async with judge_of(thinking="always", closed_thought=False) as (service, _):
        with pytest.raises(InvalidOption, match="always thinks"):
            service.sitting("compare", options_from({"reading": "label"}, "compare"))
