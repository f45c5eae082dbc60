"""The client without a connection: what it sends, what it makes of answers, and whether and when it tries again."""

import json
import math
import pickle
from collections.abc import Iterator
from itertools import count, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge_service.domain.judgments import Judgment
from judge_service.domain.verdicts import NO_USAGE, Usage
from judge_service.environ import ADDRESS, api_key, server_url
from judge_service.errors import InvalidConfiguration, InvalidOption
from judge_service.integrations.client import (
    AsyncJudgeClient,
    BadRequest,
    BrokenAnswer,
    Conflict,
    JudgeClient,
    JudgeError,
    NotFound,
    Progress,
    Ranked,
    ServiceFault,
    TimedOut,
    TooManyRequests,
    Unauthorized,
    Unavailable,
)
from judge_service.integrations.client.asking import Asking
from judge_service.integrations.client.calls import deciding, judging, reranking, rewarding, split
from judge_service.integrations.client.failing import error_from, retry_after, unreachable
from judge_service.integrations.client.patience import FIRST_WAIT, LONGEST_WAIT, Patience
from judge_service.integrations.client.running import Ended, Run
from judge_service.integrations.client.wire import Lines, in_query

BUSY = TooManyRequests("the queue is full", 429, "queue_full", may_pass=True)


def record(**told: Any) -> dict[str, Any]:
    """A judgment on a pair as the service writes it."""
    verdict = {"winner": "a", "probability": 0.8, "logit": 1.4, "consistent": True, "position_bias": 0.1}
    return {
        "id": "jdg_1",
        "kind": "preference",
        "status": "judged",
        "created": "",
        "case_id": "case_1",
        "case_digest": "sha256:0",
        "run_digest": "sha256:1",
        "candidates": ["a", "b"],
        "models": {"a": None, "b": None},
        "verdict": {**verdict, "evidence": "logprobs", "combine": "mean-logit"},
        "votes": [],
        "provenance": None,
        "usage": {"judge_calls": 2},
        **told,
    }


def line(index: Any, **told: Any) -> bytes:
    return json.dumps({"index": index, **record(**told)}).encode()


def asking(places: Any, options: bytes = b"{}") -> Asking:
    made = Asking("compare", options, {p: {"prompt": f"task {p}", "candidates": ["x", "y"]} for p in places})
    assert made.packed() == []
    return made


# What is sent


def test_a_request_holds_the_options_the_time_left_and_the_cases_in_their_order():
    body = json.loads(asking([4, 7], b'{"rubric":"honesty"}').body(30.0))
    assert list(body) == ["rubric", "timeout", "cases"]
    assert (body["rubric"], body["timeout"]) == ("honesty", 30)
    assert [case["prompt"] for case in body["cases"]] == ["task 4", "task 7"]


def test_a_case_that_no_json_can_hold_is_invalid_at_its_place_and_the_others_are_sent():
    one = Asking("compare", b"{}", {0: {"prompt": "p"}, 1: {"id": "odd", "prompt": math.nan}, 2: {"prompt": object()}})
    wrong = dict(one.packed())
    assert list(one.open) == [0]
    assert [wrong[place].case_id for place in (1, 2)] == ["odd", "cases[2]"]
    assert {j.failure.kind for j in wrong.values()} == {"invalid"}
    assert wrong[2].failure.param == "cases[2]"


def test_text_that_is_no_unicode_is_sent_escaped_for_the_service_to_name():
    one = Asking("compare", b"{}", {0: {"prompt": "\ud800 é"}})
    one.packed()
    assert b"\\ud800" in one.body(1.0)


def test_one_case_is_sent_inline_and_options_that_are_none_are_left_out():
    call = judging("compare", {"prompt": "p", "candidates": ["a", "b"]}, {"reference": None, "rubric": "x", "id": "c"})
    params, body = call.shape(12.0)
    told = {"prompt": "p", "candidates": ["a", "b"], "rubric": "x", "id": "c", "timeout": 12}
    assert (call.path, params, json.loads(body)) == ("/v1/compare", {}, told)


@pytest.mark.parametrize("wrong", ["soon", 0, -1, math.nan, True])
def test_a_timeout_that_is_no_time_is_refused(wrong):
    with pytest.raises(InvalidOption):
        split({"timeout": wrong})


def test_what_no_json_can_hold_is_the_callers_to_mend():
    with pytest.raises(InvalidOption, match="no JSON"):
        judging("compare", {"prompt": {1, 2}}, {})


def test_drop_ins_take_their_options_in_the_query():
    call = deciding("a state", {"q": {"type": "noul"}}, None, {"judge": "other", "repeats": {"max": 4}, "seed": 3})
    params, body = call.shape(5.0)
    assert params == {"judge": "other", "repeats": '{"max":4}', "seed": "3", "timeout": "5"}
    assert json.loads(body) == {"state": "a state", "questions": {"q": {"type": "noul"}}}
    assert call.read({"answers": {"q": {"type": "noul"}}}) == {"q": {"type": "noul"}}


