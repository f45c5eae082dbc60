"""What is examined: one replica of one judge, and the ways in which it can be asked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from judge_service.backends.base import Terms
from judge_service.backends.chat import ChatJudge
from judge_service.backends.server_tokens import ServerTokens
from judge_service.backends.vllm import Asking
from judge_service.backends.wires import Wire
from judge_service.domain.answers import AnswerSpace, FreeText
from judge_service.domain.prompting import Completion, JudgePrompt, Sampling, Span
from judge_service.sections import JudgeSettings
from judge_service.wiring.judges import way_to_ask
from judge_service.wiring.servers import Server, template_told

if TYPE_CHECKING:
    from judge_service.backends.exact import ExactPrompts

_SECONDS: Final = 60.0
_FREELY: Final = FreeText("choice", "pair", 2)


@dataclass(slots=True)
class Subject:
    """One replica of a judge that answers.

    Attributes:
        name: the judge's.
        settings: the judge's, with this replica's address alone.
        exact: the judge's own tokenizer, where one is configured and can be used.
    """

    name: str
    settings: JudgeSettings
    wire: Wire
    server: Server
    exact: ExactPrompts | None = None
    chat: ChatJudge = field(init=False)
    tokens: ServerTokens = field(init=False)

    def __post_init__(self) -> None:
        """Finds the ways to ask it."""
        settings = self.settings
        told = dict(template_told(settings) if self.is_vllm else settings.template_kwargs)
        sampling = dict(settings.sampling) | ({"chat_template_kwargs": told} if told else {})
        self.chat = ChatJudge(self.wire, settings.model, sampling)
        self.tokens = ServerTokens(self.wire, settings.model, told)

    @property
    def is_vllm(self) -> bool:
        """Whether it takes what only vLLM takes."""
        return self.server.kind == "vllm"

    def asking(self) -> Asking:
        """How prompts reach a vLLM server when it judges."""
        return way_to_ask(self.chat, self.settings, self.server, self.exact)

    async def asked(self, text: str, space: AnswerSpace = _FREELY, most: int = 1) -> Completion:
        """An answer of at most so many tokens, asked for as any chat server is asked.

        Raises:
            TransientFault: none came.
        """
        prompt = question(self.name, text, space, most)
        async with asyncio.timeout(_SECONDS):
            return (await self.chat.complete([prompt], terms()))[0]


def question(judge: str, text: str, space: AnswerSpace = _FREELY, most: int = 1) -> JudgePrompt:
    """A question of our own."""
    return JudgePrompt(judge, (Span("You judge."),), (Span(text),), space, Sampling(max_tokens=most))


def terms() -> Terms:
    """Under which a question of a check-up is asked: now, and not from any cache."""
    return Terms(asyncio.get_running_loop().time() + _SECONDS, "bypass")


def listed(names: Sequence[str], most: int = 5) -> str:
    """Names in a line, the first few of them."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
