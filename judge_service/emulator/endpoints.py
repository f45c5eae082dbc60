"""The endpoints beside the judging: what the server is, how it is set, what it counted, and its tokenizer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import orjson

from judge_service.emulator.behaviour import Behaviour
from judge_service.emulator.calls import parsed
from judge_service.emulator.faults import Outcome, error
from judge_service.emulator.tokens import CHARACTERS_PER_TOKEN, decode, encode, ids_in, template
from judge_service.errors import InvalidRequest

VLLM_VERSION: Final = "0.33.0"


class Server(Protocol):
    """What these endpoints need of the emulator."""

    settings: Behaviour

    @property
    def stats(self) -> Mapping[str, Any]:
        """All counters."""
        ...

    def configure(self, **settings: Any) -> None:
        """Changes settings."""
        ...

    def reset(self) -> None:
        """Forgets the counts."""
        ...


Endpoint = Callable[[Server, bytes], Outcome]


def _told(value: Any) -> Outcome:
    return Outcome(200, orjson.dumps(value))


def _health(server: Server, body: bytes) -> Outcome:
    return Outcome(200, b"{}")


def _version(server: Server, body: bytes) -> Outcome:
    return _told({"version": VLLM_VERSION}) if server.settings.as_vllm else no_such_path(server.settings)


def _models(server: Server, body: bytes) -> Outcome:
    settings = server.settings
    model = {
        "id": settings.model,
        "object": "model",
        "created": 0,
        "owned_by": "vllm" if settings.as_vllm else "emulator",
        "root": settings.root or settings.model,
        "parent": None,
        "max_model_len": settings.max_model_len,
    }
    return _told({"object": "list", "data": [model]})


def _metrics(server: Server, body: bytes) -> Outcome:
    stats = server.stats
    values = {
        "num_requests_running": ("gauge", stats["in_flight"] - stats["waiting"]),
        "num_requests_waiting": ("gauge", stats["waiting"]),
        "request_success_total": ("counter", stats["statuses"].get("200", 0)),
        "prompt_tokens_total": ("counter", stats["prompt_tokens"]),
        "generation_tokens_total": ("counter", stats["completion_tokens"]),
    }
    label = f'{{engine="0",model_name="{server.settings.model}"}}'
    lines = [f"# TYPE vllm:{name} {kind}\nvllm:{name}{label} {value}\n" for name, (kind, value) in values.items()]
    return Outcome(200, "".join(lines).encode(), media=b"text/plain; version=0.0.4; charset=utf-8")


def _settings(server: Server, body: bytes) -> Outcome:
    return _told(server.settings.as_json())


def _configure(server: Server, body: bytes) -> Outcome:
    server.configure(**parsed(body))
    return _settings(server, body)


def _stats(server: Server, body: bytes) -> Outcome:
    return _told(server.stats)


def _reset(server: Server, body: bytes) -> Outcome:
    server.reset()
    return Outcome(200, b"{}")


def _tokenize(server: Server, body: bytes) -> Outcome:
    fields = parsed(body)
    prompt, messages = fields.get("prompt"), fields.get("messages")
    if isinstance(messages, list):
        prompt = template([_turn(message) for message in messages])
    if not isinstance(prompt, str):
        raise InvalidRequest("prompt is a text, or messages a list", "prompt")
    ids = encode(prompt)
    # The toy's tokens are characters: in these its context is as much longer.
    most = server.settings.max_model_len * CHARACTERS_PER_TOKEN
    return _told({"count": len(ids), "max_model_len": most, "tokens": ids, "token_strs": None})


def _detokenize(server: Server, body: bytes) -> Outcome:
    return _told({"prompt": decode(ids_in(parsed(body), "tokens"))})


def _turn(message: Any) -> tuple[str, str]:
    if not isinstance(message, dict) or not isinstance(message.get("content"), str):
        raise InvalidRequest("a message is an object with a role and a content", "messages")
    return str(message.get("role")), message["content"]


ENDPOINTS: Final[Mapping[bytes, Mapping[bytes, Endpoint]]] = {
    b"/health": {b"GET": _health},
    b"/ping": {b"GET": _health, b"POST": _health},
    b"/version": {b"GET": _version},
    b"/v1/models": {b"GET": _models},
    b"/models": {b"GET": _models},
    b"/metrics": {b"GET": _metrics},
    b"/config": {b"GET": _settings, b"POST": _configure},
    b"/stats": {b"GET": _stats},
    b"/reset": {b"POST": _reset, b"GET": _reset},
    b"/tokenize": {b"POST": _tokenize},
    b"/detokenize": {b"POST": _detokenize},
}


def no_such_path(settings: Behaviour) -> Outcome:
    """The answer to a path that is not served."""
    return error(404, "there is no such path", settings)


def served(server: Server, method: bytes, path: bytes, body: bytes) -> Outcome:
    """The answer of one of these endpoints."""
    methods = ENDPOINTS.get(path)
    if methods is None:
        return no_such_path(server.settings)
    endpoint = methods.get(method)
    if endpoint is None:
        return error(405, f"{path.decode()} takes {' or '.join(m.decode() for m in methods)}", server.settings)
    try:
        return endpoint(server, body)
    except InvalidRequest as e:
        return error(400, e.message, server.settings, e.param)
