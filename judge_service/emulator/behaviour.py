"""How the emulated judge behaves: every setting, what it means, and how it is changed while the server runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, field, fields, replace
from typing import Any, Final, TypeVar

from judge_service.emulator.pacing import latency
from judge_service.emulator.texts import READINGS
from judge_service.errors import InvalidOption

T = TypeVar("T")
PREFERENCES: Final = "What the judge thinks"
SWAYS: Final = "What sways it, as worth that a candidate gains"
WORDS: Final = "How it says so"
THOUGHTS: Final = "Thinking"
SERVING: Final = "What kind of server it is"
PACE: Final = "Pace"
FAULTS: Final = "Faults, as shares of the calls"
_MOST: Final = 1e12
FAULT_KINDS: Final = ("f500", "f429", "fbad", "freset", "fhang", "ftext", "f503", "frefuse", "fcut")


def _set(default: T, group: str, about: str, choices: tuple[str, ...] = (), least: float | None = None) -> T:
    told = {"group": group, "about": about, "choices": choices, "least": least}
    setting: T = field(default=default, metadata=told)
    return setting


def _share(group: str, about: str, default: float = 0.0) -> float:
    setting: float = field(default=default, metadata={"group": group, "about": about, "least": 0.0, "most": 1.0})
    return setting


@dataclass(frozen=True, slots=True)
class Behaviour:
    """All settings. A flag, and a field of /config, has the name of its attribute; its metadata says what it does."""

    slope: float = _set(1.0, PREFERENCES, "Logits to one unit of worth.")
    bias: float = _set(0.0, PREFERENCES, "Position bias: the logit toward the candidate shown first.")
    label_bias: float = _set(
        0.0, PREFERENCES, "Label bias: the logit toward the label that comes first in the alphabet, wherever it stands."
    )
    noise: float = _set(
        0.0, PREFERENCES, "Standard deviation, in logits, of what depends on pair and order.", least=0.0
    )
    wording: float = _set(
        0.0, PREFERENCES, "Standard deviation, in logits, of what depends on pair and on the words that ask.", least=0.0
    )
    unsteady: float = _set(
        0.0, PREFERENCES, "Standard deviation, in logits, between answers to the same prompt.", least=0.0
    )
    verbosity: float = _set(0.0, PREFERENCES, "Verbosity bias: worth that a candidate gains per log of its characters.")
    tie: float = _set(0.1, PREFERENCES, "What a tie weighs between two equals, where one is offered.", least=0.0)
    spread: float = _set(1.0, PREFERENCES, "Standard deviation of a score, in steps of its scale.", least=1e-3)
    flip: bool = _set(False, PREFERENCES, "Turn all preferences round; biases stay as they are.")
    seed: int = _set(0, PREFERENCES, "Of the worth of texts without a mark, and of every draw.")

    sycophancy: float = _set(0.0, SWAYS, "The user says they believe, like or wrote it (or not: it loses as much).")
    authority: float = _set(0.0, SWAYS, "It appeals to an authority: a citation, or an expert's word.")
    formatting: float = _set(0.0, SWAYS, "It has Markdown or emoji.")
    self_preference: float = _set(0.0, SWAYS, "It is marked as this model's own family's: '(style emulator)'.")
    degenerate: float = _set(0.0, SWAYS, "It is no answer: empty, a refusal, the same words again and again.")
    obeys: float = _set(0.0, SWAYS, "It holds an order to the judge, unfenced or with a control string left whole.")
    obeys_fenced: float = _set(0.0, SWAYS, "It holds an order to the judge, between lines that carry a code.")
    history: float = _set(
        0.0, SWAYS, "Standard deviation of the worth that turns before the prompt add to each.", least=0.0
    )

    reading: str = _set("auto", WORDS, "The form of text verdicts; auto: the one asked for.", ("auto", *READINGS))
    logprobs: bool = _set(True, WORDS, "Give log-probabilities when asked; if not, they are silently null.")
    label_mass: float = _share(WORDS, "Probability on the labels together; the rest is on other words.", 1.0)
    surface: float = _share(WORDS, "Share of each label's probability that is on ' A' and not on 'A'.")
    split_digits: bool = _set(False, WORDS, "A tokenizer that writes 10 as two tokens.")
    temperature: float = _set(0.0, WORDS, "Temperature where the request names none.", least=0.0)
    draw: bool = _set(True, WORDS, "Draw verdicts at a temperature above 0; if not, always say the likeliest.")

    thinking: str = _set("never", THOUGHTS, "never, always, or optional.", ("never", "optional", "always"))
    thinking_field: str = _set(
        "",
        THOUGHTS,
        "Field of the message that holds thoughts; none: <think> tags.",
        ("", "reasoning", "reasoning_content"),
    )
    thinking_tokens: int = _set(150, THOUGHTS, "Median length of a thought; lengths are log-normal.", least=1)
    overrun: float = _share(THOUGHTS, "Share of the thoughts that never end within max_tokens.")
    closed_thought: bool = _set(True, THOUGHTS, "Whether a prompt that ends in </think> is answered without thinking.")

    model: str = _set("emulator", SERVING, "The model that /v1/models lists; any name is answered.")
    root: str = _set("", SERVING, "The root that /v1/models gives; empty: the model.")
    reward: str = _set(
        "no",
        SERVING,
        "Serve a reward model instead, on /classify and /pooling: one number to a conversation, or one to a token.",
        ("no", "classify", "token_classify"),
    )
    activation_switch: bool = _set(True, SERVING, "Whether a reward model knows use_activation; vLLM has since 0.11.1.")
    as_vllm: bool = _set(False, SERVING, "Play a vLLM server: /version, /tokenize, its errors and its limits.")
    max_model_len: int = _set(32_768, SERVING, "Context in tokens of 4 characters; longer prompts get a 400.", least=1)
    max_logprobs: int = _set(20, SERVING, "The most top_logprobs that are given; more get a 400.", least=0)
    reject_fields: tuple[str, ...] = _set((), SERVING, "Request fields that get a 400, such as logprobs,temperature.")
    prefix_cache: bool = _set(False, SERVING, "Count cached_tokens as a server with a prefix cache does.")

    latency_ms: str = _set("0", PACE, "Milliseconds an answer takes: 200, uniform:50,300 or lognormal:200,0.5.")
    tokens_per_second: float = _set(0.0, PACE, "Makes longer answers take longer; 0: they do not.", least=0.0)
    capacity: int = _set(0, PACE, "Calls that are served at once; the others wait. 0: all.", least=0)
    reject: bool = _set(False, PACE, "Beyond the capacity answer 429 instead.")

    f500: float = _share(FAULTS, "Status 500.")
    f503: float = _share(FAULTS, "Status 503.")
    f429: float = _share(FAULTS, "Status 429 with Retry-After.")
    retry_after: float = _set(1.0, FAULTS, "Seconds that Retry-After names, with 429 and 503.", least=0.0)
    fbad: float = _share(FAULTS, "A body whose JSON breaks off.")
    fcut: float = _share(FAULTS, "A connection that is closed in the middle of the body.")
    ftext: float = _share(FAULTS, "A text without a verdict.")
    frefuse: float = _share(FAULTS, "A refusal.")
    freset: float = _share(FAULTS, "A connection that is reset.")
    fhang: float = _share(FAULTS, "No answer at all.")
    sticky: bool = _set(False, FAULTS, "A prompt that met a fault meets it on every attempt.")

    @property
    def is_swayed(self) -> bool:
        """Whether anything but worth counts."""
        return any(
            (
                *(self.sycophancy, self.authority, self.formatting, self.self_preference, self.degenerate),
                *(self.obeys, self.obeys_fenced, self.history),
            )
        )

    @property
    def fault_shares(self) -> tuple[tuple[str, float], ...]:
        """The faults that occur, each with its share."""
        return tuple([(kind, share) for kind in FAULT_KINDS if (share := getattr(self, kind))])

    def changed(self, wanted: Mapping[str, Any]) -> Behaviour:
        """The same behaviour with these settings, as flags or a JSON body give them.

        Raises:
            InvalidOption: there is no such setting, or not with such a value.
        """
        known = {setting.name: setting for setting in fields(self)}
        for name in wanted:
            if name not in known:
                raise InvalidOption(f"there is no setting '{name}'; there are {', '.join(known)}", name)
        told = {name: _taken(known[name], value) for name, value in wanted.items()}
        behaviour = replace(self, **told)
        behaviour._check()
        return behaviour

    def as_json(self) -> dict[str, Any]:
        """All settings by name."""
        return asdict(self)

    def _check(self) -> None:
        latency(self.latency_ms)
        total = sum(share for _, share in self.fault_shares)
        if total > 1.0 + 1e-9:
            raise InvalidOption(f"the shares of the faults come to {total:g}, which is more than all calls", "f500")


def _taken(setting: Field[Any], value: Any) -> Any:
    """A value in the type of its setting."""
    taken = _typed(setting, value)
    told = setting.metadata
    if told.get("choices") and taken not in told["choices"]:
        raise InvalidOption(f"{setting.name} is one of {', '.join(told['choices'])}; got {value!r}", setting.name)
    least, most = told.get("least"), told.get("most")
    if (least is not None and taken < least) or (most is not None and taken > most):
        bound = f"{least:g} or more" if most is None else f"between {least:g} and {most:g}"
        raise InvalidOption(f"{setting.name} is {bound}; got {value!r}", setting.name)
    return taken


def _typed(setting: Field[Any], value: Any) -> Any:
    wanted: type = type(setting.default)
    if wanted is tuple:
        return _names(setting, value)
    if wanted is float and type(value) is int:
        return float(value)
    if wanted is str and type(value) in (int, float):
        return f"{value:g}"
    if type(value) is not wanted or (isinstance(value, float) and not abs(value) < _MOST):
        raise InvalidOption(f"{setting.name} is a {wanted.__name__}; got {value!r}", setting.name)
    return value


def _names(setting: Field[Any], value: Any) -> tuple[str, ...]:
    listed = value.split(",") if isinstance(value, str) else value
    if not isinstance(listed, list | tuple) or not all(isinstance(name, str) for name in listed):
        raise InvalidOption(f"{setting.name} is a list of names; got {value!r}", setting.name)
    return tuple(name.strip() for name in listed if name.strip())
