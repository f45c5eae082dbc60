"""A judge's own tokenizer: opened here, and compared with the one its server has."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from judge_service.backends.chat import Dialect
from judge_service.backends.server_tokens import ServerTokens
from judge_service.errors import InvalidConfiguration
from judge_service.sections import JudgeSettings
from judge_service.wiring.servers import Server, template_told

if TYPE_CHECKING:
    from judge_service.backends.exact import ExactPrompts


def open_tokenizer(settings: JudgeSettings, server: Server) -> ExactPrompts:
    """The tokenizer that is configured.

    Raises:
        InvalidConfiguration: it cannot be used.
    """
    if server.kind != "vllm":
        raise InvalidConfiguration("a tokenizer is of use with a vLLM server only: others take no token ids")
    try:
        # Imported only here: it comes with an extra.
        module = importlib.import_module("judge_service.backends.exact")
    except ModuleNotFoundError:
        raise InvalidConfiguration("a tokenizer needs an extra: pip install 'judge-service[exact]'") from None
    try:
        opened: ExactPrompts = module.open_exact_prompts(settings.tokenizer, template_told(settings))
    except module.NoExactPrompts as e:
        raise InvalidConfiguration(f"tokenizer '{settings.tokenizer}': {e}") from None
    return opened


async def makes_the_same(exact: ExactPrompts, tokens: ServerTokens, system: str, user: str) -> bool:
    """Whether the server makes the same ids of these texts, but for today's date, which its template may print.

    Raises:
        NoTokenizer, TransientFault: the server does not tell.
    """
    turns = [{"role": "system", "content": system}, {"role": "user", "content": user}]
    theirs = await tokens.of_messages(Dialect(system=not exact.folds_system).turned(turns))
    return theirs == exact.ids_of(system, user) or theirs == exact.on(datetime.now(UTC)).ids_of(system, user)
