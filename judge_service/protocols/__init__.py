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
from judge_service.protocols.reward import rewarded
from judge_service.protocols.staged import staged
from judge_service.protocols.together import TOGETHER, together
from judge_service.protocols.votes import Deliberation

PROTOCOLS: Final[Mapping[str, Callable[[Case, Brief], Deliberation]]] = {
    "pairwise": pairwise,
    "pointwise": pointwise,
    "ranking": ranking,
}
METHODS: Final[Mapping[tuple[str, Task], Callable[[Case, Brief], Deliberation]]] = {
    (TOGETHER, "score"): together,
}
"""Ways of their own that a rubric's `protocol` can name, by task; for other tasks it has the usual ones."""
OWN_PROTOCOLS: Final = tuple(sorted({name for name, _ in METHODS}))
"""What a rubric's `protocol` may be."""
PROTOCOL_OF: Final[Mapping[Task, str]] = {"compare": "pairwise", "score": "pointwise", "rank": "ranking"}


def protocol_of(brief: Brief) -> str:
    """The name of the protocol by which a verdict is reached."""
    if brief.rewards:
        return "reward"
    own = brief.standard.protocol
    return own if own and (own, brief.task) in METHODS and brief.method == "cot" else PROTOCOL_OF[brief.task]


def deliberate(case: Case, brief: Brief) -> Deliberation:
    """The deliberation on a case: by the rubric's own protocol or its task's, the rubric's stages first.

    A reward model knows no rubric, and has one way for all of them.
    """
    if brief.rewards:
        return rewarded(case, brief)
    own = METHODS.get((brief.standard.protocol or "", brief.task))
    protocol = own or PROTOCOLS[PROTOCOL_OF[brief.task]]
    return staged(case, brief, protocol) if brief.standard.stages else protocol(case, brief)
