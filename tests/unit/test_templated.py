"""What chat templates write is taken apart again: whatever the turns were, they come back."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge_service.domain.cases import Message
from judge_service.domain.templated import NotItsPrompt, sample_in, sample_of, taken_apart, without_ends

Turns = Sequence[tuple[str, str]]


def chatml(turns: Turns) -> str:
    return "".join(f"<|im_start|>{role}\n{text}<|im_end|>\n" for role, text in turns) + "<|im_start|>assistant\n"


def phi4(turns: Turns) -> str:
    told = "".join(f"<|im_start|>{role}<|im_sep|>{text}<|im_end|>" for role, text in turns)
    return told + "<|im_start|>assistant<|im_sep|>"


def llama3(turns: Turns) -> str:
    heading = "<|start_header_id|>{}<|end_header_id|>\n\n"
    told = "".join(f"{heading.format(role)}{text}<|eot_id|>" for role, text in turns)
    return f"<|begin_of_text|>{told}{heading.format('assistant')}"


def llama4(turns: Turns) -> str:
    heading = "<|header_start|>{}<|header_end|>\n\n"
    told = "".join(f"{heading.format(role)}{text}<|eot|>" for role, text in turns)
    return f"<|begin_of_text|>{told}{heading.format('assistant')}"


def gemma(turns: Turns) -> str:
    named = {"assistant": "model"}
    told = "".join(f"<start_of_turn>{named.get(role, role)}\n{text}<end_of_turn>\n" for role, text in turns)
    return f"<bos>{told}<start_of_turn>model\n"


def mistral(turns: Turns) -> str:
    shapes = {
        "system": "[SYSTEM_PROMPT]{}[/SYSTEM_PROMPT]",
        "user": "[INST]{}[/INST]",
        "assistant": "{}</s>",
    }
    return "<s>" + "".join(shapes[role].format(text) for role, text in turns)


def llama2(turns: Turns) -> str:
    told, system = "", ""
    for role, text in turns:
        if role == "system":
            system = f"<<SYS>>\n{text}\n<</SYS>>\n\n"
        elif role == "user":
            told, system = told + f"<s>[INST] {system}{text} [/INST]", ""
        else:
            told += f" {text} </s>"
    return told


def deepseek(turns: Turns) -> str:
    shapes = {"system": "{}", "user": "<｜User｜>{}", "assistant": "<｜Assistant｜>{}<｜end▁of▁sentence｜>"}
    return "<｜begin▁of▁sentence｜>" + "".join(shapes[r].format(t) for r, t in turns) + "<｜Assistant｜>"


def phi3(turns: Turns) -> str:
    return "".join(f"<|{role}|>\n{text}<|end|>\n" for role, text in turns) + "<|assistant|>\n"


def zephyr(turns: Turns) -> str:
    return "".join(f"<|{role}|>\n{text}</s>\n" for role, text in turns) + "<|assistant|>\n"


def glm4(turns: Turns) -> str:
    return "[gMASK]<sop>" + "".join(f"<|{role}|>\n{text}" for role, text in turns) + "<|assistant|>\n"


def harmony(turns: Turns) -> str:
    channel = {"assistant": "<|channel|>final"}
    told = "".join(f"<|start|>{role}{channel.get(role, '')}<|message|>{text}<|end|>" for role, text in turns)
    return told + "<|start|>assistant<|channel|>final<|message|>"


def command_r(turns: Turns) -> str:
    named = {"system": "SYSTEM", "user": "USER", "assistant": "CHATBOT"}
    heading = "<|START_OF_TURN_TOKEN|><|{}_TOKEN|>"
    told = "".join(f"{heading.format(named[role])}{text}<|END_OF_TURN_TOKEN|>" for role, text in turns)
    return f"<BOS_TOKEN>{told}{heading.format('CHATBOT')}"


TEMPLATES: dict[str, tuple[Callable[[Turns], str], str]] = {
    "chatml": (chatml, "<|im_end|>\n"),
    "phi4": (phi4, "<|im_end|>"),
    "llama3": (llama3, "<|eot_id|>"),
    "llama4": (llama4, "<|eot|>"),
    "gemma": (gemma, "<end_of_turn>\n<eos>"),
    "mistral": (mistral, "</s>"),
    "llama2": (llama2, "</s>"),
    "deepseek": (deepseek, "<｜end▁of▁sentence｜>"),
    "phi3": (phi3, "<|end|><|endoftext|>"),
    "zephyr": (zephyr, "</s>"),
    "glm4": (glm4, "<|endoftext|>"),
    "harmony": (harmony, "<|return|>"),
    "command_r": (command_r, "<|END_OF_TURN_TOKEN|>"),
}
# No text begins or ends in white space: several templates trim it, so that nobody could give it back.
texts = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="<>[]|｜"), min_size=1, max_size=40
).filter(lambda text: text == text.strip() and text)


@st.composite
def conversations(draw: st.DrawFn) -> list[tuple[str, str]]:
    """A system prompt or none, then turns of a user and an assistant, a user's the last."""
    turns = [("system", draw(texts))] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(0, 2))):
        turns += [("user", draw(texts)), ("assistant", draw(texts))]
    return [*turns, ("user", draw(texts))]


