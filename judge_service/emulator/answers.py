"""What the judge said as the body of a chat completion or a text completion, its thoughts around it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from judge_service.emulator.alternatives import behind_a_thought, listed, name_of
from judge_service.emulator.behaviour import Behaviour
from judge_service.emulator.requests import Asked
from judge_service.emulator.speaking import Said, Token
from judge_service.emulator.tokens import CHARACTERS_PER_TOKEN, END_THINK, THINK, tokens_in

_TAGS: Final = 2
_SURE: Final = -0.001


class Spoken(NamedTuple):
    """All that is sent back for one choice."""

    text: str | None
    reasoning: str | None
    tokens: Sequence[Token] | None
    finish: str
    completion_tokens: int
    reasoning_tokens: int = 0
    refusal: str | None = None


class Usage(NamedTuple):
    """What the prompts of a request count for; `cached` is None where the server does not tell."""

    prompt_tokens: int
    cached: int | None


def plain(answer: Said, asked: Asked, behaviour: Behaviour) -> Spoken:
    """An answer without a thought, cut where the request says."""
    tokens = (answer.first,) if answer.first and behaviour.logprobs else None
    limit = asked.max_tokens
    if limit is None or answer.tokens < limit:
        return Spoken(answer.text, None, tokens, "stop", answer.tokens)
    # The end of an answer is a token too, so one that fills its limit has not ended.
    return Spoken(_cut(answer, limit), None, tokens, "length", limit)


def thoughtful(answer: Said, thought: str, ends: bool, asked: Asked, behaviour: Behaviour) -> Spoken:
    """An answer behind a thought; the thought may leave no room for it."""
    limit = asked.max_tokens
    used = tokens_in(thought) + _TAGS
    if limit is not None and used >= limit:
        ends, used = False, limit
        thought = thought[: max(0, limit - 1) * CHARACTERS_PER_TOKEN]
    left = None if limit is None else limit - used
    spoken = plain(answer, asked._replace(max_tokens=left), behaviour) if ends else None
    finish = spoken.finish if spoken else "length"
    tokens = _thought_tokens(answer, thought, spoken, asked) if asked.top is not None and behaviour.logprobs else None
    total = used + (spoken.completion_tokens if spoken else 0)
    text = spoken.text if spoken else None
    if behaviour.thinking_field:
        return Spoken(text, thought, tokens, finish, total, used)
    within = f"{THINK}\n{thought}"
    return Spoken(f"{within}\n{END_THINK}\n\n{text}" if ends else within, None, tokens, finish, total)


def chat_body(number: int, spoken: Sequence[Spoken], usage: Usage, asked: Asked, behaviour: Behaviour) -> bytes:
    """A chat completion."""
    as_ids = bool(asked.fields.get("return_tokens_as_token_ids"))
    choices = [
        {
            "index": place,
            "message": _message(one, behaviour),
            "logprobs": None if one.tokens is None else _chat_logprobs(one.tokens, as_ids),
            "finish_reason": one.finish,
        }
        for place, one in enumerate(spoken)
    ]
    return orjson.dumps(_body(f"chatcmpl-{number:x}", "chat.completion", choices, spoken, usage, asked, behaviour))


def completion_body(number: int, spoken: Sequence[Spoken], usage: Usage, asked: Asked, behaviour: Behaviour) -> bytes:
    """A text completion."""
    as_ids = bool(asked.fields.get("return_tokens_as_token_ids"))
    choices = [
        {
            "index": place,
            "text": one.text or one.refusal or "",
            "logprobs": None if one.tokens is None else _text_logprobs(one.tokens, as_ids),
            "finish_reason": one.finish,
        }
        for place, one in enumerate(spoken)
    ]
    return orjson.dumps(_body(f"cmpl-{number:x}", "text_completion", choices, spoken, usage, asked, behaviour))


def _body(
    name: str,
    kind: str,
    choices: list[dict[str, Any]],
    spoken: Sequence[Spoken],
    usage: Usage,
    asked: Asked,
    behaviour: Behaviour,
) -> dict[str, Any]:
    return {
        "id": name,
        "object": kind,
        "created": int(time.time()),
        "model": asked.fields.get("model") or behaviour.model,
        "choices": choices,
        "usage": _usage(spoken, usage, behaviour),
    }


def _usage(spoken: Sequence[Spoken], usage: Usage, behaviour: Behaviour) -> dict[str, Any]:
    generated = sum([one.completion_tokens for one in spoken])
    told: dict[str, Any] = {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": generated,
        "total_tokens": usage.prompt_tokens + generated,
    }
    if usage.cached is not None:
        told["prompt_tokens_details"] = {"cached_tokens": usage.cached}
    if behaviour.thinking_field:
        told["completion_tokens_details"] = {"reasoning_tokens": sum([one.reasoning_tokens for one in spoken])}
    return told


def _message(spoken: Spoken, behaviour: Behaviour) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": spoken.text, "refusal": spoken.refusal}
    if behaviour.thinking_field:
        message[behaviour.thinking_field] = spoken.reasoning
    return message


def _chat_logprobs(tokens: Sequence[Token], as_ids: bool) -> Mapping[str, Any]:
    return {
        "content": [
            {
                **_named(token.token, token.logprob, as_ids),
                "top_logprobs": [_named(other, value, as_ids) for other, value in token.tops],
            }
            for token in tokens
        ],
        "refusal": None,
    }


def _named(token: str, logprob: float, as_ids: bool) -> dict[str, Any]:
    return {"token": name_of(token, as_ids), "logprob": logprob, "bytes": list(token.encode())}


def _text_logprobs(tokens: Sequence[Token], as_ids: bool) -> Mapping[str, Any]:
    offsets = [0]
    for token in tokens[:-1]:
        offsets.append(offsets[-1] + len(token.token))
    tops = [{name_of(one, as_ids): value for one, value in [*t.tops, (t.token, t.logprob)]} for t in tokens]
    return {
        "tokens": [name_of(token.token, as_ids) for token in tokens],
        "token_logprobs": [token.logprob for token in tokens],
        "top_logprobs": tops,
        "text_offset": offsets,
    }


def _cut(answer: Said, limit: int) -> str:
    """The text at the limit; the tokens of a label are its characters, if they are several."""
    if answer.told:
        return answer.text if answer.tokens <= limit else answer.text[:limit]
    return answer.text[: limit * CHARACTERS_PER_TOKEN]


def _thought_tokens(answer: Said, thought: str, spoken: Spoken | None, asked: Asked) -> list[Token]:
    """Every token from the opening tag on, of which only the first had alternatives, and the answer's at the end."""
    told = listed(behind_a_thought(answer.told), asked.top or 0, asked.exact)
    pieces = [thought[i : i + CHARACTERS_PER_TOKEN] for i in range(0, len(thought), CHARACTERS_PER_TOKEN)]
    tokens = [Token(THINK, _SURE, told), *(_sure(piece, asked) for piece in pieces)]
    if spoken is not None:
        tokens += (_sure(END_THINK, asked), *(spoken.tokens or ()))
    return tokens


def _sure(piece: str, asked: Asked) -> Token:
    return Token(piece, _SURE, [(piece, _SURE)] if asked.top else [])
