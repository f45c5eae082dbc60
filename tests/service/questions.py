"""Questions to a judge, as protocols ask them, and a judge with what stands around it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from judge_server import JudgeServer

from judge_service.backends.base import Backend, Terms
from judge_service.backends.chat import ChatJudge
from judge_service.backends.limited import Limited
from judge_service.backends.openai_wire import OpenAIWire
from judge_service.backends.pool import Pool
from judge_service.backends.retried import Retried
from judge_service.backends.wires import DirectWire
from judge_service.domain.answers import AnswerSpace, Choice, FreeText, Scale
from judge_service.domain.prompting import Completion, JudgePrompt, Sampling, Span

PAIR = Choice(("A", "B"))
TEXT = FreeText("json", "pair", 2)
TO_TEN = Scale(1, 10)
KEY = "sk-not-for-anybody's-eyes"
WIRES = {"aiohttp": DirectWire, "openai": OpenAIWire}
over_both_wires = pytest.mark.parametrize("wire", list(WIRES))


def question(space: AnswerSpace = PAIR, candidate: str = "7", **sampling: Any) -> JudgePrompt:
    """One question about one candidate."""
    user = (Span("[Response A]\n"), Span(candidate, "candidate"), Span("\n[/Response A]\n\nYour answer, A or B:"))
    return JudgePrompt("j", (Span("You judge."),), user, space, Sampling(**sampling))


@asynccontextmanager
async def asking(
    server: JudgeServer, wire: str = "aiohttp", attempts: int = 3, most: int = 8, **fields: Any
) -> AsyncIterator[Backend]:
    """A judge behind that server, with retries and a limit around it as in the service."""
    judge = ChatJudge(WIRES[wire](server.url, KEY, most), "m", **fields)
    backend = Retried(Pool([(server.url, Limited(judge, most))]), attempts)
    yield backend
    await backend.aclose()


async def answer_to(backend: Backend, prompt: JudgePrompt | None = None, terms: Terms | None = None) -> Completion:
    """The answer to one question."""
    (completion,) = await backend.complete([prompt or question()], terms or Terms())
    return completion
