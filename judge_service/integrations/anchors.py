"""Whether a run's judge is still the judge it was, and still right: fixed cases and a second judge, now and then."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from judge_service.domain.digests import draw
from judge_service.domain.judgments import Judgment
from judge_service.domain.options import Task
from judge_service.domain.parsing import case_from
from judge_service.errors import InvalidCase, InvalidConfiguration
from judge_service.evaluation.differences import differences, outcome_of
from judge_service.evaluation.people.labels import side_named
from judge_service.integrations.client import AsyncJudgeClient, JudgeClient
from judge_service.integrations.hacking import WINDOW, Audit, reward_hacking
from judge_service.integrations.watching import Watched, named

LABEL: Final = "better"
"""The field of an anchor's metadata that says which candidate is better: an id, "tie", or a place."""
DRIFT: Final = 0.3
"""The mean change of the anchors' logits above which, twice running, a judge is said to drift: as for the canaries."""
Client = AsyncJudgeClient | JudgeClient


class Anchors:
    """Asks, every so many steps, a frozen set of cases again, and a second judge about some of the step's own pairs.

    It takes no longer than its timeout, and raises nothing: what fails is told among the warnings.

    Figures:
        anchor_accuracy: of the anchors with a known outcome that were judged, those judged so.
        anchor_drift: the mean absolute change of their logits since each was first judged.
        anchor_flips: the share whose winner is another than then.
        anchor_unscored: the share without a verdict.
        second_agreement: of the sampled cases that both judges judged, those with the same winner (of rankings: the
            same best); second_kappa: the same beyond chance; second_pairs: how many these are.

    Args:
        cases: pairs in the shape of the API's cases, or a file with one to a line. Their outcome, where it is known, is
            `metadata.better`.
        every: steps from one time to the next; the first is step 0.
        second: another service's client, or the name of another judge of the same service; None: no second judge.
        sample: cases of a step that the second judge is asked about, drawn by the seed and the step.
        timeout: seconds, all together.
        options: as in training; the cache is passed by.

    Raises:
        InvalidCase: an anchor is wrong; the message names file and line.
    """

    def __init__(
        self,
        client: Client,
        cases: str | Path | Sequence[Mapping[str, Any]] = (),
        *,
        every: int,
        second: Client | str | None = None,
        sample: int = 64,
        timeout: float = 60.0,
        seed: int = 0,
        **options: Any,
    ) -> None:
        if every < 1:
            raise InvalidConfiguration(f"every is 1 or more; got {every}")
        self._client = client
        told = _lines(Path(cases)) if isinstance(cases, str | Path) else _listed(cases)
        self._cases = [_checked(case, where) for where, case in told]
        self._every, self._sample, self._timeout, self._seed = every, sample, timeout, seed
        self._options = {**options, "cache": "bypass", "timeout": timeout}
        self._second = second
        self._first: dict[int, Judgment] = {}
        self._drifts = 0
        self._audits: list[Audit] = []
        self._is_told = False

    def is_due(self, step: int) -> bool:
        """Whether this step is one of those at which to ask."""
        return step % self._every == 0

    async def asked(
        self,
        step: int,
        task: Task = "compare",
        cases: Sequence[Mapping[str, Any]] = (),
        judgments: Sequence[Judgment] = (),
        reward: float | None = None,
    ) -> Watched:
        """What there is to tell at this step; nothing where none is due.

        Args:
            cases: of this step, as they were sent; `judgments` on them, in the same order, by the judge trained on.
            reward: the step's mean reward; None: falling agreement is not held against it.
        """
        if not self.is_due(step):
            return Watched()
        both = (
            self._in_time("the anchors", self._anchors(step)),
            self._in_time("the second judge", self._agreement(step, task, cases, judgments, reward)),
        )
        anchors, second = await asyncio.gather(*both)
        return anchors | second

    def asked_now(
        self,
        step: int,
        task: Task = "compare",
        cases: Sequence[Mapping[str, Any]] = (),
        judgments: Sequence[Judgment] = (),
        reward: float | None = None,
    ) -> Watched:
        """The same for a program without an event loop; the client is a JudgeClient."""
        if not isinstance(self._client, JudgeClient):
            return Watched(warnings=("asked_now needs a JudgeClient; with an AsyncJudgeClient await asked",))
        if not self.is_due(step):
            return Watched()
        return self._client.run(self.asked(step, task, cases, judgments, reward))

    async def _in_time(self, who: str, work: Awaitable[Watched]) -> Watched:
        try:
            async with asyncio.timeout(self._timeout):
                return await work
        except TimeoutError:
            return Watched(warnings=(f"{who} did not answer within {self._timeout:g} s",))
        except Exception as e:  # noqa: BLE001 - training goes on, whatever happens to what watches it
            return Watched(warnings=(f"{who} could not be asked: {e}",))

    async def _anchors(self, step: int) -> Watched:
        if not self._cases:
            return Watched()
        judged = await _loops(self._client).judge("compare", self._cases, **self._options)
        known = {place: j for place, j in enumerate(judged) if j.status == "judged"}
        for place, judgment in known.items():
            self._first.setdefault(place, judgment)
        moved = differences([(str(p), outcome_of(self._first[p]), outcome_of(j)) for p, j in known.items()], 1)
        figures = {
            "anchor_accuracy": _accuracy(known.values()),
            "anchor_drift": moved.distance,
            "anchor_flips": None if moved.share is None else 1.0 - moved.share,
            "anchor_unscored": 1.0 - len(known) / len(judged),
        }
        return Watched(named(figures), self._drift(step, moved.distance))

    def _drift(self, step: int, distance: float | None) -> tuple[str, ...]:
        """A sentence, at the second time running that the anchors have moved too far."""
        self._drifts = self._drifts + 1 if distance is not None and distance > DRIFT else 0
        if self._drifts != 2:
            return ()
        return (f"at step {step} the judge's logits on the anchors have moved by {distance:.2f} in the mean",)

    async def _agreement(
        self,
        step: int,
        task: Task,
        cases: Sequence[Mapping[str, Any]],
        judgments: Sequence[Judgment],
        reward: float | None,
    ) -> Watched:
        drawn = self._drawn(step, judgments)
        if self._second is None or not drawn:
            return Watched()
        other, options = self._asked_second()
        second = await other.judge(task, [cases[place] for place in drawn], **options)
        pairs = zip(drawn, second, strict=True)
        found = differences([(str(p), outcome_of(judgments[p]), outcome_of(j)) for p, j in pairs], 1)
        figures = {"second_agreement": found.share, "second_kappa": found.kappa, "second_pairs": found.judged}
        warnings = () if reward is None else self._hacking(Audit(step, reward, found.same, found.judged))
        return Watched(named(figures), warnings)

    def _drawn(self, step: int, judgments: Sequence[Judgment]) -> list[int]:
        judged = [place for place, judgment in enumerate(judgments) if judgment.status == "judged"]
        return sorted(sorted(judged, key=lambda place: draw(self._seed, step, place))[: self._sample])

    def _asked_second(self) -> tuple[AsyncJudgeClient, dict[str, Any]]:
        if isinstance(self._second, str):
            return _loops(self._client), {**self._options, "judge": self._second}
        assert self._second is not None
        options = {name: value for name, value in self._options.items() if name != "judge"}
        return _loops(self._second), options

    def _hacking(self, audit: Audit) -> tuple[str, ...]:
        """The warning, once for as long as it holds."""
        self._audits = [*self._audits, audit][-WINDOW:]
        warning = reward_hacking(self._audits)
        was_told, self._is_told = self._is_told, warning is not None
        return (warning,) if warning is not None and not was_told else ()


