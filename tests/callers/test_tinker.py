"""tinker_cookbook: its own types and group builder, with the service as preference model."""

import asyncio
import math
import pickle
from types import SimpleNamespace

import chz
import pytest
from serving import Served
from tinker_cookbook.preference.types import Comparison
from tinker_cookbook.renderers import ToolCall
from tinker_cookbook.rl.preference_envs import PairwisePreferenceGroupBuilder, TournamentPattern

from judge_service.integrations.tinker import JudgedPreference, JudgedPreferenceBuilder, case_of
from judge_service.integrations.watching import Watch
from judge_service.integrations.worth import Unscored

ASKED = [{"role": "user", "content": "Name a prime number."}]


def said(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


PAIR = Comparison(ASKED, said("8 (worth 1)"), said("7 (worth 4)"))


def test_b_better_is_towards_1_and_the_swapped_pair_is_the_mirror(service: Served) -> None:
    model = JudgedPreference()
    preference, mirrored = asyncio.run(model.many([PAIR, PAIR.swap()]))
    assert preference == pytest.approx(math.tanh(1.5), abs=1e-3)
    assert mirrored == pytest.approx(-preference, abs=1e-6)
    assert asyncio.run(model(PAIR)) == pytest.approx(preference, abs=1e-6)


def test_without_a_verdict_it_is_an_error_or_what_was_said(service: Served) -> None:
    service.behave(label_mass=0.01)
    with pytest.raises(Unscored, match="low_label_mass"):
        asyncio.run(JudgedPreference()(PAIR))
    assert asyncio.run(JudgedPreference(on_failure=0.0)(PAIR)) == 0.0
    assert asyncio.run(JudgedPreference(on_failure=-0.5)(PAIR)) == -0.5


def test_every_calls_judgments_can_be_logged(service: Served) -> None:
    logged: list[dict[str, float]] = []
    watch = Watch()
    model = JudgedPreference(orders="both", seen=lambda judgments: logged.append(watch.step(judgments).figures))
    asyncio.run(model.many([PAIR, PAIR.swap()]))
    assert [(figures["judge/flip_rate"], figures["judge/unscored"]) for figures in logged] == [(0.0, 0.0)]


def test_it_is_built_by_chz_and_survives_pickling(service: Served) -> None:
    told = ["rubric=helpfulness", "orders=both", f"base_url={service.url}"]
    model = chz.entrypoint(JudgedPreferenceBuilder, argv=told)()
    assert asyncio.run(pickle.loads(pickle.dumps(model))(PAIR)) > 0.5


def test_thoughts_tools_and_images_come_along_in_the_shape_of_chat_completions() -> None:
    call = ToolCall(id="1", function=ToolCall.FunctionBody(name="search", arguments="{}"))
    parts = [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "7"}]
    image = {"type": "image", "image": "data:image/png;base64,aaaa"}
    asked = [{"role": "user", "content": [image]}, {"role": "assistant", "content": "", "tool_calls": [call]}]
    asked += [{"role": "tool", "content": "found", "tool_call_id": "1", "name": "search"}]
    case = case_of(Comparison(asked, [{"role": "assistant", "content": parts}], said("8")))
    assert case["prompt"][0]["content"] == [{"type": "image_url", "image_url": {"url": image["image"]}}]
    assert case["prompt"][1]["tool_calls"][0]["function"] == {"name": "search", "arguments": "{}"}
    assert case["prompt"][2] == {"role": "tool", "content": "found", "tool_call_id": "1", "name": "search"}
    answer = case["candidates"][0][0]
    assert (answer["content"], answer["reasoning"]) == ([{"type": "text", "text": "7"}], "Hm.")


class Renderer:
    """Reads an answer out of its tokens, which are its characters."""

    def parse_response(self, tokens: list[int]) -> tuple[dict[str, str], SimpleNamespace]:
        return said("".join(map(chr, tokens)))[0], SimpleNamespace(is_stop_sequence=True)


@pytest.mark.parametrize("pattern", list(TournamentPattern))
def test_the_cookbooks_group_builder_rewards_the_better_answers(service: Served, pattern: TournamentPattern) -> None:
    texts = ["8 (worth 1)", "7 (worth 5)", "9 (worth 3)"]
    trajectories = [
        SimpleNamespace(transitions=[SimpleNamespace(ac=SimpleNamespace(tokens=list(map(ord, text))))])
        for text in texts
    ]
    builder = PairwisePreferenceGroupBuilder(ASKED, Renderer(), pattern, JudgedPreference(), num_envs=3)
    rewards = [reward for reward, _ in asyncio.run(builder.compute_group_rewards(trajectories, [None] * 3))]
    assert rewards[0] < rewards[2] < rewards[1]
    assert sum(rewards) == pytest.approx(0.0, abs=1e-6)
