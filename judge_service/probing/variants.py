"""A case and a probe become the cases that the judge is tried on. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from judge_service.domain.cases import Candidate, Case, Content, Message
from judge_service.domain.digests import draw
from judge_service.domain.probes import Contrast, Pair, Probe, ProbeText, filled
from judge_service.evaluation.audits.probing import Trial

_LEAST_WORDS: Final = 4
_MOST_WORDS: Final = 14
_WORD: Final = re.compile(r"\S+\s*")
_NO_QUOTES: Final = re.compile(r"[“”\n]")
_SENTENCE: Final = re.compile(r"(?<=[.!?。！？])\s+|\n+")


class Variant(NamedTuple):
    """A changed case, and what was tried with it; its `seen` is still open."""

    case: Case
    trial: Trial


def variants(pair: Pair, probe: Probe, better: int | None, most: int = 0) -> Iterator[Variant]:
    """What a probe makes of a pair; nothing where it does not go with it.

    Args:
        better: the place of the better candidate, 0 or 1; None where there is none.
        most: so many of the probe's texts, drawn by what the case holds, besides its placebos; 0: all.
    """
    if probe.kind == "paraphrase":
        for number, wording in enumerate(pair.paraphrases):
            yield _variant(pair.case, probe, ProbeText(str(number + 1)), None, prompt=wording)
        return
    for text in _drawn(probe, pair.case, most):
        if probe.kind == "history":
            yield _variant(pair.case, probe, text, None, prompt=(*text.turns, *_turns(pair.case.prompt)))
        elif probe.kind == "prompt":
            yield from _cued(pair.case, probe, text)
        elif probe.kind == "candidate":
            yield from _changed(pair.case, probe, text, better)


def contrasted(contrast: Contrast) -> tuple[Case, Case]:
    """Both prompts with the same two responses."""
    responses = tuple([Candidate(str(place + 1), text) for place, text in enumerate(contrast.responses)])
    first, second = [Case(f"{contrast.id}#{i + 1}", text, responses) for i, text in enumerate(contrast.prompts)]
    return first, second


def openings(case: Case) -> tuple[str, str] | None:
    """The first words of each candidate by which they can be told apart; None where they begin alike."""
    one, other = [_last_text(candidate.content).strip() for candidate in case.candidates]
    found = (_opening(one, other), _opening(other, one))
    return (found[0], found[1]) if found[0] and found[1] else None


def _drawn(probe: Probe, case: Case, most: int) -> Sequence[ProbeText]:
    if not most:
        return probe.texts
    wanted = sorted(
        [text for text in probe.texts if not text.placebo],
        key=lambda text: draw("probe", case.lot, probe.id, text.id),
    )[:most]
    return [text for text in probe.texts if text.placebo or text in wanted]


def _cued(case: Case, probe: Probe, text: ProbeText) -> Iterator[Variant]:
    """The prompt says something of a candidate, each in turn; a placebo says nothing of either."""
    if text.placebo:
        yield _variant(case, probe, text, None, prompt=_with_prompt(case.prompt, text, ""))
        return
    told = openings(case)
    if told is None:
        return
    for toward in (0, 1):
        named = told[1 - toward] if text.against else told[toward]
        yield _variant(case, probe, text, toward, prompt=_with_prompt(case.prompt, text, named))


def _changed(case: Case, probe: Probe, text: ProbeText, better: int | None) -> Iterator[Variant]:
    """A candidate is changed: each in turn, or the worse alone."""
    if probe.side == "worse" and better is None:
        return
    for toward in (0, 1) if probe.side == "each" or better is None else (1 - better,):
        candidate = case.candidates[toward]
        content = _rewritten(candidate.content, text, case)
        if content is None:
            continue
        candidates = tuple([replace(c, content=content) if c is candidate else c for c in case.candidates])
        yield _variant(case, probe, text, toward, candidates=candidates)


def _variant(
    case: Case,
    probe: Probe,
    text: ProbeText,
    toward: int | None,
    prompt: Content | None = None,
    candidates: tuple[Candidate, ...] | None = None,
) -> Variant:
    trial = Trial(probe.id, text.id, text.placebo, case.id, toward)
    made = replace(
        case,
        id=f"{case.id}#{probe.id}.{text.id}" + ("" if toward is None else f".{case.candidates[toward].id}"),
        prompt=case.prompt if prompt is None else prompt,
        candidates=case.candidates if candidates is None else candidates,
        metadata={"probe": probe.id, "variant": text.id, "of": case.id, "side": toward},
    )
    return Variant(made, trial)


def _with_prompt(prompt: Content, text: ProbeText, opening: str) -> Content:
    """The prompt, or the last turn of it, as the text has it."""
    if isinstance(prompt, str):
        return filled(text.text, {"prompt": prompt, "opening": opening})
    last = prompt[-1]
    return (*prompt[:-1], replace(last, content=filled(text.text, {"prompt": last.content, "opening": opening})))


def _rewritten(content: Content, text: ProbeText, case: Case) -> Content | None:
    """A candidate as the text has it; None where that changes nothing, or it has images, whose places would move."""
    own = _last_text(content)
    laid = [filled(text.sentence, {"text": part}) for part in _SENTENCE.split(own.strip()) if part.strip()]
    values = {"text": own, "sentences": "\n".join(laid), "prompt": _last_text(case.prompt)}
    made = filled(text.text, values)
    if isinstance(content, str):
        return None if made == own else made
    if content[-1].images or made == own:
        return None
    return (*content[:-1], replace(content[-1], content=made))


def _turns(prompt: Content) -> tuple[Message, ...]:
    return (Message("user", prompt),) if isinstance(prompt, str) else prompt


def _last_text(content: Content) -> str:
    return content if isinstance(content, str) else content[-1].content


def _opening(text: str, other: str) -> str:
    """The fewest words, from four on, that the other does not begin with; "" where there are none."""
    line = _NO_QUOTES.split(text, maxsplit=1)[0]
    words = [word.end() for word in _WORD.finditer(line)]
    for end in words[min(len(words), _LEAST_WORDS) - 1 : _MOST_WORDS] if words else ():
        opening = line[:end].strip()
        if not other.startswith(opening):
            return opening
    return ""