def test_rewards_may_be_missing_but_never_too_few():
    call = rewarding("p", ["x", "y"], {})
    assert call.read({"rewards": [1, None]}) == [1.0, None]
    with pytest.raises(ValueError, match="1 rewards for 2"):
        call.read({"rewards": [1]})


def test_a_reranking_names_documents_by_their_places():
    call = reranking("q", ["x", "y"], 1, {})
    assert json.loads(call.shape(1.0)[1]) == {"query": "q", "documents": ["x", "y"], "top_n": 1}
    assert call.read({"results": [{"index": 1, "relevance_score": 0.9}]}) == [Ranked(1, 0.9)]


@given(
    st.dictionaries(st.text(min_size=1), st.integers() | st.floats(allow_nan=False, allow_infinity=False), max_size=3)
)
def test_a_value_in_a_query_is_read_back_as_it_was(value):
    assert json.loads(in_query(value)) == value


# What is made of answers


@given(st.lists(st.binary(max_size=8), max_size=12), st.lists(st.integers(0, 40), max_size=12))
def test_lines_are_cut_at_line_feeds_however_the_bytes_come(texts, cuts):
    texts = [text.replace(b"\n", b"\r") for text in texts]
    whole = b"".join(text + b"\n" for text in texts)
    lines = Lines()
    at = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    taken = [found for start, end in pairwise(at) for found in lines.took(whole[start:end])]
    assert taken == [text for text in texts if text]


def test_other_ends_of_lines_within_a_text_end_no_line():
    text = json.dumps({"text": "a\u2028b\u0085c\x1ed"}, ensure_ascii=False).encode()
    assert Lines().took(text + b"\n") == [text]


@given(st.permutations(range(6)), st.integers(0, 6))
def test_what_came_before_a_break_is_kept_and_only_the_rest_is_asked_for_again(order, came):
    one = asking(range(10, 16))
    one.body(1.0)
    first = [one.took(line(at))[0] for at in order[:came]]
    if came < 6:
        with pytest.raises(BrokenAnswer, match=f"{6 - came} judgments early"):
            one.ended()
    again = json.loads(one.body(1.0))["cases"]
    missing = [place for place in range(10, 16) if place not in first]
    assert [case["prompt"] for case in again] == [f"task {place}" for place in missing]
    second = [one.took(line(at))[0] for at in range(len(missing))]
    one.ended()
    assert sorted(first + second) == list(range(10, 16))


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"{}",
        b'{"index":0}',
        line(2),
        line("a"),
        line(None),
        line(0, verdict=3),
        line(0)[:-9],
    ],
)
def test_a_line_that_is_no_judgment_on_an_open_case_is_a_broken_answer(wrong):
    one = asking([0, 1])
    one.body(1.0)
    with pytest.raises(BrokenAnswer) as told:
        one.took(wrong)
    assert told.value.may_pass
    assert list(one.open) == [0, 1]


def test_two_judgments_on_one_case_are_a_broken_answer():
    one = asking([0, 1])
    one.body(1.0)
    one.took(line(0))
    with pytest.raises(BrokenAnswer, match="two judgments"):
        one.took(line(0))


def test_a_failures_place_is_told_as_that_in_the_callers_list():
    one = asking([64, 65])
    one.body(1.0)
    failure = {"kind": "invalid", "message": "cases[1].prompt is missing", "param": "cases[1].prompt"}
    place, judgment = one.took(line(1, status="unscored", verdict=None, case_id="cases[1]", failure=failure))
    assert (place, judgment.case_id) == (65, "cases[65]")
    assert (judgment.failure.message, judgment.failure.param) == ("cases[65].prompt is missing", "cases[65].prompt")


def test_a_request_that_is_too_large_becomes_two():
    halves = asking(range(5)).halves()
    assert [list(half.open) for half in halves] == [[0, 1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (BUSY, "judge_unavailable"),
        (TooManyRequests("today's tokens are used up", 429), "judge_unavailable"),
        (unreachable(OSError("refused")), "judge_unavailable"),
        (Unavailable("no judge", 503, "judge_unavailable"), "judge_unavailable"),
        (ServiceFault("failed", 500), "judge_unavailable"),
        (TimedOut("late"), "timeout"),
    ],
)
def test_cases_that_a_broken_service_left_open_are_unscored_and_say_why(error, kind):
    told = dict(asking([3, 4]).failed(error))
    assert list(told) == [3, 4]
    assert all((j.status, j.failure.kind, j.verdict) == ("unscored", kind, None) for j in told.values())
    assert error.message in told[3].failure.message


