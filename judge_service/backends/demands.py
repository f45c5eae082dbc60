"""The offline judge's reading of a prompt: its key words, and what it asks for as far as patterns tell.

A word is a run of letters and digits; in scripts without spaces every character counts as one. Words are compared by
their stems, so that "compare" and "comparing" meet.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

OPENING: Final = 50
MUCH: Final = 150.0
_STEM: Final = 6
_ROOT: Final = 3
_ENDINGS: Final = ("ing", "ed", "es", "ly", "s", "e")
_REQUEST: Final = 40
_SHORTEST_ECHO: Final = 5
_BRIEFLY: Final = 100.0
_MOST_ITEMS: Final = 50
_WORDS_TO_A_UNIT: Final = {"word": 0.5, "sentence": 8.0, "item": 8.0}

Form = Literal["code", "list", "table", "json"]
Unit = Literal["word", "sentence", "item"]

_UNSPACED: Final = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_MARKS: Final = (
    r"\x00-/:-@\[-`{-\u00bf\u060c\u061b\u061f\u0964\u0965\u2000-\u206f\u3000-\u303f"
    r"\uff00-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"
)
_ASCII_WORD: Final = re.compile(r"[a-z0-9]{1,40}")
_WORD: Final = re.compile(rf"[{_UNSPACED}]|[^\s{_MARKS}{_UNSPACED}]{{1,40}}")
_STOP_WORDS: Final = """
    a about above after again all also am an and any are as at be because been before being below between both but by
    can could d did do does doing don down during each few for from further had has have having he her here hers him his
    how i if in into is it its itself just let ll m me more most my no nor not now of off on once only or other our out
    over own please re s same shall she should so some such t than that the their them then there these they this those
    through to too under until up us ve very was we were what when where which while who whom why will with would you
    your yours answer create describe explain find generate give following list make name need provide question
    sentence show suggest tell use using want word words write one two three four five six seven eight nine ten example
    examples fact facts idea ideas reason reasons thing things tip tips way ways 的 了 是 在 我 你 吗 请 个 和 不 有 一
