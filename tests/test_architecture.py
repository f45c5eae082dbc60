"""The house as ARCHITECTURE.md draws it: floors, pure rooms, one room per outside library, and no loose ends."""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "judge_service"
MODULES = sorted(PACKAGE.rglob("*.py"))

FLOORS = (
    {"__init__"},
    {"errors", "settings", "sections", "environ", "tracing", "loops", "clock", "disks"},
    {"domain", "statistics"},
    {
        "protocols",
        "backends",
        "emulator",
        "hosting",
        "evaluation",
        "exports",
        "imports",
        "files",
        "library",
        "grading",
        "reports",
    },
    {
        "judge",
        "cards",
        "briefing",
        "recording",
        "holding",
        "sitting",
        "deciding",
        "traced_sitting",
        "service",
        "remote",
    },
    {"wiring", "batch", "checkup", "jobs", "cohorts", "contests", "probing"},
    {"cli", "api", "integrations"},
    {"__main__"},
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
APART = FLOORS[2] | FLOORS[3] | FLOORS[6]
"""Rooms that import from no other room on their own floor; the other floors are one room each."""

PURE = ("domain", "statistics", "protocols", "evaluation", "exports", "imports", "grading", "reports")
STANDARD = sys.stdlib_module_names
NOT_PURE = {
    *("asyncio", "concurrent", "multiprocessing", "threading", "signal", "subprocess"),
    *("socket", "ssl", "http", "urllib", "aiohttp", "httpx", "httpx2", "requests", "openai", "redis", "fastapi"),
    *("io", "glob", "os", "pathlib", "shutil", "sqlite3", "tempfile", "logging", "sys"),
    *("time", "datetime", "random"),
}
ONE_ROOM_EACH = ("openai", "redis", "fastapi", "opentelemetry", "tokenizers", "jinja2", "ray", "vllm")
BANNED = {
    *("data", "info", "item", "items", "util", "utils", "helper", "helpers", "manager", "managers"),
    *("handler", "handlers", "processor", "processors", "engine", "engines"),
}
IMPOSED = {
    "data": "OpenAI's lists have a field of that name",
    "item": "OpenAI's graders take a field of that name",
    "data_received": "asyncio's protocols have a method of that name",
}
LONGEST = 300


@cache
def tree(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"))


def place(module: Path, line: int = 0) -> str:
    """Where something stands, as it is told."""
    return str(module.relative_to(PACKAGE)) + (f":{line}" if line else "")


def room(module: Path) -> str:
    """The folder a module stands in, or the module itself where it stands alone."""
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def found(module: Path, *kinds: type[ast.AST]) -> Iterator[ast.AST]:
    """All nodes of these kinds in a module."""
    return (node for node in ast.walk(tree(module)) if isinstance(node, kinds))


def imported(module: Path) -> Iterator[str]:
    """The full names of all that a module imports, wherever in it."""
    for node in found(module, ast.Import, ast.ImportFrom):
        start = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
        yield from (start + alias.name for alias in node.names)


def rooms(module: Path) -> set[str]:
    """The rooms of this house that a module imports from."""
    names = [name.split(".") for name in imported(module) if name.startswith("judge_service.")]
    return {name[1] if name[1] in FLOOR_OF else "__init__" for name in names}


def libraries(module: Path) -> set[str]:
    """The top names of all else that a module imports."""
    return {name.split(".")[0] for name in imported(module)} - {"judge_service", "__future__"}


def public_names(module: Path) -> Iterator[tuple[str, int]]:
    """Names that others see, with their lines: the module, its classes, functions, methods, fields and constants."""
    yield module.parent.name if module.stem == "__init__" else module.stem, 1
    told = [(node.name, node.lineno) for node in found(module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)]
    for body in (tree(module), *found(module, ast.ClassDef)):
        for statement in body.body:
            targets = getattr(statement, "targets", None) or [getattr(statement, "target", None)]
            told += [(target.id, statement.lineno) for target in targets if isinstance(target, ast.Name)]
    yield from ((name, line) for name, line in told if not name.startswith("_") and name not in IMPOSED)


def words(name: str) -> set[str]:
    """The words of a name: snake_case, CamelCase and CAPITALS alike."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def test_every_room_stands_on_a_floor():
    assert {room(module) for module in MODULES} <= set(FLOOR_OF), (
        "a new room needs a floor, here and in ARCHITECTURE.md"
    )


def test_imports_never_go_up():
    up = [(place(m), to) for m in MODULES for to in rooms(m) if FLOOR_OF[to] > FLOOR_OF[room(m)]]
    assert not up


def test_imports_never_go_sideways():
    pairs = [(m, to) for m in MODULES for to in rooms(m) & APART if to != room(m)]
    assert not [(place(m), to) for m, to in pairs if FLOOR_OF[to] == FLOOR_OF[room(m)]]


def test_no_import_counts_dots():
    assert not [place(m, node.lineno) for m in MODULES for node in found(m, ast.ImportFrom) if node.level]


@pytest.mark.parametrize(
    ("pure", "may_import", "may_use"),
    [
        ("domain", {"domain", "errors"}, STANDARD),
        ("statistics", {"statistics"}, STANDARD | {"numpy"}),
        ("protocols", {"protocols", "domain", "statistics", "errors"}, STANDARD),
    ],
)
def test_each_pure_room_knows_only_so_much(pure, may_import, may_use):
    known = {place(m): (rooms(m) - may_import) | (libraries(m) - may_use) for m in MODULES if room(m) == pure}
    assert {name: more for name, more in known.items() if more} == {}


def test_the_client_needs_httpx_and_nothing_else_of_what_the_server_needs():
    client = [m for m in MODULES if m.is_relative_to(PACKAGE / "integrations" / "client")]
    beside = {"integrations", "domain", "errors", "environ", "__init__"}
    known = {place(m): (rooms(m) - beside) | (libraries(m) - STANDARD - {"httpx"}) for m in client}
    assert client
    assert {name: more for name, more in known.items() if more} == {}
    others = {name for m in client for name in imported(m) if name.startswith("judge_service.integrations.")}
    assert all(name.startswith("judge_service.integrations.client") for name in others)


def test_pure_rooms_touch_no_network_clock_file_or_event_loop():
    used = {place(m): libraries(m) & NOT_PURE for m in MODULES if room(m) in PURE}
    assert {name: more for name, more in used.items() if more} == {}


def test_pure_rooms_call_nothing_that_reads_writes_or_waits():
    pure = [m for m in MODULES if room(m) in PURE]
    called = [(m, node) for m in pure for node in found(m, ast.Call) if isinstance(node.func, ast.Name)]
    forbidden = {"open", "print", "input", "exec", "eval", "__import__"}
    assert not [place(m, node.lineno) for m, node in called if node.func.id in forbidden]
    assert not [place(m, node.lineno) for m in pure for node in found(m, ast.AsyncFunctionDef, ast.Await)]


@pytest.mark.parametrize("library", ONE_ROOM_EACH)
def test_each_of_these_libraries_enters_in_one_room_only(library):
    assert len({room(m) for m in MODULES if library in libraries(m)}) <= 1


def test_imports_stand_at_the_top_and_not_in_functions():
    functions = [(m, f) for m in MODULES for f in found(m, ast.FunctionDef, ast.AsyncFunctionDef)]
    inside = [(m, node) for m, f in functions for node in ast.walk(f) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert not [place(m, node.lineno) for m, node in inside]


def test_nothing_is_global():
    assert not [place(m, node.lineno) for m in MODULES for node in found(m, ast.Global)]


def test_no_name_is_one_of_the_words_that_say_nothing():
    named = [(m, name, line) for m in MODULES for name, line in public_names(m)]
    assert not [(place(m, line), name) for m, name, line in named if words(name) & BANNED]


def test_every_module_says_what_it_is_for():
    assert not [place(m) for m in MODULES if not ast.get_docstring(tree(m))]


def test_no_file_is_too_long_to_be_held_in_mind():
    lengths = {place(m): m.read_text(encoding="utf-8").count("\n") for m in MODULES}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_the_environment_is_read_in_settings_and_for_clients_in_environ():
    reads = {"environ", "environb", "getenv"}
    others = [m for m in MODULES if place(m) not in ("settings.py", "environ.py")]
    assert not [place(m, node.lineno) for m in others for node in found(m, ast.Attribute) if node.attr in reads]
    assert not [place(m) for m in others if {f"os.{name}" for name in reads} & set(imported(m))]
