"""Any OpenAI-compatible chat server as a judge: log-probabilities where it offers them, text where it does not."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson

from judge_service.backends.base import Terms, TransientFault, failed
from judge_service.backends.labels import label_probabilities, one_token_each
from judge_service.backends.rendering import messages
from judge_service.backends.wires import Reply, Wire
from judge_service.domain.answers import FreeText
from judge_service.domain.prompting import Completion, JudgePrompt
from judge_service.domain.verdicts import Usage

log: Final = logging.getLogger(__name__)
TOP_LOGPROBS: Final = 20
FIRST_SECONDS: Final = 5.0
_PASSING: Final = frozenset((408, 409, 425, 429))
_TOO_MANY_ALTERNATIVES: Final = ("top_logprobs", "sample logprobs of")  # OpenAI's words, and vLLM's
_TOO_LONG: Final = ("context length", "context_length_exceeded", "maximum context", "too long", "input_tokens")


@dataclass(slots=True)
class Dialect:
    """What this server has refused so far. Each refusal is noticed once and then kept to.

    Attributes:
        logprobs: whether log-probabilities are asked for.
        temperature: whether a temperature is sent.
        tokens: the name of the field that limits the answer's length.
    """

    logprobs: bool = True
    temperature: bool = True
    top: int = TOP_LOGPROBS
    tokens: str = "max_tokens"

    def adapted(self, reply: Reply) -> str | None:
        """Gives up the field a 400 complains of; says what was given up, or None if there is nothing to give up."""
        told = reply.body[:2000].decode("utf-8", "replace").lower()
        if self.top > 5 and any(sign in told for sign in _TOO_MANY_ALTERNATIVES):
            self.top = 5
            return "top_logprobs above 5"
        if self.logprobs and "logprobs" in told:
            self.logprobs = False
            return "logprobs"
        if self.tokens == "max_tokens" and "max_tokens" in told and not _is_too_long(told):
            self.tokens = "max_completion_tokens"
            return "max_tokens (max_completion_tokens is sent instead)"
        if self.temperature and "temperature" in told:
            self.temperature = False
            return "temperature"
        return None


@dataclass
class ChatJudge:
    """Asks a chat server one prompt at a time.

    Attributes:
        sampling: further request fields, sent in every request (top_p, template kwargs and the like).
    """

    wire: Wire
    model: str
    sampling: Mapping[str, Any] = field(default_factory=dict)
    dialect: Dialect = field(default_factory=Dialect)
    _first: dict[bool, asyncio.Event] = field(default_factory=dict)

    async def complete(self, prompts: Sequence[JudgePrompt], terms: Terms) -> list[Completion]:
        """Completions in the order of the prompts.

        Raises:
            TransientFault: the call failed in a way that may pass.
        """
        return [await self._one(prompt, terms) for prompt in prompts]

    async def _one(self, prompt: JudgePrompt, terms: Terms) -> Completion:
        """The first question of each form goes alone, so that what the server refuses is refused only once."""
        form = isinstance(prompt.space, FreeText)
        if form not in self._first:
            answered = self._first[form] = asyncio.Event()
            try:
                return await self._asked(prompt, terms)
            finally:
                answered.set()
        if not self._first[form].is_set():
            # But not for long: one slow answer must not hold up all the others.
            with suppress(TimeoutError):
                async with asyncio.timeout(FIRST_SECONDS):
                    await self._first[form].wait()
        return await self._asked(prompt, terms)

    async def _asked(self, prompt: JudgePrompt, terms: Terms) -> Completion:
        for _ in range(5):
            asked = replace(self.dialect)
            reply = await self.wire.post("/chat/completions", self._body(prompt), terms.affinity)
            if reply.status == 200:
                return _completion(reply, prompt, asked.logprobs)
            if reply.status not in (400, 422):
                return _refused_request(reply)
            if asked != self.dialect:
                # Another call has given up a field since: only a refusal of the present form tells anything new.
                continue
            given_up = self.dialect.adapted(reply)
            if given_up is None:
                return _refused_request(reply)
            log.warning("%s takes no %s; it is asked without from now on", self.wire.address, given_up)
        return failed("judge_error", "the judge refused the request in every form that is known")

    def _body(self, prompt: JudgePrompt) -> bytes:
        drawn = prompt.sampling
        dialect = self.dialect
        body: dict[str, Any] = {"model": self.model, "messages": messages(prompt), dialect.tokens: drawn.max_tokens}
        if drawn.temperature is not None and dialect.temperature:
            body["temperature"] = drawn.temperature
        if drawn.seed is not None:
            body["seed"] = drawn.seed
        if not isinstance(prompt.space, FreeText) and dialect.logprobs:
            body["logprobs"] = True
            body["top_logprobs"] = dialect.top
        body.update(self.sampling)
        return orjson.dumps(body)

    async def aclose(self) -> None:
        """Closes the connections."""
        await self.wire.aclose()


def _refused_request(reply: Reply) -> Completion:
    """What a status other than 200 means: worth another attempt, or final."""
    told = reply.body[:2000].decode("utf-8", "replace")
    message = f"the judge answered {reply.status}: {_error_message(told)}"
    if reply.status in _PASSING or reply.status >= 500:
        raise TransientFault("judge_unavailable", message, reply.retry_after, reply.status)
    if _is_too_long(told.lower()):
        return failed("too_long", message)
    return failed("judge_error", message)


def _is_too_long(told: str) -> bool:
    return any(sign in told for sign in _TOO_LONG)


def _error_message(told: str) -> str:
    try:
        error = orjson.loads(told)["error"]
        return str(error["message"] if isinstance(error, dict) else error)[:500]
    except (ValueError, KeyError, TypeError):
        return told[:200]


def _completion(reply: Reply, prompt: JudgePrompt, asked_logprobs: bool) -> Completion:
    try:
        body = orjson.loads(reply.body)
        choice = body["choices"][0]
        message = choice["message"]
    except (ValueError, KeyError, IndexError, TypeError):
        message = "the judge's answer is damaged or not in OpenAI's form"
        raise TransientFault("judge_error", message, status=reply.status) from None
    usage = _usage(body.get("usage"))
    refusal = message.get("refusal")
    finish = choice.get("finish_reason")
    text = message.get("content") or ""
    if refusal or finish == "content_filter":
        return Completion(usage=usage, failure=failed("refused", "the judge refused", refusal or text).failure)
    reasoning = message.get("reasoning") or message.get("reasoning_content")
    if isinstance(prompt.space, FreeText):
        return _text(text, reasoning, finish, usage, prompt)
    first = _first_token(choice) if asked_logprobs else None
    if first is None:
        return Completion(text=text, reasoning=reasoning, usage=usage)
    if not one_token_each(prompt.space.labels, first):
        return Completion(text=text, reasoning=reasoning, usage=usage)
    probabilities, mass = label_probabilities(prompt.space.labels, first)
    return Completion(text, probabilities, mass, reasoning, usage)


def _text(text: str, reasoning: str | None, finish: Any, usage: Usage, prompt: JudgePrompt) -> Completion:
    if finish == "length":
        message = f"the answer was cut at {prompt.sampling.max_tokens} tokens, before it was known to be complete"
        return Completion(text, None, None, reasoning, usage, failure=failed("truncated", message, text).failure)
    return Completion(text, None, None, reasoning, usage)


def _first_token(choice: Any) -> list[tuple[str, float]] | None:
    """The first answered token's alternatives as (token, log-probability), or None if the server gave none."""
    try:
        tokens = choice["logprobs"]["content"][0]["top_logprobs"]
        listed = [(str(token["token"]), float(token["logprob"])) for token in tokens]
    except (KeyError, IndexError, TypeError, ValueError):
        return None
    return [(token, value) for token, value in listed if not math.isnan(value)] or None


def _usage(told: Any) -> Usage:
    if not isinstance(told, dict):
        return Usage(judge_calls=1)
    prompt_details, completion_details = told.get("prompt_tokens_details"), told.get("completion_tokens_details")
    return Usage(
        judge_calls=1,
        prompt_tokens=_count(told, "prompt_tokens"),
        cached_tokens=_count(prompt_details, "cached_tokens"),
        completion_tokens=_count(told, "completion_tokens"),
        reasoning_tokens=_count(completion_details, "reasoning_tokens"),
    )


def _count(told: Any, name: str) -> int:
    value = told.get(name) if isinstance(told, dict) else None
    return value if isinstance(value, int) else 0
