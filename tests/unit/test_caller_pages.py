"""What docs/callers tells people to paste: addresses, options, commands and names that exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import click
import pytest
from typer.main import get_command

from judge_service.api.app import DROP_INS
from judge_service.api.drop_ins.drop_in import check_endpoints
from judge_service.cli.app import app
from judge_service.domain.options import OPTION_NAMES, TASKS
from judge_service.integrations import lm_eval

PROJECT = Path(__file__).parents[2]
PAGES = sorted((PROJECT / "docs" / "callers").glob("*.md"))
DROP_IN_AT = {path: drop_in for drop_in in DROP_INS for path in drop_in.paths}
ADDRESS = re.compile(r"http://127\.0\.0\.1:8080[^\s\"'`,)]*|(?<=[\s`(])/[\w/]+\?[^\s\"'`,)]+")
PATH = re.compile(r"(?<=`)/[a-z_0-9/]+(?=[`?])")
DOTTED = re.compile(r"judge_service\.integrations\.(\w+)(?:[.:](\w+))?")
IMPORTED = re.compile(r"from judge_service\.integrations\.(\w+) import ([\w, ]+)")
COMMAND = re.compile(r"^(?:\.venv/bin/)?judge-service (.+)$", re.MULTILINE)
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
OPTIONS_TOLD = re.compile(r"(?:options|judge_options)\W+\{([^}]*)\}")
SERVER = ("", "/v1", "/genrm")
"""Where an address ends whose paths the client puts behind it."""
PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


@cache
def text(page: Path) -> str:
    return page.read_text(encoding="utf-8").replace("\\\n", "")


@cache
def names(module: str) -> frozenset[str]:
    """What an adapter defines, read without the framework that it imports."""
    folder = PROJECT / "judge_service" / "integrations"
    places = [folder / f"{module}.py", folder / module / "__init__.py"]
    tree = ast.parse(next(place for place in places if place.is_file()).read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    imported = [alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    return frozenset([node.name for node in tree.body if isinstance(node, kinds)] + imported)


def addresses(page: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Paths with their queries; a key that stands in a path is left out."""
    for found in ADDRESS.findall(text(page)):
        parts = urlsplit(found.rstrip(".:*"))
        yield re.sub(r"^/k/KEY", "", parts.path.rstrip("/")), dict(parse_qsl(parts.query))


@PAGE
def test_every_address_is_answered_and_every_option_in_it_is_one(page: Path) -> None:
    for path, query in addresses(page):
        assert path in DROP_IN_AT or (path in SERVER and not query), path
        if query:
            check_endpoints({DROP_IN_AT[path].name: dict(query)}, [DROP_IN_AT[path]])


@PAGE
def test_every_path_that_is_named_is_answered(page: Path) -> None:
    known = {*DROP_IN_AT, "/compare", *(f"/v1/{task}" for task in TASKS)}
    assert set(PATH.findall(text(page))) <= known


@PAGE
def test_every_name_of_an_adapter_is_defined(page: Path) -> None:
    told = [(module, name) for module, name in DOTTED.findall(text(page)) if name]
    for module, listed in IMPORTED.findall(text(page)):
        told += [(module, name.strip()) for name in listed.split(",")]
    for module, name in told:
        assert name in names(module), f"{module}.{name}"


@PAGE
def test_every_command_and_its_flags_exist(page: Path) -> None:
    root: Any = get_command(app)
    for kind, block in FENCED.findall(text(page)):
        for line in COMMAND.findall(block) if kind == "sh" else ():
            words = line.split("#")[0].split()
            command = root.get_command(click.Context(root), words[0])
            assert command is not None, line
            flags = {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}
            assert {word for word in words if word.startswith("-") and word != "-"} <= flags, line


def test_the_module_that_reads_logged_samples_takes_the_flags_of_its_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (line,) = re.findall(
        r"^python -m judge_service\.integrations\.lm_eval (.+)$",
        text(PROJECT / "docs" / "callers" / "lm-eval.md"),
        re.M,
    )
    flags = [word for word in line.split() if word.startswith("-")]
    (tmp_path / "samples.jsonl").write_text("")
    assert lm_eval.main([str(tmp_path / "samples.jsonl"), *[word for flag in flags for word in (flag, "x")][2:]]) == 0
    assert capsys.readouterr().out == ""
    assert set(flags) == {"-o", "--prompt"}


@PAGE
def test_the_options_that_adapters_are_given_are_options(page: Path) -> None:
    for told in OPTIONS_TOLD.findall(text(page)):
        assert set(re.findall(r"\"?(\w+)\"?\s*[:=]", told)) <= set(OPTION_NAMES), told


def test_every_adapter_has_a_page_and_every_page_is_in_the_list() -> None:
    told = "\n".join(map(text, PAGES))
    folder = PROJECT / "judge_service" / "integrations"
    adapters = {path.stem for path in folder.glob("*.py") if {"asked", "asked_at_once", "STEADY"} & names(path.stem)}
    assert len(adapters) > 7
    assert adapters - {"worth"} <= {module for module, _ in DOTTED.findall(told)}
    assert {f"({page.name})" for page in PAGES if page.stem != "README"} <= set(re.findall(r"\([\w-]+\.md\)", told))
