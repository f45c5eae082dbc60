"""Whether the replicas of a judge are one judge: the same model on the same server, and the same verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Final, NamedTuple

from judge_service.checkup.checks import Check, failed, passed, unchecked, warned
from judge_service.wiring.servers import Server

_SAME: Final = 0.05
"""Verdicts of one build differ by no more than this, in logits."""
_DRIFT: Final = 0.3
"""From here on the canary takes a judge for another one."""


class Met(NamedTuple):
    """A replica that answered.

    Attributes:
        logits: of the sample pairs; none where it did not judge them all from log-probabilities.
    """

    address: str
    server: Server
    logits: Sequence[float]


def replicas_agree(met: Sequence[Met]) -> Check:
    """Compares the replicas that answered."""
    name = "replicas"
    if len(met) < 2:
        return unchecked(name, "fewer than two replicas answer")
    told = {one.address: _described(one.server) for one in met}
    if len(set(told.values())) > 1:
        seen = "they are not the same: " + "; ".join(f"{address} has {what}" for address, what in told.items())
        to_do = "give all replicas the same model, revision and engine: verdicts depend on which of them is met"
        return failed(name, seen, to_do)
    if not all(one.logits for one in met):
        return unchecked(name, "not all of them judged the sample pairs from log-probabilities")
    pairs = [zip(one.logits, other.logits, strict=True) for one, other in combinations(met, 2)]
    apart = max(abs(x - y) for pair in pairs for x, y in pair)
    seen = f"{len(met)} replicas, whose verdicts are {apart:.3f} logit apart at most"
    if apart <= _SAME:
        return passed(name, seen)
    to_do = "see that weights, quantization and engine flags are the same everywhere"
    return (warned if apart <= _DRIFT else failed)(name, seen, to_do)


def _described(server: Server) -> str:
    return " ".join(filter(None, (server.kind, server.version, server.root)))
