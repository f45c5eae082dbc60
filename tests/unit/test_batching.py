"""What is asked in one turn of the event loop is one operation."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from judge_service.backends.batching import Batches


class Squares:
    """Squares numbers, as soon as it is let; every operation is written down."""

    def __init__(self) -> None:
        self.operations: list[list[int]] = []
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    async def carry(self, numbers: list[int]) -> list[int]:
        self.operations.append(numbers)
        await self.may_go_on.wait()
        return [n * n for n in numbers]


@given(
    st.lists(st.lists(st.integers(0, 99), min_size=1, max_size=9), max_size=30), st.integers(1, 12), st.integers(1, 3)
)
def test_everyone_gets_the_answers_to_their_own_questions(callers: list[list[int]], most: int, lanes: int):
    async def ask() -> None:
        squares = Squares()
        batches = Batches(squares.carry, most, lanes)
        found = await asyncio.gather(*(batches.ask(numbers) for numbers in callers))
        assert found == [[n * n for n in numbers] for numbers in callers]
        asked = [n for numbers in squares.operations for n in numbers]
        assert asked == [n for numbers in callers for n in numbers]
        assert all(0 < len(operation) <= most for operation in squares.operations)
        await batches.settled()

    asyncio.run(ask())


async def test_one_turn_is_one_operation_and_the_next_turn_another():
    squares = Squares()
    batches = Batches(squares.carry, 100)
    await asyncio.gather(*(batches.ask([n]) for n in range(10)))
    await batches.ask([10])
    assert squares.operations == [list(range(10)), [10]]


async def test_what_is_asked_while_all_lanes_are_taken_gathers():
    squares = Squares()
    batches = Batches(squares.carry, 100, lanes=2)
    squares.may_go_on.clear()
    callers = []
    for n in range(6):
        callers.append(asyncio.create_task(batches.ask([n])))
        await asyncio.sleep(0.001)
    assert squares.operations == [[0], [1]]
    squares.may_go_on.set()
    await asyncio.gather(*callers)
    assert squares.operations == [[0], [1], [2, 3, 4, 5]]


async def test_what_weighs_much_goes_in_several_operations():
    squares = Squares()
    batches = Batches(squares.carry, 10)
    await asyncio.gather(*(batches.ask([n], weight) for n, weight in enumerate([4, 4, 4, 40, 1, 1])))
    assert squares.operations == [[0, 1], [2], [3], [4, 5]]


async def test_a_cancelled_caller_changes_nothing_for_the_others():
    squares = Squares()
    batches = Batches(squares.carry, 100)
    squares.may_go_on.clear()
    callers = [asyncio.create_task(batches.ask([n])) for n in range(4)]
    await asyncio.sleep(0)
    callers[0].cancel()
    await asyncio.sleep(0.001)
    callers[2].cancel()
    squares.may_go_on.set()
    found = await asyncio.gather(*callers, return_exceptions=True)
    assert [found[1], found[3]] == [[1], [9]]
    assert squares.operations == [[0, 1, 2, 3]]


async def test_settled_waits_for_what_was_asked():
    squares = Squares()
    batches = Batches(squares.carry, 1)
    squares.may_go_on.clear()
    callers = [asyncio.create_task(batches.ask([n])) for n in range(3)]
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(0.01, squares.may_go_on.set)
    await batches.settled()
    assert squares.operations == [[0], [1], [2]]
    await asyncio.gather(*callers)
