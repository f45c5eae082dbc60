"""How a verdict is reached: a protocol yields rounds of prompts, is sent completions and returns a finding."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from judge_service.domain.cases import Case
from judge_service.domain.options import Task
from judge_service.protocols.brief import Brief
from judge_service.protocols.pairwise import pairwise
from judge_service.protocols.pointwise import pointwise
from judge_service.protocols.ranking import ranking
from judge_service.protocols.votes import Deliberation

PROTOCOLS: Final[Mapping[str, Callable[[Case, Brief], Deliberation]]] = {
    "pairwise": pairwise,
    "pointwise": pointwise,
    "ranking": ranking,
}
PROTOCOL_OF: Final[Mapping[Task, str]] = {"compare": "pairwise", "score": "pointwise", "rank": "ranking"}
