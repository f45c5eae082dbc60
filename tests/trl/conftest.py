"""Files that the program exported, a model to train on them, and a service that judges while it is trained.

JUDGE_PYTHON names the Python that has the program. This one has trainers, and of the program what needs none of its
dependencies: the checkout is put on its path.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_DISABLE_PROGRESS_BARS="1", TOKENIZERS_PARALLELISM="false")
HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "engine"), str(HERE.parents[1])]

from judged import Judged, emulated, exporter  # noqa: E402 - the folders above are where they are found
from random_judge import build  # noqa: E402
from serving import CALM, Served, served  # noqa: E402


@pytest.fixture(scope="session")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judged]:
    """Judgments of every kind, on texts and on conversations."""
    with exporter() as exports:
        made = Judged(tmp_path_factory.mktemp("judged"), exports)
        with emulated() as url:
            made.judge(url)
        yield made


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model with drawn weights, its tokenizer and its chat template."""
    return str(build(tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="session")
def address() -> Iterator[Served]:
    """A service with an emulated judge, for all tests one after the other."""
    with emulated() as judge, served(judge) as url:
        yield Served(url, judge)


@pytest.fixture
def service(address: Served, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """That service, where clients look for it, and its judge without faults before and after."""
    for name in [name for name in os.environ if name.startswith("JUDGE_") and name != "JUDGE_PYTHON"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("JUDGE_SERVER_URL", address.url)
    yield address
    address.behave(**CALM)
