"""Two processes train together over gloo, and a group's rows lie on both."""

import json
import os
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from serving import Served
from split import GROUP

HERE = Path(__file__).parent
PROCESSES = 2


@pytest.fixture(scope="module")
def ranks(address: Served, model: str, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each process wrote."""
    folder = tmp_path_factory.mktemp("split")
    path = os.pathsep.join([str(HERE.parents[1]), str(HERE)])
    env = {**os.environ, "JUDGE_SERVER_URL": address.url, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={PROCESSES}"]
    command += [str(HERE / "split.py"), model, str(folder)]
    ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=400, check=False)
    assert ended.returncode == 0, ended.stderr[-4000:]
    return [json.loads((folder / f"rank{rank}.json").read_text()) for rank in range(PROCESSES)]


def groups_of(ranks: list[dict[str, Any]], name: str) -> list[tuple[str, list[str], list[float]]]:
    """All groups of all calls: the prompt, the completions, and their rewards."""
    found = []
    for calls in zip(*(rank[name] for rank in ranks), strict=True):
        prompts, completions, rewards = (list(chain(*column)) for column in zip(*calls, strict=True))
        for start in range(0, len(prompts), GROUP):
            own = slice(start, start + GROUP)
            assert set(prompts[own]) == {prompts[start]}
            found.append((prompts[start], completions[own], rewards[own]))
    return found


def test_a_group_on_two_processes_is_ranked_as_one(ranks: list[dict[str, Any]], service: Served) -> None:
    rows = [len(call[0]) for rank in ranks for call in rank["gathered"]]
    assert set(rows) == {6}
    groups = groups_of(ranks, "gathered")
    assert len(groups) == 2 * 3
    for prompt, completions, rewards in groups:
        said = service.rank_scores(prompt, completions, strategy="round-robin")
        assert rewards == pytest.approx(said, abs=1e-6)


def test_the_trainer_holds_each_reward_beside_its_completion(ranks: list[dict[str, Any]]) -> None:
    completions, rewards = ranks[0]["logged"]
    last = groups_of(ranks, "gathered")[-3:]
    assert completions == [text for group in last for text in group[1]]
    assert rewards == pytest.approx([reward for group in last for reward in group[2]], abs=1e-6)


def test_a_split_group_is_refused_naming_the_batch_size_that_works(ranks: list[dict[str, Any]]) -> None:
    for rank in ranks:
        assert "groups of 4 completions are split over the processes: each has 6 rows" in rank["refused"]
        assert "set per_device_train_batch_size=4 or steps_per_generation=4" in rank["refused"]
        # With that batch size none is split, and none is refused.
        assert all(len(call[0]) % GROUP == 0 for call in rank["whole"])
        assert all(None not in call[2] for call in rank["whole"])