def test_a_single_case_that_is_too_large_is_invalid_at_its_place():
    ((place, judgment),) = asking([3]).failed(BadRequest("the body is larger than 9 bytes", 413, "body_too_large"))
    assert (place, judgment.failure.kind) == (3, "invalid")


@pytest.mark.parametrize("error", [BadRequest("no", 400), Unauthorized("no", 401), NotFound("no", 404)])
def test_what_the_caller_has_to_mend_is_raised_and_no_case_is_blamed(error):
    with pytest.raises(type(error)):
        list(asking([0, 1]).failed(error))


# Errors


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequest),
        (401, Unauthorized),
        (403, Unauthorized),
        (404, NotFound),
        (409, Conflict),
        (413, BadRequest),
        (429, TooManyRequests),
        (500, ServiceFault),
        (502, ServiceFault),
        (503, Unavailable),
        (504, TimedOut),
        (307, ServiceFault),
        (418, ServiceFault),
    ],
)
def test_each_status_has_its_error_with_all_that_the_answer_tells(status, kind):
    body = b'{"error":{"message":"why","type":"t","param":"orders","code":"c"}}'
    error = error_from(status, {"x-request-id": "req_9", "retry-after": "7"}, body)
    assert type(error) is kind
    assert (error.status, error.message, error.param, error.code) == (status, "why", "orders", "c")
    assert (error.request_id, error.retry_after) == ("req_9", 7.0)
    assert str(error) == f"why (HTTP {status}, request req_9)"


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"error":"x"}', b'{"error":{"message":3,"code":4}}', b"\xff"]
)
def test_an_error_that_is_not_in_our_shape_is_told_by_its_status(body):
    assert error_from(502, {}, body).message == "the service answered 502"


@pytest.mark.parametrize(
    ("status", "code", "headers", "passes"),
    [
        (400, None, {}, False),
        (409, "judge_changed", {}, False),
        (429, "queue_full", {}, True),
        (429, "quota", {"x-should-retry": "false"}, False),
        (500, None, {}, True),
        (503, "judge_unavailable", {}, False),
        (503, "judge_unavailable", {"x-should-retry": "true"}, True),
        (503, "store_unavailable", {}, True),
        (503, None, {}, True),
        (504, "timeout", {}, False),
        (504, None, {}, True),
        (408, None, {}, True),
    ],
)
def test_only_what_may_pass_and_what_the_service_has_not_tried_itself_is_tried_again(status, code, headers, passes):
    body = json.dumps({"error": {"message": "m", "code": code}}).encode()
    assert error_from(status, headers, body).may_pass is passes


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "9", "retry-after-ms": "250"}, 0.25),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2.0),
    ],
)
def test_the_service_says_when_to_come_back(headers, seconds):
    assert retry_after(headers) == seconds


def test_an_error_comes_whole_out_of_another_process():
    error = error_from(
        429, {"retry-after": "2", "x-request-id": "r"}, b'{"error":{"message":"full","code":"queue_full"}}'
    )
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), vars(again)) == (type(error), vars(error))


# Patience


@given(st.floats(0, 1, exclude_max=True), st.floats(0, 5) | st.none(), st.integers(1, 12))
def test_waits_double_up_to_a_limit_and_are_drawn_whole(drawn, asked, faults):
    patience = Patience(1e6, 20, lambda: drawn, faults - 1)
    wait = patience.wait_after(JudgeError("x", retry_after=asked, may_pass=True), 0.0)
    longest = min(LONGEST_WAIT, FIRST_WAIT * 2 ** (faults - 1))
    assert wait == pytest.approx((asked or 0.0) + drawn * longest)


def test_faults_are_borne_so_often_and_no_oftener_and_counted_anew_once_something_came():
    patience = Patience(1e6, 2, lambda: 0.0)
    for _ in range(3):
        patience.wait_after(BUSY, 0.0)
        patience.wait_after(BUSY, 0.0)
        patience.went_well()
    patience.wait_after(BUSY, 0.0)
    patience.wait_after(BUSY, 0.0)
    with pytest.raises(TooManyRequests):
        patience.wait_after(BUSY, 0.0)


def test_what_will_not_pass_is_raised_at_once():
    with pytest.raises(BadRequest):
        Patience(1e6, 5).wait_after(BadRequest("no", 400), 0.0)


def test_nobody_waits_for_an_attempt_that_there_is_no_time_for():
    full = TooManyRequests("full", 429, retry_after=4.0, may_pass=True)
    with pytest.raises(TooManyRequests, match="full"):
        Patience(10.0, 5, lambda: 0.0).wait_after(full, 6.5)
    assert Patience(10.0, 5, lambda: 0.0).wait_after(full, 5.5) == 4.0


