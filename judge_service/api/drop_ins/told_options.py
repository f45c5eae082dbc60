"""How a caller that knows nothing of judging says how to judge: `[endpoints.NAME]` in the configuration, the body's
`model`, and parameters of the query, the later ones winning."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson
from starlette.datastructures import QueryParams

from judge_service.api.requests import parsed
from judge_service.domain.options import OPTION_NAMES, Options, Repeats, Task, options_from
from judge_service.errors import InvalidConfiguration, InvalidOption, InvalidRequest, UnknownName
from judge_service.service import JudgingService

ON_FAILURE: Final = "on_failure"
_WORDS: Final = frozenset(OPTION_NAMES) - {
    *("repeats", "escalate", "truncate", "temperature", "max_tokens", "reask", "seed", "timeout", "include")
}
"""Options whose plain values are words, even where they look like numbers."""
_LISTS: Final = ("judge", "include")
_DEFAULT: Final = "default"


@dataclass(frozen=True, slots=True)
class Told:
    """What was said besides the body.

    Attributes:
        beside: by name, what is no option of judging, as text.
        on_failure: the number that an unscored case is answered with; None: an error.
    """

    options: Options
    beside: Mapping[str, str]
    on_failure: float | None


def told_for(
    service: JudgingService,
    task: Task,
    configured: Mapping[str, Any],
    model: Any,
    query: QueryParams,
    beside: Collection[str],
) -> Told:
    """What a request says of how to judge.

    Args:
        configured: the endpoint's section of the configuration.
        model: the body's `model`, whatever it is.
        beside: names that the endpoint takes besides options.

    Raises:
        InvalidOption: an unknown name, or a value of the wrong kind.
        UnknownName: the model is no judge, nor a judge and a rubric.
    """
    asked = _read(_once(query), task, beside)
    named = {} if model is None else _named(service, model, "judge" in asked)
    return _told({**_read(configured, task, beside), **named, **asked}, task, beside)


def to_score(options: Options) -> Options:
    """Options of ranking as far as they say how to score: what orders and whole rankings are about is left out."""
    repeats = options.repeats if options.method == "cot" and options.repeats.keep is None else Repeats()
    left_out = {"strategy", "orders"} if repeats is options.repeats else {"strategy", "orders", "repeats"}
    return replace(options, strategy="auto", orders=None, repeats=repeats, told=options.told - left_out)


def check_defaults(name: str, configured: Mapping[str, Any], task: Task, beside: Collection[str]) -> None:
    """Refuses an endpoint's section that no request could be answered under.

    Raises:
        InvalidConfiguration: naming the value at fault.
    """
    try:
        _told(_read(configured, task, beside), task, beside)
    except InvalidRequest as e:
        place = f"endpoints.{name}" + (f".{e.param}" if e.param else "")
        raise InvalidConfiguration(f"configuration: {place}: {e.message}") from None


def _told(given: Mapping[str, Any], task: Task, beside: Collection[str]) -> Told:
    options = options_from({name: value for name, value in given.items() if name in OPTION_NAMES}, task)
    rest = {name: str(value) for name, value in given.items() if name in beside}
    return Told(options, rest, given.get(ON_FAILURE))


def _once(query: QueryParams) -> dict[str, Any]:
    """The query's parameters; only what may be a list may stand more than once."""
    told: dict[str, Any] = {}
    for name in query:
        values = query.getlist(name)
        if len(values) > 1 and name not in _LISTS:
            raise InvalidOption(f"{name} stands {len(values)} times in the query", name)
        told[name] = values if len(values) > 1 else values[0]
    return told


def _read(given: Mapping[str, Any], task: Task, beside: Collection[str]) -> dict[str, Any]:
    """Values by name, those that came as text read.

    Raises:
        InvalidOption: there is nothing of that name, or the number for failures is none.
    """
    read: dict[str, Any] = {}
    for name, value in given.items():
        if name == ON_FAILURE:
            read[name] = _number(value)
        elif name in OPTION_NAMES:
            read[name] = _value(name, value)
        elif name in beside:
            read[name] = value
        else:
            also = ", ".join(sorted((ON_FAILURE, *beside)))
            raise InvalidOption(f"there is no parameter '{name}'; there are the options of {task}, and {also}", name)
    return read


def _value(name: str, value: Any) -> Any:
    """JSON where it is meant: a plain word stays one."""
    if not isinstance(value, str):
        return value
    is_written = value.lstrip().startswith(("{", "["))
    if not is_written and name in _LISTS:
        return value.split(",")
    if name in _WORDS and not is_written:
        return value
    try:
        return parsed(value.encode())
    except (orjson.JSONDecodeError, RecursionError) as e:
        if is_written:
            raise InvalidOption(f"{name} is no JSON: {e}", name) from None
        return value


def _number(value: Any) -> float | None:
    """The number that stands in for what could not be scored; `null` takes back what is configured."""
    if value in (None, "null"):
        return None
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise InvalidOption(f"{ON_FAILURE} is a number or null; got {value!r:.60}", ON_FAILURE)
    return number


def _named(service: JudgingService, model: Any, is_overruled: bool) -> dict[str, Any]:
    """The options that a `model` stands for: `judge`, or `judge/rubric`; a judge goes by its model's id as well.

    Args:
        is_overruled: whether the query names the judge, so that a client that sends a model of its own may be served.
    """
    if not isinstance(model, str):
        raise InvalidOption("model is a string: a judge, or judge/rubric", "model")
    judge = judge_called(service, model)
    if judge is not None:
        return {"judge": judge}
    judge_part, slash, rubric = model.rpartition("/")
    judge = judge_called(service, judge_part) if slash else None
    if judge is not None and _is_rubric(service, rubric):
        return {"judge": judge, "rubric": rubric}
    if is_overruled:
        return {}
    if judge is not None:
        raise UnknownName(f"there is no rubric '{rubric:.200}' for model '{model:.200}'", "model")
    raise UnknownName(f"there is no judge '{model:.200}'; there are {', '.join(service.judges)}", "model")


def _is_rubric(service: JudgingService, name: str) -> bool:
    try:
        service.library.standard(name)
    except UnknownName:
        return False
    return True


def judge_called(service: JudgingService, name: str) -> str | None:
    """The judge of that name, or else the first one that has a model of that id; None if there is none.

    `default` is the first judge, whatever its name.
    """
    if name in service.judges:
        return name
    judges = service.judges.values()
    return next((judge.name for judge in judges if name in (judge.identity.model, _DEFAULT)), None)
