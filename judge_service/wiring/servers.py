"""Judge servers: the way to one, and what it says of itself."""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import orjson

from judge_service.backends.base import TransientFault
from judge_service.backends.server_tokens import DAY
from judge_service.backends.wires import DirectWire, Wire
from judge_service.errors import InvalidConfiguration, JudgeDown
from judge_service.sections import JudgeSettings
from judge_service.settings import secret

_POLL_SECONDS: Final = 0.25
READY_SECONDS: Final = 2.0
HELD_DAY: Final = f"{DAY:%d %b %Y}"
_VERSION: Final = "/../version"


@dataclass(frozen=True, slots=True)
class Server:
    """What a judge server says of itself.

    Attributes:
        most_tokens: how long a prompt and its answer may be together; 0 if it does not say.
        lists_model: whether the judge's model is among those it says it serves.
    """

    kind: str
    root: str
    version: str = ""
    most_tokens: int = 0
    lists_model: bool = False


def wire_to(url: str, settings: JudgeSettings) -> Wire:
    """Own servers are spoken to directly; a hosted provider through OpenAI's client."""
    if not url.startswith(("http://", "https://")):
        raise InvalidConfiguration(f"a judge's url starts with http:// or https://; got {url!r}")
    key = secret(settings.key_env)
    if url.startswith("https://"):
        # Imported only here: it takes half a second, which nobody with a judge of their own should wait for.
        wire: Wire = importlib.import_module("judge_service.backends.openai_wire").OpenAIWire(
            url, key, settings.concurrency
        )
        return wire
    return DirectWire(url, key, settings.concurrency)


def template_told(settings: JudgeSettings) -> dict[str, Any]:
    """What the chat template of a vLLM server is given besides the messages."""
    return {"date_string": HELD_DAY, **settings.template_kwargs}


@asynccontextmanager
async def closing_on_error(wires: Sequence[Wire]) -> AsyncIterator[None]:
    """Closes the connections to judges that cannot be opened after all."""
    try:
        yield
    except BaseException:
        for wire in wires:
            await wire.aclose()
        raise


async def reached(wires: list[Wire], settings: JudgeSettings, wait: float) -> Server:
    """What the first replica that answers says of itself."""
    give_up = time.monotonic() + wait
    while True:
        told = []
        for wire in wires:
            try:
                async with asyncio.timeout(max(READY_SECONDS, give_up - time.monotonic())):
                    return await described(wire, settings)
            except TransientFault as e:
                told.append(str(e))
            except TimeoutError:
                told.append(f"{wire.address} takes the call and says nothing")
        if time.monotonic() + _POLL_SECONDS > give_up:
            raise JudgeDown(f"the judge does not answer ({'; '.join(told)})")
        await asyncio.sleep(_POLL_SECONDS)


async def described(wire: Wire, settings: JudgeSettings) -> Server:
    """What a server says of itself.

    Raises:
        InvalidConfiguration: it does not take the key.
        TransientFault: it does not answer.
    """
    reply = await wire.get("/models")
    if reply.status in (401, 403):
        raise InvalidConfiguration(
            f"{wire.address} answered {reply.status}: the judge's key is missing or wrong (key_env)"
        )
    if reply.status >= 500:
        raise TransientFault("judge_unavailable", f"{wire.address}/models answered {reply.status}")
    listed = models_in(reply.body)
    model = listed.get(settings.model, {})
    kind, version = settings.kind, ""
    if kind in ("vllm", "reward") or (kind == "auto" and model.get("owned_by") == "vllm"):
        version = await _version(wire)
        if kind == "auto":
            kind = "vllm" if version else "chat"
    most = model.get("max_model_len")
    root = str(model.get("root") or "")
    most = most if isinstance(most, int) else 0
    return Server("chat" if kind == "auto" else kind, root, version, most, settings.model in listed)


async def _version(wire: Wire) -> str:
    """The version of a vLLM server; empty for another, or one behind a gateway that hides it."""
    reply = await wire.get(_VERSION)
    try:
        return str(orjson.loads(reply.body)["version"]) if reply.status == 200 else ""
    except (ValueError, KeyError, TypeError):
        return ""


def models_in(body: bytes) -> Mapping[str, Mapping[str, Any]]:
    """The models in an answer of /v1/models, by id; none if it lists none."""
    try:
        return {str(model["id"]): model for model in orjson.loads(body)["data"]}
    except (ValueError, KeyError, TypeError):
        return {}


async def any_answers(wires: Sequence[Wire], settings: JudgeSettings) -> bool:
    """Whether a server answers right now."""
    for wire in wires:
        with suppress(TransientFault, TimeoutError):
            async with asyncio.timeout(READY_SECONDS):
                await described(wire, settings)
                return True
    return False
