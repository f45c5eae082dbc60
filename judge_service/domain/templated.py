"""Prompts as chat templates write them are taken apart again: who trains sends text, and a rater reads turns.

A template is known by the strings around its turns. What follows the last heading is the beginning of the response,
put there by whoever asked (an opened `<think>`, say), and belongs to it. A prompt of no template that is known here
keeps its text, without the control strings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from judge_service.domain.cases import Content, Message

_ROLES: Final[Mapping[str, str]] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "model": "assistant",
    "chatbot": "assistant",
    "tool": "tool",
    "ipython": "tool",
    "observation": "tool",
}


@dataclass(frozen=True, slots=True)
class _Template:
    """One family of templates.

    Attributes:
        heading: what stands before a turn; its group `role`, or its only role, says whose the turn is.
        endings: what stands behind one.
        leading: whose the text before the first heading is, where the family has such text.
    """

    heading: re.Pattern[str]
    endings: tuple[str, ...]
    leading: str | None = None


_NAMED: Final = r"(?P<role>system|developer|user|human|assistant|model|tool|ipython|observation)"
_TEMPLATES: Final[tuple[_Template, ...]] = (
    # ChatML: Qwen, Yi, SmolLM, Phi-4 (with a separator in the place of the line), and many more.
    _Template(re.compile(rf"<\|im_start\|>{_NAMED}(?:\n|<\|im_sep\|>)"), ("<|im_end|>",)),
    # Llama 3, and Llama 4 with shorter names.
    _Template(re.compile(rf"<\|start_header_id\|>{_NAMED}<\|end_header_id\|>\n\n"), ("<|eot_id|>", "<|eom_id|>")),
    _Template(re.compile(rf"<\|header_start\|>{_NAMED}<\|header_end\|>\n\n"), ("<|eot|>", "<|eom|>")),
    _Template(re.compile(rf"<start_of_turn>{_NAMED}\n"), ("<end_of_turn>",)),
    # gpt-oss: an assistant's turn names the channel it speaks in.
    _Template(re.compile(rf"<\|start\|>{_NAMED}(?:<\|channel\|>\w+)?(?:<\|message\|>|$)"), ("<|end|>", "<|return|>")),
    _Template(
        re.compile(r"<\|START_OF_TURN_TOKEN\|><\|(?P<role>SYSTEM|USER|CHATBOT)_TOKEN\|>"), ("<|END_OF_TURN_TOKEN|>",)
    ),
    # Phi-3, Zephyr, GLM-4: the role is the control string.
    _Template(re.compile(rf"<\|{_NAMED}\|>\n?"), ("<|end|>", "</s>", "<|endoftext|>")),
    _Template(re.compile(r"<｜(?P<role>User|Assistant)｜>"), ("<｜end▁of▁sentence｜>",), "system"),
)
_OPENING: Final = re.compile(r"\[SYSTEM_PROMPT\]|\[INST\]")
_CLOSING: Final[Mapping[str, str]] = {"[SYSTEM_PROMPT]": "[/SYSTEM_PROMPT]", "[INST]": "[/INST]"}
"""Llama 2 and Mistral: a user's turn is enclosed, and what stands outside is the assistant's."""
_WITHIN: Final = ("<<SYS>>\n", "\n<</SYS>>\n\n")
"""Llama 2: the system's text stands within the user's first turn."""

_PLAIN: Final = (
    *("<|im_start|>", "<|im_end|>", "<|im_sep|>", "<|endoftext|>", "<|end_of_text|>", "<|begin_of_text|>"),
    *("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|eom_id|>", "<|header_start|>", "<|header_end|>"),
    *("<|eot|>", "<|eom|>", "<|start|>", "<|message|>", "<|return|>", "<|end|>", "<|system|>", "<|user|>"),
    *("<|assistant|>", "<|observation|>", "<|endofprompt|>", "<|finetune_right_pad_id|>", "<|startoftext|>"),
    *("<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>", "<BOS_TOKEN>", "<start_of_turn>", "<end_of_turn>"),
    *("<bos>", "<eos>", "<pad>", "[gMASK]", "<sop>", "<eop>", "<s>", "</s>", "[INST]", "[/INST]"),
    *("<｜User｜>", "<｜Assistant｜>", "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜▁pad▁｜>"),
)
_ANY: Final = "|".join(map(re.escape, _PLAIN))
_LEADING: Final = re.compile(rf"\s*(?:(?:{_ANY})\s*)+")
_BEGINS: Final = re.compile(
    r"\s*(?:(?:<s>|<bos>|<\|begin_of_text\|>|<｜begin▁of▁sentence｜>|\[gMASK\]|<sop>|<BOS_TOKEN>)\s*)+"
)
"""What may stand before all turns and is no text."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A prompt and one response to it, without the control strings between them."""

    prompt: Content
    response: str


class NotItsPrompt(ValueError):
    """A query does not begin with the prompt that was sent along."""


def sample_in(query: str, prompt: str) -> Sample:
    """The prompt, and the response that follows it in the query, both without what a chat template put around them.

    Raises:
        NotItsPrompt: the query does not begin with the prompt, white space apart.
    """
    return sample_of(prompt, query[_length_of(prompt, query) :])


