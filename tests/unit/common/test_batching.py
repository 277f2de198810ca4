from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence

import pytest

from services.common.errors import AtCapacity, Defect, StageFailed
from services.common.neural.batching import Batcher, Item, Limits
from services.common.telemetry import tracing

PATIENT = Limits(wait_ms=2000)  # no test takes so long: its batches are full, or have all who are expected


class Doubling:
    """Doubles numbers. While it is held, a batch on it goes on."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self._free = threading.Event()
        self._free.set()
        self._began = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def __call__(self, asked: Sequence[int]) -> Sequence[int]:
        self.batches.append(list(asked))
        self._loop.call_soon_threadsafe(self._began.set)
        assert self._free.wait(10)
        return [2 * number for number in asked]

    def hold(self) -> None:
        self._free.clear()
        self._began.clear()

    def go_on(self) -> None:
        self._free.set()

    async def held(self) -> None:
        """Returns once a batch is on it."""
        await self._began.wait()


@pytest.fixture
async def doubling() -> Doubling:
    return Doubling()


async def turns(count: int = 3) -> None:
    """Lets the loop come round."""
    for _ in range(count):
        await asyncio.sleep(0)


async def asked(batcher: Batcher[int, int], *items: Item[int]) -> list[int | BaseException]:
    return await asyncio.gather(*(batcher.submit(item) for item in items), return_exceptions=True)


async def test_each_gets_its_own_answer_and_what_comes_together_is_computed_together(doubling: Doubling) -> None:
    async with Batcher("mt.encode", doubling, PATIENT) as batcher:
        assert await asked(batcher, *(Item(n, session=n) for n in range(10))) == [2 * n for n in range(10)]
    assert doubling.batches == [list(range(10))]


async def test_one_by_itself_goes_at_once_every_time(doubling: Doubling) -> None:
    async with Batcher("mt.encode", doubling, PATIENT) as batcher:
        for n in range(5):
            assert await batcher.submit(Item(n)) == 2 * n
    assert doubling.batches == [[0], [1], [2], [3], [4]]


async def test_while_the_device_computes_the_next_batch_gathers(doubling: Doubling) -> None:
    doubling.hold()
    async with Batcher("mt.encode", doubling, Limits(wait_ms=0)) as batcher, asyncio.TaskGroup() as group:
        group.create_task(batcher.submit(Item(0)))
        await doubling.held()
        later = [group.create_task(batcher.submit(Item(n))) for n in (1, 2, 3)]
        await turns()
        doubling.go_on()
    assert doubling.batches == [[0], [1, 2, 3]]
    assert [task.result() for task in later] == [2, 4, 6]


async def test_sessions_that_ask_again_and_again_stay_together(doubling: Doubling) -> None:
    async def session(batcher: Batcher[int, int], number: int) -> None:
        for _ in range(10 if number else 11):
            assert await batcher.submit(Item(number, session=number)) == 2 * number

    doubling.hold()
    async with Batcher("mt.encode", doubling, PATIENT) as batcher, asyncio.TaskGroup() as group:
        group.create_task(session(batcher, 0))
        await doubling.held()  # the others come while the first computes, as by chance
        for number in range(1, 8):
            group.create_task(session(batcher, number))
        await turns()
        doubling.go_on()
    assert [len(batch) for batch in doubling.batches] == [1, *[8] * 10]


async def test_company_that_does_not_come_is_not_waited_for_forever(doubling: Doubling) -> None:
    async with Batcher("mt.encode", doubling, Limits(wait_ms=5)) as batcher:
        await asked(batcher, Item(1, "a"), Item(2, "b"))
        assert await batcher.submit(Item(3, "a")) == 6


async def test_a_final_overtakes_the_partials_that_wait(doubling: Doubling) -> None:
    doubling.hold()
    async with Batcher("mt.encode", doubling, Limits(1)) as batcher, asyncio.TaskGroup() as group:
        group.create_task(batcher.submit(Item(0)))
        await doubling.held()
        for n in (1, 2):
            group.create_task(batcher.submit(Item(n, urgent=False)))
        group.create_task(batcher.submit(Item(3)))
        await turns()
        doubling.go_on()
    assert doubling.batches == [[0], [3], [1], [2]]


async def test_what_is_cancelled_before_its_batch_goes_is_never_computed(doubling: Doubling) -> None:
    doubling.hold()
    async with Batcher("mt.encode", doubling, Limits(wait_ms=0)) as batcher, asyncio.TaskGroup() as group:
        group.create_task(batcher.submit(Item(0)))
        await doubling.held()
        gone, stays = (group.create_task(batcher.submit(Item(n))) for n in (1, 2))
        await turns()
        gone.cancel()
        await turns()
        doubling.go_on()
    assert doubling.batches == [[0], [2]]
    assert stays.result() == 4


async def test_the_device_is_taken_until_the_work_ends_though_nobody_waits_for_it(doubling: Doubling) -> None:
    doubling.hold()
    async with Batcher("mt.encode", doubling, Limits(wait_ms=0)) as batcher, asyncio.TaskGroup() as group:
        gone = group.create_task(batcher.submit(Item(0)))
        await doubling.held()
        gone.cancel()
        next_ = group.create_task(batcher.submit(Item(1)))
        await turns(20)
        assert doubling.batches == [[0]]
        assert not next_.done()
        doubling.go_on()
    assert doubling.batches == [[0], [1]]


def failing_on(bad: Callable[[Sequence[int]], Exception | None]) -> tuple[list[int], Callable[..., Sequence[int]]]:
    sizes: list[int] = []

    def compute(batch: Sequence[int]) -> Sequence[int]:
        sizes.append(len(batch))
        if error := bad(batch):
            raise error
        return [2 * number for number in batch]

    return sizes, compute


async def test_one_bad_item_fails_alone() -> None:
    sizes, compute = failing_on(lambda batch: KeyError(5) if 5 in batch else None)
    async with Batcher("mt.encode", compute) as batcher:
        answers = await asked(batcher, *(Item(n) for n in range(8)))
    assert [repr(answer) for answer in answers] == ["0", "2", "4", "6", "8", "KeyError(5)", "12", "14"]
    assert sizes == [8, 4, 4, 2, 1, 1, 2]


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("Failed to allocate memory for requested buffer")])
async def test_what_is_too_much_for_the_devices_memory_is_computed_in_parts(error: Exception) -> None:
    sizes, compute = failing_on(lambda batch: error if len(batch) > 4 else None)
    async with Batcher("mt.encode", compute) as batcher:
        assert await asked(batcher, *(Item(n) for n in range(16))) == [2 * n for n in range(16)]
    assert sizes == [16, 8, 4, 4, 8, 4, 4]


async def test_a_failure_of_everything_reaches_everyone_and_the_next_batch_is_computed() -> None:
    broken = [True]
    _, compute = failing_on(lambda batch: OSError("lost the device") if broken[0] else None)
    async with Batcher("mt.encode", compute) as batcher:
        answers = await asked(batcher, *(Item(n) for n in range(5)))
        assert [type(answer) for answer in answers] == [OSError] * 5
        broken[0] = False
        assert await batcher.submit(Item(1)) == 2


async def test_an_answer_that_is_an_exception_fails_its_item() -> None:
    def compute(batch: Sequence[int]) -> Sequence[int | Exception]:
        return [ValueError(number) if number == 2 else number for number in batch]

    async with Batcher("mt.encode", compute) as batcher:
        answers = await asyncio.gather(*(batcher.submit(Item(n)) for n in (1, 2, 3)), return_exceptions=True)
    assert [repr(answer) for answer in answers] == ["1", "ValueError(2)", "3"]


@pytest.mark.parametrize(
    ("raised", "expected"),
    [(StopIteration(), Defect), (SystemExit(3), StageFailed), (KeyboardInterrupt(), StageFailed)],
)
async def test_even_what_no_future_takes_reaches_everyone(
    raised: BaseException, expected: type[Exception], doubling: Doubling
) -> None:
    broken = [True]

    def compute(batch: Sequence[int]) -> Sequence[int]:
        if broken[0]:
            raise raised
        return doubling(batch)

    async with Batcher("mt.encode", compute) as batcher:
        answers = await asked(batcher, Item(1), Item(2))
        assert [type(answer) for answer in answers] == [expected, expected]
        broken[0] = False
        assert await batcher.submit(Item(1)) == 2


async def test_too_few_answers_are_a_fault_and_never_somebody_elses() -> None:
    def compute(batch: Sequence[int]) -> Sequence[int]:
        return batch[:1] if len(batch) > 1 else []

    async with Batcher("mt.encode", compute) as batcher:
        answers = await asked(batcher, Item(1), Item(2))
    assert [getattr(answer, "code", None) for answer in answers] == ["BATCH_ANSWERS"] * 2


async def test_a_fault_of_our_own_reaches_everyone_too(monkeypatch: pytest.MonkeyPatch, doubling: Doubling) -> None:
    class Broken:
        def start_span(self, *_: object, **__: object) -> None:
            raise OSError("the exporter is broken")

    monkeypatch.setattr(tracing, "tracer", Broken())
    async with Batcher("mt.encode", doubling, Limits(1)) as batcher:
        answers = await asked(batcher, Item(1), Item(2), Item(3))
    assert [type(answer) for answer in answers] == [OSError] * 3


async def test_a_full_queue_sheds_and_says_when_to_come_back(doubling: Doubling) -> None:
    doubling.hold()
    limits = Limits(wait_ms=0, queue_items=2)
    async with Batcher("mt.encode", doubling, limits) as batcher, asyncio.TaskGroup() as group:
        group.create_task(batcher.submit(Item(0)))
        await doubling.held()
        for n in (1, 2):
            group.create_task(batcher.submit(Item(n)))
        await turns()
        with pytest.raises(AtCapacity) as refused:
            await batcher.submit(Item(3))
        assert (refused.value.code, refused.value.stage) == ("BATCH_QUEUE_FULL", "MT")
        assert refused.value.retry_after_ms
        doubling.go_on()
    assert doubling.batches == [[0], [1, 2]]


async def test_a_stop_fails_what_waits_and_lets_the_batch_on_the_device_end(doubling: Doubling) -> None:
    doubling.hold()
    batcher = Batcher("mt.encode", doubling)
    await batcher.start()
    async with asyncio.TaskGroup() as group:
        computed = group.create_task(batcher.submit(Item(0)))
        await doubling.held()
        waits = group.create_task(asked(batcher, Item(1)))
        await turns()
        stopping = group.create_task(batcher.stop())
        (failure,) = await waits
        assert isinstance(failure, StageFailed)
        assert failure.code == "BATCHER_STOPPED"
        assert not stopping.done()
        doubling.go_on()
    assert computed.result() == 0
    with pytest.raises(StageFailed, match="not running"):
        await batcher.submit(Item(2))
    assert doubling.batches == [[0]]


async def test_who_never_started_it_is_told(doubling: Doubling) -> None:
    with pytest.raises(StageFailed, match="not running"):
        await Batcher("mt.encode", doubling).submit(Item(1))
