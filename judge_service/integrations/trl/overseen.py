"""What is logged of each step, and what is asked besides now and then: whether the judge is still to be trusted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any, Final

from judge_service.domain.digests import digest, draw
from judge_service.domain.judgments import Judgment
from judge_service.domain.options import Task
from judge_service.errors import JudgeServiceError
from judge_service.integrations.anchors import Anchors, Client
from judge_service.integrations.client import AsyncJudgeClient
from judge_service.integrations.trl.rows import Case, Row, length
from judge_service.integrations.trl.scored import Scored
from judge_service.integrations.watching import PREFIX, Rewarded, Watch, Watched

FLIP_PAIRS: Final = 32
"""Pairs of a step that are shown in both orders when it is due: the flip rate cannot be known from one."""
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Oversight:
    """What to look at besides, and how often.

    Attributes:
        every: calls from one time to the next; 0: never.
        anchors: cases, or a file of them, that are judged again each time; see Anchors.
        second: another service's client, or the name of another judge of the same service.
    """

    every: int
    anchors: str | Path | Sequence[Mapping[str, Any]]
    second: Client | str | None


@dataclass(slots=True)
class Call:
    """One call of a reward function, as far as it has come.

    Attributes:
        number: how many there were before.
        cases: that the service was asked about; `judgments` on them, in the same order, None where none came.
    """

    number: int
    cases: list[Case] = field(default_factory=list)
    judgments: list[Judgment | None] = field(default_factory=list)


class Overseer:
    """Watches the calls of one reward function."""

    def __init__(
        self, name: str, client: AsyncJudgeClient, task: Task, options: Mapping[str, Any], timeout: float, of: Oversight
    ) -> None:
        self._name, self._client, self._task, self._every = name, client, task, of.every
        self._timeout = timeout
        self._options = {name: value for name, value in options.items() if name != "strategy"}
        self._watch = Watch()
        told = {**self._options, "orders": "both"}
        self._anchors = (
            Anchors(client, of.anchors, every=of.every, second=of.second, timeout=timeout, **told) if of.every else None
        )

    async def seen(
        self, call: Call, rows: Sequence[Row], scored: Sequence[Scored], tokens: Sequence[Any] | None
    ) -> dict[str, float]:
        """The figures of a call, by the names they are logged under; warnings are logged here.

        Args:
            tokens: the completions' token ids, whose numbers are their lengths; None: characters are counted.
        """
        known = [(case, j) for case, j in zip(call.cases, call.judgments, strict=True) if j is not None]
        judged = [judgment for _, judgment in known]
        watched = self._watch.step(judged, _rewarded(rows, scored, tokens))
        if self._anchors is not None and self._anchors.is_due(call.number):
            rewards = [one.value for one in scored if one.value is not None]
            mean = fmean(rewards) if rewards else None
            more = await asyncio.gather(
                self._anchors.asked(call.number, self._task, [case for case, _ in known], judged, mean),
                self._flips(call),
            )
            watched |= more[0] | more[1]
        for warning in watched.warnings:
            _LOG.warning("%s", warning)
        unscored = sum(one.value is None for one in scored) / max(1, len(scored))
        figures = {**watched.figures, f"{PREFIX}unscored": unscored}
        return {f"{self._name}/{told.removeprefix(PREFIX)}": value for told, value in figures.items()}

    async def _flips(self, call: Call) -> Watched:
        """How often the other order names another winner, and the lean to the first-shown, of some pairs of a call."""
        pairs = [pair for place, case in enumerate(call.cases) if (pair := _pair(case, call.number, place))]
        drawn = sorted(pairs, key=lambda pair: draw("flips", call.number, pair["id"]))[:FLIP_PAIRS]
        try:
            async with asyncio.timeout(self._timeout):
                told = {**self._options, "orders": "both"}
                figures = Watch().step(await self._client.judge("compare", drawn, **told)).figures
        except (JudgeServiceError, TimeoutError) as error:
            return Watched(warnings=(f"the flip rate could not be asked for: {error}",))
        kept = {f"{PREFIX}{name}" for name in ("flip_rate", "position_bias")}
        return Watched({name: value for name, value in figures.items() if name in kept})


def _pair(case: Case, number: int, place: int) -> Case | None:
    """Two of a case's candidates, drawn by hash; None where it has one only."""
    candidates = sorted(case["candidates"], key=lambda candidate: draw("pair", number, place, candidate["id"]))
    return {**case, "candidates": candidates[:2]} if len(candidates) > 1 else None


def _rewarded(rows: Sequence[Row], scored: Sequence[Scored], tokens: Sequence[Any] | None) -> list[Rewarded]:
    sizes = [len(ids) for ids in tokens] if tokens is not None else [length(row.completion) for row in rows]
    told = zip(rows, sizes, scored, strict=True)
    return [Rewarded(digest(row.prompt), size, one.value) for row, size, one in told]
