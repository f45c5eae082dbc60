"""Files that the program exported, and a model to train on them. JUDGE_PYTHON names the Python that has the program."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_DISABLE_PROGRESS_BARS="1", TOKENIZERS_PARALLELISM="false")
HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "engine")]

from judged import Judged, emulated  # noqa: E402 - the folders above are where they are found
from random_judge import build  # noqa: E402


@pytest.fixture(scope="session")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judged]:
    """Judgments of every kind, on texts and on conversations."""
    made = Judged(tmp_path_factory.mktemp("judged"))
    with emulated() as url:
        made.judge(url)
    return made


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model with drawn weights, its tokenizer and its chat template."""
    return str(build(tmp_path_factory.mktemp("model")))
