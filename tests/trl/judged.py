"""Judgments made by the program with its emulated judge, and the program's exports of them."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[2]
PAIRS = 8
WORTHS = (9, 1, 5)
"""What the answers to a prompt are worth; the emulated judge reads it in their texts."""


def program(*argv: str) -> list[str]:
    """The command line of the program, in the Python that has it."""
    python = os.environ.get("JUDGE_PYTHON", "")
    assert python, "JUDGE_PYTHON names no Python with judge-service: run this tier with `make test-trl`"
    return [python, "-m", "judge_service", *argv]


def environ() -> dict[str, str]:
    """The checkout before any other judge-service, and nothing of the user's."""
    return {**os.environ, "PYTHONPATH": str(PROJECT), "JUDGE_CACHE__URL": "none"}


def ran(*argv: str, may_be: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
    """A command run to its end."""
    ended = subprocess.run(program(*argv), env=environ(), capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode in may_be, ended.stderr
    return ended


def answer(worth: int, number: int) -> str:
    """An answer that is worth so much."""
    return f"Answer {number} (worth {worth})"


def cases(talk: bool, answers: int) -> Iterator[dict[str, Any]]:
    """Cases whose best answer stands in another place each time, and one that cannot be judged."""
    for i in range(PAIRS):
        prompt = f"Question {i}?"
        texts = [answer(WORTHS[(i + place) % answers], i) for place in range(answers)]
        asked = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": prompt}]
        said = [[{"role": "assistant", "content": text}] for text in texts]
        yield {"id": f"c{i}", "prompt": asked if talk else prompt, "candidates": said if talk else texts}
    yield {"id": "none", "prompt": "A question without answers."}
    yield {"id": "same", "prompt": "A question with one answer.", "candidates": ["Yes (worth 3)"] * answers}


@contextmanager
def emulated() -> Iterator[str]:
    """The address of an emulated judge."""
    with subprocess.Popen(
        program("emulate", "--port", "0"), env=environ(), stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().split()[-1]
        finally:
            server.terminate()


@dataclass(frozen=True)
class Judged:
    """A folder of cases and judgments, and of the exports that are made of them when they are asked for."""

    folder: Path

    def judge(self, url: str) -> None:
        """Every task on texts and on conversations."""
        for task, answers in (("compare", 2), ("rank", 3), ("score", 3)):
            for talk in (False, True):
                source = self.folder / f"{_name(task, talk)}.in.jsonl"
                source.write_text("".join(json.dumps(case) + "\n" for case in cases(talk, answers)))
                told = [task, str(source), "-o", str(self.judgments(task, talk)), "--judge-url", url, "--model", "m"]
                ran(*told, "--quiet", may_be=(3,))

    def judgments(self, task: str, talk: bool) -> Path:
        """The judgments of a task."""
        return self.folder / f"{_name(task, talk)}.jsonl"

    def exported(self, name: str, *flags: str, task: str = "compare", talk: bool = False, kind: str = "jsonl") -> Path:
        """A file in a format."""
        told = "-".join([name, _name(task, talk), *(flag.strip("-") for flag in flags)])
        path = self.folder / f"{told}.{kind}"
        if not path.is_file():
            own = [str(self.judgments(task, talk)), "-o", str(path), "--format", name]
            ran("export", *own, "--cases", str(self.folder / f"{_name(task, talk)}.in.jsonl"), *flags, "--quiet")
        return path


def formats() -> list[str]:
    """All formats, as the program names them."""
    code = "from judge_service.exports import FORMATS; print(*FORMATS)"
    python = program()[0]
    told = subprocess.run([python, "-c", code], env=environ(), capture_output=True, text=True, check=True)
    return told.stdout.split()


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The rows of a .jsonl file."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def _name(task: str, talk: bool) -> str:
    return f"{task}-talk" if talk else task
