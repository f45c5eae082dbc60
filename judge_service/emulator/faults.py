"""What goes wrong on purpose, and how refusals look on the wire."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import orjson

from judge_service.emulator.behaviour import Behaviour
from judge_service.emulator.preferences import chance
from judge_service.errors import InvalidRequest

UNREADABLE: Final = "I would rather not say."
REFUSAL: Final = "I'm sorry, but I cannot help with that."
OF_THE_TEXT: Final = frozenset(("ftext", "frefuse"))
"""Faults of what is said, and not of how it is brought."""
OF_THE_WIRE: Final = frozenset(("freset", "fhang"))

_TYPES: Final = {
    400: ("invalid_request_error", "BadRequestError"),
    404: ("not_found_error", "NotFoundError"),
    405: ("invalid_request_error", "MethodNotAllowedError"),
    413: ("invalid_request_error", "BadRequestError"),
    429: ("rate_limit_error", "TooManyRequestsError"),
    500: ("server_error", "InternalServerError"),
    503: ("server_error", "ServiceUnavailableError"),
}
_STATUSES: Final = {"f500": 500, "f503": 503, "f429": 429}
_REJECTIONS: Final = {
    "logprobs": ("You are not allowed to request logprobs from this model.", None),
    "top_logprobs": ("You are not allowed to request logprobs from this model.", None),
    "temperature": (
        "Unsupported value: 'temperature' is not supported with this model. Only the default (1) value is supported.",
        "unsupported_value",
    ),
    "max_tokens": (
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        "unsupported_parameter",
    ),
}


class Outcome(NamedTuple):
    """What is sent back.

    Attributes:
        headers: further header lines, each with its line end.
        fault: the fault that it is, if it is one.
        tokens: how many were generated.
        media: the body's media type.
    """

    status: int
    body: bytes
    headers: bytes = b""
    fault: str = ""
    tokens: int = 0
    media: bytes = b"application/json"


class Refused(InvalidRequest):
    """A request that is answered with a 400 and an error code."""

    def __init__(self, message: str, param: str | None, code: str | None) -> None:
        super().__init__(message, param)
        self.code = code


def drawn_fault(text: str, seed: Any, attempt: int, behaviour: Behaviour) -> str:
    """The fault that this attempt at this prompt meets; empty if none."""
    drawn = chance("fault", behaviour.seed, text, seed, 0 if behaviour.sticky else attempt)
    for kind, share in behaviour.fault_shares:
        if drawn < share:
            return kind
        drawn -= share
    return ""


def refused_by_fault(kind: str, behaviour: Behaviour) -> Outcome | None:
    """The error that a fault of this kind is; None if it is none with a status."""
    if kind not in _STATUSES:
        return None
    status = _STATUSES[kind]
    headers = b"" if status == 500 else _retry_after(behaviour)
    return Outcome(status, error_body(status, "planted", None, None, behaviour), headers, kind)


def over_capacity(behaviour: Behaviour) -> Outcome:
    """The refusal of a call that finds the server full."""
    body = error_body(429, "the server is at its capacity", None, "rate_limit_exceeded", behaviour)
    return Outcome(429, body, _retry_after(behaviour), "rejected")


def spoiled(outcome: Outcome, kind: str) -> Outcome:
    """A good answer as a fault of the body makes it."""
    if kind == "fbad":
        return outcome._replace(body=outcome.body[: len(outcome.body) * 2 // 3], fault=kind)
    return outcome._replace(fault=kind)


def error(status: int, message: str, behaviour: Behaviour, param: str | None = None) -> Outcome:
    """A refusal in OpenAI's form, or in vLLM's."""
    return Outcome(status, error_body(status, message, param, None, behaviour))


def error_body(status: int, message: str, param: str | None, code: str | None, behaviour: Behaviour) -> bytes:
    """The body of an error; vLLM gives the status as its code."""
    kind = _TYPES[status][behaviour.as_vllm]
    told = {"message": message, "type": kind, "param": param, "code": status if behaviour.as_vllm else code}
    return orjson.dumps({"error": told})


def rejection(name: str) -> Refused:
    """The refusal of a request field, in the words that OpenAI's models use."""
    message, code = _REJECTIONS.get(
        name, (f"Unsupported parameter: '{name}' is not supported with this model.", "unsupported_parameter")
    )
    return Refused(message, name, code)


def _retry_after(behaviour: Behaviour) -> bytes:
    return b"retry-after: %s\r\n" % f"{behaviour.retry_after:g}".encode()
