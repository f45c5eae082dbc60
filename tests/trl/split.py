"""One of several processes that train together: `torchrun split.py MODEL FOLDER`. Writes what its rewards were."""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from test_rewards import PLAIN, Recorded
from trl import GRPOConfig, GRPOTrainer

from judge_service.errors import InvalidConfiguration

GROUP = 4


def run(model: str, folder: Path, batch: int, steps: int, judge: Recorded) -> GRPOTrainer:
    """Trains for two generation batches."""
    shape = {"per_device_train_batch_size": batch, "steps_per_generation": steps, "max_steps": 2 * steps}
    args = GRPOConfig(output_dir=str(folder), **{**PLAIN, **shape, "ddp_backend": "gloo"})
    rows = Dataset.from_dict({"prompt": [f"Question {i}?" for i in range(12)]})
    trainer = GRPOTrainer(model, reward_funcs=judge, args=args, train_dataset=rows)
    trainer.train()
    return trainer


def main(model: str, folder: Path) -> None:
    told: dict[str, Any] = {}
    # Six rows to a process, and so one group of four in three on both.
    judge = Recorded(split="gather")
    trainer = run(model, folder, 3, 2, judge)
    told["gathered"] = [call[:3] for call in judge.heard]
    told["logged"] = [list(trainer._logs["completion"]), list(trainer._logs["rewards"]["judge"])]
    try:
        run(model, folder, 3, 2, Recorded(split="refuse"))
    except InvalidConfiguration as e:
        told["refused"] = str(e)
    whole = Recorded(split="refuse")
    run(model, folder, 4, 1, whole)
    told["whole"] = [call[:3] for call in whole.heard]
    (folder / f"rank{torch.distributed.get_rank()}.json").write_text(json.dumps(told))
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
