"""Cards of audits, kept beside the cache: a judge in a new epoch has none yet, and those before it are still shown."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import orjson

from judge_service.backends.stores import Store
from judge_service.domain.judgments import JudgeIdentity
from judge_service.evaluation.audits.audit_card import AuditCard, card_from, card_record

log: Final = logging.getLogger(__name__)
MOST: Final = 24


class Shelf:
    """The cards of audits by model, the oldest first; the newest 24 of each model are kept."""

    def __init__(self, store: Store | None = None) -> None:
        self._store = store
        self._here: dict[bytes, list[AuditCard]] = {}

    async def of(self, judge: JudgeIdentity) -> list[AuditCard]:
        """All cards of the judge's model, those of its earlier epochs too."""
        place = _place(judge)
        if self._store is None:
            return list(self._here.get(place, ()))
        (entry,) = await self._store.get_many([place])
        return _cards_in(entry)

    async def keep(self, cards: Sequence[AuditCard]) -> None:
        """Puts cards beside those that are there. Two processes that do so at once may lose one."""
        for card in cards:
            place = _place(card.judge)
            kept = [*(old for old in await self.of(card.judge) if old.version != card.version), card][-MOST:]
            self._here[place] = kept
            if self._store is not None:
                await self._store.put_many({place: orjson.dumps([card_record(each) for each in kept])})


def current(cards: Sequence[AuditCard], judge: JudgeIdentity) -> list[AuditCard]:
    """The newest card of each rubric, prompt and method, of the judge as it is in this epoch."""
    newest = {
        (card.rubric.digest, card.prompt.digest, card.method): card
        for card in sorted(cards, key=lambda card: card.made_at)
        if card.judge.digest == judge.digest
    }
    return list(newest.values())


def expired(cards: Sequence[AuditCard], judge: JudgeIdentity) -> list[AuditCard]:
    """The newest card of each rubric of the judge in an earlier epoch, where there is none of it as it is now."""
    held = {card.rubric.digest for card in current(cards, judge)}
    newest = {
        card.rubric.digest: card
        for card in sorted(cards, key=lambda card: card.made_at)
        if card.judge.digest != judge.digest and card.rubric.digest not in held
    }
    return list(newest.values())


def _place(judge: JudgeIdentity) -> bytes:
    # Not the digest, which an epoch changes.
    return sha256(b"audit\x00" + judge.kind.encode() + b"\x00" + judge.model.encode()).digest()


def _cards_in(entry: bytes | None) -> list[AuditCard]:
    """The cards of an entry; none where it cannot be read, as for any entry of a cache."""
    try:
        return [card_from(record) for record in orjson.loads(entry or b"[]")]
    except (ValueError, TypeError, KeyError):
        log.warning("the audits of a judge that were kept cannot be read, and are begun anew")
        return []
