"""The lines of a batch: how a stream is cut into them, what is wrong with one, and what answers look like."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge_service.jobs.lines import (
    MOST_ERRORS,
    BadLine,
    Cutter,
    Validation,
    answer_line,
    request_in,
    unanswered_line,
)

GOOD = {"custom_id": "a", "method": "POST", "url": "/v1/compare", "body": {"prompt": "x"}}


def line(**told):
    return orjson.dumps({**GOOD, **told})


def cut(content, sizes):
    cutter, found, start = Cutter(), [], 0
    for size in sizes:
        found += cutter.cut(content[start : start + size])
        start += size
    return [*found, *cutter.cut(content[start:]), *cutter.end()]


@given(st.text(alphabet="ab \r\n\ufeff", max_size=40), st.lists(st.integers(0, 9), max_size=12))
def test_however_a_stream_comes_in_its_lines_are_the_same(text, sizes):
    content = text.encode()
    assert cut(content, sizes) == cut(content, [])


def test_lines_have_the_numbers_an_editor_shows_and_empty_ones_are_left_out():
    content = b'\xef\xbb\xbf{"a": 1}\r\n\n   \n{"b": 2}'
    assert cut(content, [3, 1]) == [(1, b'{"a": 1}'), (4, b'{"b": 2}')]


def test_a_request_keeps_its_body_as_it_was_given():
    told = request_in(line(body={"prompt": "ü", "seed": 3}), "/v1/compare")
    assert (told.custom_id, told.url, orjson.loads(told.body)) == ("a", "/v1/compare", {"prompt": "ü", "seed": 3})


def test_a_lone_surrogate_in_a_body_stays_what_it_is():
    raw = b'{"custom_id":"a","method":"POST","url":"/v1/compare","body":{"prompt":"\\ud800"}}'
    assert request_in(raw, "/v1/compare").body == b'{"prompt": "\\ud800"}'


BAD = {
    "no JSON": (b"{nope", "invalid_json_line", None),
    "no object": (b"[1]", "invalid_json_line", None),
    "no custom_id": (b'{"method": "POST"}', "missing_required_parameter", "custom_id"),
    "no body": (b'{"custom_id":"a","method":"POST","url":"/v1/compare"}', "missing_required_parameter", "body"),
    "a number as custom_id": (line(custom_id=1), "invalid_custom_id", "custom_id"),
    "an empty custom_id": (line(custom_id=""), "invalid_custom_id", "custom_id"),
    "a long custom_id": (line(custom_id="x" * 513), "invalid_custom_id", "custom_id"),
    "a surrogate as custom_id": (line(custom_id="S").replace(b'"S"', b'"\\ud800"'), "invalid_custom_id", "custom_id"),
    "another method": (line(method="GET"), "invalid_method", "method"),
    "another url": (line(url="/v1/score"), "url_mismatch", "url"),
    "a url that is none": (line(url=["/v1/compare"]), "url_mismatch", "url"),
    "a body that is no object": (line(body="x"), "invalid_body", "body"),
}


@pytest.mark.parametrize("case", list(BAD))
def test_a_line_that_is_no_request_says_why(case):
    raw, code, param = BAD[case]
    with pytest.raises(BadLine) as caught:
        request_in(raw, "/v1/compare")
    assert caught.value.told(7) == {"code": code, "line": 7, "message": caught.value.message, "param": param}


def checked(lines, most=100):
    validation = Validation("/v1/compare", most)
    for number, raw in enumerate(lines, 1):
        validation.take(number, raw)
    validation.end()
    return validation


def test_a_file_of_good_lines_has_nothing_wrong():
    validation = checked([line(custom_id=str(i)) for i in range(5)])
    assert (validation.total, validation.errors) == (5, [])


def test_all_wrong_lines_are_told_with_their_numbers():
    validation = checked([line(), line(custom_id="b", url="/v1/rank"), line(), b"nope", line(custom_id="c")])
    told = [(error["code"], error["line"]) for error in validation.errors]
    assert told == [("url_mismatch", 2), ("duplicate_custom_id", 3), ("invalid_json_line", 4)]


def test_a_file_without_a_request_and_one_with_too_many_are_wrong_as_a_whole():
    assert [error["code"] for error in checked([]).errors] == ["empty_file"]
    many = checked([line(custom_id=str(i)) for i in range(4)], most=2)
    assert [(error["code"], error["line"]) for error in many.errors] == [("too_many_tasks", 3)]


def test_no_more_is_told_than_anybody_reads():
    assert len(checked([b"nope"] * 3 * MOST_ERRORS, most=10**6).errors) == MOST_ERRORS


def test_the_same_line_has_the_same_id_whoever_judges_it():
    first, second = (orjson.loads(answer_line("batch_1", 3, "a", 200, {"x": 1})) for _ in range(2))
    assert first == second
    assert first["custom_id"] == "a"
    assert first["response"]["status_code"] == 200
    assert first["response"]["body"] == {"x": 1}
    assert first["error"] is None
    assert first["id"].startswith("batch_req_")
    assert orjson.loads(answer_line("batch_1", 4, "a", 200, {}))["id"] != first["id"]


def test_a_request_that_was_not_answered_has_an_error_and_no_response():
    told = orjson.loads(unanswered_line("batch_1", 1, line(), "batch_expired", "too late"))
    assert (told["custom_id"], told["response"]) == ("a", None)
    assert told["error"] == {"code": "batch_expired", "message": "too late"}
