"""JSON with lone surrogates: read all the same, and each told by its place."""

import pytest

from judge_service.domain.surrogates import parsed_with_surrogates, surrogate_in


def test_a_text_that_names_a_lone_surrogate_is_read() -> None:
    assert parsed_with_surrogates(b'{"a": ["\\ud800", "\\ud83d\\ude00"]}') == {"a": ["\ud800", "\U0001f600"]}


@pytest.mark.parametrize(
    "body",
    [b'{"a": "x"}', b'{"a": "\\ud800"', b'{"a": "\\ud800", "b": NaN}', b'["\\ud800", 1e999]', b'["\\ud800\xff"]',
     b'["\\ud800", ' + b"[" * 100_000 + b"]" * 100_000 + b"]"],
    ids=["none in it", "cut", "NaN", "infinite", "no UTF-8", "too deep"],
)  # fmt: skip
def test_what_is_wrong_otherwise_is_no_json(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parsed_with_surrogates(body)


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"a": 1, "b": ["x", None, 2.5, True]}, None),
        ("\U0001f600", None),
        ({"a": [{"b": "\udfff"}]}, "cases[0].a[0].b"),
        (["x", "\ud800"], "cases[0][1]"),
        ({"\ud800": 1}, "cases[0]"),
        ("\ud800", "cases[0]"),
    ],
)
def test_a_lone_surrogate_is_told_by_its_place(value: object, place: str | None) -> None:
    assert surrogate_in(value, "cases[0]") == place
