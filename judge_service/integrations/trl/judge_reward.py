"""The reward function for TRL's GRPOTrainer, RLOOTrainer and AsyncGRPOTrainer: a group of completions is ranked."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final, Literal

from judge_service.errors import InvalidConfiguration, JudgeServiceError
from judge_service.integrations.anchors import Client
from judge_service.integrations.client import AsyncJudgeClient
from judge_service.integrations.trl.asked import Asked, one_of
from judge_service.integrations.trl.gathering import (
    Processes,
    Trainer,
    are_several,
    generations_of,
    split_told,
    trainer_behind,
)
from judge_service.integrations.trl.overseen import Call, Overseer, Oversight
from judge_service.integrations.trl.rows import (
    Case,
    Columns,
    Row,
    baseline_case,
    group_case,
    in_groups,
    own_case,
    rows_from,
)
from judge_service.integrations.trl.scored import TASK_OF, Reward, Scored, none, scores_of, strategy_for

Split = Literal["gather", "refuse"]
GATHER_GRACE: Final = 60.0
"""Seconds beyond its own deadline that a process waits for the others' scores."""
_LOG: Final = logging.getLogger(__name__)


class JudgeReward:
    """Rewards by the service: `GRPOTrainer(..., reward_funcs=JudgeReward())`.

    All completions of a call are asked about at once. A completion that could not be judged gets None, which TRL leaves
    out of its group; never a zero. It can be pickled, and then opens connections of its own.

    Args:
        base_url: of the service; None: JUDGE_SERVER_URL, else this machine.
        reward: "ranking": the mean probability, in [0, 1], of beating another completion to the same prompt;
            "strengths": the ranking's logits, of mean zero; "pointwise": the score by itself, as a share of the
            rubric's scale; "baseline": the probability of beating the answer in the column that `baseline` names.
        num_generations: completions to a prompt, which stand one after the other; None: as many as the trainer says it
            makes, and where no trainer says so (AsyncGRPO) the whole call is one group.
        split: what to do with groups that lie on several processes: "gather" them, or "refuse" at the first call.
        reference: the column with an answer known to be good; context, domain, baseline, prompt_id: see Columns.
        api_key: None: JUDGE_API_KEY.
        timeout: seconds that judging a call takes at the most; what has not come by then is None.
        give_up: after so many calls in a row without one reward, an error is raised.
        every: calls from one look at the flip rate, the anchors and the second judge to the next; 0: never.
        anchors: cases, or a file of them, that are judged again each time; see Anchors.
        second: another service's client, or the name of another judge of the same service, that is asked besides.
        name: under which TRL logs it.
        options: of the judgment, as in /v1/rank; orders "one", cache "bypass", and a strategy by the size of the group.

    Raises:
        InvalidOption, InvalidConfiguration: an option, or an argument, cannot be.
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        reward: Reward = "ranking",
        num_generations: int | None = None,
        split: Split = "gather",
        reference: str = "",
        context: str = "",
        domain: str = "",
        baseline: str = "",
        prompt_id: str = "prompt_id",
        api_key: str | None = None,
        timeout: float = 120.0,
        give_up: int = 10,
        every: int = 50,
        anchors: str | Path | Sequence[Mapping[str, Any]] = (),
        second: Client | str | None = None,
        name: str = "judge",
        **options: Any,
    ) -> None:
        self.__name__ = name
        self._reward = one_of("reward", reward, *TASK_OF)
        self._split = one_of("split", split, "gather", "refuse")
        self._size = num_generations
        self._columns = Columns(reference, context, domain, baseline, prompt_id)
        self._client, task = AsyncJudgeClient(base_url, api_key, timeout=timeout), TASK_OF[reward]
        self._asked = Asked(self._client, task, options, timeout, give_up)
        self._overseer = Overseer(
            name, self._client, task, self._asked.options, timeout, Oversight(every, anchors, second)
        )
        self._processes: Processes | None = None
        self._check()

    def _check(self) -> None:
        if self._size is not None and self._size < 2 and TASK_OF[self._reward] == "rank":
            raise InvalidConfiguration(f"num_generations: a ranking takes 2 completions or more; got {self._size}")
        if (self._reward == "baseline") != bool(self._columns.baseline):
            raise InvalidConfiguration("baseline: reward='baseline' goes with the name of a column, and it with that")
        if self._reward == "strengths" and self._asked.options.get("strategy") in ("listwise", "pointwise"):
            raise InvalidConfiguration("reward: strengths are fitted to pairs, and this strategy asks about none")

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_processes": None}

    async def aclose(self) -> None:
        """Closes the connections of the running loop; it can be called again."""
        await self._client.aclose()

    async def __call__(
        self, prompts: Sequence[Any], completions: Sequence[Any], completion_ids: Any = None, **given: Any
    ) -> list[float | None]:
        """A reward to each row.

        Raises:
            InvalidConfiguration: a column is missing, or groups cannot be told apart.
            JudgeError: the service refuses what is asked, or has given no reward for too long.
        """
        rows = rows_from(prompts, completions, given, self._columns)
        call = Call(self._asked.calls)
        scored = await self._scored(call, rows, trainer_behind(given.get("log_metric")))
        figures = await self._overseer.seen(call, rows, scored, completion_ids)
        self._log(figures, scored, given)
        self._asked.ended(scored)
        return [one.value for one in scored]

    def _log(self, figures: Mapping[str, float], scored: Sequence[Scored], given: Mapping[str, Any]) -> None:
        log_metric, log_extra = given.get("log_metric"), given.get("log_extra")
        if log_metric is None:
            _LOG.info("%s", figures)
        else:
            for name, value in figures.items():
                log_metric(name, value)
        if log_extra is not None:
            log_extra(f"{self.__name__}_unscored", [one.why for one in scored])

    async def _scored(self, call: Call, rows: Sequence[Row], trainer: Trainer | None) -> list[Scored]:
        if TASK_OF[self._reward] != "rank":
            return _in_order(await self._alone(call, rows), len(rows))
        size = self._group_size(rows, trainer)
        if len(rows) % size == 0:
            return _in_order(await self._ranked(call, rows, in_groups(len(rows), size)), len(rows))
        return await self._ranked_together(call, rows, size, trainer)

    def _group_size(self, rows: Sequence[Row], trainer: Trainer | None) -> int:
        makes = (self._size or len(rows)) if trainer is None else generations_of(trainer)
        if makes < 2:
            raise InvalidConfiguration(
                "a group of one cannot be ranked: take reward='pointwise', which needs no groups"
            )
        if trainer is not None and self._size not in (None, makes) and trainer.model.training:
            raise InvalidConfiguration(f"num_generations: {self._size} was told, and the trainer makes {makes}")
        return makes

    async def _alone(self, call: Call, rows: Sequence[Row]) -> dict[int, Scored]:
        """Rows that are judged each by itself."""
        make = baseline_case if self._reward == "baseline" else own_case
        asked = {place: row for place, row in enumerate(rows) if row.is_judgeable}
        cases = [make(f"{call.number}.{place}", row) for place, row in asked.items()]
        judgments = await self._asked.judgments(call, cases)
        scored = none(range(len(rows)), "invalid")
        for place, judgment in zip(asked, judgments, strict=True):
            scored |= scores_of(judgment, self._reward, (place,))
        return scored

    async def _ranked(self, call: Call, rows: Sequence[Row], groups: Sequence[range]) -> dict[int, Scored]:
        """The rows of these groups."""
        scored = none(chain(*groups), "invalid")
        asked: list[dict[int, Row]] = []
        for group in groups:
            self._check_prompts(rows, group)
            there = {place: rows[place] for place in group if rows[place].is_judgeable}
            if len(there) > 1 and all(rows[place].prompt == rows[group[0]].prompt for place in group):
                asked.append(there)
        cases: list[Case] = [group_case(f"{call.number}.{min(there)}", there) for there in asked]
        strategy = {"strategy": strategy_for(len(groups[0]))} if groups else {}
        judgments = await self._asked.judgments(call, cases, strategy)
        for there, judgment in zip(asked, judgments, strict=True):
            scored |= scores_of(judgment, self._reward, there)
        return scored

    def _check_prompts(self, rows: Sequence[Row], group: range) -> None:
        """Refuses at the first call what is no group; later it is only left without rewards."""
        other = next((place for place in group if rows[place].prompt != rows[group[0]].prompt), None)
        if other is not None and self._asked.calls == 0:
            raise InvalidConfiguration(
                f"rows {group[0]} and {other} should be one group of {len(group)} and have different prompts: "
                "give num_generations, or take reward='pointwise', which needs no groups"
            )

    async def _ranked_together(
        self, call: Call, rows: Sequence[Row], size: int, trainer: Trainer | None
    ) -> list[Scored]:
        """This process's rows, in groups that others hold parts of: who holds a group's first row has it judged."""
        if self._split == "refuse" or not are_several():
            raise InvalidConfiguration(split_told(len(rows), size, trainer))
        if self._processes is None:
            _LOG.warning("%s They are gathered.", split_told(len(rows), size, trainer))
            self._processes = Processes(self._asked.timeout + GATHER_GRACE)
        parts = await self._processes.gathered(list(rows))
        start = sum(map(len, parts[: self._processes.rank]))
        everyone = list(chain(*parts))
        if len(everyone) % size:
            raise InvalidConfiguration(f"{len(everyone)} rows of all processes are no groups of {size}")
        own = [g for g in in_groups(len(everyone), size) if start <= g[0] < start + len(rows)]
        found: dict[int, Scored] | JudgeServiceError
        try:
            found = await self._ranked(call, everyone, own)
        except JudgeServiceError as error:
            found = error
        scored: dict[int, Scored] = {}
        for part in await self._processes.gathered(found):
            if isinstance(part, JudgeServiceError):
                raise part
            scored |= part
        return [scored[place] for place in range(start, start + len(rows))]


def _in_order(scored: Mapping[int, Scored], rows: int) -> list[Scored]:
    return [scored[place] for place in range(rows)]