@given(st.floats(0, 1e4), st.floats(0, 2e4))
def test_the_service_is_told_what_is_left_of_the_time(until, now):
    told = Patience(until, 0).told_seconds(now)
    assert told >= 0.001
    assert told < max(0.001, until - now) + 1
    assert told >= min(until - now, 1e4)


# A list


def judgment(status: str = "judged") -> Judgment:
    ((_, made),) = asking([0]).failed(TimedOut("x"))
    return Judgment(**{**vars(made), "status": status, "usage": Usage(judge_calls=2, cache_hits=1)})


@given(st.data(), st.integers(0, 40), st.integers(1, 4), st.integers(1, 5))
def test_every_case_is_sent_once_and_no_more_are_read_than_may_be_under_way(data, length, concurrency, per_request):
    read = 0

    def cases() -> Iterator[dict[str, Any]]:
        nonlocal read
        for place in range(length):
            read += 1
            yield {"prompt": str(place), "candidates": ["x", "y"]}

    run = Run("compare", cases(), b"{}", (concurrency, per_request), None, lambda: 0.0)
    under_way: list[Asking] = []
    came: list[int] = []
    while True:
        under_way += run.next_requests()
        assert len(under_way) <= concurrency
        assert read - len(came) <= concurrency * per_request
        if run.is_over:
            break
        one = data.draw(st.sampled_from(under_way))
        one.packed()
        while one.open:
            place = data.draw(st.sampled_from(sorted(one.open)))
            del one.open[place]
            came.append(run.came((place, judgment()))[0])
        under_way.remove(one)
        assert run.came(Ended()) is None
    assert sorted(came) == list(range(length))


def test_an_endless_list_is_read_as_far_as_needed():
    run = Run("compare", ({"prompt": str(i)} for i in count()), b"{}", (2, 3), None, lambda: 0.0)
    assert [len(list(run.next_requests())), len(list(run.next_requests()))] == [2, 0]


def test_progress_counts_what_came_and_what_it_cost():
    told: list[Progress] = []
    clock = iter([10.0, 11.0, 12.0, 14.0])
    run = Run("compare", [{"prompt": str(i)} for i in range(3)], b"{}", (1, 3), told.append, lambda: next(clock))
    list(run.next_requests())
    for place, status in enumerate(("judged", "unscored", "dropped")):
        run.came((place, judgment(status)))
    assert [(p.done, p.judged, p.failed, p.in_flight, p.seconds) for p in told] == [
        (1, 1, 0, 2, 1.0),
        (2, 1, 1, 1, 2.0),
        (3, 1, 1, 0, 4.0),
    ]
    assert (told[-1].judge_calls, told[-1].cache_hits, told[-1].total) == (6, 3, 3)


def test_what_a_request_ended_with_is_raised_where_the_list_is_read():
    run = Run("compare", [{"prompt": "p"}], b"{}", (1, 1), None, lambda: 0.0)
    list(run.next_requests())
    with pytest.raises(Unauthorized):
        run.came(Ended(Unauthorized("no", 401)))


# Settings


def test_the_environment_says_where_the_service_is_unless_the_caller_does(monkeypatch):
    assert (server_url({}), api_key({}), server_url({"JUDGE_SERVER_URL": ""})) == (ADDRESS, None, ADDRESS)
    monkeypatch.setenv("JUDGE_SERVER_URL", "http://judge.example:9/v1/")
    monkeypatch.setenv("JUDGE_API_KEY", "k1")
    told = AsyncJudgeClient().setup
    assert (told.base_url, told.api_key) == ("http://judge.example:9", "k1")
    own = AsyncJudgeClient("https://other.example/", "k2").setup
    assert (own.base_url, own.api_key) == ("https://other.example", "k2")


@pytest.mark.parametrize("address", ["judge.example:80", "ftp://judge.example", "http://", "http://x:y"])
def test_an_address_that_is_none_is_refused_when_the_client_is_made(address):
    with pytest.raises(InvalidConfiguration, match="base_url"):
        AsyncJudgeClient(address)


@pytest.mark.parametrize("wrong", [{"timeout": 0}, {"retries": -1}, {"concurrency": 0}, {"per_request": 0}])
def test_numbers_out_of_range_are_refused_when_the_client_is_made(wrong):
    with pytest.raises(InvalidConfiguration, match=next(iter(wrong))):
        JudgeClient(**wrong)


@pytest.mark.parametrize("kind", [AsyncJudgeClient, JudgeClient])
def test_a_pickled_client_carries_its_settings_along(kind):
    client = kind("http://judge.example", "k", timeout=7.0, retries=1, concurrency=3, per_request=9)
    again = pickle.loads(pickle.dumps(client))
    setups = [getattr(c, "asynchronous", c).setup for c in (client, again)]
    assert setups[0] == setups[1]


def test_judgments_made_here_cost_nothing():
    assert dict(asking([0]).failed(BUSY))[0].usage == NO_USAGE
