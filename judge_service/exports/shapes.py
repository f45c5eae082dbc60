"""Prompts and answers as formats want them: text, chat messages, or a whole conversation."""

from __future__ import annotations

from typing import Any, Final

from judge_service.domain.cases import Case, Content, Conversation, Message, plain

Messages = list[dict[str, Any]]
_SPEAKERS: Final = {"user": "Human", "assistant": "Assistant", "system": "System", "developer": "System"}


def is_talk(case: Case) -> bool:
    """Whether the prompt or an answer consists of messages."""
    return any(not isinstance(content, str) for content in (case.prompt, *(c.content for c in case.candidates)))


def told(content: Content, role: str, talk: bool) -> str | Messages:
    """A prompt or an answer as TRL's columns have it: text, or messages where the file is conversational."""
    return messages(content, role) if talk else text(content)


def messages(content: Content, role: str) -> Messages:
    """The content as chat messages; a text is one message of that role."""
    talk: Conversation = (Message(role, content),) if isinstance(content, str) else content
    listed: Messages = plain(talk)
    return listed


def conversation(prompt: Content, answer: Content) -> Messages:
    """The whole of it, from the prompt's first message to the answer's last."""
    return messages(prompt, "user") + messages(answer, "assistant")


def whole_text(prompt: Content, answer: Content) -> str:
    """The same as one text, told apart by who speaks."""
    turns: Conversation = ()
    for content, role in ((prompt, "user"), (answer, "assistant")):
        turns += (Message(role, content),) if isinstance(content, str) else content
    return text(turns)


def text(content: Content) -> str:
    """The content as one text: several messages are told apart by who speaks, as in Anthropic's and Nectar's files."""
    if isinstance(content, str):
        return content
    if len(content) == 1:
        return content[0].content
    return "".join(f"\n\n{_SPEAKERS.get(m.role, m.role.title())}: {m.content}" for m in content)
