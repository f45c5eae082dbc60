"""LLMBar's published statistics come out of its recorded texts exactly, by the reading `llmbar` alone."""

import json

import pytest
from recorded import DATA, llmbar, position

JUDGES = ("GPT-4", "ChatGPT", "LLaMA2")
PROMPTINGS = ("Vanilla", "Metrics", "CoT")
PUBLISHED_FIELDS = ("correct_False", "correct_True", "correct_average", "correct_both", "equal")


@pytest.fixture(scope="module")
def choices() -> dict[tuple[str, str, str], list[tuple[str, str | None, str | None]]]:
    """By subset, judge and prompting, for each item: its gold, and the candidate chosen in either order."""
    items = {item["item_id"]: item for item in llmbar("items.jsonl.gz")}
    chosen: dict[tuple[str, str, str], dict[str, dict[str, str | None]]] = {}
    for row in llmbar("judgments.jsonl.gz"):
        if row["judge"] in JUDGES and row["prompting"] in PROMPTINGS and row["meta"]["stage"] == "final":
            group = (items[row["item_id"]]["source"], row["judge"], row["prompting"])
            shown = {"first": row["order"][0], "second": row["order"][1], None: None}
            candidate = shown[position("llmbar", row["raw_output"])]
            chosen.setdefault(group, {}).setdefault(row["item_id"], {})[row["order"]] = candidate
    return {
        group: [(items[item]["gold"], orders["AB"], orders["BA"]) for item, orders in of_group.items()]
        for group, of_group in chosen.items()
    }


def statistics(choices: list[tuple[str, str | None, str | None]]) -> dict[str, str]:
    """As LLMBar prints them: False is the given order, True the swapped one; two unreadable orders are equal too."""
    of = len(choices)
    given = sum(one == gold for gold, one, _ in choices)
    swapped = sum(other == gold for gold, _, other in choices)
    both = sum(one == other == gold for gold, one, other in choices)
    equal = sum(one == other for _, one, other in choices)
    counts = {"correct_False": given, "correct_True": swapped, "correct_both": both, "equal": equal}
    printed = {name: f"{count} / {of} = {count / of * 100}%" for name, count in counts.items()}
    return printed | {"correct_average": f"{(given + swapped) / 2 / of * 100}%"}


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize("prompting", PROMPTINGS)
def test_published_statistics_come_out_exactly(choices, judge, prompting):
    published = [
        row
        for row in json.loads((DATA / "llmbar" / "published_statistics.json").read_text(encoding="utf-8"))
        if row["judge"] == judge and row["prompting"] == prompting
    ]
    assert len(published) == 5
    for row in published:
        ours = statistics(choices[row["subset"], judge, prompting])
        assert ours == {name: row[name] for name in PUBLISHED_FIELDS}, row["subset"]
