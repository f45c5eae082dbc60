"""One case on the command line: printed for a person, or as JSON for a program."""

import asyncio

import orjson
import pytest
from judge_server import Answer, JudgeServer, error, said
from programs import Ended, called, ran

CASE = ("compare", "--prompt", "Name a prime number.", "--a", "7 is a prime number.", "--b", "I like turtles.")
SOCKET = ("compare", "--prompt", "Name a prime number.", "--a", "7 (worth 3)", "--b", "8 (worth 1)")


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    return lambda *argv: called(capsys, monkeypatch, *argv)


def at(server: JudgeServer, *argv: str) -> tuple[str, ...]:
    return (*argv, "--judge-url", server.url, "--model", "m")


def test_a_comparison_says_winner_probability_consistency_and_bias(call) -> None:
    end: Ended = call(*CASE, "--offline")
    assert end.code == 0
    for told in ("winner a", "P(a is better) = 0.", "both orders agree", "position bias +0.40 logit", "7 is a prime"):
        assert told in end.out


def test_the_offline_judge_is_named_once_on_standard_error(call) -> None:
    end = call(*CASE, "--offline")
    assert end.err.count("offline judge") == 1
    assert "judge offline" in end.out


def test_a_comparison_as_json_is_the_judgment_and_nothing_else(call) -> None:
    end = call(*CASE, "--offline", "--json")
    judgment = orjson.loads(end.out)
    assert (judgment["object"], judgment["status"], judgment["verdict"]["winner"]) == ("judgment", "judged", "a")
    assert len(judgment["votes"]) == 2
    assert "offline judge" in judgment["provenance"]["note"]
    assert end.err == ""


def test_a_score_lists_each_criterion(call) -> None:
    end = call("score", "--prompt", "Why is the sky blue?", "--response", "Air scatters blue light.", "--offline")
    assert end.code == 0
    assert "usefulness" in end.out
    assert "correctness" in end.out


def test_several_responses_are_scored_side_by_side(call) -> None:
    told = ("--prompt", "Why?", "--candidate", "Because.", "--candidate", "It is so.")
    judgment = orjson.loads(call("score", *told, "--offline", "--json").out)
    assert set(judgment["verdict"]["scores"]) == {"a", "b"}
    assert judgment["verdict"]["score"] is None


def test_a_ranking_prints_every_place(call) -> None:
    texts = ("I cannot help with that.", "Seven is a prime number.", "")
    told = [flag for text in texts for flag in ("--candidate", text)]
    end = call("rank", "--prompt", "Name a prime number.", *told, "--offline")
    assert end.code == 0
    for place in ("1. b ", "2. a ", "3. c "):
        assert place in end.out


def test_a_reference_is_part_of_the_case(call) -> None:
    end = call(*CASE, "--offline", "--reference", "2, 3, 5 and 7", "--json", "--include", "case")
    assert orjson.loads(end.out)["case"]["reference"] == "2, 3, 5 and 7"


def test_markup_in_a_candidate_is_printed_and_not_obeyed(call) -> None:
    end = call("compare", "--prompt", "p", "--a", "[bold red]shout[/bold red] [/x]", "--b", "no", "--offline")
    assert end.code == 0
    assert "[bold red]shout[/bold red] [/x]" in end.out


async def test_a_judge_at_an_address_is_asked_in_both_orders_with_its_key(server: JudgeServer) -> None:
    end = await ran(*at(server, *SOCKET, "--json", "--judge-key-env", "MY_KEY"), environ={"MY_KEY": "sk-1"})
    assert (end.code, end.err) == (0, "")
    assert server.headers[0]["Authorization"] == "Bearer sk-1"
    assert "sk-1" not in end.out
    judgment = orjson.loads(end.out)
    assert judgment["verdict"]["winner"] == "a"
    assert judgment["verdict"]["position_bias"] == pytest.approx(0.5)
    assert judgment["verdict"]["logit"] == pytest.approx(2.0)
    assert server.calls == 2


async def test_text_evidence_is_printed_as_such(server: JudgeServer) -> None:
    server.rule = lambda asked: said("A")
    end = await ran(*at(server, *SOCKET))
    assert end.code == 0
    assert "winner tie" in end.out, "one text vote per order, and they disagree"
    assert "text" in end.out


async def test_a_case_that_could_not_be_judged_says_why_and_exits_3(server: JudgeServer) -> None:
    server.rule = lambda asked: error(404, "no such model")
    end = await ran(*at(server, *SOCKET))
    assert end.code == 3
    assert "judge_error" in end.out
    assert "no such model" in end.out


async def test_a_judge_that_is_not_there_exits_2_in_one_line(server: JudgeServer) -> None:
    await server.stop()
    end = await ran(*at(server, *SOCKET, "--wait-judge", "0.1"))
    assert end.code == 2
    assert len(end.err.splitlines()) == 1
    assert "does not answer" in end.err


async def test_a_judge_that_takes_the_call_and_never_answers_is_not_there(server: JudgeServer) -> None:
    never = asyncio.Event()
    server.models = Answer({}, waits=never)
    end = await ran(*at(server, *SOCKET, "--wait-judge", "0.1"))
    never.set()
    assert end.code == 2
    assert len(end.err.splitlines()) == 1
    assert "does not answer" in end.err
