"""Routing replayed on recorded judges: LLMBar's, ten verdicts to an item, with people's own labels."""

import pytest
from recorded import llmbar, position

from judge_service.evaluation.people.replay import Replay, replayed
from judge_service.evaluation.people.routing import Method, Routable

PROMPTINGS = ("Vanilla", "Vanilla_NoRules", "Metrics", "Reference", "CoT")


@pytest.fixture(scope="module")
def cases() -> dict[str, list[Routable]]:
    """By judge, each item with the mean of its readable votes; no verdict where the mean is even."""
    items = {item["item_id"]: item for item in llmbar("items.jsonl.gz")}
    votes: dict[str, dict[str, dict[str, list[float]]]] = {}
    for row in llmbar("judgments.jsonl.gz"):
        if row["prompting"] in PROMPTINGS and row["meta"]["stage"] == "final":
            said = position("llmbar", row["raw_output"])
            if said is not None:
                first = float((said == "first") == (row["order"] == "AB"))
                own = votes.setdefault(row["judge"], {}).setdefault(row["item_id"], {"AB": [], "BA": []})
                own[row["order"]].append(first)
    return {
        judge: [case for name, own in sorted(of.items()) if (case := routable(items[name], own)) is not None]
        for judge, of in votes.items()
    }


def routable(item: dict, votes: dict[str, list[float]]) -> Routable | None:
    means = [sum(own) / len(own) for own in votes.values() if own]
    soft = sum(means) / len(means)
    if soft == 0.5 or len(means) < 2:
        return None
    every = votes["AB"] + votes["BA"]
    share = sum(vote == float(soft > 0.5) for vote in every) / len(every)
    consistent = (means[0] > 0.5) == (means[1] > 0.5)
    label = float(item["gold"] == "A")
    return Routable(
        item["item_id"], item["item_id"], float(soft > 0.5), soft, consistent, None, share, None, None,
        item["source"], None, label,
    )  # fmt: skip


def gains(cases: list[Routable], method: Method) -> Replay:
    return replayed(cases, method, [round(share * len(cases)) for share in (0.1, 0.2, 0.3)])


def test_doubts_of_a_good_judge_find_half_of_its_errors_in_a_fifth_of_the_cases(cases):
    """GPT-4 errs on 15 % of these; chance would find a fifth of that."""
    found = gains(cases["GPT-4"], "uncertainty")
    assert all(step.gain.low > 0 for step in found.steps), found
    assert found.steps[1].found > 0.5


@pytest.mark.parametrize("judge", ["ChatGPT", "LLaMA2"])
def test_a_judge_that_errs_more_often_than_not_does_not_know_where(cases, judge):
    """Set to mislead, these items are: both are wrong on more than half, and surest where they are."""
    found = gains(cases[judge], "uncertainty")
    assert not any(step.gain.low > 0 for step in found.steps), found


def test_what_labels_teach_beats_chance_once_the_pilot_is_paid_for(cases):
    """Its pilot is drawn by chance and counts, so that it starts no better than that."""
    found = gains(cases["GPT-4"], "hybrid")
    assert found.steps[0].gain.low < 0 < found.steps[0].gain.high
    assert found.steps[1].gain.low > 0
    assert found.steps[2].gain.low > 0