def sample_of(prompt: str, response: str) -> Sample:
    """A templated prompt and what was written after it.

    Inside a response, control strings are part of what was written and stay; those at its two ends go.
    """
    asked, begun = taken_apart(prompt)
    return Sample(asked, without_ends(begun + response))


def taken_apart(text: str) -> tuple[Content, str]:
    """The turns in a templated prompt, and the beginning of the response if the prompt holds one.

    A text of no known template comes back without its control strings, and one without any as it is.
    """
    for template in _TEMPLATES:
        turns = _turns(text, template)
        if turns is not None:
            return _parted(turns)
    enclosed = _enclosed(text)
    if enclosed is not None:
        return _parted(enclosed)
    return re.sub(_ANY, "", without_ends(text)), ""


def without_ends(text: str) -> str:
    """The text without control strings before and behind it, and without the white space around those."""
    start = _LEADING.match(text)
    text = text[start.end() :] if start else text
    end = bare = len(text)
    while True:
        while bare and text[bare - 1].isspace():
            bare -= 1
        if not text.endswith(_PLAIN, 0, bare):
            return text if end == len(text) else text[:bare]
        end = bare = bare - max(len(token) for token in _PLAIN if text.endswith(token, 0, bare))


def _begun(text: str) -> str:
    """The text without what stands before all turns."""
    begins = _BEGINS.match(text)
    return text[begins.end() :] if begins else text


@dataclass(frozen=True, slots=True)
class _Turn:
    message: Message
    is_ended: bool


def _turns(text: str, template: _Template) -> list[_Turn] | None:
    """The turns of a text in this family of templates; None if it is in another."""
    headings = list(template.heading.finditer(text))
    if not headings:
        return None
    before = _begun(text[: headings[0].start()])
    if before.strip() and template.leading is None:
        return None
    turns = [_Turn(Message(template.leading, before), True)] if before.strip() and template.leading else []
    ends = [heading.start() for heading in headings[1:]] + [len(text)]
    for heading, end in zip(headings, ends, strict=True):
        role = _ROLES[heading["role"].lower()]
        content, is_ended = _ended(text[heading.end() : end], template.endings)
        turns.append(_Turn(Message(role, content), is_ended or end < len(text)))
    return turns


def _ended(content: str, endings: Sequence[str]) -> tuple[str, bool]:
    """A turn's text up to its ending, and whether it has one."""
    bare = content.rstrip()
    for ending in endings:
        if bare.endswith(ending):
            return bare.removesuffix(ending), True
    return content, False


def _enclosed(text: str) -> list[_Turn] | None:
    """The turns of a text in which users' are enclosed by [INST] and [/INST]."""
    text = _begun(text)
    turns: list[_Turn] = []
    at = 0
    while opening := _OPENING.search(text, at):
        closing = _CLOSING[opening[0]]
        end = text.find(closing, opening.end())
        if end < 0 or not _is_answer(text[at : opening.start()], turns):
            return None
        turns += _told_within(opening[0], text[opening.end() : end])
        at = end + len(closing)
    if turns and text[at:].strip():
        turns.append(_answer(text[at:]))
    return turns or None


def _told_within(opening: str, text: str) -> list[_Turn]:
    """The turns between an opening and its closing."""
    if opening == "[SYSTEM_PROMPT]":
        return [_Turn(Message("system", text), True)]
    text = text.removeprefix(" ").removesuffix(" ")
    system, closing, rest = text.removeprefix(_WITHIN[0]).partition(_WITHIN[1])
    if not text.startswith(_WITHIN[0]) or not closing:
        return [_Turn(Message("user", text), True)]
    return [_Turn(Message("system", system), True), _Turn(Message("user", rest), True)]


def _is_answer(between: str, turns: list[_Turn]) -> bool:
    """Takes what stands between two enclosed turns for the assistant's; False if there is none whom it could answer."""
    if not between.replace("<s>", "").strip():
        return True
    if not turns or turns[-1].message.role != "user":
        return False
    turns.append(_answer(between.removesuffix("<s>")))
    return True


def _answer(text: str) -> _Turn:
    content, is_ended = _ended(text, ("</s>",))
    return _Turn(Message("assistant", content.removeprefix(" ").removesuffix(" ")), is_ended)


def _parted(turns: list[_Turn]) -> tuple[Content, str]:
    """The turns, and the last of them apart if it is an assistant's that goes on in the response."""
    last = turns[-1]
    if len(turns) > 1 and last.message.role == "assistant" and not last.is_ended:
        return tuple(turn.message for turn in turns[:-1]), last.message.content
    return tuple(turn.message for turn in turns), ""


def _length_of(prompt: str, query: str) -> int:
    """How much of the query is the prompt; tokenizers may add and drop white space beside control strings."""
    if query.startswith(prompt):
        return len(prompt)
    begins = _BEGINS.match(query)
    at = begins.end() if begins and not _BEGINS.match(prompt) else 0
    for character in "".join(prompt.split()):
        while at < len(query) and query[at].isspace():
            at += 1
        if at == len(query) or query[at] != character:
            raise NotItsPrompt("the query does not begin with its prompt")
        at += 1
    return at
