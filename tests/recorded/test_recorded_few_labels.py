"""Few labels on recorded judges: which answer people preferred in LLMBar, from labels of a sixth of the items."""

import numpy as np
import pytest
from recorded import llmbar, position

from judge_service.statistics.prediction_powered import Judged, prediction_powered_mean

LABELS, DRAWS = 70, 150


@pytest.fixture(scope="module")
def verdicts() -> dict[str, list[tuple[float, float]]]:
    """By judge, for each item P(the first is better) by both orders, and people's."""
    gold = {item["item_id"]: float(item["gold"] == "A") for item in llmbar("items.jsonl.gz")}
    votes: dict[str, dict[str, list[float]]] = {}
    for row in llmbar("judgments.jsonl.gz"):
        if row["prompting"] == "Metrics" and row["meta"]["stage"] == "final":
            said = position("llmbar", row["raw_output"])
            if said is not None:
                own = votes.setdefault(row["judge"], {}).setdefault(row["item_id"], [])
                own.append(float((said == "first") == (row["order"] == "AB")))
    return {judge: [(sum(v) / len(v), gold[name]) for name, v in sorted(of.items())] for judge, of in votes.items()}


@pytest.mark.parametrize(("judge", "least"), [("GPT-4", 1.5), ("ChatGPT", 0.9), ("LLaMA2", 0.9)])
def test_intervals_hold_what_people_said_of_all_and_a_good_judge_saves_labels(verdicts, judge, least):
    cases = verdicts[judge]
    truth = float(np.mean([label for _, label in cases]))
    rng = np.random.default_rng(0)
    held, worth = 0, []
    for _ in range(DRAWS):
        drawn = set(rng.choice(len(cases), LABELS, replace=False).tolist())
        things = [Judged(soft, label if k in drawn else None, k) for k, (soft, label) in enumerate(cases)]
        found = prediction_powered_mean(things)
        held += found.estimate.low <= truth <= found.estimate.high
        worth.append(found.effective / LABELS)
    assert held / DRAWS >= 0.93
    assert np.median(worth) > least
