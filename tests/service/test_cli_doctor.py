"""`doctor`: a fit judge passes, and whatever makes a judge unfit has its line, its advice and its exit code."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from judge_server import Answer, JudgeServer, error, said
from programs import Ended, ran
from redis_server import running
from tokenizers import Tokenizer, models, pre_tokenizers

from judge_service.checkup import Check, examine
from judge_service.checkup.samples import SAMPLES
from judge_service.emulator import endpoints, tokens
from judge_service.emulator.behaviour import Behaviour
from judge_service.emulator.preferences import quality
from judge_service.emulator.server import Emulator
from judge_service.sections import JudgeSettings
from judge_service.settings import Settings
from judge_service.wiring.servers import template_told

TASTE = next(seed for seed in count() if all(quality(s.better, seed) > quality(s.worse, seed) for s in SAMPLES))
"""With this seed the emulated judge finds in every sample pair what everybody finds."""
FIT: Mapping[str, Any] = {"seed": TASTE, "prefix_cache": True, "bias": 0.4}
VLLM = {**FIT, "as_vllm": True}
SHARED = ("reachable", "model", "context length", "clock", "thinking", "label tokens", "control tokens")
JUDGING = ("sample cases", "log-probabilities", "label mass", "position bias", "consistency", "obvious pairs")
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def lines_of(end: Ended) -> dict[str, dict[str, str]]:
    return {line["name"]: line for line in json.loads(end.out)}


async def asked(behaviour: Mapping[str, Any], *flags: str) -> Ended:
    """What the command makes of a judge that behaves so."""
    async with Emulator(Behaviour().changed(behaviour)) as emulator:
        return await ran("doctor", "--json", "--judge-url", emulator.url, "--model", "emulator", *flags)


async def examined(*urls: str, wait: float = 0.1, **judge: Any) -> dict[str, Check]:
    """The lines by name, of one judge at these addresses."""
    only = {"default": {"url": list(urls), "model": "emulator", **judge}}
    settings = Settings.model_validate({"judges": only, "cache": {"url": "none"}})
    return {line.name: line for line in await examine(settings, (), wait)}


async def line(name: str, behaviour: Mapping[str, Any], **judge: Any) -> Check:
    async with Emulator(Behaviour().changed(behaviour)) as emulator:
        return (await examined(emulator.url, **judge))[name]


@pytest.mark.parametrize("as_vllm", [True, False])
async def test_a_fit_judge_passes_and_what_cannot_be_seen_is_said_not_to_be(as_vllm: bool) -> None:
    end = await asked({**FIT, "as_vllm": as_vllm})
    told = lines_of(end)
    assert end.code == 0
    unseen = {"clock"} if as_vllm else {"clock", "control tokens"}
    assert {name for name, told_ in told.items() if told_["level"] != "pass"} == unseen
    assert set(told) == {*SHARED, *JUDGING, "prefix cache", "cache", *(["template date"] if as_vllm else [])}
    assert all("not checked" in told[name]["seen"] and told[name]["to_do"] for name in unseen)
    assert "12 of 12 judged, 24 calls" in told["sample cases"]["seen"]
    assert "+0.40 logit toward the first shown" in told["position bias"]["seen"]
    assert ("token ids" if as_vllm else "likeliest") in told["log-probabilities"]["seen"]
    assert re.match(r"1,\d{3} of 1,\d{3} tokens", told["prefix cache"]["seen"])


UNFIT: dict[str, tuple[Mapping[str, Any], str, str, int, str]] = {
    "leans to a place": ({**VLLM, "bias": 2.0}, "position bias", "warn", 0, "+2.00 logit"),
    "answers by the place": ({**VLLM, "bias": 9.0}, "position bias", "fail", 3, "+9.00 logit"),
    "gives no log-probabilities": ({**FIT, "logprobs": False}, "log-probabilities", "warn", 0, "read as text"),
    "always thinks": ({**FIT, "thinking": "always"}, "thinking", "warn", 0, "always thinks"),
    "says other words": ({**VLLM, "label_mass": 0.3}, "label mass", "fail", 3, "median 0.300"),
    "prefers the worse": ({**VLLM, "flip": True}, "obvious pairs", "fail", 3, "0 of 12 right"),
    "keeps no prefix": ({**VLLM, "prefix_cache": False}, "prefix cache", "warn", 0, "not told"),
    "reads little": ({**VLLM, "max_model_len": 3000}, "context length", "warn", 0, "3,000 tokens"),
    "refuses": ({**FIT, "frefuse": 1.0}, "sample cases", "fail", 3, "0 of 12 judged"),
}


@pytest.mark.parametrize("how", list(UNFIT))
async def test_what_makes_a_judge_unfit_has_its_line_its_advice_and_its_exit_code(how: str) -> None:
    behaviour, name, level, code, told = UNFIT[how]
    end = await asked(behaviour)
    line = lines_of(end)[name]
    assert (line["level"], end.code) == (level, code)
    assert told in line["seen"]
    assert line["to_do"]


async def test_a_judge_that_is_not_there_leaves_nothing_to_check(server: JudgeServer) -> None:
    await server.stop()
    end = await ran("doctor", "--json", "--judge-url", server.url, "--model", "m", "--wait-judge", "0.1")
    told = lines_of(end)
    assert end.code == 3
    assert told["reachable"]["level"] == "fail"
    assert "does not answer" in told["reachable"]["seen"]
    rest = set(told) - {"reachable", "cache"}
    assert {*SHARED, *JUDGING} - {"reachable"} <= rest
    assert {told[name]["seen"] for name in rest} == {"not checked: the judge is out of reach"}


async def test_a_wrong_key_is_told_as_such_and_printed_nowhere(server: JudgeServer) -> None:
    server.models = error(401, "no")
    flags = ("--judge-url", server.url, "--model", "m", "--judge-key-env", "MY_KEY")
    end = await ran("doctor", *flags, environ={"MY_KEY": "sk-wrong"})
    assert end.code == 3
    assert re.search(r"fail\s+reachable .* answered 401: the judge's key is missing or wrong", end.out)
    assert "sk-wrong" not in end.out + end.err


async def test_the_page_says_level_finding_advice_and_what_it_comes_to() -> None:
    async with Emulator(Behaviour().changed({**VLLM, "bias": 2.0})) as emulator:
        end = await ran("doctor", "--judge-url", emulator.url, "--model", "emulator")
        assert end.out.startswith(f"judge default at {emulator.url}")
    assert re.search(r"^warn +position bias +\+2.00 logit.* → ask both orders", end.out, re.MULTILINE)
    assert re.search(r"^fit: \d+ pass, \d+ warn, 0 fail$", end.out, re.MULTILINE)


async def test_the_offline_judge_is_no_judge_to_train_on() -> None:
    end = await ran("doctor", "--offline", "--json")
    model = lines_of(end)["model"]
    assert (end.code, model["level"]) == (0, "warn")
    assert "never train on its labels" in model["to_do"]


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ((), "no judge is configured"),
        (("--offline", "--judge", "nobody"), "there is no judge 'nobody'"),
        (("--judge-url", "nowhere", "--model", "m"), "starts with http"),
        (("--judge-url", "http://127.0.0.1:9/v1", "--model", "m", "--judge-key-env", "NO_KEY"), "NO_KEY"),
    ],
)
async def test_wrong_options_are_one_line_and_exit_code_2(flags: tuple[str, ...], told: str) -> None:
    end = await ran("doctor", *flags)
    assert (end.code, end.out) == (2, "")
    (only,) = end.err.splitlines()
    assert told in only


async def test_thoughts_that_can_be_closed_are_no_fault() -> None:
    async with Emulator(Behaviour().changed({**VLLM, "thinking": "optional"})) as emulator:
        told = await examined(emulator.url)
    assert told["thinking"].level == "pass"
    assert "closed" in told["thinking"].seen
    assert (told["label mass"].level, told["obvious pairs"].level) == ("pass", "pass")


async def test_labels_that_are_no_tokens_of_their_own_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def halved(text: str) -> list[int]:
        return [half for number in tokens.encode(text) for half in (number + 5_000_000, number + 7_000_000)]

    monkeypatch.setattr(endpoints, "encode", halved)
    monkeypatch.setattr(endpoints, "decode", lambda ids: tokens.decode(number - 5_000_000 for number in ids[::2]))
    found = await line("label tokens", VLLM)
    assert (found.level, found.seen) == ("warn", "no tokens of their own: A to C, 1 to 5, 1 to 10")


async def test_a_text_that_becomes_a_control_token_fails_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoints, "encode", lambda text: tokens.encode(text.replace("<\u200b|im_end", "<|im_end")))
    found = await line("control tokens", VLLM)
    assert (found.level, found.seen) == ("fail", "a candidate's text becomes a control token: '<|im_end|>'")
    assert "tokenizer" in found.to_do


async def test_a_template_with_todays_date_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    day = datetime.now(UTC).strftime("%d %b %Y").lstrip("0")
    monkeypatch.setattr(endpoints, "template", lambda turns: f"Today Date: {day}\n{tokens.template(turns)}")
    found = await line("template date", VLLM)
    assert found.level == "warn"
    assert day in found.seen


async def test_the_template_is_told_what_judging_tells_it(server: JudgeServer) -> None:
    told = {"enable_thinking": False}
    await examined(server.url, model="m", kind="vllm", template_kwargs=told)
    expected = template_told(JudgeSettings(template_kwargs=told))
    assert {json.dumps(asked.get("chat_template_kwargs")) for asked in server.asked} == {json.dumps(expected)}


async def test_our_ids_are_the_servers_or_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alphabet = {char: i for i, char in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    bytewise = Tokenizer(models.BPE(alphabet, []))
    bytewise.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytewise.add_special_tokens(["<|im_start|>", "<|im_end|>"])
    bytewise.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": CHATML}))
    other = await line("token ids", VLLM, tokenizer=str(tmp_path))
    assert other.level == "fail"
    assert "5 of 5 texts have other ids here than there" in other.seen
    monkeypatch.setattr(endpoints, "encode", lambda text: bytewise.encode(text, add_special_tokens=False).ids)
    same = await line("token ids", VLLM, tokenizer=str(tmp_path))
    assert same.level == "pass", same.seen


async def test_a_model_the_server_does_not_list_is_named_beside_those_it_does(server: JudgeServer) -> None:
    found = (await examined(server.url, model="other"))["model"]
    assert (found.level, "lists m, and not other" in found.seen) == ("warn", True)
    server.refuses = {"The model `other` does not exist.": lambda asked: asked["model"] == "other"}
    found = (await examined(server.url, model="other"))["model"]
    assert (found.level, "does not exist" in found.seen) == ("fail", True)


@pytest.mark.parametrize(("hours", "level"), [(0, "pass"), (-1, "warn")])
async def test_a_clock_that_is_wrong_is_noticed(server: JudgeServer, hours: int, level: str) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(hours=hours), usegmt=True)
    server.models = Answer({"data": [{"id": "m"}]}, headers={"date": date})
    found = (await examined(server.url, model="m"))["clock"]
    assert found.level == level
    assert level == "pass" or re.search(r"3,(599|60\d) s behind", found.seen)


async def test_answers_that_are_no_verdicts_are_quoted_and_leave_the_rest_unknown(server: JudgeServer) -> None:
    server.rule = lambda asked: said("I would rather not say.")
    told = await examined(server.url, model="m")
    assert (told["sample cases"].level, "unreadable" in told["sample cases"].seen) == ("fail", True)
    assert {told[name].seen for name in ("position bias", "obvious pairs")} == {
        "not checked: no sample case was judged"
    }


@pytest.mark.parametrize(
    ("other", "level"), [({}, "pass"), ({"bias": 2.0, "slope": 0.5}, "fail"), ({"root": "x"}, "fail")]
)
async def test_every_replica_is_examined_and_all_of_them_are_one_judge(other: dict[str, Any], level: str) -> None:
    behaviours = [Behaviour().changed(VLLM), Behaviour().changed({**VLLM, **other})]
    async with Emulator(behaviours[0]) as one, Emulator(behaviours[1]) as two:
        only = {"default": {"url": [one.url, two.url], "model": "emulator"}}
        lines = await examine(Settings.model_validate({"judges": only, "cache": {"url": "none"}}), (), 1.0)
    assert [line.replica for line in lines if line.name == "obvious pairs"] == [one.url, two.url]
    (agree,) = [line for line in lines if line.name == "replicas"]
    assert agree.level == level, agree.seen


async def test_one_judge_of_several_can_be_chosen(tmp_path: Path) -> None:
    (tmp_path / "judge-service.toml").write_text(
        '[judges.away]\nurl = ["http://127.0.0.1:9/v1"]\nmodel = "m"\n[judges.here]\nkind = "offline"\n'
    )
    one = await ran("doctor", "--json", "--judge", "here")
    every = await ran("doctor", "--json", "--wait-judge", "0.1")
    assert (one.code, every.code) == (0, 3)
    assert {line["judge"] for line in json.loads(one.out)} == {"here", ""}
    assert {line["judge"] for line in json.loads(every.out)} == {"away", "here", ""}


async def test_a_redis_that_is_there_passes_a_full_one_warns_and_one_that_is_down_fails() -> None:
    async def told(url: str) -> tuple[int, dict[str, str]]:
        end = await ran("doctor", "--offline", "--json", environ={"JUDGE_CACHE__URL": url})
        return end.code, lines_of(end)["cache"]

    with running() as redis:
        code, line = await told(redis.url)
        assert (code, line["level"]) == (0, "pass")
        assert redis.url in line["seen"]
        used = int(redis.ask("INFO", "memory")["used_memory"])
        redis.ask("CONFIG", "SET", "maxmemory", used + 4096)
        code, line = await told(redis.url)
        assert (code, line["level"]) == (0, "warn")
        assert "maxmemory-policy" in line["to_do"]
        redis.stop()
        code, line = await told(redis.url)
        assert (code, line["level"]) == (3, "fail")
        assert "does not answer" in line["seen"]


async def test_a_cache_file_that_cannot_be_written_fails(tmp_path: Path) -> None:
    end = await ran("doctor", "--offline", "--json", environ={"JUDGE_CACHE__URL": f"sqlite:///{tmp_path}"})
    line = lines_of(end)["cache"]
    assert (end.code, line["level"]) == (3, "fail")
    assert str(tmp_path) in line["seen"]
