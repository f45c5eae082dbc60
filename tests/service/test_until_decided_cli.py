"""win-rate --until decided on the emulated judge: it stops, it goes on, and it comes to the same."""

import asyncio
import json
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from emulated import beside
from programs import Ended, called, ended, read_rows, started, write_rows

from judge_service.emulator.server import Emulator

Call = Callable[..., Ended]


@pytest.fixture
def ran(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Runs win-rate in this process."""
    return lambda *argv: called(capsys, monkeypatch, "win-rate", *argv)


def outputs(model: str, better: float, count: int = 150, seed: int = 1) -> str:
    """A file of outputs, better by so much than others on the average."""
    draws = random.Random(seed)
    rows = [
        {
            "instruction": f"Task {i}",
            "output": f"{model} {i} (worth {5 + better + draws.gauss(0, 1):.3f})",
            "generator": model,
        }
        for i in range(count)
    ]
    return write_rows(Path(f"{model}.json"), rows)


def judge(emulator: Emulator, *flags: str) -> tuple[str, ...]:
    return ("--judge-url", emulator.url, "--model", "emulator", "--method", "direct", "--quiet", "--json", *flags)


def told(end: Ended, code: int = 0) -> dict[str, Any]:
    assert end.code == code, end.err
    found: dict[str, Any] = json.loads(end.out)
    return found


def looked_at(found: dict[str, Any]) -> list[Any]:
    return [found[name] for name in ("better", "prompts_looked_at", "win_rate", "anytime_interval")]


def test_it_stops_long_before_all_prompts_and_says_so_without_a_fixed_interval(ran: Call) -> None:
    new, base = outputs("new", 1.0), outputs("base", 0.0, seed=2)
    with beside(latency_ms="2") as emulator:
        flags = (new, base, *judge(emulator), "--until", "decided")
        found = told(ran(*flags, "-o", "out.jsonl"))
        calls = emulator.stats["calls"]
        page = ran(*[flag for flag in flags if flag != "--json"], "-o", "out.jsonl", "--report", "r.md")
    assert (found["better"], found["ended_by"]) == ("new", "decided")
    assert found["prompts_looked_at"] < 80
    assert found["win_rate_interval"] is None
    assert found["anytime_interval"][0] > 50
    assert found["cases_judged"] <= found["prompts_looked_at"] * 1.25 + 16
    assert calls <= found["calls"] + 8, "and the probe"
    assert len(read_rows(Path("out.jsonl"))) == found["cases_judged"]
    assert found["calls"] + found["calls_saved"] == 300
    assert "new is better" in page.out
    assert "no fixed interval" in page.out
    assert "new against base, decided: new is better." in Path("r.md").read_text()


def test_the_order_of_the_files_does_not_matter_and_the_other_side_wins_as_soon(ran: Call) -> None:
    new, base = outputs("new", 1.0), outputs("base", 0.0, seed=2)
    with beside() as emulator:
        first = told(ran(new, base, *judge(emulator), "--until", "decided"))
        for path in (new, base):
            rows = json.loads(Path(path).read_text())
            Path(path).write_text(json.dumps(rows[::-1]))
        turned = told(ran(new, base, *judge(emulator), "--until", "decided"))
        swapped = told(ran(base, new, *judge(emulator), "--until", "decided"))
    assert looked_at(turned) == looked_at(first)
    assert (swapped["better"], swapped["prompts_looked_at"]) == ("new", first["prompts_looked_at"])
    assert swapped["anytime_interval"] == pytest.approx([100 - end for end in first["anytime_interval"][::-1]])


async def killed(out: Path, *flags: str) -> None:
    """Runs win-rate in a process of its own, which is killed once a dozen cases are judged."""
    process = await started("win-rate", *flags, "-o", str(out))
    while process.returncode is None and not (out.exists() and out.read_bytes().count(b"\n") >= 12):
        await asyncio.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    await ended(process)


def test_a_killed_run_goes_on_and_decides_at_the_same_prompt(ran: Call) -> None:
    new, base = outputs("new", 0.45), outputs("base", 0.0, seed=2)
    with beside(latency_ms="15") as emulator:
        flags = (new, base, *judge(emulator), "--until", "decided", "--concurrency", "8", "--no-cache")
        whole = told(ran(*flags))
        out = Path("out.jsonl")
        asyncio.run(killed(out, *flags))
        kept = len(out.read_bytes().splitlines())
        assert kept < whole["prompts_looked_at"]
        emulator.reset()
        resumed = told(ran(*flags, "-o", str(out)))
        calls = emulator.stats["calls"]
    assert looked_at(resumed) == looked_at(whole)
    assert calls <= 2 * (resumed["cases_judged"] - kept) + 8, "what was finished is not asked again"


def test_a_budget_ends_it_undecided_and_a_larger_one_goes_on_to_the_same_end(ran: Call) -> None:
    new, base = outputs("new", 0.45), outputs("base", 0.0, seed=2)
    with beside() as emulator:
        flags = (new, base, *judge(emulator), "--until", "decided")
        small = told(ran(*flags, "-o", "out.jsonl", "--budget", "12"), 3)
        by_calls = told(ran(*flags, "--budget", "24calls"), 3)
        large = told(ran(*flags, "-o", "out.jsonl", "--budget", "140"))
        whole = told(ran(*flags))
    assert (small["better"], small["ended_by"], small["prompts_looked_at"]) == (None, "budget", 12)
    assert small["anytime_interval"][0] < 50 < small["anytime_interval"][1]
    assert looked_at(by_calls) == looked_at(small)
    assert looked_at(large) == looked_at(whole)


def test_what_is_quickly_judged_does_not_decide_before_its_turn(ran: Call) -> None:
    # Answers that win are short and judged at once; those that lose take their time.
    new, base = outputs("new", 0.0, 120, seed=3), outputs("base", 0.0, 120, seed=4)
    with beside(latency_ms="1") as even, beside(latency_ms="uniform:1,40") as uneven:
        flags = (new, base, "--until", "decided", "--no-cache")
        one = ran(*flags, *judge(even, "--concurrency", "2"))
        other = ran(*flags, *judge(uneven, "--concurrency", "32"))
    assert one.code == other.code
    assert looked_at(json.loads(other.out)) == looked_at(json.loads(one.out))


def test_cases_that_fail_count_for_both_sides_and_keep_it_from_being_decided(ran: Call) -> None:
    new, base = outputs("new", 1.0), outputs("base", 0.0, seed=2)
    with beside(frefuse=0.2) as emulator:
        flags = (new, base, *judge(emulator), "--until", "decided", "-o", "out.jsonl")
        bounds = ran(*flags)
        dropped = told(ran(*flags, "--unscored", "drop"))
    found = json.loads(bounds.out)
    assert found["n_unknown"] > 0
    low, high = found["win_rate_between"]
    assert high - low > 10
    assert found["prompts_looked_at"] > dropped["prompts_looked_at"]
    assert dropped["better"] == "new"
    assert dropped["prompts_left_out"] > 0


def test_what_does_not_go_together_is_one_clear_line(ran: Call) -> None:
    new, base = outputs("new", 1.0, 3), outputs("base", 0.0, 3)
    ran(new, base, "--offline", "-q", "-o", "out.jsonl")
    for flags, why in (
        ((new, base, "--until", "bored"), "--until is 'decided'"),
        ((new, base, "--until", "decided", "--budget", "many"), "--budget is a number of prompts"),
        ((new, base, "--budget", "3"), "--budget goes with --until"),
        ((new, base, "--alpha", "0.1"), "--alpha goes with --until"),
        ((new, base, "--until", "decided", "--sequence", "x"), "--sequence is one of betting, asymptotic"),
        ((new, base, "--until", "decided", "--verdict", "x"), "--verdict is one of soft, discrete"),
        ((new, base, "--until", "decided", "--leaderboard", "l.csv"), "--leaderboard needs all prompts"),
        (("out.jsonl", "--until", "decided"), "--until goes with two files of outputs"),
        (("out.jsonl", "--lock", "l.json"), "--lock goes with two files of outputs"),
        ((new, base, "--lock", "l.json"), "--lock needs -o OUT"),
        (("--difference", "3"), "--difference goes with --plan"),
        (("--plan",), "--plan needs --difference"),
        ((), "IN"),
    ):
        judges = () if "out.jsonl" in flags or "--difference" in flags or not flags else ("--offline",)
        end = ran(*flags, *judges, "-q")
        assert (end.code, why in end.err, end.err.count("\n")) == (2, True, 1), (flags, end.err)


def test_a_plan_goes_by_what_was_judged_or_says_what_it_assumes(ran: Call) -> None:
    plan = ("--plan", "--difference", "5")
    assumed = ran(*plan)
    assert "783 prompts for a power of 80%" in assumed.out
    assert "assumed" in assumed.out
    base = outputs("base", 0.0, 60)
    with beside() as emulator:
        for model in ("new", "newer"):
            told(ran(outputs(model, 0.3, 60, len(model)), base, *judge(emulator), "-o", f"{model}.jsonl"))
    pilot = told(ran(*plan, "new.jsonl", "--json"))
    assert (pilot["pilot"], pilot["pilot_prompts"], pilot["difference"]) == ("new.jsonl", 60, 5.0)
    assert pilot["needs"]["soft"]["assumed"] is None
    paired = told(ran(*plan, "new.jsonl", "--against", "newer.jsonl", "--json"))
    assert paired["of"] == "two models over one baseline"
    assert 0 < paired["correlation_of_models"] < 1
