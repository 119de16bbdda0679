"""The log against a disk that forgets and fails: what was acknowledged is there, whatever happens."""

import asyncio
import errno
import os
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.receiver.durable_log import DurableLog, NotDurable, Record
from ingest.receiver.group_commit import GroupCommit, Overloaded
from ingest.receiver.segments import BEGINNING, read_contents, record_frame
from ingest.receiver.storage import Folder
from tests.receiver.faulty_storage import FaultyStorage

SEQUENCES = 10_000 if os.environ.get("PQL_TEST_FULL") else 600
ERRORS = (errno.ENOSPC, errno.EIO)

actions = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, 4)),
        st.tuples(st.just("write"), st.integers(1, 4)),
        st.tuples(st.just("seal"), st.just(0)),
        st.tuples(
            st.sampled_from(["create", "append", "sync", "rename", "sync_folder", "close"]), st.sampled_from(ERRORS)
        ),
        st.tuples(st.just("lose power"), st.integers(0, 99)),
    ),
    min_size=2,
    max_size=40,
)


def recovered(storage: FaultyStorage) -> list[bytes]:
    """What a loader would find in all segments."""
    found = [read_contents(data) for data in storage.segments().values()]
    return [record for contents in found if contents is not None for record in contents.records]


@settings(max_examples=SEQUENCES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(actions)
def test_C2_acknowledged_is_a_subset_of_what_is_found_after_any_faults(steps: list[tuple[str, int]]) -> None:
    storage, numbers, names = FaultyStorage(), count(), count()
    log = DurableLog(storage, lambda: f"{next(names):06d}", segment_bytes=120)
    acknowledged: set[bytes] = set()
    for action, detail in (*steps, ("lose power", 0)):
        if action == "write":
            group = [Record(b"record %d" % next(numbers), 1) for _ in range(detail)]
            try:
                log.write(group)
            except NotDurable:
                continue
            acknowledged.update(record.data for record in group)
        elif action == "seal":
            log.seal()
        elif action == "lose power":
            storage.failures.clear()
            storage.lose_power(lambda unsynced, share=detail: unsynced * share // 99)
            log = DurableLog(storage, lambda: f"{next(names):06d}", segment_bytes=120)
            found = recovered(storage)
            assert acknowledged <= set(found)
            assert len(found) == len(set(found)), "a record is in two places"
        else:
            storage.fail(action, detail)
    for name, data in storage.segments().items():
        contents = read_contents(data)
        if name.endswith(".sealed"):
            assert contents is not None
            assert contents.seal is not None
            assert contents.seal.records == len(contents.records) == contents.seal.items
            assert not contents.damaged_bytes


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("call", ["create", "append", "sync", "sync_folder"])
def test_C3_a_segment_that_failed_is_abandoned_never_synced_again_and_service_resumes(call: str, error: int) -> None:
    storage, names = FaultyStorage(), count()
    log = DurableLog(storage, lambda: f"{next(names):06d}")
    if call in ("append", "sync"):
        log.write([Record(b"before", 1)])
    first = set(storage.files)
    storage.fail(call, error)
    with pytest.raises(NotDurable):
        log.write([Record(b"refused", 1)])
    assert log.abandoned == 1
    assert not storage.open, "its lock is free for the loader"
    lengths = {file: len(storage.files[file].written) for file in first}
    log.write([Record(b"after", 1)])
    assert {file: len(storage.files[file].written) for file in first} == lengths, "nothing is added to it"
    storage.lose_power(lambda unsynced: 0)
    assert b"after" in recovered(storage)


def test_C3_no_request_is_acknowledged_from_the_first_failure_on_until_the_disk_takes_data_again() -> None:
    storage, names = FaultyStorage(), count()

    async def scenario() -> list[str]:
        commit = GroupCommit(DurableLog(storage, lambda: f"{next(names):06d}"))
        outcomes = []
        for number, failing in enumerate([False, True, True, False]):
            if failing:
                storage.fail("append" if number == 1 else "create", errno.ENOSPC)
            answers = await asyncio.gather(
                *(commit.append([Record(b"%d %d" % (number, request), 1)]) for request in range(5)),
                return_exceptions=True,
            )
            outcomes.append({type(answer).__name__ for answer in answers})
            assert commit.is_healthy is not failing
        await commit.close()
        return [" ".join(sorted(names)) for names in outcomes]

    assert asyncio.run(scenario()) == ["NoneType", "NotDurable", "NotDurable", "NoneType"]
    storage.lose_power(lambda unsynced: 0)
    found = recovered(storage)
    assert {b"%d %d" % (number, request) for number in (0, 3) for request in range(5)} <= set(found)


def test_concurrent_requests_share_a_sync_and_what_waits_is_bounded() -> None:
    storage, names = FaultyStorage(), count()

    async def scenario() -> None:
        commit = GroupCommit(DurableLog(storage, lambda: f"{next(names):06d}"), waiting_bytes=1000)
        await asyncio.gather(*(commit.append([Record(b"x" * 10, 1)]) for _ in range(100)))
        with pytest.raises(Overloaded):
            await commit.append([Record(b"x" * 1001, 1)])
        await commit.close()

    asyncio.run(scenario())
    assert storage.calls["sync"] <= 3
    assert len(recovered(storage)) == 100


def test_a_damaged_segment_gives_its_intact_prefix_and_says_what_was_acknowledged(tmp_path: Path) -> None:
    log = DurableLog(Folder(tmp_path), lambda: "one")
    log.write([Record(b"a" * 50, 1), Record(b"b" * 50, 7), Record(b"c" * 50, 2)])
    log.seal()
    intact = (tmp_path / "one.sealed").read_bytes()
    whole = read_contents(intact)
    assert whole is not None
    assert whole.seal is not None
    assert (whole.seal.records, whole.seal.items, whole.damaged_bytes) == (3, 10, 0)
    first, second = len(BEGINNING), len(BEGINNING) + len(record_frame(b"a" * 50))
    for position in range(first, len(intact)):
        damaged = bytearray(intact)
        damaged[position] ^= 0x40
        contents = read_contents(bytes(damaged))
        assert contents is not None
        assert contents.records == whole.records[: len(contents.records)], "only what is intact"
        assert contents.damaged_bytes > 0
        if second <= position < second + len(record_frame(b"b" * 50)):
            assert contents.records == (b"a" * 50,)
            assert contents.seal == whole.seal
    for length in range(first, len(intact)):
        contents = read_contents(intact[:length])
        assert contents is not None
        assert contents.seal is None
