"""How answers are laid out, and win rates between answers that are laid out alike."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge_service.evaluation.contests.comparisons import Comparison
from judge_service.evaluation.contests.style import Style, style_controlled, style_differences, style_of, style_record
from judge_service.statistics.logistic import sigmoid

PAGE = """# Title

## Part
Text with **bold**, __bold too__ and `**code**`, 2 * 3 * 4.

1. one
2) two
   - under two
* three

```python
# no header
- no entry
**no bold**
````
### Last
"""


def compared(soft, texts, prompt, status="judged", models=("new", "old")):
    won = None if soft is None else float(soft > 0.5)
    return Comparison(prompt, prompt, models, status, soft, won, texts=texts)


def test_markdown_is_counted_outside_code():
    assert style_of(PAGE) == Style(len(PAGE), (1, 1, 1, 0, 0, 0), 2, 2, 2)


@pytest.mark.parametrize("fence", ["```", "~~~~", "   ```"])
def test_a_fence_that_is_never_closed_reaches_to_the_end(fence):
    assert style_of(f"**a**\n{fence}\n# b\n- c\n``\n**d**")[1:] == ((0,) * 6, 0, 0, 1)


def test_what_only_looks_like_markdown_is_none():
    assert style_of("#hashtag\n-5 degrees\n1.5 metres\n****\n#\n7.\n```a`b` is inline\nnever ** ended")[1:] == (
        (0,) * 6, 0, 0, 0,
    )  # fmt: skip


@given(st.text(st.sampled_from("#*_`~-1. \n\tab"), max_size=60))
def test_any_text_has_a_style_and_one_in_a_fence_has_none(text):
    assert style_of(text).length == len(text)
    assert style_of(f"~~~~~~~~~~\n{text.replace('~', '')}\n~~~~~~~~~~")[1:] == ((0,) * 6, 0, 0, 0)


texts = st.text(st.sampled_from("#*-1. \nab"), max_size=30)


@given(st.lists(st.none() | st.tuples(texts, texts), max_size=8))
def test_differences_turn_their_sign_with_the_pair(pairs):
    one, names = style_differences(pairs)
    other, same = style_differences([None if pair is None else (pair[1], pair[0]) for pair in pairs])
    assert names == same
    assert one.shape == (len(pairs), len(names))
    np.testing.assert_allclose(one, -other)
    assert [bool(np.isnan(row).any()) for row in one] == [pair is None and bool(names) for pair in pairs]
    known = one[[pair is not None for pair in pairs]]
    assert (known**2).mean(axis=0) == pytest.approx(np.ones(len(names))) if len(known) else True


def test_texts_laid_out_alike_differ_in_nothing():
    differences, names = style_differences([("**a**", "**b**"), ("# c", "# d")])
    assert (differences.shape, names) == ((2, 0), ())


def test_a_judge_that_likes_bold_and_length_alone_finds_two_models_even_once_they_are_held():
    draw = np.random.default_rng(5)
    comparisons = []
    for prompt in range(600):
        bold, words = draw.integers(0, 6), draw.integers(20, 90)
        pair = ("**b** " * bold + "word " * words, "word " * 40)
        lean = 1.2 * (bold > 0) + 0.8 * (words - 40) / (words + 40)
        soft = float(draw.random() < sigmoid(np.asarray(lean)))
        comparisons.append(compared(soft, pair, f"p{prompt}"))
    found = style_controlled(comparisons)
    assert found.raw.low > 0.6
    assert found.rate.low < 0.5 < found.rate.high
    assert found.effects["bold"].low > 0.0
    assert set(found.effects) == {"length", "bold"}
    told = style_record(found)
    assert told["style_controlled"]["win_rate"] == pytest.approx(100 * found.rate.value)
    assert told["style_taken_off"] == pytest.approx(100 * (found.raw.value - found.rate.value))


def test_seen_from_the_other_model_it_is_the_rest_to_a_hundred():
    draw = np.random.default_rng(1)
    comparisons = [
        compared(float(draw.random()), ("a" * draw.integers(1, 50), "- a\n" * draw.integers(0, 9)), f"p{k // 2}")
        for k in range(200)
    ]
    one = style_controlled(comparisons)
    other = style_controlled([comparison.turned() for comparison in comparisons])
    assert other.rate.value == pytest.approx(1.0 - one.rate.value)
    assert (other.rate.low, other.rate.high) == pytest.approx((1.0 - one.rate.high, 1.0 - one.rate.low))
    assert other.effects["lists"].logits == pytest.approx(one.effects["lists"].logits)


def test_why_there_is_no_rate_is_said():
    pair = ("long answer", "short")
    none = style_controlled([compared(None, pair, "p", status="failed")] * 3)
    assert (none.rate, none.raw, none.reason) == (None, None, "nothing was judged")
    blind = style_controlled([compared(0.7, None, f"p{k}") for k in range(50)])
    assert (blind.left_out, blind.reason) == ({"no texts": 50}, "the answers' texts are not known")
    few = style_controlled([compared(0.7, pair, f"p{k % 3}") for k in range(50)])
    assert few.raw.value == pytest.approx(0.7)
    assert few.reason == "3 prompts are too few for 2 coefficients: it takes 20"
    sure = style_controlled([compared(1.0, ("a" * k, "b"), f"p{k}") for k in range(1, 60)])
    assert sure.rate is None
    assert "no finite effect" in sure.reason
    assert style_record(sure)["style_controlled"]["win_rate"] is None


def test_two_pairs_of_models_are_refused():
    mixed = [compared(0.7, None, "p"), compared(0.7, None, "p", models=("old", "new"))]
    with pytest.raises(ValueError, match="one pair of models"):
        style_controlled(mixed)
