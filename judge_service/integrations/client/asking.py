"""One request for judgments, without I/O: what is sent, what the answer's lines mean, and what is missing of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from judge_service.domain.digests import digest
from judge_service.domain.judgments import Judgment, without_judge
from judge_service.domain.options import Task
from judge_service.domain.records import judgment_from
from judge_service.domain.verdicts import Failure, FailureKind
from judge_service.integrations.client.failing import JudgeError, TimedOut, damaged
from judge_service.integrations.client.wire import json_bytes, with_field

NDJSON: Final = "application/x-ndjson"
Placed = tuple[int, Judgment]


class Asking:
    """Some cases of a list that one request asks about.

    Cases are named by their places in the list, for their ids may repeat.

    Args:
        options: as a JSON object.

    Attributes:
        open: the cases that have no judgment yet, each as JSON, by place.
    """

    def __init__(self, task: Task, options: bytes, cases: Mapping[int, Mapping[str, Any]]) -> None:
        self.task = task
        self._options = options
        self._cases = cases
        self.open: dict[int, bytes] = {}
        self._asked: list[int] = []

    def packed(self) -> list[Placed]:
        """Makes all cases ready to be sent; the judgments on those that no JSON can hold."""
        wrong: list[Placed] = []
        for place, case in self._cases.items():
            try:
                self.open[place] = json_bytes(case)
            except (TypeError, ValueError, RecursionError) as e:
                wrong.append((place, self._unscored(place, "invalid", f"cases[{place}] is no JSON: {e}")))
        return wrong

    def body(self, seconds: float) -> bytes:
        """What to send for the cases that are open.

        Args:
            seconds: what the service may take.
        """
        self._asked = list(self.open)
        timed = with_field(self._options, "timeout", b"%g" % seconds)
        return with_field(timed, "cases", b"[%b]" % b",".join(self.open.values()))

    def took(self, line: bytes) -> Placed:
        """The judgment in a line of the answer, and its case's place.

        Raises:
            BrokenAnswer: it is none on a case that is open.
        """
        try:
            record = json.loads(line)
            at = record["index"]
            place = self._place(at)
            judgment = self._placed(judgment_from(record), at, place)
        except (ValueError, KeyError, TypeError, IndexError, AttributeError):
            raise damaged(f"a line is no judgment: {line[:80]!r}") from None
        if self.open.pop(place, None) is None:
            raise damaged(f"two judgments came on cases[{place}]")
        return place, judgment

    def _place(self, at: int) -> int:
        if at < 0:
            raise IndexError(at)
        return self._asked[at]

    def _placed(self, judgment: Judgment, at: int, place: int) -> Judgment:
        """The judgment with its failure's place in the request turned into that in the list."""
        failure = judgment.failure
        if failure is None or at == place or failure.kind != "invalid":
            return judgment
        here, there = f"cases[{at}]", f"cases[{place}]"
        param = failure.param and failure.param.replace(here, there, 1)
        told = replace(failure, message=failure.message.replace(here, there), param=param)
        return replace(judgment, failure=told, case_id=there if judgment.case_id == here else judgment.case_id)

    def ended(self) -> None:
        """The answer is at its end.

        Raises:
            BrokenAnswer: cases are open still.
        """
        if self.open:
            raise damaged(f"it ended {len(self.open)} judgments early")

    def halves(self) -> list[Asking]:
        """The open cases as two requests, where one was too large; itself, if there is one case only."""
        places = list(self.open)
        middle = (len(places) + 1) // 2
        return [self._part(part) for part in (places[:middle], places[middle:]) if part]

    def _part(self, places: Sequence[int]) -> Asking:
        part = Asking(self.task, self._options, {place: self._cases[place] for place in places})
        part.open = {place: self.open[place] for place in places}
        return part

    def failed(self, error: JudgeError) -> Iterator[Placed]:
        """The judgments on the cases that are open still, which say that none came, and why.

        Raises:
            JudgeError: the error itself, where it is not for the cases to tell but for the caller to act.
        """
        kind = _kind_of(error)
        if kind is None or (kind == "invalid" and len(self.open) > 1):
            raise error
        for place in list(self.open):
            del self.open[place]
            yield place, self._unscored(place, kind, str(error))

    def _unscored(self, place: int, kind: FailureKind, message: str) -> Judgment:
        case = self._cases[place]
        told: Any = case if isinstance(case, dict) else {}
        name, metadata = told.get("id"), told.get("metadata")
        return without_judge(
            self.task,
            str(name) if isinstance(name, str | int) and name != "" else f"cases[{place}]",
            digest(None),
            Failure(kind, message, f"cases[{place}]" if kind == "invalid" else None),
            metadata if isinstance(metadata, Mapping) else None,
        )


def _kind_of(error: JudgeError) -> FailureKind | None:
    """What an error is to cases of a list; None for errors of the request as a whole."""
    if isinstance(error, TimedOut):
        return "timeout"
    if error.may_pass or error.status == 429 or (error.status or 0) >= 500:
        return "judge_unavailable"
    return "invalid" if error.status == 413 else None
