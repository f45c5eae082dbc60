"""The cards of all judges: learnt in this process, and shared through the cache's store."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

import orjson

from judge_service.backends.stores import Store
from judge_service.cards.section import MOST_AUDITS, CardKey, Section, Tally, section_from, tally_of
from judge_service.cards.shelf import Shelf
from judge_service.clock import now
from judge_service.domain.cards import Calibration, PositionEstimate
from judge_service.domain.verdicts import Vote
from judge_service.evaluation.audits.position import Audited
from judge_service.protocols.audited import AUDITS_IN_A_THOUSAND

log: Final = logging.getLogger(__name__)


class Cards:
    """Sections by judge, rubric and prompt. A new epoch of a judge has a digest of its own, and so an empty card.

    Attributes:
        generation: goes up whenever runs that start from now on go by another estimate or calibration.
        drifts: how many drifts were noticed in this process, by judge's name.
        audits: the cards that `audit` made.
    """

    def __init__(self, store: Store | None = None) -> None:
        self.generation = 0
        self.drifts: dict[str, int] = {}
        self.audits = Shelf(store)
        self._store = store
        self._sections: dict[CardKey, Section] = {}
        self._fresh: dict[CardKey, Tally] = {}
        self._known: dict[str, PositionEstimate | Calibration] = {}

    def section(self, key: CardKey) -> Section:
        """What is known of that judge under that rubric; an empty section where nothing is."""
        return self._sections.get(key) or Section()

    def of_judge(self, digest: str) -> Iterator[tuple[CardKey, Section]]:
        """All sections of one judge."""
        return ((key, section) for key, section in self._sections.items() if key.judge == digest)

    def named(self, key: CardKey, version: str) -> PositionEstimate | Calibration | None:
        """An estimate or a calibration by its version: of this section, or as a caller's own record told it."""
        return self.section(key).named(version) or self._known.get(version)

    def know(self, told: Iterable[PositionEstimate | Calibration]) -> None:
        """Remembers estimates that a run goes on with."""
        self._known.update((each.version, each) for each in told)

    def takes(self, key: CardKey, case_digest: str, lot: int) -> bool:
        """Whether there is something to learn from a case: it is new, and the card is not full, or it is drawn.

        Args:
            lot: what draws about the case start from; of a full card's cases a few are taken, as audits are.
        """
        section = self._sections.get(key)
        if section is None:
            return True
        if len(section.audited) >= MOST_AUDITS and lot % 1000 >= AUDITS_IN_A_THOUSAND:
            return False
        return case_digest not in section.audited

    def learn(self, key: CardKey, names: Mapping[str, str], case_digest: str, pair: Audited) -> None:
        """Takes in a pair judged in both orders."""
        section = self._own(key, names)
        before = section.revision
        drift = section.learn(case_digest, pair, now())
        if drift is not None:
            judge = names.get("judge", "")
            self.drifts[judge] = self.drifts.get(judge, 0) + 1
            log.warning(
                "judge %s leans %+.2f logits otherwise to the first-shown than its card %s says: audited orders are"
                " both orders until there is a new estimate",
                *(judge, drift.moved, drift.version),
            )
        self.generation += section.revision != before

    def count(self, key: CardKey, names: Mapping[str, str], votes: Sequence[Vote]) -> None:
        """Counts a judge's answers."""
        counted = tally_of(votes)
        self._own(key, names).tally.add(counted)
        self._fresh[key].add(counted)

    def publish(self, key: CardKey, flips: float | None = None) -> PositionEstimate | None:
        """Makes a section's estimate of all its audits now; None where there are fewer than two.

        Args:
            flips: the share of winners that one order may change; as before if None.
        """
        section = self._sections.get(key)
        if section is None or len(section.audited) < 2:
            return None
        self._own(key, section.names)
        self.generation += 1
        return section.publish(flips)

    def calibrate(self, key: CardKey, names: Mapping[str, str], way: str, calibration: Calibration) -> None:
        """Sets the calibration that runs of this way of judging go by from now on."""
        self._own(key, names).calibrate(way, calibration)
        self.generation += 1

    def _own(self, key: CardKey, names: Mapping[str, str]) -> Section:
        """The section, which from now on has something that is not yet kept."""
        section = self._sections.get(key)
        if section is None:
            section = self._sections[key] = Section(names)
        self._fresh.setdefault(key, Tally())
        return section

    async def load(self, judges: Iterable[str]) -> None:
        """Reads what is kept of these judges, by digest."""
        if self._store is None:
            return
        digests = list(dict.fromkeys(judges))
        for digest, entry in zip(digests, await self._store.get_many([_place(d) for d in digests]), strict=True):
            self._take_in(digest, entry)

    def _take_in(self, digest: str, entry: bytes | None) -> None:
        for key, kept in _sections_in(digest, entry):
            section = self._sections.setdefault(key, Section(kept.names))
            before = section.revision
            section.merge(kept)
            fresh = self._fresh.get(key)
            section.tally = kept.tally
            if fresh is not None:
                section.tally.add(fresh)
            self.generation += section.revision != before

    async def keep(self) -> None:
        """Writes what was learnt since the last time. Two processes that write at once may lose a few audits."""
        if self._store is None or not self._fresh:
            return
        await self.load(key.judge for key in self._fresh)
        fresh, self._fresh = self._fresh, {}
        entries: dict[bytes, bytes] = {}
        for digest in dict.fromkeys(key.judge for key in fresh):
            told = [[*key[1:], section.record()] for key, section in self.of_judge(digest)]
            entries[_place(digest)] = orjson.dumps(told)
        await self._store.put_many(entries)


def _place(judge: str) -> bytes:
    return sha256(b"card\x00" + judge.encode()).digest()


def _sections_in(judge: str, entry: bytes | None) -> list[tuple[CardKey, Section]]:
    """The sections of an entry; none where it cannot be read, as for any entry of a cache."""
    try:
        told: Any = orjson.loads(entry or b"[]")
        return [(CardKey(judge, rubric, prompt), section_from(record)) for rubric, prompt, record in told]
    except (ValueError, TypeError, KeyError):
        log.warning("the card of a judge that was kept cannot be read, and is begun anew")
        return []
