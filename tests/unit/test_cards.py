"""What is learnt of judges while they judge, and how processes share it."""

import numpy as np
import pytest

from judge_service.backends.stores import MemoryStore
from judge_service.cards.book import Cards
from judge_service.cards.section import MOST_AUDITS, CardKey
from judge_service.domain.cards import Calibration
from judge_service.domain.verdicts import Failure, Vote
from judge_service.evaluation.audits.position import Audited
from judge_service.statistics.position import Audit

KEY = CardKey("judge-1", "rubric-1", "prompt-1")
NAMES = {"judge": "default", "model": "m", "rubric": "r"}
RULED_OUT = Failure("unreadable", "no label")


def pairs(count: int, bias: float = 1.0, seed: int = 0) -> list[Audited]:
    rng = np.random.default_rng(seed)
    told = []
    for _ in range(count):
        margin, own = 2.5 * rng.normal(), bias + 0.5 * rng.normal()
        told.append(Audited(Audit(margin + own, own - margin, bool(rng.random() < 0.5)), ""))
    return told


def taught(cards: Cards, count: int, bias: float = 1.0, seed: int = 0, key: CardKey = KEY) -> None:
    for i, pair in enumerate(pairs(count, bias, seed)):
        cards.learn(key, NAMES, f"{seed}-{i}", pair)


def test_an_estimate_comes_with_500_audits_and_anew_when_there_are_twice_as_many():
    cards = Cards()
    taught(cards, 499)
    assert (cards.section(KEY).estimate, cards.generation) == (None, 0)
    taught(cards, 1, seed=1)
    first = cards.section(KEY).estimate
    assert (first.audited, cards.generation) == (500, 1)
    assert first.bias == pytest.approx(1.0, abs=0.1)
    taught(cards, 499, seed=2)
    assert cards.section(KEY).estimate is first
    taught(cards, 1, seed=3)
    assert cards.section(KEY).estimate.audited == 1_000
    assert cards.named(KEY, first.version) == first


def test_a_drift_ends_the_estimate_and_is_told_once(caplog):
    cards = Cards()
    taught(cards, 500)
    version = cards.section(KEY).estimate.version
    taught(cards, 60, bias=2.0, seed=1)
    section = cards.section(KEY)
    assert section.estimate is None
    assert section.drift.version == version
    assert section.drift.moved == pytest.approx(1.0, abs=0.5)
    assert (cards.drifts, len(caplog.records)) == ({"default": 1}, 1)
    assert len(section.audited) < 100
    taught(cards, 500, bias=2.0, seed=2)
    assert section.estimate.bias == pytest.approx(2.0, abs=0.15)
    assert section.drift is None


def test_a_judge_that_stays_as_it_was_is_not_said_to_drift():
    cards = Cards()
    taught(cards, 2_000)
    assert cards.drifts == {}


def test_another_epoch_begins_with_an_empty_card():
    cards = Cards()
    taught(cards, 500)
    assert cards.section(KEY._replace(judge="judge-1 at epoch 1")).estimate is None


def test_only_the_newest_audits_are_kept():
    cards = Cards()
    taught(cards, MOST_AUDITS + 10)
    assert len(cards.section(KEY).audited) == MOST_AUDITS
    assert "0-0" not in cards.section(KEY).audited
    assert f"0-{MOST_AUDITS}" in cards.section(KEY).audited


def test_of_a_full_card_a_few_cases_are_taken_in_still():
    cards = Cards()
    assert cards.takes(KEY, "new", 999)
    taught(cards, MOST_AUDITS)
    taken = [lot for lot in range(1_000) if cards.takes(KEY, "new", lot)]
    assert 20 <= len(taken) <= 50
    assert not cards.takes(KEY, "0-1", taken[0])


async def test_what_is_kept_is_what_another_process_finds():
    store = MemoryStore()
    cards = Cards(store)
    taught(cards, 520)
    cards.calibrate(KEY, NAMES, "direct", Calibration("cal_1", 1.5, 300, 300, 0.2, 0.02))
    cards.count(KEY, NAMES, [Vote("j", "pair", "direct", ("a", "b"), label_mass=0.5)] * 3)
    await cards.keep()
    other = Cards(store)
    await other.load(["judge-1"])
    mine, found = cards.section(KEY), other.section(KEY)
    assert found.estimate == mine.estimate
    assert found.calibrations == mine.calibrations
    assert list(found.audited) == list(mine.audited)
    assert (found.tally.votes, found.tally.mass) == (3, 1.5)


async def test_two_processes_learn_together_and_count_nothing_twice():
    store = MemoryStore()
    one, other = Cards(store), Cards(store)
    vote = Vote("j", "pair", "direct", ("a", "b"), failure=RULED_OUT)
    for cards, seed in ((one, 1), (other, 2), (one, 3), (other, 4)):
        taught(cards, 100, seed=seed)
        cards.count(KEY, NAMES, [vote])
        await cards.keep()
    await one.load(["judge-1"])
    for cards in (one, other):
        assert len(cards.section(KEY).audited) == 400
        assert (cards.section(KEY).tally.votes, cards.section(KEY).tally.failures) == (4, 4)


async def test_a_drift_that_one_process_saw_holds_for_all():
    store = MemoryStore()
    one, other = Cards(store), Cards(store)
    taught(one, 500)
    await one.keep()
    await other.load(["judge-1"])
    before = other.generation
    taught(one, 60, bias=2.0, seed=1)
    await one.keep()
    await other.load(["judge-1"])
    assert other.section(KEY).estimate is None
    assert other.generation > before
    assert len(other.section(KEY).audited) == len(one.section(KEY).audited) < 100


async def test_a_card_that_cannot_be_read_is_begun_anew():
    store = MemoryStore()
    cards = Cards(store)
    taught(cards, 10)
    await cards.keep()
    (place,) = store._entries
    await store.put_many({place: b'[["rubric-1", "prompt-1", {"names": {}}]]'})
    other = Cards(store)
    await other.load(["judge-1"])
    assert other.section(KEY).audited == {}


def test_a_run_that_goes_on_knows_its_estimate_from_its_own_record():
    cards = Cards()
    taught(cards, 500)
    estimate = cards.section(KEY).estimate
    elsewhere = Cards()
    assert elsewhere.named(KEY, estimate.version) is None
    elsewhere.know([estimate])
    assert elsewhere.named(KEY, estimate.version) == estimate
