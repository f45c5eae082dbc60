"""A policy that no other beats: Nash learning from a judge whose preferences go round in circles.

    python examples/nash.py                      # starts a judge of its own, which has cycles, and a service
    python examples/nash.py --server URL         # your service and judge

A tabular policy gives each of a handful of responses its probability. At every step the service is asked for the
probability that one response beats another, for all pairs in one call, and the policy takes a step of Nash-MD (Munos
et al. 2023, arXiv 2312.00886): mirror descent against a mixture of itself and a reference. The reference is set to the
policy now and then, which takes its pull away, so that the end is the equilibrium itself. A reward model could not do
this: where A beats B, B beats C and C beats A, no scores say so.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import combinations
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from judge_service.domain.verdicts import Preference
from judge_service.integrations.client import JudgeClient

Numbers = NDArray[np.float64]
PROMPT: Final = "Tell me about the sea."
RESPONSES: Final = (
    "It is salt water.",
    "In rhyme, in time.",
    "A list:\n- waves\n- fish",
    "Which sea?",
    "A long tale …",
)
STEPS: Final = 300
ETA: Final = 2.0
"""The size of a step."""
TAU: Final = 0.05
"""How strongly the reference pulls."""
RENEWED: Final = 40
"""Steps after which the reference becomes the policy."""
CYCLIC: Final = ("--slope", "0.1", "--noise", "2", "--seed", "5")
"""A judge whose preferences depend on the pair more than on what its members are worth."""


def learned(client: JudgeClient, steps: int = STEPS) -> Numbers:
    """The policy: a probability to each response."""
    policy = np.zeros(len(RESPONSES))  # log-probabilities, but for a constant
    reference = policy
    for step in range(1, steps + 1):
        mixed = (1.0 - ETA * TAU) * policy + ETA * TAU * reference
        policy = mixed + ETA * preferences(client) @ softmax(mixed)
        if step % RENEWED == 0:
            reference = policy
    return softmax(policy)


def preferences(client: JudgeClient) -> Numbers:
    """The probability that each response beats each other, (responses, responses), asked for in one call.

    Both orders are asked, so that no lean to the first-shown is learnt. The responses of this policy are few and stay
    the same: the service's cache answers from the second step on.
    """
    pairs = list(combinations(range(len(RESPONSES)), 2))
    cases = [{"prompt": PROMPT, "candidates": [RESPONSES[i], RESPONSES[j]]} for i, j in pairs]
    beats = np.full((len(RESPONSES), len(RESPONSES)), 0.5)
    for (i, j), judgment in zip(pairs, client.judge("compare", cases), strict=True):
        # What could not be judged pulls to neither side.
        if isinstance(judgment.verdict, Preference) and judgment.verdict.probability is not None:
            beats[i, j] = judgment.verdict.probability
            beats[j, i] = 1.0 - judgment.verdict.probability
    return beats


def softmax(logits: Numbers) -> Numbers:
    """The probabilities that log-probabilities, less any constant, stand for."""
    weights: Numbers = np.exp(logits - logits.max())
    return weights / weights.sum()


def exploitability(policy: Numbers, beats: Numbers) -> float:
    """By how much the best answer to a policy beats it: 0 for the equilibrium only, and 0.5 at the most."""
    return float((beats @ policy).max() - 0.5)


@contextmanager
def started(*argv: str) -> Iterator[str]:
    """The address of a server of ours, which it says when it listens."""
    command = [sys.executable, "-m", "judge_service", *argv, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:  # noqa: S603
        try:
            assert server.stdout is not None
            yield next(found[0] for line in server.stdout if (found := re.search(r"http://127\S+", line)))
        finally:
            server.terminate()


@contextmanager
def service(address: str) -> Iterator[str]:
    """The address of a service: the one that was told, or one of its own with a judge that has cycles."""
    if address:
        yield address
        return
    with (
        started("emulate", *CYCLIC) as judge,
        started("serve", "--judge-url", judge, "--model", "cyclic") as own,
    ):
        yield own


def main(argv: Sequence[str] | None = None) -> None:
    """Learns, and says what."""
    parser = argparse.ArgumentParser(description="Nash learning from a judge's preferences")
    parser.add_argument("--server", default="", help="the address of a judge-service")
    told: Any = parser.parse_args(argv)
    with service(told.server) as address, JudgeClient(address) as client:
        policy, beats = learned(client), preferences(client)
    for response, share in zip(RESPONSES, policy, strict=True):
        print(f"{share:5.2f}  {response.splitlines()[0]}")
    alone = min(exploitability(one, beats) for one in np.eye(len(RESPONSES)))
    print(f"beaten by {exploitability(policy, beats):.4f} at the most, any one response alone by {alone:.2f}")


if __name__ == "__main__":
    main()
