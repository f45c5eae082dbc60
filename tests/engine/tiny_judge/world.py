"""The tiny judge's world: short texts that carry two qualities, each a count of words of its kind.

A text is *warm* by as many kind words as stand in it and *exact* by as many numbers, 0 to 4 of each, drawn apart from
one another. A text belongs to training or to the held-out part by its hash, so that no text can be in both.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from random import Random
from typing import Final, Literal

from judge_service.domain.cases import Candidate, Case
from judge_service.domain.parsing import unnamed

Quality = Literal["warm", "exact", "both"]
Part = Literal["training", "held-out"]

_KIND: Final = """thanks please kindly gladly friend dear welcome gentle smile hug caring happy cheerful comfort sunny
    sweet praise generous grateful tender"""
_NUMBERS: Final = """two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen twenty thirty
    forty fifty sixty hundred"""
_THINGS: Final = """river garden lantern bridge window basket harbor island kettle ladder meadow mirror orchard pencil
    pocket school shadow spider street summer table tower tunnel valley village wagon winter anchor"""
_FILLERS: Final = """the a this that every old small green wide dark round plain early quiet holds sees finds takes
    brings follows meets passes keeps moves makes needs near under behind with beside over past"""
KIND, NUMBERS, THINGS, FILLERS = (tuple(words.split()) for words in (_KIND, _NUMBERS, _THINGS, _FILLERS))
MOST: Final = 4
"""The highest level of a quality; the lowest is 0."""
SHARP: Final = 1.2
"""How much one step of a quality moves a rater of this world, in logits."""
_LENGTHS: Final = (9, 14)
_HELD_OUT_OF_256: Final = 64
_ODD: Final = "bcdfghjklmnpqrstvwxzäéøßλж中字🙂#%&*+=<>|\\~"


@dataclass(frozen=True, slots=True)
class Text:
    """A candidate and the truth about it."""

    wording: str
    warm: int
    exact: int

    def worth(self, quality: Quality) -> float:
        """How good it is: its level in one quality, or the mean of both."""
        return {"warm": self.warm, "exact": self.exact, "both": (self.warm + self.exact) / 2}[quality]


@dataclass(frozen=True, slots=True)
class Exercise:
    """A prompt and its candidates."""

    prompt: str
    texts: tuple[Text, ...]

    @property
    def case(self) -> Case:
        """The exercise as the service takes it; the candidates are a, b, c, …"""
        candidates = tuple(Candidate(unnamed(place), text.wording) for place, text in enumerate(self.texts))
        return Case("", self.prompt, candidates)

    def best(self, quality: Quality) -> str:
        """The id of the best candidate; the first of them where several are."""
        worths = [text.worth(quality) for text in self.texts]
        return unnamed(worths.index(max(worths)))

    def preference(self, quality: Quality) -> float:
        """The probability that a rater of this world prefers the first of two texts."""
        one, other = self.texts
        return 1.0 / (1.0 + math.exp(SHARP * (other.worth(quality) - one.worth(quality))))


def exercises(
    seed: object, count: int, texts: int = 2, apart: Quality | None = None, part: Part = "held-out"
) -> Iterator[Exercise]:
    """Exercises, the same for the same seed.

    Args:
        texts: how many candidates each has.
        apart: a quality in which no two candidates are level.
    """
    random = Random(f"{seed}/{part}")
    while count > 0:
        drawn = tuple(text_of(random, part) for _ in range(texts))
        if len({text.worth(apart) if apart else text.wording for text in drawn}) == texts:
            yield Exercise(f"Write about the {random.choice(THINGS)}.", drawn)
            count -= 1


def text_of(random: Random, part: Part) -> Text:
    """A text of this part."""
    while True:
        text = _text(random)
        if (sha256(text.wording.encode()).digest()[0] < _HELD_OUT_OF_256) == (part == "held-out"):
            return text


def _text(random: Random) -> Text:
    warm, exact = random.randint(0, MOST), random.randint(0, MOST)
    words = random.choices(KIND, k=warm) + random.choices(NUMBERS, k=exact)
    words += random.choices(FILLERS + THINGS, k=random.randint(*_LENGTHS) - len(words))
    if random.random() < 0.1:
        words.append("".join(random.choices(_ODD, k=random.randint(1, 5))))
    random.shuffle(words)
    return Text(" ".join(words) + ".", warm, exact)
