"""How far a long list has come."""

from __future__ import annotations

from dataclasses import dataclass

from judge_service.domain.judgments import Judgment


@dataclass(frozen=True, slots=True)
class Progress:
    """What has come of a list so far, in cases.

    Attributes:
        done: judgments that came; `judged` and `failed` are of these.
        judged: those with status "judged".
        failed: those with status "unscored" or "partial".
        in_flight: cases that were sent and have no judgment yet.
        judge_calls: calls of judges that the judgments cost.
        cache_hits: answers that the service's cache gave.
        seconds: since the start.
        total: of the list; None where its length is not known.
    """

    done: int = 0
    failed: int = 0
    judged: int = 0
    in_flight: int = 0
    judge_calls: int = 0
    cache_hits: int = 0
    seconds: float = 0.0
    total: int | None = None

    def after(self, judgment: Judgment, in_flight: int, seconds: float) -> Progress:
        """The progress once this judgment has come too."""
        return Progress(
            self.done + 1,
            self.failed + (judgment.status in ("unscored", "partial")),
            self.judged + (judgment.status == "judged"),
            in_flight,
            self.judge_calls + judgment.usage.judge_calls,
            self.cache_hits + judgment.usage.cache_hits,
            seconds,
            self.total,
        )
