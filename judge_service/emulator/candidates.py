"""Finds the candidates in a prompt of any template, in the order they are shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

_FLAGS: Final = re.MULTILINE | re.DOTALL
_OURS: Final = re.compile(
    r"^\[Response(?P<label> \w+)? (?P<code>\w+)\]\n(?P<text>.*?)\n\[/Response(?:(?P=label))? (?P=code)\]$", _FLAGS
)
_TAGGED: Final = re.compile(
    r"<(?P<tag>(?:(?:response|answer|assistant|output|candidate|completion)[_ -]?)?(?P<label>[A-Z]|\d))>"
    r"(?P<text>.*?)</(?P=tag)>",
    re.DOTALL | re.IGNORECASE,
)
_STARTED: Final = re.compile(
    r"(?:\[|<\|)The Start of Assistant (?P<label>\w)'s (?P<what>[\w ]+)(?:\]|\|>)\s*"
    r"(?P<text>.*?)\s*(?:\[|<\|)The End of Assistant (?P=label)'s (?P=what)(?:\]|\|>)",
    re.DOTALL,
)
_BEGUN: Final = re.compile(
    r"^\[The Begin of Response (?P<label>\d)\]\n(?P<text>.*?)\n\[The End of Response (?P=label)\]$", _FLAGS
)
_BLOCKED: Final = re.compile(r"^Response(?: (?P<label>[A-Z]))?:\n```\n(?P<text>.*?)\n```$", _FLAGS)
_ALONE: Final = re.compile(
    r"^(?:###Response to evaluate:\n(?P<to_evaluate>.*?)\n\n###(?:Reference|Score)"
    r"|\[The Start of Assistant's Answer\]\n(?P<started>.*?)\n\[The End of Assistant's Answer\]"
    r"|\[Response\]: (?P<headed>.*?)\n\*\*\*\n"
    r"|<response>\n(?P<tagged>.*?)\n</response>"
    r"|<MODEL OUTPUT>\n(?P<output>.*?)\n</MODEL OUTPUT>)",
    _FLAGS,
)
_QUOTED: Final = re.compile(r'"(?:output|answer|response)"\s*:\s*"""(?P<text>.*?)"""', re.DOTALL)

_BARE: Final = re.compile(
    r"^Response A:\n(?P<a>.*?)\n\nResponse B:\n(?P<b>.*)\n\n[^\n]+\nAnswer with one letter: [^\n]+\Z", _FLAGS
)
"""Our own layout without its fences, as the audit of injected orders shows it."""

_HEADING: Final = re.compile(
    r"^[#*\[ \t]{0,6}(?:(?:The )?(?:Response|Output|Answer|Assistant|Completion|Candidate|Option|Summary|Model)[ _-]?)?"
    r"\(?(?P<label>[A-Za-z]|\d)\)?(?:'s \w+)?[\])*]{0,3}[ \t]?:[\])*]{0,3}[ \t]*\n?",
    re.MULTILINE,
)
_RULED_OFF: Final = re.compile(r"^(?:#|\[|\*\*\*|---|===|<)", re.MULTILINE)


def candidates_in(text: str) -> tuple[str, ...]:
    """The candidates' texts without the white space around them; none if the template is not known."""
    for find in _WAYS:
        found = find(text)
        if found:
            return tuple(part.strip() for part in found)
    return ()


def is_fenced(text: str) -> bool:
    """Whether the candidates stand between lines of ours that carry a code."""
    return _OURS.search(text) is not None


def _between(pattern: re.Pattern[str]) -> Callable[[str], Sequence[str]]:
    """Candidates that are closed as well as opened."""

    def find(text: str) -> Sequence[str]:
        return [match["text"] for match in pattern.finditer(text)]

    return find


def _alone(text: str) -> Sequence[str]:
    """The only candidate of a format that shows one."""
    match = _ALONE.search(text)
    return [next(part for part in match.groups() if part is not None)] if match else ()


def _bare(text: str) -> Sequence[str]:
    found = _BARE.search(text)
    return (found["a"], found["b"]) if found else ()


def _in_quotes(text: str) -> Sequence[str]:
    found = [match["text"] for match in _QUOTED.finditer(text)]
    return found if len(found) > 1 else ()


def _in_tags(text: str) -> Sequence[str]:
    """Candidates in tags with labels in sequence: other tags are part of a text."""
    return [match["text"] for match in _in_sequence(list(_TAGGED.finditer(text)))]


def _under_headings(text: str) -> Sequence[str]:
    """Candidates that are only opened: each ends where the next begins, the last where the template goes on."""
    headings = _in_sequence(list(_HEADING.finditer(text)))
    if not headings:
        return ()
    ends = [heading.start() for heading in headings[1:]] + [len(text)]
    parts = [text[heading.end() : end] for heading, end in zip(headings, ends, strict=True)]
    last = _until_rule(parts[-1])
    return [*map(_until_rule, parts[:-1]), last if len(last) < len(parts[-1]) else _without_closing(last)]


def _in_sequence(found: Sequence[re.Match[str]]) -> list[re.Match[str]]:
    """Those of the finds whose labels count up from A, a or 1; a lone one is none."""
    taken: list[re.Match[str]] = []
    for one in found:
        label = one["label"]
        if (taken and ord(label) == ord(taken[-1]["label"]) + 1) or (not taken and label in "Aa1"):
            taken.append(one)
    return taken if len(taken) > 1 else []


def _until_rule(part: str) -> str:
    rule = _RULED_OFF.search(part, 1)
    return part[: rule.start()] if rule else part


def _without_closing(part: str) -> str:
    """The last candidate without the instruction that follows it: the last paragraph, else the last line."""
    part = part.rstrip()
    for gap in ("\n\n", "\n"):
        if gap in part:
            return part[: part.rfind(gap)]
    return part


_WAYS: Final[tuple[Callable[[str], Sequence[str]], ...]] = (
    _between(_OURS),
    _between(_STARTED),
    _between(_BEGUN),
    _between(_BLOCKED),
    _alone,
    _bare,
    _in_quotes,
    _in_tags,
    _under_headings,
)
