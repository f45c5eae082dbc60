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

FLOORS = {
    0: {"__init__"},
    1: {"errors", "settings", "loops"},
    2: {"domain", "statistics"},
    3: {"protocols", "backends", "emulator", "evaluation", "exports", "library"},
    4: {"judge", "remote"},
    5: {"wiring", "batch"},
    6: {"cli", "api", "integrations"},
    7: {"__main__"},
}
FLOOR_OF = {room: floor for floor, rooms in FLOORS.items() for room in rooms}
APART = FLOORS[2] | FLOORS[3] | FLOORS[6]
"""Rooms that import from no other room on their own floor."""

PURE = ("domain", "statistics", "protocols", "evaluation", "exports")
NOT_PURE = frozenset(
    "aiohttp asyncio concurrent datetime fastapi glob http httpx httpx2 io logging multiprocessing openai os pathlib "
    "pydantic random redis requests shutil signal socket sqlite3 ssl subprocess sys tempfile threading time typer "
    "urllib uvloop".split()
)
ONE_ROOM_EACH = ("openai", "redis", "fastapi", "ray", "vllm")
BANNED = frozenset(
    "data info item items util utils helper helpers manager managers handler handlers processor processors engine "
    "engines".split()
)
IMPOSED = {
    "data": "OpenAI's lists have a field of that name",
    "data_received": "asyncio's protocols have such a method",
}
"""Names that others chose, and why they are here."""
LONGEST = 300


@cache
def tree(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"))


def place(module: Path) -> str:
    """Where a module stands, as it is named in messages."""
    return str(module.relative_to(PACKAGE))


def room(module: Path) -> str:
    """The folder a module stands in, or the module itself where it stands alone."""
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(module: Path) -> Iterator[str]:
    """The full names of all modules that a module imports, wherever in it."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{place(module)}:{node.lineno} imports by dots"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms_imported(module: Path) -> set[str]:
    """The rooms of this house that a module imports from."""
    names = [name.split(".") for name in imported(module) if name.split(".")[0] == "judge_service"]
    return {name[1] if name[1] in FLOOR_OF else "__init__" for name in names}


def libraries(module: Path) -> set[str]:
    """The outside libraries that a module imports, the standard library's among them."""
    return {name.split(".")[0] for name in imported(module)} - {"judge_service", "__future__"}


def in_rooms(*rooms: str) -> list[Path]:
    return [module for module in MODULES if room(module) in rooms]


def names(module: Path) -> Iterator[tuple[str, int]]:
    """The module's own name, and those of its classes, functions, methods, fields and constants, each with its line."""
    yield module.stem if module.stem != "__init__" else module.parent.name, 1
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node.lineno
    bodies = [tree(module).body, *(node.body for node in ast.walk(tree(module)) if isinstance(node, ast.ClassDef))]
    for statement in (statement for body in bodies for statement in body):
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            yield from ((target.id, statement.lineno) for target in targets if isinstance(target, ast.Name))


def words(name: str) -> set[str]:
    """The words a name is made of: snake_case, CamelCase and CAPITALS alike."""
    return {word.lower() for part in name.split("_") for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", part)}


each_module = pytest.mark.parametrize("module", MODULES, ids=place)


@each_module
def test_every_room_stands_on_a_floor(module):
    assert room(module) in FLOOR_OF, "give the new room a floor here and in ARCHITECTURE.md"


@each_module
def test_imports_go_down_or_stay_in_their_room(module):
    own = FLOOR_OF[room(module)]
    up = {other for other in rooms_imported(module) if FLOOR_OF[other] > own}
    sideways = {other for other in rooms_imported(module) - {room(module)} if other in APART and FLOOR_OF[other] == own}
    assert not up, f"{place(module)} imports up: {up}"
    assert not sideways, f"{place(module)} imports sideways: {sideways}"


@pytest.mark.parametrize("module", in_rooms("domain"), ids=place)
def test_the_domain_knows_the_standard_library_and_the_errors_only(module):
    assert libraries(module) <= sys.stdlib_module_names
    assert rooms_imported(module) <= {"domain", "errors"}


@pytest.mark.parametrize("module", in_rooms("statistics"), ids=place)
def test_statistics_know_numpy_and_no_word_of_the_domain(module):
    assert libraries(module) <= sys.stdlib_module_names | {"numpy"}
    assert rooms_imported(module) <= {"statistics"}


@pytest.mark.parametrize("module", in_rooms("protocols"), ids=place)
def test_protocols_know_no_library_but_the_standard_one(module):
    assert libraries(module) <= sys.stdlib_module_names
    assert rooms_imported(module) <= {"protocols", "domain", "statistics", "errors"}


@pytest.mark.parametrize("module", in_rooms(*PURE), ids=place)
def test_pure_rooms_touch_no_network_clock_file_or_event_loop(module):
    assert not libraries(module) & NOT_PURE
    called = {
        node.func.id
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not called & {"open", "print", "input", "exec", "eval", "__import__"}
    assert not any(isinstance(node, ast.AsyncFunctionDef | ast.Await) for node in ast.walk(tree(module)))


@pytest.mark.parametrize("library", ONE_ROOM_EACH)
def test_each_of_these_libraries_enters_in_one_room_only(library):
    assert len({room(module) for module in MODULES if library in libraries(module)}) <= 1


@each_module
def test_imports_stand_at_the_top_and_not_in_functions(module):
    functions = [node for node in ast.walk(tree(module)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    inside = [n.lineno for f in functions for n in ast.walk(f) if isinstance(n, ast.Import | ast.ImportFrom)]
    assert not inside, f"{place(module)} imports inside functions at lines {inside}"


@each_module
def test_nothing_is_global(module):
    assert not [node.lineno for node in ast.walk(tree(module)) if isinstance(node, ast.Global)]


@each_module
def test_no_name_is_one_of_the_words_that_say_nothing(module):
    public = [(name, line) for name, line in names(module) if not name.startswith("_") and name not in IMPOSED]
    found = {f"{name} (line {line})" for name, line in public if words(name) & BANNED}
    assert not found, f"{place(module)}: {found}"


@each_module
def test_every_module_says_what_it_is_for(module):
    assert ast.get_docstring(tree(module)), f"{place(module)} has no docstring"


@each_module
def test_no_file_is_longer_than_can_be_held_in_mind(module):
    lines = module.read_text(encoding="utf-8").count("\n")
    assert lines <= LONGEST, f"{place(module)} has {lines} lines"


@each_module
def test_the_environment_is_read_in_settings_only(module):
    if place(module) == "settings.py":
        return
    reads = [
        node.lineno
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv", "putenv")
    ]
    assert not reads, f"{place(module)} reads the environment at lines {reads}"
    assert not {"os.environ", "os.getenv"} & set(imported(module))
