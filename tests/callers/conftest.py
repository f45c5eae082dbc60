"""A service with an emulated judge behind it, for clients that know nothing of either.

JUDGE_PYTHON names the Python that has the program.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
os.environ.update(
    HF_HUB_OFFLINE="1",
    HF_DATASETS_OFFLINE="1",
    TRANSFORMERS_OFFLINE="1",
    TOKENIZERS_PARALLELISM="false",
    LANGSMITH_TRACING="false",
    RAY_USAGE_STATS_ENABLED="0",
    OPENAI_API_KEY="none",
)
sys.path[:0] = [str(HERE), str(HERE.parent / "trl")]

from judged import emulated  # noqa: E402 - the folders above are where they are found
from serving import CALM, Served, served  # noqa: E402

AS_IT_WAS = {**CALM, "label_mass": 1.0}


@pytest.fixture(scope="session")
def running() -> Iterator[Served]:
    """One service for all tests."""
    with emulated() as judge, served(judge) as url:
        yield Served(url, judge)


@pytest.fixture
def service(running: Served, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """The service, which adapters find by the environment; whatever a test makes its judge do is undone after it."""
    monkeypatch.setenv("JUDGE_SERVER_URL", running.url)
    yield running
    running.behave(**AS_IT_WAS)
