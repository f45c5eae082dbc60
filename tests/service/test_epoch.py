"""A judge that changes behind its name, on a real server: nothing of the old one is served for the new one."""

from pathlib import Path

import pytest

from judge_service.domain.cases import Candidate, Case
from judge_service.domain.options import options_from
from judge_service.emulator.behaviour import Behaviour
from judge_service.emulator.server import Emulator
from judge_service.errors import JudgeChanged
from judge_service.settings import Settings, read_settings
from judge_service.wiring import open_service

PAIR = Case("c", "Which?", (Candidate("a", "One (worth 7.0)"), Candidate("b", "Two (worth 3.0)")))


def settings_for(emulator: Emulator, cache: Path) -> Settings:
    judge = {"url": [emulator.url], "model": "emulator", "canary_seconds": 1e-6}
    told = {"judges": {"default": judge}, "cache": {"url": f"sqlite:///{cache}"}}
    return read_settings(told, environ={}, file=None)


async def test_swapped_preferences_open_an_epoch_and_no_old_verdict_is_served(tmp_path: Path) -> None:
    async with Emulator(Behaviour()) as emulator, open_service(settings_for(emulator, tmp_path / "c.db")) as service:
        sitting = service.sitting("compare", options_from({}, "compare"))
        before = await sitting.judge(PAIR)
        assert (before.verdict.winner, (await sitting.judge(PAIR)).usage.cache_hits) == ("a", 2)
        emulator.configure(flip=True)
        await service.judges["default"].watch()
        after = await sitting.judge(PAIR)
    assert after.verdict.winner == "b"
    assert after.usage.cache_hits == 0
    assert [j.provenance.judges[0].epoch for j in (before, after)] == [0, 1]
    assert before.run_digest != after.run_digest


async def test_the_epoch_outlives_the_process(tmp_path: Path) -> None:
    async with Emulator(Behaviour()) as emulator:
        settings = settings_for(emulator, tmp_path / "c.db")
        async with open_service(settings) as service:
            emulator.configure(flip=True)
            await service.judges["default"].watch()
        async with open_service(settings) as service:
            assert service.judges["default"].identity.epoch == 1


async def test_a_pinned_judge_that_has_changed_is_refused(tmp_path: Path) -> None:
    async with Emulator(Behaviour()) as emulator, open_service(settings_for(emulator, tmp_path / "c.db")) as service:
        pin = service.judges["default"].identity.digest
        sitting = service.sitting("compare", options_from({"judge_digest": pin}, "compare"))
        assert (await sitting.judge(PAIR)).status == "judged"
        emulator.configure(flip=True)
        await service.judges["default"].watch()
        with pytest.raises(JudgeChanged):
            await sitting.judge(PAIR)


async def test_a_judge_that_always_thinks_is_asked_by_cot(tmp_path: Path) -> None:
    thinking = Behaviour(thinking="always")
    async with Emulator(thinking) as emulator, open_service(settings_for(emulator, tmp_path / "c.db")) as service:
        judgment = await service.sitting("compare", options_from({}, "compare")).judge(PAIR)
    assert (judgment.status, judgment.provenance.method, judgment.verdict.winner) == ("judged", "cot", "a")