def _loops(client: Client) -> AsyncJudgeClient:
    return client.asynchronous if isinstance(client, JudgeClient) else client


def _accuracy(judged: Any) -> float | None:
    """The share judged as their labels say; None where there is no label."""
    labelled = [(j, j.metadata[LABEL]) for j in judged if j.metadata.get(LABEL) is not None]
    right = [_side(j) == side_named(label, j.candidates) for j, label in labelled]
    return sum(right) / len(right) if right else None


def _side(judgment: Judgment) -> float:
    winner = outcome_of(judgment).winner
    return 0.5 if winner == "tie" else float(winner == judgment.candidates[0])


def _checked(case: Any, where: str) -> Mapping[str, Any]:
    try:
        pair = case_from(case, "compare")
        label = pair.metadata.get(LABEL)
        if label is not None:
            side_named(label, tuple(c.id for c in pair.candidates))
    except (InvalidCase, ValueError) as e:
        raise InvalidCase(f"{where}: {e}") from None
    return dict(case)


def _listed(cases: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    for place, case in enumerate(cases):
        yield f"cases[{place}]", case


def _lines(file: Path) -> Iterator[tuple[str, Any]]:
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as e:
        raise InvalidCase(f"{file}: {e}") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield f"{file}:{number}", json.loads(line)
        except ValueError as e:
            raise InvalidCase(f"{file}:{number}: not valid JSON: {e}") from None