def messages(turns: Turns) -> tuple[Message, ...]:
    return tuple(Message(role, text) for role, text in turns)


@pytest.mark.parametrize("name", TEMPLATES)
@given(turns=conversations(), response=texts)
def test_the_turns_come_back_and_so_does_the_response(name: str, turns: Turns, response: str) -> None:
    template, ending = TEMPLATES[name]
    prompt = template(turns)
    found = sample_in(prompt + response + ending, prompt)
    assert found.prompt == messages(turns)
    assert found.response == response


@pytest.mark.parametrize("name", TEMPLATES)
@given(turns=conversations(), response=texts)
def test_what_was_begun_for_the_assistant_belongs_to_its_response(name: str, turns: Turns, response: str) -> None:
    template, ending = TEMPLATES[name]
    prompt = template(turns) + "<think>\n\n</think>\n\n"
    found = sample_in(prompt + response + ending, prompt)
    assert found.prompt == messages(turns)
    assert found.response.strip() == "<think>\n\n</think>\n\n" + response


@given(prompt=texts, response=texts)
def test_a_prompt_of_no_template_keeps_its_text(prompt: str, response: str) -> None:
    asked = f"Question: {prompt}\nAnswer: "
    found = sample_in(asked + response + "<|endoftext|>", asked)
    assert (found.prompt, found.response) == (asked, response)


@given(st.text(max_size=200), st.text(max_size=200))
def test_nothing_is_raised_whatever_stands_there(prompt: str, response: str) -> None:
    assert isinstance(sample_of(prompt, response).response, str)


@given(
    st.lists(st.sampled_from(["<|im_start|>", "user\n", "[INST]", "[/INST]", "</s>", "a", " ", "<｜User｜>", "<s>"]))
)
def test_templates_in_pieces_raise_nothing_either(pieces: list[str]) -> None:
    content, begun = taken_apart("".join(pieces))
    assert content is not None
    assert isinstance(begun, str)


@given(st.text(st.characters(exclude_characters="<>[]"), max_size=80))
def test_a_text_without_control_strings_stays_as_it_is(text: str) -> None:
    assert without_ends(text) == text


@pytest.mark.parametrize(
    ("query", "prompt"),
    [
        ("<s> [INST] Hi [/INST] Hello</s>", "<s>[INST] Hi [/INST]"),
        ("<s>[INST] Hi [/INST]Hello</s>", "[INST] Hi [/INST]"),
        ("<bos><start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\nHello", gemma([("user", "Hi")])[5:]),
    ],
)
def test_white_space_and_a_beginning_that_a_tokenizer_adds_are_no_difference(query: str, prompt: str) -> None:
    found = sample_in(query, prompt)
    assert found.prompt == (Message("user", "Hi"),)
    assert found.response.strip() == "Hello"


@pytest.mark.parametrize("query", ["", "Hi", "Hello there", "Something else"])
def test_a_query_that_does_not_begin_with_its_prompt_is_refused(query: str) -> None:
    with pytest.raises(NotItsPrompt):
        sample_in(query, "Hi there")


def test_control_strings_within_a_response_are_part_of_what_was_written() -> None:
    spoken = "ChatML writes <|im_end|> behind each turn, and HTML strikes <s>this</s> out."
    assert sample_in(chatml([("user", "Hi")]) + spoken + "<|im_end|>", chatml([("user", "Hi")])).response == spoken


def test_a_prompt_that_cannot_be_taken_apart_loses_its_control_strings() -> None:
    content, begun = taken_apart("Once upon<|im_start|>nobody\nHi<|im_end|> a time<|endoftext|>")
    assert (content, begun) == ("Once uponnobody\nHi a time", "")


def test_a_prompt_of_one_turn_without_a_heading_for_the_answer_is_a_turn() -> None:
    found = sample_in("<|im_start|>user\nhi<|im_end|>hello", "<|im_start|>user\nhi<|im_end|>")
    assert (found.prompt, found.response) == ((Message("user", "hi"),), "hello")


@pytest.mark.parametrize("piece", ["<|endoftext|> ", "[INST]", "[SYSTEM_PROMPT]", " ", "<|user|>", "<s> ", "</s>"])
def test_texts_made_to_be_slow_to_read_are_not(piece: str) -> None:
    content, _ = taken_apart("[INST]a[/INST]" + piece * 100_000)
    assert content
    assert without_ends("x" + "<|endoftext|> " * 100_000) == "x"
