from queue import Empty

import pytest

from bridge.errors import BridgeError, StoreError
from bridge.store.jobs import GROUP_LIMIT, Job, JobQueue, Transaction


def _job() -> Job:
    def work(_: Transaction) -> None:
        raise AssertionError("nobody runs it here")

    return Job(work, lambda: None, lambda _: None)


def _put(queue: JobQueue, number: int, *, urgent: bool = False) -> list[Job]:
    jobs = [_job() for _ in range(number)]
    for job in jobs:
        queue.put(job, urgent=urgent)
    return jobs


def _put_patient(queue: JobQueue) -> Job:
    def work(_: Transaction) -> None:
        raise AssertionError("nobody runs it here")

    job = Job(work, lambda: None, lambda _: None, patient=True)
    queue.put(job)
    return job


def test_a_patient_job_comes_last_and_shares_a_group_with_nobody() -> None:
    queue = JobQueue()
    patient, other = _put_patient(queue), _put_patient(queue)
    usual, urgent = _put(queue, 2), _put(queue, 1, urgent=True)

    assert queue.gather() == ([*urgent, *usual], False)
    assert queue.gather() == ([patient], False)
    late = _put(queue, 1)
    assert queue.gather() == (late, False)
    queue.end()
    assert queue.gather() == ([other], False)
    assert queue.gather() == ([], True)


def test_urgent_jobs_overtake_all_others_and_each_kind_keeps_its_order() -> None:
    queue = JobQueue()
    early = _put(queue, 3)
    first = _put(queue, 2, urgent=True)
    late = _put(queue, 2)
    second = _put(queue, 2, urgent=True)

    assert queue.gather() == ([*first, *second, *early, *late], False)


def test_an_urgent_job_is_in_the_next_group_however_many_wait() -> None:
    queue = JobQueue()
    backlog = _put(queue, 10 * GROUP_LIMIT)
    assert queue.gather() == (backlog[:GROUP_LIMIT], False)
    (urgent,) = _put(queue, 1, urgent=True)

    assert queue.gather() == ([urgent, *backlog[GROUP_LIMIT : 2 * GROUP_LIMIT - 1]], False)


def test_the_end_comes_after_all_that_waits() -> None:
    queue = JobQueue()
    jobs = _put(queue, GROUP_LIMIT + 1)
    queue.end()

    assert queue.gather() == (jobs[:GROUP_LIMIT], False)
    assert queue.gather() == (jobs[GROUP_LIMIT:], True)


def test_an_end_with_nothing_before_it_is_an_empty_group() -> None:
    queue = JobQueue()
    queue.end()

    assert queue.gather() == ([], True)


def test_taking_without_waiting_says_when_nothing_is_there() -> None:
    queue = JobQueue()
    (job,) = _put(queue, 1)

    assert queue.get_nowait() is job
    with pytest.raises(Empty):
        queue.get_nowait()


def test_a_job_tells_its_caller_how_it_ended() -> None:
    told: list[BridgeError | None] = []
    good, bad = (Job(lambda _: None, lambda: told.append(None), told.append) for _ in range(2))
    bad.error = StoreError("full")
    good.report()
    bad.report()

    assert told == [None, bad.error]
