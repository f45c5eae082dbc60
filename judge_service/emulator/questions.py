"""What a prompt asks for, as its last lines tell: of which kind the answer is, and by which labels or in which form."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Final, NamedTuple

from judge_service.domain.answers import LETTERS, option_labels
from judge_service.emulator.texts import WRITERS, Kind

REMEMBERED: Final = 4096
_TAIL: Final = 400
_CLOSING: Final = 2000
_OPENING: Final = 2000
_MOST_STEPS: Final = 100
_USUAL_SCALES: Final = dict.fromkeys(("prometheus-score", "flow-judge", "glider", "selene", "nemotron-genrm"), (1, 5))
_USUAL_SCALE: Final = (1, 10)
_NO_TIE: Final = frozenset(("prometheus-pair", "llmbar", "alpaca-eval-ranking", "selene", "nemotron-genrm"))

_CLOSED: Final = re.compile(r"\n\[/(?:Response|Option)[^\]]*\]|\n(?:\[|<\|)The End of Assistant[^\n]{0,20}?(?:\]|\|>)")
_STEP: Final = re.compile(r"^Score \d{1,3}: ", re.MULTILINE)
_TO: Final = re.compile(r"(\d{1,4})\s*(?:to|and|-|\u2013)\s*(\d{1,4})")
_FAMILIES: Final = (("A", "B"), ("a", "b"), ("1", "2"), ("m", "M"))
_NUMBERS_STAND_FOR: Final = re.compile(r"\b1 (?:if|for|means)\b.*\b2 (?:if|for|means)\b", re.DOTALL)
_OR_TIE: Final = re.compile(r"\bor [\"'\[(]*(tie|Tie)\b")
_OFFERS_TIE: Final = re.compile(r"\[\[A=B\]\]|\[\[C\]\]|\b[Tt]ie\b|\bequally good\b")
_BARE: Final = re.compile(r"\b(?:answer|score|verdict|choice|letter|number|label)\b[^\n]*:\s*\Z", re.IGNORECASE)
_CRITERIA: Final = re.compile(r'"scores"\s*:\s*\{(.*?)\}', re.DOTALL)
_BY_LETTER: Final = re.compile(r'"scores"\s*:\s*\{\s*"A"\s*:[^}]*"B"\s*:')
_ONE_OPTION: Final = re.compile(r"\b(?:label|number) of one option\b|\bthat of the option you choose\b")
_KEY: Final = re.compile(r'("(?:[^"\\]|\\.)+")\s*:')

_SIGNS: Final[dict[tuple[str, Kind], re.Pattern[str]]] = {
    ("json", "pair"): re.compile(r'"verdict"'),
    ("json", "score"): re.compile(r'"scores"'),
    ("json", "scores"): _BY_LETTER,
    ("json", "rank"): re.compile(r'"ranking"'),
    ("arena-hard", "pair"): re.compile(r"\[\[[AB]>{1,2}[AB]\]\]"),
    ("mt-bench-pair", "pair"): re.compile(r"\[\[A\]\]"),
    ("mt-bench-score", "score"): re.compile(r"\[\[(?:\d+(?:\.\d+)?|rating|score|n)\]\]", re.IGNORECASE),
    ("prometheus-pair", "pair"): re.compile(r"\[RESULT\]"),
    ("prometheus-score", "score"): re.compile(r"\[RESULT\]"),
    ("llmbar", "pair"): re.compile(r"Output \(a\)"),
    ("alpaca-eval-ranking", "pair"): re.compile(r"ordered_models|[\"']rank[\"']"),
    ("auto-j-pair", "pair"): re.compile(r"final decision is"),
    ("two-scores", "pair"): re.compile(r"\btwo scores\b|\bonly two (?:values|numbers)\b"),
    ("pandalm", "pair"): re.compile(r"first line write only 1|### Evaluation:"),
    ("choice", "pair"): re.compile(r"\bChoice: A\b"),
    ("choice", "score"): re.compile(r"\bScore: n\b"),
    ("flow-judge", "score"): re.compile(r"<feedback>"),
    ("glider", "score"): re.compile(r"<highlight>"),
    ("selene", "pair"): re.compile(r"\*\*Result:\*\*"),
    ("selene", "score"): re.compile(r"\*\*Result:\*\*"),
    ("nemotron-genrm", "pair"): re.compile(r"\[The Begin of Ranking Score\]"),
    ("nemotron-genrm", "score"): re.compile(r"\[The Begin of Individual Scores\]"),
    ("option", "option"): re.compile(r"\bChoice: (?:A|n)\b"),
    ("ranking", "rank"): re.compile(r"\[\[[A-Z](?:[>=][A-Z])+\]\]"),
}


class Question(NamedTuple):
    """What is asked.

    Attributes:
        labels: one for each possible answer: the candidates in the order shown and then a tie, or the steps.
        tie: whether a tie is offered; the last label is then that of a tie.
        scale: None if the end of the prompt names none.
    """

    kind: Kind
    labels: tuple[str, ...]
    tie: bool
    scale: tuple[int, int] | None


class Form(NamedTuple):
    """In which form a text is to answer.

    Attributes:
        reading: a reading's name, `bare` for a label alone, or None if the prompt does not say.
        tie: whether a tie is offered in it.
        scale: the scale that is named with it.
    """

    reading: str | None
    tie: bool = False
    scale: tuple[int, int] | None = None
    criteria: tuple[str, ...] = ()


def closing_of(text: str) -> str:
    """The end of a prompt: what follows the line that closes the last candidate, or else its last 400 characters."""
    closed = list(_CLOSED.finditer(text, max(0, len(text) - _CLOSING)))
    return text[closed[-1].end() :] if closed else text[-_TAIL:]


@lru_cache(maxsize=REMEMBERED)
def question(closing: str, count: int) -> Question:
    """What a prompt with this end asks about so many candidates (0: they were not found)."""
    if count > 1 and _ONE_OPTION.search(closing):
        return Question("option", option_labels(count), False, None)
    scale = _scale(closing)
    if count != 1 and _BY_LETTER.search(closing):
        return Question("scores", steps(scale or _USUAL_SCALE), False, scale)
    named = _named_labels(closing)
    if (count == 1 and (scale or not named or _STEP.search(closing))) or (count == 0 and scale and not named):
        return Question("score", steps(scale or _USUAL_SCALE), False, scale)
    if count > 2:
        return Question("rank", _list_labels(closing, count), False, None)
    labels = named or _FAMILIES[0]
    return Question("pair", labels, len(labels) > 2, scale)


def headed(what: Question, text: str) -> Question:
    """The question on a pair with its labels in the order in which the responses are headed by them."""
    first, second, *tie = what.labels if what.kind == "pair" else ("", "")
    if what.kind != "pair" or not -1 < text.find(f"\n[Response {second} ") < text.find(f"\n[Response {first} "):
        return what
    return what._replace(labels=(second, first, *tie))


def steps(scale: tuple[int, int]) -> tuple[str, ...]:
    """The labels of a scale."""
    return tuple(map(str, range(scale[0], scale[1] + 1)))


def form_of(text: str, closing: str, kind: Kind) -> Form:
    """The form that a prompt asks for, at its end or else in its first lines, where many templates have it."""
    form = _form(closing, kind)
    if form.reading is not None:
        return form
    return _form(text[:_OPENING], kind)._replace(criteria=())


def usual_scale(reading: str) -> tuple[int, int]:
    """The scale of scores in this form where the prompt names none."""
    return _USUAL_SCALES.get(reading, _USUAL_SCALE)


@lru_cache(maxsize=REMEMBERED)
def _form(where: str, kind: Kind) -> Form:
    reading = _signed(where, kind)
    if reading is None and kind == "pair":
        # A ranking of two is told from a comparison by the form alone.
        reading = _signed(where, "rank")
    if reading is None:
        return Form("bare" if _BARE.search(_last_line(where)) else None)
    tie = reading not in _NO_TIE and _OFFERS_TIE.search(where) is not None
    named = _CRITERIA.search(where)
    criteria = tuple(json.loads(key) for key in _KEY.findall(named[1])) if named else ()
    return Form(reading, tie, _scale(where), criteria)


def _signed(text: str, kind: Kind) -> str | None:
    for (reading, asked), sign in _SIGNS.items():
        if asked == kind and (reading, kind) in WRITERS and sign.search(text):
            return reading
    return None


def _last_line(closing: str) -> str:
    return closing.rstrip().rpartition("\n")[2]


def _scale(closing: str) -> tuple[int, int] | None:
    for where in (_last_line(closing), closing):
        for low, high in reversed(_TO.findall(where)):
            if 0 < int(high) - int(low) <= _MOST_STEPS:
                return int(low), int(high)
    return None


def _named_labels(closing: str) -> tuple[str, ...]:
    """The labels of a pair, and that of a tie, if the end of the prompt names them."""
    for where in (_last_line(closing), closing):
        if _NUMBERS_STAND_FOR.search(where):
            return "1", "2"
        for family in _FAMILIES:
            if all(_names(where, label) for label in family):
                return family + _tie_label(where, family)
    return ()


def _tie_label(where: str, family: tuple[str, str]) -> tuple[str, ...]:
    if family == ("A", "B") and _names(where, "C"):
        return ("C",)
    tie = _OR_TIE.search(where)
    return (tie[1],) if tie else ()


def _list_labels(closing: str, count: int) -> tuple[str, ...]:
    line = _last_line(closing)
    if count > len(LETTERS) or (_names(line, "1") and _names(line, "2") and not _names(line, "A")):
        return tuple(map(str, range(1, count + 1)))
    return tuple(LETTERS[:count])


def _names(where: str, label: str) -> bool:
    return re.search(rf"(?<![\w'’]){label}(?![\w'’])", where) is not None