"""
STOP: Final = frozenset(_STOP_WORDS.split())
_SCRIPTS: Final = (
    ("latin", 0x41, 0x24F),
    ("greek", 0x370, 0x3FF),
    ("cyrillic", 0x400, 0x52F),
    ("hebrew", 0x590, 0x5FF),
    ("arabic", 0x600, 0x77F),
    ("indic", 0x900, 0xDFF),
    ("thai", 0xE00, 0xEFF),
    ("han", 0x3040, 0x9FFF),
    ("hangul", 0xAC00, 0xD7A3),
)

_NAMED: Final = "single|one|two|three|four|five|six|seven|eight|nine|ten"
_NUMBERS: Final = {name: float(max(1, n)) for n, name in enumerate(_NAMED.split("|"))}
_NUMBER: Final = rf"(\d{{1,5}}|{_NAMED})"
_AT_MOST: Final = (
    "at most|no more than|not more than|up to|under|below|fewer than|less than|within|maximum of|limited to"
)
_AT_LEAST: Final = "at least|no less than|no fewer than|minimum of|more than|over"
_CHARACTERS: Final = re.compile(r"(\d{1,5})\s*(?:个|個)?(?:字|文字)")


@dataclass(frozen=True, slots=True)
class Clued:
    """A pattern that is tried only where one of its clue words occurs, since most texts hold none of them."""

    clues: frozenset[str]
    pattern: re.Pattern[str]

    def search(self, low: str, words: Set[str]) -> re.Match[str] | None:
        """The first match in a text in lower case that has these words."""
        return None if self.clues.isdisjoint(words) else self.pattern.search(low)


def clued(clues: str, pattern: str) -> Clued:
    """A pattern with its clue words."""
    return Clued(frozenset(clues.split()), re.compile(pattern))


_AMOUNT: Final = clued(
    "word words sentence sentences bullet bullets",
    rf"\b({_AT_MOST}|{_AT_LEAST}|exactly|about|around|approximately|in|into|as|be|write|an?(?=\s+\d))"
    rf"\s+(?:an?\s+)?{_NUMBER}(?:\s*(?:-|\u2013|to|or)\s*{_NUMBER})?[\s-]+(word|sentence|bullet)",
)
_ITEMS: Final = clued(
    "list name give provide suggest write generate find propose create recommend offer come",
    r"\b(?:list|name|give|provide|suggest|write|generate|find|propose|create|recommend|offer|come up with)\s+"
    rf"(?:me\s+|us\s+)?(?:the\s+)?(?:top\s+|a list of\s+)?{_NUMBER}\s+"
    r"(?!word|sentence|line|paragraph|page|hundred|thousand)[a-z]",
)
_BRIEF: Final = clued(
    "briefly brief concise concisely nutshell tl", r"\b(?:briefly|in brief|concise(?:ly)?|in a nutshell|tl;dr)\b"
)
_ASKS: Final[Mapping[Form, Clued]] = {
    "code": clued(
        "code function program query regex python javascript java sql html bash c",
        r"\b(?:write|implement|create|develop|fix|debug|convert|generate|give|show|refactor|complete)\b[^.\n]{0,60}"
        r"\b(?:code|function|program|query|regex|python|javascript|java|sql|html|bash|c\+\+)(?!\w)",
    ),
    "list": clued(
        "list bullet bullets step enumerate",
        r"\b(?:a list of|list (?:the|some|of|\w+ \w+s)|bullet|step[- ]by[- ]step|enumerate)\b",
    ),
    "table": clued(
        "table",
        r"\b(?:create|make|give me|prepare|use|using|in|as|into) (?:\w+ )?an? (?:\w+ )?table\b(?! of contents)",
    ),
    "json": clued("json", r"json"),
}
_LANGUAGES: Final = "english chinese french german spanish japanese korean russian arabic hindi greek hebrew italian"
_ASKS_LANGUAGE: Final = clued(
    f"{_LANGUAGES} translate translated translating translation",
    rf"translat|\bin (?:{_LANGUAGES.replace(' ', '|')})\b",
)
_ASKS_LANGUAGE_ELSEWHERE: Final = re.compile(r"翻译|翻譯|翻訳|英語|英文|번역|영어|перевед|перевод|английск|ترجم")
_STEERING: Final = clued(
    "ignore disregard forget judge judges grader graders evaluator evaluators better result inst sys",
    r"\[\[[a-z](?:[<>=]{1,2}[a-z])*\]\]|<\|[a-z_]{2,20}\|>|\[/?inst\]|<<sys>>|\[result\]\s*[ab1-9]|note to the judge"
    r"|(?:ignore|disregard|forget) (?:all |any |the |your |everything )*"
    r"(?:above|previous|prior|preceding|earlier|other response|instruction|rubric)"
    r"|(?:response|output|answer|assistant|candidate) \(?[ab12]\)? is (?:clearly |much |far )?(?:the )?better"
    r"|(?:judge|grader|evaluator)s? (?:should|must|has to|have to) (?:choose|pick|prefer|select|rate|score|give)",
)


@dataclass(frozen=True, slots=True)
class Amount:
    """How much is asked for: from `least` to `most` words, sentences or items."""

    unit: Unit
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Demands:
    """What a prompt asks for.

    Attributes:
        keys: the stems of its key words; of a long prompt those near its start and its end, where the request stands.
        opening: its first words, if it has enough of them to recognise an echo.
        length: how many words it has.
        much: how many words are a fair answer: 150, or fewer where a small amount is asked for.
        script: the script it is written in; None where it asks for a language.
        steers: whether it holds itself what would be steering in a candidate.
    """

    keys: frozenset[str]
    opening: tuple[str, ...]
    length: int
    amounts: tuple[Amount, ...]
    much: float
    forms: tuple[Form, ...]
    script: str | None
    steers: bool


@lru_cache(maxsize=1024)
def demands_of(prompt: str) -> Demands:
    """What a prompt asks for."""
    low = prompt.lower()
    words = words_of(low)
    distinct = set(words)
    forms = tuple([form for form, pattern in _ASKS.items() if pattern.search(low, distinct)])
    amounts = tuple(_amounts(low, distinct, forms))
    return Demands(
        keys=_request(words, counted=bool(amounts)),
        opening=tuple(words[:OPENING]) if len(words) >= _SHORTEST_ECHO else (),
        length=len(words),
        amounts=amounts,
        much=max(1.0, min([MUCH, *(amount.most * _WORDS_TO_A_UNIT[amount.unit] for amount in amounts)])),
        forms=forms,
        script=None if _asks_language(low, distinct) else script_of(low),
        steers=steers(low, distinct),
    )


@lru_cache(maxsize=1024)
def keys_of(text: str) -> frozenset[str]:
    """The stems of a text's key words."""
    return _keys(words_of(text.lower()))


