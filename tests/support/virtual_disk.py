"""The outbox's file without its thread: commits take virtual time, so that a kill can fall anywhere in one.

A thread of its own would finish a commit earlier in one run than in the next; here the same history always ends
alike.
"""

import asyncio
from typing import Self

from bridge.store import Store
from bridge.store.database import open_database
from bridge.store.group import Commit, Group
from bridge.store.jobs import Job


class Disk:
    """How many virtual seconds a commit takes: half until it is durable, half until the daemon knows."""

    def __init__(self) -> None:
        self.seconds = 0.001


class VirtualStore(Store):
    """A ``Store`` on the event loop. ``take_over`` makes one of a store that is not open yet."""

    disk: Disk
    _group: Group
    _turning: bool
    _lost: bool

    @classmethod
    def take_over(cls, store: Store, disk: Disk) -> "VirtualStore":
        """Turn a store that others know already into a virtual one."""
        store.__class__ = cls
        assert isinstance(store, cls)
        store.disk, store._turning, store._lost = disk, False, False
        return store

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._connection = open_database(self._path)
        self._connection.execute("PRAGMA synchronous = OFF")  # the machine does not fail, only the process
        self._group = Group(self._connection)
        return self

    async def __aexit__(self, *_: object) -> None:
        while self.busy:  # noqa: ASYNC110 -- virtual time does not mind
            await asyncio.sleep(self.disk.seconds)
        self.lose()

    def lose(self) -> None:
        """Die: what is not committed by now never will be."""
        self._closed = self._lost = True
        if self._connection is not None:
            self._connection.close()

    def _put(self, job: Job, *, urgent: bool = False) -> None:
        super()._put(job, urgent=urgent)
        self._turn()

    def _turn(self) -> None:
        if self._waiting and not self._turning and not self._lost:
            assert self._loop is not None
            self._turning = True
            self._loop.call_later(self.disk.seconds / 2, self._commit)

    def _commit(self) -> None:
        if not self._lost:
            assert self._loop is not None
            jobs, _ = self._jobs.gather()
            self._loop.call_later(self.disk.seconds / 2, self._tell, jobs, self._group.commit(jobs))

    def _tell(self, jobs: list[Job], commit: Commit) -> None:
        if not self._lost:
            self._report(jobs, commit)
            self._turning = False
            self._turn()
