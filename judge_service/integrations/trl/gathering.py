"""Groups whose rows lie on several processes: the rows come together, each group is judged once, and scores go back.

TRL hands every process its own run of rows, and asks only that a group be whole over all of them.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
from datetime import timedelta
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Trainer(Protocol):
    """What is read of a GRPOTrainer or RLOOTrainer."""

    num_generations: int
    num_generations_eval: int
    model: Any
    args: Any


class Processes:
    """All processes of a training run, which call each method together.

    They talk over a group of their own, on the CPU: whatever else is gathered meanwhile does not get in between, and
    no GPU has to be the current one of the thread that reward functions run in.

    Args:
        seconds: after which a process that does not come is an error.
    """

    def __init__(self, seconds: float) -> None:
        self._all: Any = importlib.import_module("torch.distributed")
        self._own = self._all.new_group(backend="gloo", timeout=timedelta(seconds=seconds))
        self.rank: int = self._all.get_rank()

    async def gathered(self, mine: T) -> list[T]:
        """What each process brings, by rank."""
        brought: list[Any] = [None] * self._all.get_world_size()
        await asyncio.to_thread(self._all.all_gather_object, brought, mine, group=self._own)
        return brought


def are_several() -> bool:
    """Whether this process trains together with others."""
    if "torch" not in sys.modules:
        return False
    distributed = importlib.import_module("torch.distributed")
    return bool(distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1)


def trainer_behind(log_metric: Any) -> Trainer | None:
    """The trainer that calls: its `log_metric` is its own method. None where another calls."""
    trainer = getattr(log_metric, "__self__", None)
    return trainer if hasattr(trainer, "num_generations") else None


def generations_of(trainer: Trainer) -> int:
    """How many completions it has made to each prompt of this call."""
    return trainer.num_generations if trainer.model.training else trainer.num_generations_eval


def split_told(rows: int, size: int, trainer: Trainer | None) -> str:
    """What is wrong with groups that are split over processes, and the batch sizes with which they are not."""
    told = f"groups of {size} completions are split over the processes: each has {rows} rows."
    if trainer is None:
        return f"{told} Give each a multiple of {size}"
    if not trainer.model.training:
        return f"{told} Set per_device_eval_batch_size to {-(-rows // size) * size}"
    batch, steps = trainer.args.per_device_train_batch_size, trainer.args.steps_per_generation
    wider = next(b for b in range(batch, batch + size + 1) if b * steps % size == 0)
    longer = next(s for s in range(steps, steps + size + 1) if batch * s % size == 0)
    return (
        f"{told} per_device_train_batch_size ({batch}) * steps_per_generation ({steps}) has to be a multiple of "
        f"{size}: set per_device_train_batch_size={wider} or steps_per_generation={longer}"
    )
