"""What is judged: a prompt, its candidates, and what helps to judge them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Final

from judge_service.domain.digests import digest
from judge_service.domain.frozen import frozen
from judge_service.domain.images import Image
from judge_service.domain.lazy import lazy

UNNAMED: Final = "abcdefghijklmnopqrstuvwxyz"
_NO_CONTENT: Final = sha256(b"n").digest()


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool by an assistant; `arguments` is the JSON text it was called with."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation, in the shape of OpenAI's chat messages.

    Attributes:
        role: system, developer, user, assistant or tool.
        content: its text; where it came in parts, those that are text, joined by lines.
        reasoning: the turn's own thoughts where the writer kept them apart from `content`.
        images: in their order; each knows where in the text it stands.
    """

    role: str
    content: str
    name: str | None = None
    reasoning: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    images: tuple[Image, ...] = ()

    def pieces(self) -> Iterator[str | Image]:
        """Text and images in the order in which they came; there is no empty text among them."""
        at = 0
        for image in self.images:
            if image.at > at:
                yield self.content[at : image.at]
                at = image.at
            yield image
        if at < len(self.content):
            yield self.content[at:]


Conversation = tuple[Message, ...]
Content = str | Conversation


@frozen
class Candidate:
    """One response under its owner's name. Letters such as A and B exist only inside a prompt."""

    id: str
    content: Content
    model: str | None = None


@frozen
class Case:
    """What is judged.

    Attributes:
        id: the caller's id, or one derived from the content.
        reference: an answer known to be good, if there is one.
        context: what a rater should know besides the conversation (documents, policies).
        domain: the caller's slice, for estimates by slice; it is not shown to the judge.
        metadata: the caller's own fields, returned untouched and never shown to the judge.
    """

    id: str
    prompt: Content
    candidates: tuple[Candidate, ...]
    reference: Content | None = None
    context: str | None = None
    domain: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @lazy
    def text_digests(self) -> tuple[bytes, tuple[bytes, ...]]:
        """Digests of what stands around the candidates, and of each candidate. Texts are hashed here, once."""
        around = (self.prompt, self.reference, self.context)
        return _joined(*map(content_digest, around)), tuple([content_digest(c.content) for c in self.candidates])

    @lazy
    def digest(self) -> str:
        """Names all that is judged; ids, domain and metadata of the case are not part of it."""
        around, contents = self.text_digests
        names = "".join([f"{c.id!r}{c.model!r}" for c in self.candidates])
        return "sha256:" + _joined(around, *contents, names.encode()).hex()

    @lazy
    def lot(self) -> int:
        """What random draws about this case start from: its texts, whatever their order, and nothing else."""
        around, contents = self.text_digests
        return int.from_bytes(_joined(around, *sorted(contents))[:8], "big")

    @lazy
    def images(self) -> tuple[Image, ...]:
        """All images it holds."""
        found: tuple[Image, ...] = ()
        for content in (self.prompt, self.reference):
            if isinstance(content, tuple):
                found += _images_in(content)
        for candidate in self.candidates:
            if isinstance(candidate.content, tuple):
                found += _images_in(candidate.content)
        return found

    def named(self, name: str) -> Case:
        """The same case under an id; what was worked out from its texts goes along."""
        case = object.__new__(Case)
        vars(case).update(vars(self), id=name)
        return case

    def __hash__(self) -> int:
        return hash((self.id, self.lot))


def plain(content: Content | None) -> Any:
    """A content as JSON-like values: a string stays, a conversation becomes a list of OpenAI chat messages."""
    if content is None or isinstance(content, str):
        return content
    return [_plain_message(message) for message in content]


def content_digest(content: Content | None) -> bytes:
    """32 bytes that two contents share exactly when they are equal."""
    if content is None:
        return _NO_CONTENT
    if isinstance(content, str):
        return sha256(b"s" + content.encode("utf-8", "surrogatepass")).digest()
    return sha256(b"c" + digest([_named_message(message) for message in content]).encode()).digest()


def _images_in(talk: Conversation) -> tuple[Image, ...]:
    return tuple([image for message in talk for image in message.images])


def _joined(*parts: bytes) -> bytes:
    return sha256(b"\x1d".join(parts)).digest()


def same_content(one: Content, other: Content) -> bool:
    """Whether two candidates are identical apart from white space."""
    if isinstance(one, str) and isinstance(other, str) and _begins(one) != _begins(other):
        return False
    return one == other or _squeezed(one) == _squeezed(other)


def _begins(text: str) -> list[str]:
    """The first word: most pairs differ there, and then need not be read to the end."""
    return text.split(None, 1)[:1]


def _squeezed(content: Content) -> str | bytes:
    if isinstance(content, str):
        return " ".join(content.split())
    return content_digest(tuple(_squeezed_message(m) for m in content))


def _squeezed_message(message: Message) -> Message:
    if not message.images:
        return Message(message.role, " ".join(message.content.split()), message.name, None, message.tool_calls)
    text, images = "", []
    for piece in message.pieces():
        if isinstance(piece, str):
            text += " ".join(piece.split())
        else:
            images.append(piece.moved(len(text)))
    return replace(message, content=text, reasoning=None, images=tuple(images))


def _plain_message(message: Message) -> dict[str, Any]:
    return _told_message(message, _plain_parts(message) if message.images else message.content)


def _plain_parts(message: Message) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    gap = ""
    for piece in message.pieces():
        if isinstance(piece, str):
            # The line between two texts is put there when they are joined.
            parts.append({"type": "text", "text": piece.removeprefix(gap)})
            gap = "\n"
        else:
            parts.append({"type": "image_url", "image_url": {"url": piece.url}})
    return parts


def _named_message(message: Message) -> dict[str, Any]:
    """The message with its images by digest."""
    told = _told_message(message, message.content)
    if message.images:
        told["images"] = [[image.at, image.digest] for image in message.images]
    return told


def _told_message(message: Message, content: Any) -> dict[str, Any]:
    out: dict[str, Any] = {"role": message.role, "content": content}
    if message.name is not None:
        out["name"] = message.name
    if message.reasoning is not None:
        out["reasoning"] = message.reasoning
    if message.tool_calls:
        out["tool_calls"] = [
            {"type": "function", "function": {"name": c.name, "arguments": c.arguments}} for c in message.tool_calls
        ]
    return out


def content_length(content: Content) -> int:
    """Characters of a text, or of what was said in a conversation."""
    return len(content) if isinstance(content, str) else sum(len(message.content) for message in content)
