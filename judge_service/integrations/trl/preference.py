"""The reward function for TRL's OnlineDPOTrainer: of rows i and i + B the better one gets the higher reward.

That trainer reads a missing reward as 0, and takes the first of two equal ones for the better: so it is given neither.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from judge_service.domain.digests import digest, draw
from judge_service.errors import InvalidConfiguration
from judge_service.integrations.anchors import Client
from judge_service.integrations.client import JudgeClient, JudgeError
from judge_service.integrations.trl.asked import Asked, one_of
from judge_service.integrations.trl.overseen import Call, Overseer, Oversight
from judge_service.integrations.trl.rows import Columns, Row, pair_case, rows_from
from judge_service.integrations.trl.scored import Scored, none, scores_of

OnFailure = Literal["raise", "random", "skip"]
NEAR: Final = 1e-6
"""How far from even a probability is that no longer says which is better; float32 keeps both sides of it apart."""
AT_ONCE: Final = 32
"""Requests at a time: a step's pairs are all under way together."""
_LOG: Final = logging.getLogger(__name__)


class JudgePreference:
    """Rewards by the service for pairs: `OnlineDPOTrainer(..., reward_funcs=JudgePreference())`.

    Row i of the first half gets the probability of being better than row i of the second, which gets the rest of it. A
    tie, and with `on_failure="random"` a pair that could not be judged, is decided by a hash of seed, step and prompt.

    Args:
        base_url: of the service; None: JUDGE_SERVER_URL, else this machine.
        on_failure: what to do with a pair that could not be judged: "raise"; "random": decide it by hash, which is
            counted and logged; "skip": leave it out of the loss, which takes SkippingOnlineDPOTrainer.
        reference: the column with an answer known to be good; context, domain, prompt_id: see Columns.
        api_key: None: JUDGE_API_KEY.
        timeout: seconds that a call takes at the most.
        give_up: after so many calls in a row without one judged pair, an error is raised.
        every: calls from one look at the flip rate, the anchors and the second judge to the next; 0: never.
        anchors: cases, or a file of them, that are judged again each time; see Anchors.
        second: another service's client, or the name of another judge of the same service, that is asked besides.
        name: under which TRL logs it.
        options: of the judgment, as in /v1/compare; orders "one" and cache "bypass".

    Attributes:
        figures: of the last call, by name; OnlineDPOTrainer hands reward functions no way to log them.

    Raises:
        InvalidOption, InvalidConfiguration: an option, or an argument, cannot be.
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        on_failure: OnFailure = "raise",
        reference: str = "",
        context: str = "",
        domain: str = "",
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
        self.is_skipping_heeded = False
        self.figures: Mapping[str, float] = {}
        self._on_failure: OnFailure = one_of("on_failure", on_failure, "raise", "random", "skip")
        self._columns = Columns(reference, context, domain, "", prompt_id)
        self._client = JudgeClient(base_url, api_key, timeout=timeout, concurrency=AT_ONCE)
        self._asked = Asked(self._client.asynchronous, "compare", options, timeout, give_up)
        oversight = Oversight(every, anchors, second)
        self._overseer = Overseer(name, self._client.asynchronous, "compare", self._asked.options, timeout, oversight)

    def close(self) -> None:
        """Closes the connections; it can be called again."""
        self._client.close()

    def __call__(
        self, prompts: Sequence[Any], completions: Sequence[Any], completion_ids: Any = None, **given: Any
    ) -> list[float | None]:
        """A reward to each row.

        Raises:
            InvalidConfiguration: the halves are no pairs, a column is missing, or the trainer leaves no pair out.
            JudgeError: the service refuses what is asked, or could not judge a pair that may not be passed over.
        """
        rows = rows_from(prompts, completions, given, self._columns)
        half = self._half(rows)
        state = given.get("trainer_state")
        step = getattr(state, "global_step", self._asked.calls)
        pairs, self.figures = self._client.run(self._judged(rows, half, completion_ids))
        first = [self._settled(pair, row, step) for pair, row in zip(pairs, rows, strict=False)]
        failed = sum(pair.value is None for pair in pairs)
        if self._on_failure == "random":
            self.figures = {**self.figures, f"{self.__name__}/random": failed / max(1, half)}
        if state is not None:
            state.log_history.append({**self.figures, "step": step})
        self._asked.ended(pairs)
        return first + [None if value is None else 1.0 - value for value in first]

    def _half(self, rows: Sequence[Row]) -> int:
        half = len(rows) // 2
        other = next((i for i in range(half) if rows[i].prompt != rows[i + half].prompt), None)
        if len(rows) % 2 or other is not None:
            what = f"{len(rows)} rows" if other is None else f"rows {other} and {other + half}"
            raise InvalidConfiguration(f"{what} are no pair: OnlineDPOTrainer's two halves have the same prompts")
        if self._on_failure == "skip" and not self.is_skipping_heeded:
            raise InvalidConfiguration(
                "on_failure: 'skip' takes SkippingOnlineDPOTrainer (judge_service.integrations.trl.skipping); "
                "OnlineDPOTrainer would take the first of two missing rewards for the better one"
            )
        return half

    async def _judged(
        self, rows: Sequence[Row], half: int, tokens: Sequence[Any] | None
    ) -> tuple[list[Scored], dict[str, float]]:
        """The probability of each pair that its first completion is the better one, and what there is to log."""
        call = Call(self._asked.calls)
        asked = [i for i in range(half) if rows[i].is_judgeable and rows[i + half].is_judgeable]
        cases = [pair_case(f"{call.number}.{i}", rows[i], rows[i + half]) for i in asked]
        scored = none(range(half), "invalid")
        for i, judgment in zip(asked, await self._asked.judgments(call, cases), strict=True):
            scored |= scores_of(judgment, "baseline", (i,))
        pairs = [scored[i] for i in range(half)]
        rest = [pair if pair.value is None else Scored(1.0 - pair.value) for pair in pairs]
        return pairs, await self._overseer.seen(call, rows, [*pairs, *rest], tokens)

    def _settled(self, pair: Scored, row: Row, step: int) -> float | None:
        if pair.value is not None and abs(pair.value - 0.5) >= NEAR:
            return pair.value
        if pair.value is None and self._on_failure == "raise":
            raise JudgeError(
                f"step {step}: a pair could not be judged ({pair.why}; {self._asked.last}); on_failure='random' would "
                "decide it by hash, and 'skip' with SkippingOnlineDPOTrainer leave it out"
            )
        if pair.value is None and self._on_failure == "skip":
            return None
        side = draw("online-dpo", self._asked.options["seed"], step, digest(row.prompt)) % 2
        return 0.5 + NEAR if side else 0.5 - NEAR
