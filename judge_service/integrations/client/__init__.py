"""A client of the service: httpx and the standard library, and nothing of what the server needs."""

from judge_service.domain.judgments import Judgment
from judge_service.integrations.client.asynchronous import AsyncJudgeClient
from judge_service.integrations.client.calls import Ranked
from judge_service.integrations.client.failing import (
    BadRequest,
    BrokenAnswer,
    Conflict,
    JudgeError,
    NotFound,
    ServiceFault,
    TimedOut,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    Unreachable,
)
from judge_service.integrations.client.progress import Progress
from judge_service.integrations.client.synchronous import JudgeClient

__all__ = [
    "AsyncJudgeClient",
    "BadRequest",
    "BrokenAnswer",
    "Conflict",
    "JudgeClient",
    "JudgeError",
    "Judgment",
    "NotFound",
    "Progress",
    "Ranked",
    "ServiceFault",
    "TimedOut",
    "TooManyRequests",
    "Unauthorized",
    "Unavailable",
    "Unreachable",
]
