"""A batch's life: facts become a status and an object that OpenAI's client knows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import Batch

from judge_service.errors import InvalidOption
from judge_service.jobs.life import ENDINGS, batch_object, is_over, keeping_seconds, status_of, wish_from

MADE = {
    "tenant": "t", "input_file_id": "file-1", "endpoint": "/v1/compare", "completion_window": "24h",
    "metadata": {"run": "7"}, "keep": None, "created_at": 100, "expires_at": 200,
}  # fmt: skip
BEGUN = {**MADE, "total": 3, "in_progress_at": 110}
ASKED = {"completion_window": "24h", "endpoint": "/v1/compare", "input_file_id": "file-1"}


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        (MADE, "validating"),
        ({**MADE, "ending": "cancelled", "cancelling_at": 105}, "cancelling"),
        (BEGUN, "in_progress"),
        ({**BEGUN, "ending": "cancelled", "cancelling_at": 120}, "cancelling"),
        ({**BEGUN, "cancelling_at": 120, "ending": "cancelled", "finalizing_at": 121}, "cancelling"),
        ({**BEGUN, "ending": "completed", "finalizing_at": 130}, "finalizing"),
        ({**BEGUN, "ending": "completed", "finalizing_at": 130, "cancelling_at": 130}, "finalizing"),
        ({**BEGUN, "ending": "expired", "finalizing_at": 130}, "finalizing"),
        *(({**BEGUN, "ending": ending, "cancelling_at": 130, f"{ending}_at": 140}, ending) for ending in ENDINGS),
    ],
)
def test_the_status_follows_from_what_has_happened(facts, status):
    assert status_of(facts) == status
    assert is_over(facts) == (status in ENDINGS)


@given(st.sets(st.sampled_from([
    "in_progress_at", "finalizing_at", "completed_at", "failed_at", "expired_at", "cancelling_at", "cancelled_at"
])), st.sampled_from([None, *ENDINGS]))  # fmt: skip
def test_the_object_is_one_of_openais_whatever_has_happened(times, ending):
    facts = {**MADE, **dict.fromkeys(times, 150), **({"ending": ending} if ending else {})}
    told = batch_object("batch_1", facts, {"output": 2, "errors": 1})
    assert Batch.model_validate(told, strict=True).to_dict() == told
    assert told["request_counts"] == {"total": 0, "completed": 2, "failed": 1}


def test_what_is_over_is_counted_by_what_was_counted_then():
    told = batch_object("b", {**BEGUN, "counts": {"total": 3, "completed": 3, "failed": 0}}, {})
    assert told["request_counts"] == {"total": 3, "completed": 3, "failed": 0}


def test_a_wish_is_what_was_asked():
    wish = wish_from(
        {**ASKED, "metadata": {"a": "b"}, "output_expires_after": {"anchor": "created_at", "seconds": 7200}}
    )
    assert (wish.input_file_id, wish.endpoint, wish.completion_window) == ("file-1", "/v1/compare", "24h")
    assert (wish.window, wish.metadata, wish.keep) == (86_400, {"a": "b"}, 7200)


@pytest.mark.parametrize(
    ("written", "seconds"), [("24h", 86_400), ("90s", 90), ("15m", 900), ("30d", 2_592_000), ("1s", 1)]
)
def test_windows_other_than_a_day_are_taken(written, seconds):
    assert wish_from({**ASKED, "completion_window": written}).window == seconds


WRONG = {
    "no object": ([], None),
    "nothing": ({}, "endpoint"),
    "another endpoint": ({**ASKED, "endpoint": "/v1/chat/completions"}, "endpoint"),
    "no file": ({**ASKED, "input_file_id": ""}, "input_file_id"),
    "a file that is a number": ({**ASKED, "input_file_id": 7}, "input_file_id"),
    "no window": ({**ASKED, "completion_window": None}, "completion_window"),
    "a window of nothing": ({**ASKED, "completion_window": "0h"}, "completion_window"),
    "a window too long": ({**ASKED, "completion_window": "31d"}, "completion_window"),
    "metadata that is a list": ({**ASKED, "metadata": ["a"]}, "metadata"),
    "metadata with a number": ({**ASKED, "metadata": {"a": 1}}, "metadata"),
    "metadata with a long name": ({**ASKED, "metadata": {"a" * 65: "b"}}, "metadata"),
    "metadata with a long text": ({**ASKED, "metadata": {"a": "b" * 513}}, "metadata"),
    "too much metadata": ({**ASKED, "metadata": {str(i): "" for i in range(17)}}, "metadata"),
    "an unknown field": ({**ASKED, "colour": "red"}, "colour"),
    "an odd expiry": ({**ASKED, "output_expires_after": {"seconds": 7200}}, "output_expires_after"),
}  # fmt: skip


@pytest.mark.parametrize("case", list(WRONG))
def test_a_wrong_wish_names_its_field(case):
    told, param = WRONG[case]
    with pytest.raises(InvalidOption) as caught:
        wish_from(told)
    assert caught.value.param == param


@pytest.mark.parametrize("seconds", [3599, 2_592_001, True, "7200", None])
def test_files_are_kept_for_an_hour_to_thirty_days(seconds):
    with pytest.raises(InvalidOption, match="3600 to 2592000"):
        keeping_seconds({"anchor": "created_at", "seconds": seconds}, "expires_after")
    assert keeping_seconds({"anchor": "created_at", "seconds": 3600}, "expires_after") == 3600
    assert keeping_seconds(None, "expires_after") is None
