"""14,938 recorded texts of real judges: each is read as recorded, but for the source's own mistakes."""

import gzip
import json
from hashlib import sha256

import pytest
from known_mistakes import MISTAKES
from recorded import DATA, position

READING = {"llmbar_is_better": "llmbar", "llmbar_output_ab": "llmbar", "double_bracket_ABC": "mt-bench-pair"}
TRULY = {text: mistake.verdict for mistake in MISTAKES for text in mistake.texts}

# A denial ("I cannot claim that either … or … is better") that LLMBar's published statistics count as a verdict for the
# second. They are to come out exactly, so the reading counts it too: the one known misreading of these texts.
COUNTED_BY_THE_SOURCE = "d60031f7dd38"


def key(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:12]


@pytest.fixture(scope="module")
def cases() -> list[dict]:
    path = DATA / "parser_cases.jsonl.gz"
    if not path.exists():
        pytest.skip(f"no recorded judges at {DATA} (set JUDGE_RECORDED_DATA)")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def test_every_text_is_read_as_recorded_but_for_the_sources_mistakes(cases):
    assert len(cases) == 14_938
    wrong = {}
    for case in cases:
        text = case["raw_output"]
        expected = TRULY.get(key(text), case["position_verdict"])
        if (got := position(READING[case["format"]], text)) != expected:
            wrong[key(text)] = (expected, got)
    assert wrong == {}


def test_every_listed_mistake_differs_from_its_recorded_verdict(cases):
    recorded = {key(case["raw_output"]): case["position_verdict"] for case in cases}
    assert sum(len(mistake.texts) for mistake in MISTAKES) == len(TRULY)
    assert [text for text, verdict in TRULY.items() if recorded[text] == verdict] == []
    assert recorded[COUNTED_BY_THE_SOURCE] == "second"
