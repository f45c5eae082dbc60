"""The offline judge's reading of a candidate: a few plain features, counted and never understood.

Nothing in here knows whether a text is true.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, NamedTuple

from judge_service.backends.demands import (
    OPENING,
    STOP,
    Amount,
    Demands,
    Form,
    clued,
    demands_of,
    keys_of,
    script_of,
    steers,
    stem_of,
    words_of,
)

_FEWEST_TRIPLES: Final = 8
_DISTINCT: Final = 0.9
_SHORT_EXCUSE: Final = 80
_LONG_ENOUGH_TO_BREAK_OFF: Final = 30
_LINE_OF_PROSE: Final = 60
_SHORT_LIST: Final = 200

_CODE: Final = re.compile(
    r"```|^(?: {4}|\t)\S|^[ \t]*(?:def|class|import|from|function|public|SELECT|#include|<\w)", re.M
)
_LIST_LINE: Final = re.compile(r"^[ \t]*(?:[-*•]|\(?\d{1,2}[.):])[ \t]*\S", re.M)
_BETWEEN_ITEMS: Final = re.compile(r"[,;、،]|\band\b|\n")
_SENTENCE_END: Final = re.compile(r"[.!?](?=\s|\Z)|[。\uff01\uff1f؟।]")
_REFUSAL: Final = clued(
    "i sorry ai language",
    r"\b(?:i'?m sorry|i am sorry|sorry, (?:but|i)|i apologi[sz]e|as an ai\b|as an? (?:large )?language model"
    r"|i (?:can ?not|can't|am unable to|'m unable to|won't|will not) "
    r"(?:help|assist|provide|answer|do|comply|fulfil|create|write|generate|give|discuss|engage)"
    r"|i'm (?:unable|not able) to|i don't (?:have|know)|i do not (?:have|know))",
)
_HEDGE: Final = clued(
    "it i maybe perhaps possibly not might could",
    r"\b(?:it depends|i think|i guess|maybe|perhaps|possibly|not sure|not certain|might be|could be)\b",
)
_FILLER: Final = re.compile(
    r"\W{0,9}(?:sure|certainly|of course|absolutely|great question|good question|what a|thank you for|thanks for"
    r"|i'd be happy|i would be happy|i'm happy to|hello|hi)\b"
)
_BROKEN_OFF: Final = re.compile(r"[a-zA-Z0-9,;:(-]\Z")


class Features(NamedTuple):
    """A candidate's features, each between -1 and 1; the same shape holds their weights.

    Attributes:
        relevance: the share of the prompt's key words that occur.
        opening: the same share within the first fifty words: whether it comes to the point.
        substance: how much is said, with diminishing returns: 0.63 at 150 words, 0.86 at 300, and sooner where a small
            amount was asked for.
        compliance: how well an amount that was asked for is kept: 1 kept, -1 missed by a factor of two or more.
        form: code, list, table or JSON: 1 delivered where asked for, -1 missing.
        reference: the share of the reference's key words that occur.
        grounding: the share of its own words that the context or the prompt holds, where there is a context.
        repetition: how much of it says again what it said before.
        refusal: whether it opens with an excuse; half if it goes on at length.
        filler: whether it opens with a courtesy.
        hedging: whether it opens with doubts.
        foreign: whether it is written in another script than the prompt.
        cut: whether it ends in the middle of a sentence.
        echo: whether it does nothing but repeat the prompt.
        steering: whether it addresses the judge, forges a verdict or holds control tokens of chat models.
    """

    relevance: float = 0.0
    opening: float = 0.0
    substance: float = 0.0
    compliance: float = 0.0
    form: float = 0.0
    reference: float = 0.0
    grounding: float = 0.0
    repetition: float = 0.0
    refusal: float = 0.0
    filler: float = 0.0
    hedging: float = 0.0
    foreign: float = 0.0
    cut: float = 0.0
    echo: float = 0.0
    steering: float = 0.0


@dataclass(frozen=True, slots=True)
class Sight:
    """All that is seen of one candidate.

    Attributes:
        words: how many words were read.
        covered: how many of the prompt's key words occur.
        asked: how many key words the prompt has.
    """

    features: Features
    words: int
    covered: int
    asked: int


BLANK: Final = Sight(Features(), 0, 0, 0)
"""What is seen of a candidate without a word."""


def sight_of(prompt: str, candidate: str, reference: str = "", context: str = "") -> Sight:
    """What is seen of a candidate; reference and context count where they are given."""
    low = candidate.lower()
    words = words_of(low)
    if not words:
        return BLANK
    demands = demands_of(prompt)
    keys = demands.keys
    distinct = set(words)
    head = set(words[:OPENING])
    stems = set(map(stem_of, distinct))
    covered = len(keys & stems)
    features = Features(
        relevance=_share(covered, len(keys)),
        opening=_share(len(keys.intersection(map(stem_of, head))), len(keys)),
        substance=1.0 - math.exp(-len(words) / demands.much),
        compliance=_compliance(demands.amounts, candidate, len(words)) if demands.amounts else 0.0,
        form=_form(demands.forms, candidate) if demands.forms else 0.0,
        reference=_share(len(keys_of(reference) & stems), len(keys_of(reference))) if reference else 0.0,
        grounding=_grounding(distinct, demands, context) if context else 0.0,
        repetition=_repetition(words),
        refusal=_refusal(low, head, len(words)),
        filler=float(_FILLER.match(low) is not None),
        hedging=float(_HEDGE.search(low[:200], head) is not None),
        foreign=_foreign(demands.script, low),
        cut=_cut(candidate, len(words)),
        echo=float(len(words) <= demands.length and tuple(words[:OPENING]) == demands.opening),
        steering=float(not demands.steers and steers(low, distinct)),
    )
    return Sight(features, len(words), covered, len(keys))


def _share(found: int, wanted: int) -> float:
    return found / wanted if wanted else 0.5


def _grounding(words: set[str], demands: Demands, context: str) -> float:
    own = set(map(stem_of, words - STOP))
    return _share(len(own & (keys_of(context) | demands.keys)), len(own))


def _repetition(words: Sequence[str]) -> float:
    """How far the share of distinct triples of words falls below nine tenths, which ordinary texts keep."""
    triples = len(words) - 2
    if triples < _FEWEST_TRIPLES:
        return 0.0
    distinct = len(set(zip(words, islice(words, 1, None), islice(words, 2, None), strict=False)))
    return max(0.0, 1.0 - distinct / triples / _DISTINCT)


def _refusal(low: str, head: set[str], words: int) -> float:
    if not _REFUSAL.search(low[:250].replace("\u2019", "'"), head):
        return 0.0
    return 1.0 if words < _SHORT_EXCUSE else 0.5


def _compliance(amounts: Sequence[Amount], candidate: str, words: int) -> float:
    return sum(_kept(amount, _count(amount, candidate, words)) for amount in amounts) / len(amounts)


def _count(amount: Amount, candidate: str, words: int) -> int:
    if amount.unit == "word":
        return words
    if amount.unit == "sentence":
        return max(1, len(_SENTENCE_END.findall(candidate)))
    return _items(candidate, int(amount.least))


def _items(candidate: str, wanted: int) -> int:
    """List lines; without them the parts of a short enumeration, or the lines, of which two may introduce and close."""
    listed = len(_LIST_LINE.findall(candidate))
    if listed > 1:
        return listed
    if len(candidate) < _SHORT_LIST:
        return len([part for part in _BETWEEN_ITEMS.split(candidate) if part.strip()])
    lines = sum(1 for line in candidate.splitlines() if line.strip())
    return wanted if wanted <= lines <= wanted + 2 else lines


def _kept(amount: Amount, count: int) -> float:
    if amount.least <= count <= amount.most:
        return 1.0
    off = amount.least / max(count, 0.5) if count < amount.least else count / max(amount.most, 1.0)
    return max(-1.0, 1.0 - 2.0 * math.log2(off))


def _form(forms: Sequence[Form], candidate: str) -> float:
    return sum(1.0 if _has(form, candidate) else -1.0 for form in forms) / len(forms)


def _has(form: Form, candidate: str) -> bool:
    if form == "code":
        return _CODE.search(candidate) is not None
    if form == "list":
        return len(_LIST_LINE.findall(candidate)) > 1
    return "|" in candidate if form == "table" else "{" in candidate or "[" in candidate


def _foreign(wanted: str | None, low: str) -> float:
    if wanted is None or (wanted == "latin" and low.isascii()) or "```" in low:
        return 0.0
    script = script_of(low)
    return float(script is not None and script != wanted)


def _cut(candidate: str, words: int) -> float:
    """Whether a longer text stops on a letter or a comma, in a line too long to be a title, a verse or a list item."""
    end = candidate.rstrip()[-400:]
    if words < _LONG_ENOUGH_TO_BREAK_OFF or not _BROKEN_OFF.search(end):
        return 0.0
    line = end[end.rfind("\n") + 1 :]
    return float(len(line) > _LINE_OF_PROSE and not _LIST_LINE.match(line))