def words_of(low: str) -> list[str]:
    """The words of a text in lower case."""
    return (_ASCII_WORD if low.isascii() else _WORD).findall(low)


@lru_cache(maxsize=65_536)
def stem_of(word: str) -> str:
    """The word without a common English ending, and without what follows its first six letters."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _ROOT:
            return word[: -len(ending)][:_STEM]
    return word[:_STEM]


def script_of(low: str) -> str | None:
    """The script of most letters near the start of a text in lower case; None if there are none of a known script."""
    if low.isascii():
        return "latin" if low.islower() else None
    letters = [ord(c) for c in low[:300] if c.isalpha()]
    counts = Counter(name for letter in letters for name, first, last in _SCRIPTS if first <= letter <= last)
    return max(counts, key=counts.__getitem__, default=None)


def steers(low: str, words: Set[str]) -> bool:
    """Whether a text in lower case addresses the judge, forges a verdict or holds control tokens of chat models."""
    if "[[" in low or "<|" in low:
        return _STEERING.pattern.search(low) is not None
    return _STEERING.search(low, words) is not None


def _keys(words: Iterable[str]) -> frozenset[str]:
    return frozenset([stem_of(w) for w in words if w not in STOP and (len(w) > 1 or w.isdigit() or not w.isascii())])


def _request(words: Sequence[str], counted: bool) -> frozenset[str]:
    """The stems of the key words of a request; where it asks for an amount, numbers are none of them."""
    near = words if len(words) <= 2 * _REQUEST else [*words[:_REQUEST], *words[-_REQUEST:]]
    return _keys([word for word in near if not word.isdigit()] if counted else near)


def _asks_language(low: str, words: Set[str]) -> bool:
    if not low.isascii() and _ASKS_LANGUAGE_ELSEWHERE.search(low):
        return True
    return _ASKS_LANGUAGE.search(low, words) is not None


def _amounts(low: str, words: Set[str], forms: Sequence[Form]) -> Iterator[Amount]:
    """A number of items, and limits; a limit too small for all items together is one for each and left out."""
    items = _ITEMS.search(low, words)
    count = _number(items[1]) if items and "code" not in forms else 0.0
    if 1 < count <= _MOST_ITEMS:
        yield Amount("item", count, count)
    for amount in _limits(low, words):
        if amount.unit == "item" or amount.most > 2.0 * count:
            yield amount


def _limits(low: str, words: Set[str]) -> Iterator[Amount]:
    for bound, first, second, noun in _AMOUNT.pattern.findall(low) if _AMOUNT.search(low, words) else ():
        unit: Unit = "item" if noun == "bullet" else noun
        yield _limit(unit, bound, _number(first), _number(second or first))
    for number in () if low.isascii() else _CHARACTERS.findall(low):
        yield Amount("word", 0.0, _number(number) * 1.1)
    if _BRIEF.search(low, words):
        yield Amount("word", 0.0, _BRIEFLY)


def _limit(unit: Unit, bound: str, first: float, second: float) -> Amount:
    if bound in _AT_MOST.split("|"):
        return Amount(unit, 0.0, second)
    if bound in _AT_LEAST.split("|"):
        return Amount(unit, first, float("inf"))
    if unit == "word" and bound != "exactly":
        return Amount(unit, first * 0.8, second * 1.2)
    return Amount(unit, first, second)


def _number(text: str) -> float:
    return float(text) if text.isdigit() else _NUMBERS[text]
