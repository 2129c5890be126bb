"""Which core does what: what is measured has one to itself, whatever loads and watches it is on another."""

import os
import platform
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psutil
from msgspec import Struct

CPU_CLOCK = 2  # in what clock_getcpuclockid(3) makes of a process id: the clock of all its threads' computing
LOOK_SECONDS = 1.0  # in which it is seen what else runs here


class Cores(Struct, frozen=True, kw_only=True):
    """``measured`` for servers, ``loading`` for everything else; the same where a machine has but one."""

    measured: int
    loading: int

    @property
    def apart(self) -> bool:
        """Tell whether the two are different."""
        return self.measured != self.loading


class Machine(Struct, frozen=True, kw_only=True):
    """What a reader of the figures wants to know; ``busy_before`` is per cent of all cores, used by other programs."""

    processor: str
    cores: int
    busy_before: float
    file_system: str
    python: str
    kernel: str

    @property
    def text(self) -> str:
        """Return it in a line."""
        return (
            f"{self.cores} x {self.processor}, {self.busy_before:.0f} % busy before the start; "
            f"Linux {self.kernel}, Python {self.python}, working on {self.file_system}"
        )


def choose_cores() -> Cores:
    """Take the first and the last core that this process may use."""
    allowed = sorted(os.sched_getaffinity(0))
    return Cores(measured=allowed[0], loading=allowed[-1])


@contextmanager
def on_core(core: int) -> Generator[None]:
    """Have this process, and those it starts meanwhile, run on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_seconds(pid: int) -> float:
    """Return the seconds that all threads of a process have computed, finer than the ticks of /proc."""
    return time.clock_gettime(~pid << 3 | CPU_CLOCK)


def resident_mib(pid: int) -> float:
    """Return the resident memory of a process in MiB."""
    return psutil.Process(pid).memory_info().rss / 2**20


def file_system(folder: Path) -> str:
    """Return the kind of file system that a folder is on."""
    mounts = [part for part in psutil.disk_partitions(all=True) if folder.is_relative_to(part.mountpoint)]
    return max(mounts, key=lambda part: len(part.mountpoint)).fstype if mounts else "unknown"


def describe_machine(folder: Path) -> Machine:
    """Look at the machine, and for a moment at what else it does."""
    models = [
        line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")
    ]
    return Machine(
        processor=models[0].partition(":")[2].strip() if models else platform.machine(),
        cores=psutil.cpu_count() or 1,
        busy_before=psutil.cpu_percent(LOOK_SECONDS),
        file_system=file_system(folder),
        python=platform.python_version(),
        kernel=platform.release(),
    )
