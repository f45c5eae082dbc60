"""A wheel, installed anywhere, brings rubrics, prompts and probes along."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
SHIPPED = [*sorted((ROOT / "rubrics").glob("*.toml")), *sorted((ROOT / "prompts").glob("*.md"))]
PROBES = sorted((ROOT / "probes").rglob("*.toml"))


def said(*argv: str, cwd: Path, path: Path | None = None) -> str:
    """What a command says on standard output; it has to end well."""
    environ = os.environ if path is None else {**os.environ, "PYTHONPATH": str(path)}
    end = subprocess.run(argv, cwd=cwd, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert end.returncode == 0, end.stderr
    return end.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    made = tmp_path_factory.mktemp("wheel")
    said(*PIP, "wheel", "--no-deps", "--no-build-isolation", "-w", str(made), str(ROOT), cwd=made)
    (path,) = made.glob("judge_service-*.whl")
    return path


def test_a_wheel_holds_the_package_with_its_rubrics_prompts_and_probes_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
    assert {f"judge_service/{path.parent.name}/{path.name}" for path in SHIPPED} <= names
    assert len(PROBES) > 10
    assert {f"judge_service/{path.relative_to(ROOT)}" for path in PROBES} <= names
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"judge_service"}


def test_an_installed_wheel_judges_by_them_wherever_it_is_run(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    said(*PIP, "install", "--no-deps", "--no-index", "--target", str(site), str(wheel), cwd=tmp_path)
    where = said(sys.executable, "-c", "import judge_service; print(judge_service.__file__)", cwd=tmp_path, path=site)
    assert where.startswith(str(site))
    program = (sys.executable, "-m", "judge_service")
    listed = said(*program, "rubrics", "list", cwd=tmp_path, path=site)
    assert all(path.stem in listed for path in SHIPPED if path.suffix == ".toml")
    case = ("--prompt", "Name a prime.", "--a", "7", "--b", "I cannot help with that.")
    tried = ("--suite", "contrast", "--limit", "2", "--offline", "--quiet")
    assert "turns round in" in said(*program, "audit", "probes", *tried, cwd=tmp_path, path=site)
    assert "winner a" in said(*program, "compare", *case, "--offline", cwd=tmp_path, path=site)
