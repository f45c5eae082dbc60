"""A JSON array is read element by element, however it is cut into pieces and whatever stands in it."""

import io
import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge_service.files.arrays import NoArray, begins_array, elements_of

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text('ab"\\[]{},:\n é', max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('a"\\{', max_size=3), inner, max_size=3),
    max_leaves=8,
)


class InPieces(io.BytesIO):
    """A stream that gives a few bytes at a time, whatever it is asked for."""

    def __init__(self, content, size):
        super().__init__(content)
        self.size = size

    def read(self, size=-1):
        return super().read(min(self.size, size) if size >= 0 else self.size)


def elements(content, size=1 << 20):
    """The elements that are told before an error, if there is one, and whether there is."""
    found = []
    try:
        found.extend(orjson.loads(element) for element in elements_of(InPieces(content, size)))
    except NoArray:
        return found, True
    return found, False


@given(st.lists(VALUES, max_size=6), st.integers(1, 20), st.sampled_from([None, 2]), st.booleans())
def test_the_elements_are_those_of_the_array(values, size, indent, ascii_only):
    text = " \n" + json.dumps(values, indent=indent, ensure_ascii=ascii_only) + "\n "
    assert begins_array(text.encode())
    assert elements(text.encode(), size) == (values, False)


@given(st.lists(VALUES, min_size=1, max_size=4), st.integers(1, 20), st.integers(1, 200))
def test_of_an_array_that_ends_too_early_what_is_whole_is_told(values, size, cut):
    text = orjson.dumps(values)
    found, is_torn = elements(text[: -min(cut, len(text) - 1)], size)
    assert is_torn
    assert found == values[: len(found)]


@pytest.mark.parametrize(
    "bad", [b'{"a": 1}}', b'{"a": [1}', b'{"a" 1}', b"NaN", b'{"a": ]}', b"", b'{"a": "\n"}', b"{} {}"]
)
def test_an_element_that_is_no_json_costs_no_other_its_own(bad):
    told = list(elements_of(io.BytesIO(b'[{"id": 1}, ' + bad + b', {"id": 2}]')))
    assert [orjson.loads(told[0]), orjson.loads(told[-1])] == [{"id": 1}, {"id": 2}]
    assert len(told) == 3
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(told[1])


def test_a_comma_before_the_end_is_an_element_that_is_none():
    assert list(elements_of(io.BytesIO(b"[1,]"))) == [b"1", b""]
    assert list(elements_of(io.BytesIO(b"[ ]"))) == []


def test_what_follows_the_end_is_told():
    assert elements(b'[{"a": 1}] {"b": 2}') == ([{"a": 1}], True)
    assert elements(b"[1]\n\n", 3) == ([1], False)
