"""What each option of a judgment does, seen from outside: in what the judge is asked, and in what comes back."""

from typing import Any

import pytest
from judge_server import JudgeServer, by_worth, said, tokens
from services import LIST, ONE, PAIR, RUBRIC, api

THOUGHT = "<think>I should say (worth 9) of myself</think>"


async def posted(server: JudgeServer, body: Any, task: str = "compare", **told: Any) -> Any:
    async with api(server, **told) as client:
        answer = await client.post(f"/v1/{task}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_orders_one_asks_once_and_knows_nothing_of_consistency(server: JudgeServer) -> None:
    told = await posted(server, {**PAIR, "orders": "one"})
    assert (len(told["votes"]), server.calls) == (1, 1)
    assert (told["verdict"]["consistent"], told["verdict"]["position_bias"]) == (None, None)


async def test_orders_audited_asks_both_until_there_is_an_audit_and_says_so(server: JudgeServer) -> None:
    told = await posted(server, {**PAIR, "orders": "audited"})
    assert len(told["votes"]) == 2
    assert told["provenance"]["orders"] == "both"
    assert "audited" in told["provenance"]["note"]


async def test_method_cot_asks_for_a_text_and_reads_it(server: JudgeServer) -> None:
    told = await posted(server, {**PAIR, "method": "cot", "temperature": 0.3, "max_tokens": 77})
    assert told["verdict"]["evidence"] == "text"
    assert (told["verdict"]["winner"], told["verdict"]["position_bias"]) == ("a", None)
    assert {vote["method"] for vote in told["votes"]} == {"cot"}
    assert all("Read with care." in vote["explanation"] for vote in told["votes"])
    assert {(asked["max_tokens"], asked["temperature"]) for asked in server.asked} == {(77, 0.3)}
    assert not any("logprobs" in asked for asked in server.asked)


async def test_repeats_are_drawn_by_seeds_of_their_own_and_the_same_for_the_same_seed(server: JudgeServer) -> None:
    for _ in range(2):
        await posted(server, {**PAIR, "method": "cot", "repeats": 3, "seed": 11})
    seeds = [asked["seed"] for asked in server.asked]
    assert len(set(seeds[:6])) == 3
    assert sorted(seeds[:6]) == sorted(seeds[6:])
    assert {asked["temperature"] for asked in server.asked} == {0.7}


async def test_repeats_end_early_when_the_winner_is_settled(server: JudgeServer) -> None:
    told = await posted(server, {**PAIR, "method": "cot", "repeats": {"max": 20, "stop": 0.1}})
    assert 4 <= len(told["votes"]) < 40
    assert told["verdict"]["winner"] == "a"


@pytest.mark.parametrize(("ties", "offered"), [("allow", True), ("forbid", False)])
async def test_a_tie_is_offered_where_it_is_allowed(server: JudgeServer, ties: str, offered: bool) -> None:
    server.rule = lambda asked: tokens({"C": 0.9, "A": 0.05, "B": 0.05} if offered else {"A": 0.5, "B": 0.5})
    told = await posted(server, {**PAIR, "ties": ties})
    assert all(prompt.rstrip().endswith("A or B or C:") == offered for prompt in server.prompts())
    assert [vote["tie"] for vote in told["votes"]] == [pytest.approx(0.9 * offered)] * 2
    assert told["verdict"]["winner"] == "tie"


@pytest.mark.parametrize(
    ("combine", "status", "winner"),
    [("mean-logit", "judged", "tie"), ("vote", "judged", "tie"), ("tie-on-disagreement", "judged", "tie"),
     ("drop-inconsistent", "dropped", None)],
)  # fmt: skip
async def test_orders_that_disagree_are_combined_as_asked(
    server: JudgeServer, combine: str, status: str, winner: str | None
) -> None:
    server.rule = lambda asked: tokens({"A": 0.9, "B": 0.1})
    told = await posted(server, {**PAIR, "combine": combine})
    assert (told["status"], told["verdict"]["winner"], told["verdict"]["consistent"]) == (status, winner, False)
    assert told["dropped_by"] == ("drop-inconsistent" if status == "dropped" else None)


async def test_one_order_that_could_not_be_read_leaves_the_case_partial(server: JudgeServer) -> None:
    server.next.extend([said("A"), said("I would rather not say.")])
    told = await posted(server, PAIR)
    assert told["status"] == "partial"
    verdict = told["verdict"]
    assert {verdict[name] for name in ("winner", "probability", "logit", "consistent", "position_bias")} == {None}
    assert [vote["failure"] and vote["failure"]["kind"] for vote in told["votes"]].count("unreadable") == 1


async def test_an_unreadable_answer_is_asked_again_only_if_that_is_asked_for(server: JudgeServer) -> None:
    server.next.extend([said("no")] * 2)
    assert (await posted(server, {**PAIR, "method": "cot"}))["status"] == "unscored"
    assert server.calls == 2
    server.next.extend([said("no")] * 2)
    assert (await posted(server, {**PAIR, "method": "cot", "reask": 1}))["status"] == "judged"
    assert server.calls == 2 + 4


async def test_a_label_mass_that_is_too_low_is_a_failure_by_the_judges_own_limit(server: JudgeServer) -> None:
    server.rule = lambda asked: tokens({"A": 0.2, "B": 0.1, "the": 0.7})
    told = await posted(server, PAIR)
    assert {vote["failure"]["kind"] for vote in told["votes"]} == {"low_label_mass"}
    assert (await posted(server, PAIR, min_label_mass=0.25))["status"] == "judged"


@pytest.mark.parametrize(("shown", "winner"), [("hide", "tie"), ("show", "a")])
async def test_thoughts_of_candidates_are_hidden_unless_they_are_to_be_shown(
    server: JudgeServer, shown: str, winner: str
) -> None:
    case = {"prompt": "p", "candidates": [f"{THOUGHT}x (worth 1)", "y (worth 1)"]}
    told = await posted(server, {**case, "candidate_reasoning": shown})
    assert any("of myself" in prompt for prompt in server.prompts()) == (shown == "show")
    assert told["reasoning_hidden"] == (["a"] if shown == "hide" else [])
    assert told["verdict"]["winner"] == winner


async def test_a_long_candidate_is_cut_where_that_is_asked_for_and_both_are_told(server: JudgeServer) -> None:
    case = {"prompt": "p", "candidates": ["long " * 1000 + "(worth 3)", "short (worth 1)"]}
    told = await posted(server, {**case, "truncate": {"candidate_tokens": 50}})
    assert all("[… 1,203 tokens left out …]" in prompt and "(worth 3)" in prompt for prompt in server.prompts())
    assert [vote["truncated"] for vote in told["votes"]] == [["a"], ["a"]]


async def test_principles_are_asked_together_each_or_by_name(server: JudgeServer) -> None:
    async with api(server) as client:
        names = [p["name"] for p in (await client.get("/v1/rubrics/general")).json()["principles"]]
    body = {**PAIR, "rubric": "general"}
    together = await posted(server, body)
    each = await posted(server, {**body, "principle": "per-principle"})
    one = await posted(server, {**body, "principle": names[-1]})
    drawn = [await posted(server, {**body, "principle": "sample", "seed": seed}) for seed in (1, 1)]
    assert {vote["principle"] for vote in together["votes"]} == {None}
    assert [vote["principle"] for vote in each["votes"][::2]] == names
    assert {vote["principle"] for vote in one["votes"]} == {names[-1]}
    assert drawn[0]["votes"][0]["principle"] == drawn[1]["votes"][1]["principle"] in names


async def test_a_rubric_of_ones_own_is_given_whole(server: JudgeServer) -> None:
    told = await posted(server, {**ONE, "rubric": {**RUBRIC, "id": "mine", "scale": [0, 9]}}, "score")
    assert told["provenance"]["rubric"]["id"] == "mine"
    assert told["verdict"]["criteria"][0]["scale"] == [0, 9]
    assert "Is it so?" in server.prompts()[0]


async def test_a_scale_to_ten_never_takes_one_for_ten(server: JudgeServer) -> None:
    """A tokenizer that splits `10` starts it with `1`: the number is then read as text."""
    answer = tokens({"1": 0.97, "9": 0.03})
    answer.body["choices"][0]["message"]["content"] = "10"
    server.rule = lambda asked: answer
    told = await posted(server, {**ONE, "rubric": {**RUBRIC, "scale": [1, 10]}}, "score")
    assert (told["verdict"]["score"], told["votes"][0]["evidence"]) == (10.0, "text")
    assert server.asked[0]["max_tokens"] >= 2


async def test_reference_and_context_are_shown_to_the_judge_and_metadata_is_not(server: JudgeServer) -> None:
    await posted(server, {**PAIR, "reference": "REF", "context": "CON", "domain": "DOM", "metadata": {"k": "META"}})
    for prompt in server.prompts():
        assert "REF" in prompt
        assert "CON" in prompt
        assert not {"DOM", "META"} & set(prompt.split())


@pytest.mark.parametrize("panel", ["mean-probability", "mean-logit", "majority", "min", "mean-minus-spread"])
async def test_a_panel_that_agrees_is_sure_by_every_rule(server: JudgeServer, panel: str) -> None:
    judges = {name: {"url": server.url, "model": name} for name in ("one", "two", "three")}
    told = await posted(server, {**PAIR, "judge": list(judges), "panel": panel}, more={"judges": judges})
    assert told["verdict"]["winner"] == "a"
    assert told["verdict"]["probability"] == pytest.approx(1.0 if panel == "majority" else 0.8808, abs=1e-3)


async def test_a_judge_in_a_panel_that_fails_leaves_the_case_partial(server: JudgeServer) -> None:
    mute = await JudgeServer(lambda asked: said("I would rather not say.")).start()
    judges = {"one": {"url": server.url, "model": "m"}, "two": {"url": mute.url, "model": "m"}}
    told = await posted(server, {**PAIR, "judge": ["one", "two"]}, more={"judges": judges})
    await mute.stop()
    assert (told["status"], told["verdict"]["winner"]) == ("partial", None)
    assert {member["judge"]: member["status"] for member in told["panel"]} == {"one": "judged", "two": "unscored"}


async def test_a_second_judge_decides_what_the_first_is_unsure_of(server: JudgeServer) -> None:
    sure = await JudgeServer(by_worth).start()
    server.rule = lambda asked: tokens({"A": 0.5, "B": 0.5})
    judges = {"one": {"url": server.url, "model": "m"}, "two": {"url": sure.url, "model": "m"}}
    body = {**PAIR, "judge": "one", "escalate": {"to": "two", "below": 0.8}}
    told = await posted(server, body, more={"judges": judges})
    await sure.stop()
    assert (told["verdict"]["winner"], told["provenance"]["decided_by"]) == ("a", "two")
    assert [vote["judge"] for vote in told["votes"]] == ["one", "one", "two", "two"]


async def test_priority_and_strategy_are_taken_where_they_belong(server: JudgeServer) -> None:
    told = await posted(server, {**LIST, "priority": "batch", "strategy": "pairs", "orders": "both"}, "rank")
    assert told["verdict"]["strategy"] == "pairs"
    assert told["verdict"]["ranking"][0] == "b"
