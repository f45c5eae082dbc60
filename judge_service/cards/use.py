"""The cards as one run uses them: estimates frozen at its start, and what its cases teach."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from judge_service.cards.book import Cards
from judge_service.cards.section import CardKey
from judge_service.domain.cards import Calibration, PositionEstimate
from judge_service.domain.cases import Case
from judge_service.domain.judgments import JudgeIdentity, Judgment
from judge_service.domain.options import Options, Task
from judge_service.domain.standards import Standard
from judge_service.domain.verdicts import Finding, Preference, Vote
from judge_service.errors import InvalidOption
from judge_service.evaluation.audits.position import audited_pair
from judge_service.protocols.audited import both_leans

NO_CARD: Final = "none"
"""What `card` says of a run that went by no card, and is to go on without one."""


class CardsInUse:
    """What one run goes by.

    Attributes:
        positions: by judge, the estimate of its bias; only where this run uses it.
        calibrations: by judge, the calibration of this run's way of judging.
        version: of all that is used, joined by commas; None where nothing is.
    """

    def __init__(
        self,
        cards: Cards,
        task: Task,
        options: Options,
        standard: Standard,
        prompts: Mapping[Task, str],
        judges: Sequence[JudgeIdentity],
        way: str,
    ) -> None:
        self._cards = cards
        self._standard = standard
        self._alone = len(judges) == 1 and options.escalate is None
        # Of a panel's case it is not known which judge was asked a second order because of its first.
        self._learns = task == "compare" and (len(judges) == 1 or options.orders != "audited")
        self.generation = cards.generation
        # A ranking goes by what comparisons taught.
        prompt = prompts.get("compare", "")
        self._keys = {j.name: CardKey(j.digest, standard.digest, prompt) for j in judges}
        self._names = {j.name: names_on_card(j, standard.id) for j in judges}
        wanted = None if options.card is None else options.card.split(",")
        goes_by_bias = task == "rank" or (task == "compare" and options.orders == "audited")
        self.positions = dict(self._positions(wanted)) if goes_by_bias else {}
        self.calibrations = dict(self._calibrations(wanted, way)) if task == "compare" and len(judges) == 1 else {}
        used: list[PositionEstimate | Calibration] = [*self.positions.values(), *self.calibrations.values()]
        self.version = ",".join(dict.fromkeys(each.version for each in used)) or None
        self._check_all_known(wanted)

    def _positions(self, wanted: Sequence[str] | None) -> Iterator[tuple[str, PositionEstimate]]:
        for name, key in self._keys.items():
            found = (self._cards.named(key, version) for version in wanted or ())
            now = self._cards.section(key).estimate if wanted is None else None
            estimate = next((each for each in found if isinstance(each, PositionEstimate)), now)
            if estimate is not None:
                yield name, estimate

    def _calibrations(self, wanted: Sequence[str] | None, way: str) -> Iterator[tuple[str, Calibration]]:
        for name, key in self._keys.items():
            found = (self._cards.named(key, version) for version in wanted or ())
            now = self._cards.section(key).calibrations.get(way) if wanted is None else None
            calibration = next((each for each in found if isinstance(each, Calibration)), now)
            if calibration is not None:
                yield name, calibration

    def _check_all_known(self, wanted: Sequence[str] | None) -> None:
        known = (self.version or NO_CARD).split(",")
        missing = [version for version in wanted or () if version not in (*known, NO_CARD)]
        if missing:
            raise InvalidOption(f"there is no card {missing[0]} of this judge under '{self._standard.id}'", "card")

    def is_current(self) -> bool:
        """Whether a run that started now would go by the same."""
        return self._cards.generation == self.generation

    def learn(self, case: Case, finding: Finding) -> None:
        """Counts what was asked now, and takes in a pair that was shown in both orders whatever the first said."""
        for name, key in self._keys.items():
            own = finding.votes if self._alone else [v for v in finding.votes if v.judge == name]
            asked = [vote for vote in own if not vote.cached]
            if asked:
                self._cards.count(key, self._names[name], asked)
            if self._learns and own and self._cards.takes(key, case.digest, case.lot) and shows_bias(finding):
                self._learn_bias(name, case, own)

    def _learn_bias(self, name: str, case: Case, votes: Sequence[Vote]) -> None:
        ids = (case.candidates[0].id, case.candidates[1].id)
        # Whether an unsure case was then escalated must not decide whether it is learnt from.
        leans = both_leans([v for v in votes if v.method == "direct"], ids, self._standard)
        if leans is not None:
            pair = audited_pair(case.digest, leans, case.domain)
            self._cards.learn(self._keys[name], self._names[name], case.digest, pair)


def way_of(method: str, orders: str, combine: str) -> str:
    """How votes were made and combined, as calibrations are kept by it."""
    return f"{method} {orders} {combine}"


def names_on_card(judge: JudgeIdentity, rubric: str) -> dict[str, str]:
    """Whom a card is about, for people to read."""
    return {"judge": judge.name, "model": judge.model, "rubric": rubric}


def shows_bias(found: Finding | Judgment) -> bool:
    """A second order that was asked because of the first would make the bias look smaller than it is."""
    verdict = found.verdict
    return found.status == "judged" and isinstance(verdict, Preference) and verdict.asked in (None, "audit")
