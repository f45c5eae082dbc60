"""The options of a judgment, their defaults and their limits: the one place where the HTTP API, the command line and a
direct call agree on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Final, Literal

from judge_service.domain.digests import digest
from judge_service.domain.option_values import members, number, one_of, shown, text, whole
from judge_service.errors import InvalidOption

Task = Literal["compare", "score", "rank"]
TASKS: Final[tuple[Task, ...]] = ("compare", "score", "rank")
MAX_REPEATS: Final = 1000
MAX_TIMEOUT: Final = 86_400.0


COMBINES: Final = ("mean-logit", "mean-probability", "vote", "tie-on-disagreement", "drop-inconsistent")
PANELS: Final = ("mean-probability", "mean-logit", "majority", "min", "mean-minus-spread", "lexicographic")


@dataclass(frozen=True, slots=True)
class Repeats:
    """How often each question is asked: `max` times, or fewer once what is looked for is settled.

    Asking until it is settled takes more rounds, one after the other, and so longer for a case.

    Attributes:
        stop: stop once the posterior probability that the other side has the majority is below this; None: never.
        keep: whole rankings are wanted whose Kendall's W over all `max` is at least this: after the second, stop as
            soon as that is certain; None: ask all.
        below: learned by `audit rankings`: after 2, 3, … max - 1 rankings, stop and do not keep at a W of at most
            this; null or nothing: no such bound.
        above: the same to stop and keep, at a W of at least this.
    """

    max: int = 1
    stop: float | None = None
    keep: float | None = None
    below: tuple[float | None, ...] = ()
    above: tuple[float | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Escalation:
    """Ask again by another way where the verdict is unsure; the second answer replaces the first.

    Attributes:
        to: "cot", or the name of another judge.
        below: escalate when the larger of P(first) and P(second) is below this, in [0.5, 1].
    """

    to: str
    below: float


@dataclass(frozen=True, slots=True)
class Truncation:
    """Cut candidates longer than `candidate_tokens` tokens, keeping head and tail, with a mark in between."""

    candidate_tokens: int
    keep: Literal["head_tail"] = "head_tail"


@dataclass(frozen=True, slots=True)
class Options:
    """How to judge. None means: what the rubric, the task or the judge says.

    Attributes:
        told: names of the options that the caller gave; the others may be set by the rubric.
    """

    rubric: str | Mapping[str, Any] = "helpfulness"
    judge: tuple[str, ...] = ()
    method: Literal["auto", "direct", "cot"] = "auto"
    orders: Literal["both", "one", "audited", "design"] | None = None
    repeats: Repeats = Repeats()
    strategy: Literal["auto", "listwise", "pairs", "round-robin", "pointwise", "pointwise+pairs"] = "auto"
    principle: str = "all"
    ties: Literal["allow", "forbid"] | None = None
    reading: str | None = None
    combine: Literal["mean-logit", "mean-probability", "vote", "tie-on-disagreement", "drop-inconsistent"] = (
        "mean-logit"
    )
    panel: Literal["mean-probability", "mean-logit", "majority", "min", "mean-minus-spread", "lexicographic"] = (
        "mean-probability"
    )
    escalate: Escalation | None = None
    truncate: Truncation | None = None
    candidate_reasoning: Literal["hide", "show"] = "hide"
    temperature: float | None = None
    max_tokens: int | None = None
    reask: int = 0
    seed: int = 0
    timeout: float = 120.0
    priority: Literal["online", "batch"] = "online"
    cache: Literal["use", "refresh", "bypass", "only"] = "use"
    include: tuple[str, ...] = ("votes",)
    judge_digest: str | None = None
    card: str | None = None
    told: frozenset[str] = field(default=frozenset(), compare=False)

    def digest(self) -> str:
        """Changes with every option that can change a verdict; what only changes how it is made is left out."""
        return digest(self.deciding())

    def deciding(self) -> dict[str, Any]:
        """The options that can change a verdict; the rubric goes by its own digest."""
        told = asdict(self)
        for operational in ("rubric", "timeout", "priority", "cache", "include", "judge_digest", "card", "told"):
            del told[operational]
        return told


OPTION_NAMES: Final = tuple(f.name for f in fields(Options) if f.name != "told")
ONLY_RANK: Final = ("strategy",)
_NO_DEFAULT: Final = ("rubric", "judge", "timeout", "priority", "cache", "include", "judge_digest", "card")


def options_from(given: Mapping[str, Any], task: Task) -> Options:
    """Checked options from plain values as they come in JSON, TOML or flags.

    Raises:
        InvalidOption: unknown name, wrong type, value out of range, or options that do not go together.
    """
    if not given:
        return _DEFAULTS
    for name in given:
        if name not in _CHECKS or (name in ONLY_RANK and task != "rank"):
            raise InvalidOption(f"{task} takes no option '{name}'", name)
    checked = {name: _CHECKS[name](value, name) for name, value in given.items() if value is not None}
    return _together(Options(**checked, told=frozenset(checked)), task)


def with_defaults(options: Options, defaults: Mapping[str, Any], task: Task) -> Options:
    """The options with a rubric's own in the place of those the caller left open; those of other tasks are left out.

    Raises:
        InvalidOption: they do not go together.
    """
    open_ = {name: value for name, value in defaults.items() if name not in options.told}
    if task != "rank":
        open_ = {name: value for name, value in open_.items() if name not in ONLY_RANK}
    if options.method == "direct" and task != "rank":
        # One exact answer needs no repeats; that the method is usually sampled is no reason to refuse it.
        open_.pop("repeats", None)
    if not open_:
        return options
    return _together(replace(options, **{name: _CHECKS[name](value, name) for name, value in open_.items()}), task)


def check_default(name: str, value: Any) -> None:
    """Refuses what cannot be an option's default.

    Raises:
        InvalidOption: no such option, or not such a value.
    """
    if name not in _CHECKS or name in _NO_DEFAULT:
        raise InvalidOption(f"there is no option '{name}' that a rubric could set", name)
    _CHECKS[name](value, name)


def _together(options: Options, task: Task) -> Options:
    _check_together(options, task)
    # Only whole rankings have a W.
    return options if options.repeats.keep is None else replace(options, strategy="listwise")


def _check_together(options: Options, task: Task) -> None:
    if options.orders == "design" and task != "rank":
        raise InvalidOption("orders 'design' goes with rank; use both, one or audited", "orders")
    if options.method == "direct" and options.repeats.max > 1 and not _is_listwise(options, task):
        raise InvalidOption(
            "repeats above 1 need sampling, and method 'direct' reads one exact distribution; use method 'cot'",
            "repeats",
        )
    if options.repeats.keep is not None and not _is_listwise(options, task):
        raise InvalidOption(
            "repeats.keep goes with rank and strategy listwise: it is about whole rankings", "repeats.keep"
        )
    if options.escalate and task != "compare":
        raise InvalidOption("escalate goes with compare", "escalate")


def _is_listwise(options: Options, task: Task) -> bool:
    return task == "rank" and options.strategy in ("auto", "listwise")


def _rubric(value: Any, param: str) -> str | Mapping[str, Any]:
    return value if isinstance(value, Mapping) else text(value, param)


def _judges(value: Any, param: str) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not names:
        raise InvalidOption(f"{param} is a judge's name or a list of names; got {shown(value)}", param)
    checked = tuple(text(name, param) for name in names)
    if len(set(checked)) < len(checked):
        raise InvalidOption(f"{param} names a judge twice", param)
    return checked


def _repeats(value: Any, param: str) -> Repeats:
    if not isinstance(value, Mapping):
        return Repeats(whole(1, MAX_REPEATS)(value, param))
    given = members(value, param, "max", "stop", "keep", "below", "above")
    stop, keep = given.get("stop"), given.get("keep")
    limit = whole(1, MAX_REPEATS)(given.get("max", 1), f"{param}.max")
    repeats = Repeats(
        limit,
        None if stop is None else number(0.0, 0.5)(stop, f"{param}.stop"),
        None if keep is None else number(0.0, 1.0)(keep, f"{param}.keep"),
        *(_bounds(given.get(name), f"{param}.{name}", limit) for name in ("below", "above")),
    )
    _check_keep(repeats, param)
    return repeats


def _bounds(value: Any, param: str, limit: int) -> tuple[float | None, ...]:
    if value is None:
        return ()
    count = max(0, limit - 2)
    if not isinstance(value, list | tuple) or len(value) != count:
        raise InvalidOption(f"{param} is a list of max - 2 = {count} numbers or nulls; got {shown(value)}", param)
    return tuple(None if bound is None else number(0.0, 1.0)(bound, param) for bound in value)


def _check_keep(repeats: Repeats, param: str) -> None:
    if repeats.keep is None:
        if repeats.below or repeats.above:
            named = f"{param}.{'below' if repeats.below else 'above'}"
            raise InvalidOption(f"{named} goes with {param}.keep, the least W to keep", named)
        return
    if repeats.max < 2:
        raise InvalidOption(f"{param}.keep needs a {param}.max of 2 or more: one ranking has no W", f"{param}.keep")
    if repeats.stop is not None:
        raise InvalidOption(f"{param} takes stop, for pairs, or keep, for rankings, and not both", f"{param}.keep")
    for low, high in zip(repeats.below, repeats.above, strict=False):
        if low is not None and high is not None and low >= high:
            raise InvalidOption(f"{param}.below is less than {param}.above; got {low} and {high}", f"{param}.below")


def _escalation(value: Any, param: str) -> Escalation:
    given = members(value, param, "to", "below")
    return Escalation(text(given.get("to"), f"{param}.to"), number(0.5, 1.0)(given.get("below"), f"{param}.below"))


def _truncation(value: Any, param: str) -> Truncation | None:
    if value == "never":
        return None
    given = members(value, param, "candidate_tokens", "keep")
    one_of("head_tail")(given.get("keep", "head_tail"), f"{param}.keep")
    return Truncation(whole(16, 10_000_000)(given.get("candidate_tokens"), f"{param}.candidate_tokens"))


def _include(value: Any, param: str) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple):
        raise InvalidOption(f"{param} is a list of votes, case, prompts, raw; got {shown(value)}", param)
    return tuple(one_of("votes", "case", "prompts", "raw")(name, param) for name in names)


_CHECKS: Final[Mapping[str, Callable[[Any, str], Any]]] = {
    "rubric": _rubric,
    "judge": _judges,
    "method": one_of("auto", "direct", "cot"),
    "orders": one_of("both", "one", "audited", "design"),
    "repeats": _repeats,
    "strategy": one_of("auto", "listwise", "pairs", "round-robin", "pointwise", "pointwise+pairs"),
    "principle": text,
    "ties": one_of("allow", "forbid"),
    "reading": text,
    "combine": one_of(*COMBINES),
    "panel": one_of(*PANELS),
    "escalate": _escalation,
    "truncate": _truncation,
    "candidate_reasoning": one_of("hide", "show"),
    "temperature": number(0.0, 5.0),
    "max_tokens": whole(1, 1_000_000),
    "reask": whole(0, 10),
    "seed": whole(-(2**53), 2**53),
    "timeout": number(0.001, MAX_TIMEOUT),
    "priority": one_of("online", "batch"),
    "cache": one_of("use", "refresh", "bypass", "only"),
    "include": _include,
    "judge_digest": text,
    "card": text,
}
_DEFAULTS: Final = Options()
