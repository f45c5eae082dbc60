"""Traces, if they are configured: opens what tells them. OpenTelemetry itself is known to spans.py alone."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from judge_service.errors import InvalidConfiguration
from judge_service.sections import TraceSettings

if TYPE_CHECKING:
    from judge_service.tracing.spans import Tracing


def open_tracing(settings: TraceSettings) -> Tracing | None:
    """What tells a collector of requests, cases and calls, if one is named.

    Raises:
        InvalidConfiguration: what it needs is not installed, or one of OpenTelemetry's variables is wrong.
    """
    if not settings.endpoint:
        return None
    try:
        # Imported only here: who wants no traces need neither have OpenTelemetry nor wait for it.
        tracing = importlib.import_module("judge_service.tracing.spans").Tracing
        opened: Tracing = tracing(settings.endpoint, settings.service_name)
    except ImportError as e:
        raise InvalidConfiguration(f"traces need judge-service[traces] to be installed ({e.name} is missing)") from None
    except ValueError as e:
        raise InvalidConfiguration(f"traces: {e}") from None
    return opened
