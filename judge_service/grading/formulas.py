"""`calculate_output`: arithmetic on the rewards of several graders, and nothing else that Python knows."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from judge_service.grading.ungraded import Ungraded

_LONGEST: Final = 2_000
_DEEPEST: Final = 64
_MOST: Final = 1e300
_PARAM: Final = "grader.calculate_output"
_BINARY: Final[Mapping[type[ast.operator], Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: math.pow,
}
_UNARY: Final[Mapping[type[ast.unaryop], Callable[[float], float]]] = {ast.USub: operator.neg, ast.UAdd: operator.pos}
_FUNCTIONS: Final[Mapping[str, Callable[..., float]]] = {
    "min": min,
    "max": max,
    "abs": abs,
    "floor": math.floor,
    "ceil": math.ceil,
    "exp": math.exp,
    "sqrt": math.sqrt,
    "log": math.log,
}


class Formula:
    """A checked formula: + - * /, powers as ^ or **, brackets, numbers, names of graders, and a few functions.

    Raises:
        Ungraded: it is none, or names what there is not.
    """

    def __init__(self, text: str, names: Mapping[str, Any]) -> None:
        if len(text) > _LONGEST:
            raise _wrong(f"a formula has at most {_LONGEST:,} characters")
        try:
            # Bound as tightly as a power, which is what ^ means here and not in Python.
            self._tree = ast.parse(text.replace("^", "**").strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise _wrong(f"'{text[:200]}' is no formula") from None
        _check(self._tree, names, 0)

    def of(self, values: Mapping[str, float]) -> float:
        """What it comes to.

        Raises:
            Ungraded: no finite number.
        """
        try:
            found = _value(self._tree, values)
        except (ArithmeticError, ValueError) as e:
            raise Ungraded(f"the formula has no value here: {e}", "other_error", _PARAM) from None
        if not math.isfinite(found):
            raise Ungraded("the formula comes to no finite number", "other_error", _PARAM)
        return found


def _wrong(message: str) -> Ungraded:
    return Ungraded(message, "formula_parse_error", _PARAM)


def _check(node: ast.AST, names: Mapping[str, Any], depth: int) -> None:
    if depth > _DEEPEST:
        raise _wrong("the formula is nested too deeply")
    for part in _parts(node, names):
        _check(part, names, depth + 1)


def _parts(node: ast.AST, names: Mapping[str, Any]) -> list[ast.expr]:
    """What a node is made of, if it is one that may stand in a formula."""
    if isinstance(node, ast.Constant) and _is_number(node.value):
        return []
    if isinstance(node, ast.Name):
        if node.id in names:
            return []
        message = f"there is no grader '{node.id}'; there are {', '.join(names)}"
        raise Ungraded(message[:300], "invalid_variable_error", _PARAM)
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        return [node.left, node.right]
    if isinstance(node, ast.UnaryOp) and type(node.op) in _UNARY:
        return [node.operand]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS:
        few = 2 if node.func.id in ("min", "max") else 1
        if not node.keywords and len(node.args) >= few and (few == 2 or len(node.args) == 1):
            return node.args
    raise _wrong(f"a formula has numbers, graders, + - * / ^ and {', '.join(_FUNCTIONS)}, each with its arguments")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _MOST


def _value(node: ast.AST, values: Mapping[str, float]) -> float:
    if isinstance(node, ast.Constant):
        return float(node.value)  # type: ignore[arg-type]
    if isinstance(node, ast.Name):
        return values[node.id]
    if isinstance(node, ast.BinOp):
        return _BINARY[type(node.op)](_value(node.left, values), _value(node.right, values))
    if isinstance(node, ast.UnaryOp):
        return _UNARY[type(node.op)](_value(node.operand, values))
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Name)
    return float(_FUNCTIONS[node.func.id](*[_value(arg, values) for arg in node.args]))
