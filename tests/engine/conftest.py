"""A real vLLM for the tests of this tier. ENGINE_PYTHON names the Python that has it; without it these tests fail."""

import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE / "tiny_judge")]

from running import Vllm, engine_environ, engine_python  # noqa: E402 - the folders above are where they are found


@pytest.fixture(scope="session")
def tiny() -> Iterator[Vllm]:
    """vLLM with the tiny judge."""
    with Vllm(HERE / "tiny_judge" / "model", "tiny") as server:
        yield server


@pytest.fixture(scope="session")
def random_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with drawn weights."""
    folder = tmp_path_factory.mktemp("random") / "model"
    subprocess.run([engine_python(), str(HERE / "random_judge.py"), str(folder)], check=True, env=engine_environ())
    return folder


@pytest.fixture(scope="session")
def random_judge(random_folder: Path) -> Iterator[Vllm]:
    """vLLM with the model of drawn weights."""
    with Vllm(random_folder, "random") as server:
        yield server


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shows, with a test that failed, what the servers it asked wrote."""
    report = yield
    if report.failed:
        asked = getattr(item, "funcargs", {}).items()
        report.sections.extend((f"vLLM {name}", server.said()) for name, server in asked if isinstance(server, Vllm))
    return report
