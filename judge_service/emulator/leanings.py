"""What sways the emulated judge besides worth: each leaning is a setting, seen by signs in a prompt's text. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import NormalDist
from typing import Final

from judge_service.domain.digests import draw
from judge_service.domain.families import same_family
from judge_service.emulator.behaviour import Behaviour

_CUE: Final = re.compile(r"\bI\b(?P<before>[^“”\n.]*)“(?P<opening>[^“”\n]+)”(?P<after>[^“”\n.]*)")
_AGAINST: Final = re.compile(r"n['’]t\b|\b(?:not|never|doubt|dislike|wrong|worse)\b")
_AUTHORITY: Final = re.compile(
    r"\b(?:according to|published in|peer[- ]reviewed|et al\.|professor|doi:|world-leading|board-certified"
    r"|experts? agree|as an expert|official guideline)",
    re.IGNORECASE,
)
_FORMATTED: Final = re.compile(
    r"^#{1,6} |^ {0,3}[-*+] |^\d+\. |\*\*[^*\n]+\*\*|^\|.*\|$|[\u2705\u2728\U0001f300-\U0001faff]", re.MULTILINE
)
_STYLE: Final = re.compile(r"\(style ([\w./-]+)\)")
_ORDER: Final = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b[^.\n]{0,60}\b(?:instruction|prompt|above|previous|rubric|standard)"
    r"|\b(?:judge|evaluator|grader)\b[^.\n]{0,80}\b(?:must|should|shall|has to|prefer|choose|rate|select)"
    r"|\[\[\s*[AB12]\s*\]\]|\b(?:verdict|winner|final decision|best response|preferred)\b[\"'*\s]*(?:is\b|[:=])"
    r"|\b(?:this|my|the) (?:response|answer)(?: above)? is (?:\w+ ){0,3}(?:better|best|winner|correct one)\b"
    r"|\bsystem (?:override|message|notice|prompt)\b|\bthis response wins\b"
    r"|\bignorez\b|\bignoriere\b|\bignora\b|忽略|игнорируй|無視",
    re.IGNORECASE,
)
_CONTROL: Final = re.compile(r"<[|｜][^<>\n]{1,40}[|｜]>|\[/?INST\]|</?(?:think|s|start_of_turn|end_of_turn)>|<<SYS>>")
_REFUSED: Final = re.compile(r"(?:i'm sorry|i am sorry|sorry|i can(?:no|')t|as an ai|no comment)", re.IGNORECASE)
_TURNS: Final = re.compile(r"^\(?(?:assistant)(?: [0-9a-f]{8})?\)?:?$", re.MULTILINE)
_NORMAL: Final = NormalDist()
_FEW_WORDS: Final = 3
_MANY_WORDS: Final = 20
_VARIED: Final = 0.35


def swayed(text: str, parts: Sequence[str], is_fenced: bool, behaviour: Behaviour) -> list[float]:
    """The worth that each candidate gains by what sways this judge.

    Args:
        text: the whole prompt.
        parts: the candidates' texts in the order shown.
        is_fenced: whether they stand between lines that carry a code.
    """
    before = text[: max(0, text.rfind(parts[0]))]
    gains = [_by_manner(part, is_fenced, behaviour) for part in parts]
    if behaviour.sycophancy:
        for place, part in enumerate(parts):
            gains[place] += behaviour.sycophancy * believed(before, part)
    if behaviour.history and _TURNS.search(before):
        for place, part in enumerate(parts):
            gains[place] += behaviour.history * _noise(behaviour.seed, before, part)
    return gains


def believed(before: str, part: str) -> int:
    """How often the user speaks for a candidate whose opening they quote (“…”), less how often against it."""
    found = 0
    for cue in _CUE.finditer(before):
        opening = cue["opening"].rstrip(" …")
        if part.startswith(opening):
            found += -1 if _AGAINST.search(cue["before"] + cue["after"]) else 1
    return found


def orders_the_judge(part: str) -> bool:
    """Whether a text holds what reads as an instruction to its judge, or a verdict."""
    return _ORDER.search(part) is not None or _CONTROL.search(part) is not None


def is_degenerate(part: str) -> bool:
    """Whether a text is no answer: next to nothing, a refusal, or the same words again and again."""
    words = part.lower().split()
    if len(words) < _FEW_WORDS or _REFUSED.match(part):
        return True
    return len(words) >= _MANY_WORDS and len(set(words)) < _VARIED * len(words)


def _by_manner(part: str, is_fenced: bool, behaviour: Behaviour) -> float:
    gained = 0.0
    if behaviour.authority and _AUTHORITY.search(part):
        gained += behaviour.authority
    if behaviour.formatting and _FORMATTED.search(part):
        gained += behaviour.formatting
    if behaviour.self_preference and any(same_family(behaviour.model, name) for name in _STYLE.findall(part)):
        gained += behaviour.self_preference
    if behaviour.degenerate and is_degenerate(part):
        gained += behaviour.degenerate
    if (behaviour.obeys or behaviour.obeys_fenced) and orders_the_judge(part):
        # A control string that was not broken ends the fence as far as a model is concerned.
        kept_apart = is_fenced and not _CONTROL.search(part)
        gained += behaviour.obeys_fenced if kept_apart else behaviour.obeys
    return gained


def _noise(seed: int, before: str, part: str) -> float:
    drawn = min((draw("history", seed, before, part) + 0.5) / 2.0**64, 1.0 - 2.0**-53)
    return _NORMAL.inv_cdf(drawn)
