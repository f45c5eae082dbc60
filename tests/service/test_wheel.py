"""A wheel, installed anywhere, brings rubrics and prompts along."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")


def run(*argv: str, cwd: Path, **environ: str) -> str:
    """What a command says on standard output; it has to end well."""
    told = {**os.environ, **environ}
    end = subprocess.run(argv, cwd=cwd, env=told, capture_output=True, text=True, timeout=120, check=False)
    assert end.returncode == 0, end.stderr
    return end.stdout


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """The wheel of this checkout."""
    run(*PIP, "wheel", "--no-deps", "--no-build-isolation", "-w", str(tmp_path), str(ROOT), cwd=tmp_path)
    (path,) = tmp_path.glob("judge_service-*.whl")
    return path


def test_an_installed_wheel_knows_its_rubrics_and_prompts_wherever_it_is_run(wheel: Path, tmp_path: Path) -> None:
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    run(*PIP, "install", "--no-deps", "--no-index", "--target", str(site), str(wheel), cwd=elsewhere)
    program = (sys.executable, "-m", "judge_service")
    where = run(
        sys.executable, "-c", "import judge_service; print(judge_service.__file__)", cwd=elsewhere, PYTHONPATH=str(site)
    )
    assert where.startswith(str(site))
    listed = run(*program, "rubrics", "list", cwd=elsewhere, PYTHONPATH=str(site))
    for path in (ROOT / "rubrics").glob("*.toml"):
        assert path.stem in listed
    case = ("--prompt", "Name a prime.", "--a", "7", "--b", "I cannot help with that.")
    judged = run(*program, "compare", *case, "--offline", cwd=elsewhere, PYTHONPATH=str(site))
    assert "winner" in judged
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
    for path in [*(ROOT / "rubrics").glob("*.toml"), *(ROOT / "prompts").glob("*.md")]:
        assert f"judge_service/{path.parent.name}/{path.name}" in names
    assert not any(name.startswith(("tests/", "bench/", "examples/")) for name in names)
