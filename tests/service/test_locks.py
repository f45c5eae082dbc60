"""win-rate --lock and verify: nothing is judged by anything else than was pinned, and the judge is asked again."""

import json
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from emulated import beside
from programs import Ended, called, read_rows, write_rows

from judge_service.emulator.server import Emulator

Call = Callable[..., Ended]
LOCK = "eval.lock.json"


@pytest.fixture
def ran(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Runs a command in this process."""
    return lambda *argv: called(capsys, monkeypatch, *argv)


def outputs(model: str, seed: int, count: int = 30) -> str:
    draws = random.Random(seed)
    rows = [
        {"instruction": f"Task {i}", "output": f"{model} {i} (worth {draws.gauss(5, 1.5):.3f})", "generator": model}
        for i in range(count)
    ]
    return write_rows(Path(f"{model}.json"), rows)


def judge(emulator: Emulator) -> tuple[str, ...]:
    return ("--judge-url", emulator.url, "--model", "emulator", "--quiet")


def locked(ran: Call, emulator: Emulator, *flags: str) -> Ended:
    """A locked win rate of two files of outputs that are there."""
    files = ("new.json", "base.json", "-o", "out.jsonl", "--method", "direct")
    return ran("win-rate", *files, *judge(emulator), "--lock", LOCK, *flags)


def refused(end: Ended) -> str:
    assert end.code == 2, end.out
    assert end.err.count("\n") == 1
    return end.err


def test_results_carry_the_locks_digest_and_the_order_of_rows_is_nothing_that_is_pinned(ran: Call) -> None:
    outputs("new", 1)
    outputs("base", 2)
    with beside() as emulator:
        first = json.loads(locked(ran, emulator, "--json").out)
        lock = json.loads(Path(LOCK).read_text())
        told = json.loads(Path("new.json").read_text())
        Path("new.json").write_text(json.dumps([dict(reversed(row.items())) for row in told[::-1]]))
        again = json.loads(locked(ran, emulator, "--json").out)
    assert first["lock"] == again["lock"] == lock["digest"]
    assert first["win_rate"] == pytest.approx(again["win_rate"])
    assert lock["paths"] == {"model": "new.json", "baseline": "base.json", "output": "out.jsonl"}
    assert lock["pinned"]["inputs"]["model"]["rows"] == 30
    assert lock["pinned"]["judging"]["judges"]["default"]["model"] == "emulator"


def test_whatever_is_pinned_is_refused_by_its_name_before_anything_is_asked(ran: Call) -> None:
    outputs("new", 1)
    outputs("base", 2)
    with beside() as emulator:
        locked(ran, emulator)
        before = Path(LOCK).read_bytes()
        emulator.reset()
        several = refused(locked(ran, emulator, "--rubric", "harmlessness", "--seed", "7", "--unscored", "tie"))
        outputs("new", 3)
        rows = refused(locked(ran, emulator))
        outputs("new", 1)
        until = refused(locked(ran, emulator, "--until", "decided"))
        assert emulator.stats["calls"] <= 8, "what a start asks, and no case"
    for name in (
        "judging.rubric.id was helpfulness, is harmlessness",
        "judging.options.seed was 0, is 7",
        "estimator.unscored was bounds, is tie",
    ):
        assert name in several
    assert "judging.run" not in several
    assert "inputs.model.digest was" in rows
    assert "cases.digest was" in rows
    assert "estimator.until" in until
    assert Path(LOCK).read_bytes() == before


def test_another_epoch_of_the_judge_is_refused(ran: Call) -> None:
    outputs("new", 1)
    outputs("base", 2)
    with beside() as emulator:
        Path("judge-service.toml").write_text(
            f'[judges.default]\nurl = ["{emulator.url}"]\nmodel = "emulator"\ncanary_seconds = 0.001\n'
        )
        flags = ("win-rate", "new.json", "base.json", "-o", "out.jsonl", "--lock", LOCK, "-q")
        assert ran(*flags).code == 0
        emulator.configure(flip=True)
        told = refused(ran(*flags))
    assert "judging.judges.default.epoch was 0, is 1" in told


def test_a_budget_is_not_pinned_and_the_way_of_stopping_is(ran: Call) -> None:
    outputs("new", 1)
    outputs("base", 2)
    with beside() as emulator:
        assert locked(ran, emulator, "--until", "decided", "--budget", "5").code == 3
        assert locked(ran, emulator, "--until", "decided", "--budget", "20").code in (0, 3)
        assert "estimator.until.alpha was 0.05, is 0.2" in refused(
            locked(ran, emulator, "--until", "decided", "--alpha", "0.2")
        )


def test_a_judge_that_says_the_same_is_reproduced_past_its_cache(ran: Call) -> None:
    outputs("new", 1)
    outputs("base", 2)
    with beside() as emulator:
        locked(ran, emulator)
        emulator.reset()
        found = json.loads(ran("verify", LOCK, *judge(emulator), "--json", "-o", "again.jsonl").out)
        assert emulator.stats["calls"] >= 40
    assert found["reproduced"] is True
    assert (found["cases"], found["asked"], found["flipped"], found["beyond"], found["changed"]) == (30, 20, 0, 0, [])
    assert found["flips_interval"][1] == pytest.approx(0.168, abs=0.001)
    again = {row["case_id"]: row["verdict"]["logit"] for row in read_rows(Path("again.jsonl"))}
    before = {row["case_id"]: row["verdict"]["logit"] for row in read_rows(Path("out.jsonl"))}
    assert len(again) == 20
    assert again.items() <= before.items()


def test_planted_flips_are_found_and_counted(ran: Call) -> None:
    outputs("new", 1)
    outputs("base", 2)
    with beside() as emulator:
        locked(ran, emulator)
        emulator.configure(flip=True)
        # The canaries of the locked run were heard a moment ago, and verify takes those of the last 0.2 s.
        time.sleep(0.3)
        end = ran("verify", LOCK, "--share", "1", *judge(emulator), "--json")
        found = json.loads(end.out)
        page = ran("verify", LOCK, "--share", "1", "--max-flips", "100%", *judge(emulator))
    assert end.code == 3
    assert (found["asked"], found["flipped"], found["flips"]) == (30, 30, 1.0)
    assert found["changed"][0].startswith("judging.judges.default.epoch was 0, is 1")
    assert all(each["winner_now"] != each["winner_before"] for each in found["not_reproduced"])
    assert page.code == 0
    assert "30 with another winner: 100.0% (88.4% to 100.0%, exact)" in page.out


def test_small_noise_is_told_as_logits_further_apart_and_may_be_allowed(ran: Call) -> None:
    outputs("new", 1)
    outputs("base", 2)
    with beside(noise=0.1) as emulator:
        locked(ran, emulator)
        emulator.configure(noise=0.2)
        end = ran("verify", LOCK, *judge(emulator), "--json")
        allowed = ran("verify", LOCK, "--max-flips", "0.2", *judge(emulator))
    found = json.loads(end.out)
    assert end.code == 3
    assert found["beyond"] > 3
    assert found["flipped"] <= 3
    assert 0 < found["mean_logit_difference"] < found["most_logit_difference"] < 1
    assert allowed.code == 0


def test_files_that_are_others_are_refused_and_nothing_is_asked(ran: Call) -> None:
    outputs("new", 1)
    outputs("base", 2)
    rubric = Path("own.toml")
    text = (
        'id = "own"\nversion = "1"\ntitle = "Own"\n[[criteria]]\nname = "use"\ntext = "Useful."\nquestion = "Is it?"\n'
    )
    rubric.write_text(text)
    with beside() as emulator:
        locked(ran, emulator, "--rubric", "own.toml")
        assert ran("verify", LOCK, *judge(emulator)).code == 0
        emulator.reset()
        rubric.write_text(text.replace("Useful.", "Useless."))
        assert "judging.rubric.digest was" in refused(ran("verify", LOCK, *judge(emulator)))
        rubric.write_text(text)
        outputs("base", 9)
        assert "inputs.baseline.digest was" in refused(ran("verify", LOCK, *judge(emulator)))
        outputs("base", 2)
        rows = read_rows(Path("out.jsonl"))
        write_rows(Path("out.jsonl"), [{**row, "run_digest": "sha256:other"} for row in rows])
        assert "made by another run than the lock pins" in refused(ran("verify", LOCK, *judge(emulator)))
        Path("out.jsonl").unlink()
        assert "are not there" in refused(ran("verify", LOCK, *judge(emulator)))
        assert emulator.stats["calls"] <= 12, "what a start asks, and no case"


def test_a_lock_moves_with_its_files(ran: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs("new", 1)
    outputs("base", 2)
    with beside() as emulator:
        locked(ran, emulator)
        (tmp_path / "elsewhere").mkdir()
        for name in ("new.json", "base.json", "out.jsonl", LOCK):
            Path(name).rename(tmp_path / "elsewhere" / name)
        assert ran("verify", f"elsewhere/{LOCK}", *judge(emulator)).code == 0


def test_what_is_wrong_with_a_lock_is_one_clear_line(ran: Call) -> None:
    Path("no.json").write_text("{}")
    assert "no.json is no lock" in refused(ran("verify", "no.json", "--offline", "-q"))
    assert "cannot be read" in refused(ran("verify", "none.json", "--offline", "-q"))
    outputs("new", 1, 3)
    outputs("base", 2, 3)
    flags = ("new.json", "base.json", "-o", "out.jsonl", "-q", "--lock", LOCK)
    assert "instead of --server" in refused(
        ran("win-rate", *flags, "--server", "http://127.0.0.1:9", "--wait-judge", "0")
    )
    assert ran("win-rate", *flags, "--offline").code == 0
    assert "--max-flips is a share" in refused(ran("verify", LOCK, "--offline", "--max-flips", "x", "-q"))
    assert ran("verify", LOCK, "--offline", "-q").code == 0
