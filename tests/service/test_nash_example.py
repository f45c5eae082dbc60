"""examples/nash.py: a policy learnt from a judge with cycles is the equilibrium that a linear program finds."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import linprog

from judge_service.integrations.client import JudgeClient

FILE = Path(__file__).parents[2] / "examples" / "nash.py"
SPEC = importlib.util.spec_from_file_location("nash", FILE)
assert SPEC is not None
assert SPEC.loader is not None
nash = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(nash)


def equilibrium(beats: np.ndarray) -> np.ndarray:
    """The mixture whose worst case is best: maximise v with x @ beats >= v in each column."""
    n = len(beats)
    worst = np.hstack([-beats.T, np.ones((n, 1))])
    found = linprog([0.0] * n + [-1.0], worst, np.zeros(n), [[1.0] * n + [0.0]], [1.0], [(0, 1)] * n + [(None, None)])
    return found.x[:n]


def test_the_policy_converges_to_the_nash_equilibrium_of_a_judge_with_cycles(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with nash.service("") as address, JudgeClient(address) as client:
        beats = nash.preferences(client)
        policy = nash.learned(client)
        early = nash.learned(client, steps=10)
        nash.main(["--server", address])
    # It is intransitive: every response is beaten by another, so that no score could rank them.
    assert all((beats[:, i] > 0.5).any() for i in range(len(beats)))
    assert np.allclose(beats + beats.T, 1.0)
    wanted = equilibrium(beats)
    assert (wanted > 0.1).sum() >= 3
    assert np.abs(policy - wanted).sum() / 2 < 0.01
    assert nash.exploitability(policy, beats) < 0.002 < nash.exploitability(early, beats)
    # The example says what it learnt.
    told = capsys.readouterr().out.splitlines()
    assert [float(line.split()[0]) for line in told[:-1]] == [round(share, 2) for share in policy]
    assert "beaten by 0.00" in told[-1]
