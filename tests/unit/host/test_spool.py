import io
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import TextIO, cast

import msgspec
import pytest

from bridge.host.spool import Spool, spooled_stderr
from bridge.logs import configure, get
from tests.support.root_logging import restored


class HeldUp(io.StringIO):
    """A stream whose reader has stopped: who writes to it waits until the reader goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Event()
        self.goes_on = threading.Event()

    def write(self, text: str) -> int:
        self.asked.set()
        assert self.goes_on.wait(10), "the reader never went on"
        return super().write(text)


class FullDisk(io.StringIO):
    full = True

    def write(self, text: str) -> int:
        if self.full:
            raise OSError(28, "No space left on device")
        return super().write(text)


def run(program: str, *, stderr: int) -> subprocess.CompletedProcess[bytes]:
    """Run a program whose own stderr has a buffer, as it has for users."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        [sys.executable, "-c", program], stderr=stderr, env=environment, check=False, timeout=20
    )


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    with restored():
        yield


@pytest.fixture
def held_up() -> Iterator[HeldUp]:
    stream = HeldUp()
    yield stream
    stream.goes_on.set()


def test_what_is_written_comes_out_in_its_order() -> None:
    stream = io.StringIO()
    spool = Spool(stream)
    lines = [f"line {number}\n" for number in range(5000)]
    for line in lines:
        spool.write(line)
    assert spool.finish()
    assert stream.getvalue() == "".join(lines)


def test_threads_do_not_tear_each_other_s_lines() -> None:
    stream = io.StringIO()
    spool = Spool(stream)
    names = ("loop", "store", "other")

    def say(name: str) -> None:
        for _ in range(500):
            spool.write(f"{name}\n")

    threads = [threading.Thread(target=say, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spool.finish()
    assert sorted(stream.getvalue().split()) == sorted(names * 500)


def test_nobody_waits_for_a_reader_who_has_stopped_and_nothing_is_lost(held_up: HeldUp) -> None:
    spool = Spool(held_up)
    spool.write("first\n")
    assert held_up.asked.wait(10)
    spool.write("second\n")
    spool.write("third\n")
    assert held_up.getvalue() == ""
    held_up.goes_on.set()
    assert spool.finish()
    assert held_up.getvalue() == "first\nsecond\nthird\n"


def test_what_is_too_much_meanwhile_is_left_out_and_counted_when_the_reader_goes_on(held_up: HeldUp) -> None:
    spool = Spool(held_up, most=2)
    configure(level="info", format="json", secrets=(), stream=cast(TextIO, spool))
    spool.write("first\n")
    assert held_up.asked.wait(10)
    for letter in "abcde":
        spool.write(f"{letter}\n")
    assert not spool.finish(0.01)
    held_up.goes_on.set()
    spool._thread.join(10)
    assert len(held_up.getvalue().splitlines()) == 4
    spool.write("and on\n")

    first, one, another, said, last = held_up.getvalue().splitlines()
    assert (first, one, another, last) == ("first", "a", "b", "and on")
    told = msgspec.json.decode(said)
    assert (told["event"], told["lines"]) == ("log lines left out, nobody read them", 3)


def test_a_logger_that_finds_no_thread_any_more_still_logs(held_up: HeldUp) -> None:
    spool = Spool(held_up, most=1)
    configure(level="info", format="json", secrets=(), stream=cast(TextIO, spool))
    held_up.goes_on.set()
    assert spool.finish()
    spool._left_out = 1
    get("late").info("one")
    get("late").info("two")
    assert [msgspec.json.decode(line)["event"] for line in held_up.getvalue().splitlines()] == ["one", "two"]


def test_text_that_cannot_be_written_is_lost_alone() -> None:
    disk = FullDisk()
    spool = Spool(disk)
    spool.write("lost\n")
    spool.finish()
    disk.full = False
    spool.write("kept\n")
    assert disk.getvalue() == "kept\n"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_without_its_thread_it_writes_by_itself() -> None:
    class Broken(FullDisk):
        def write(self, text: str) -> int:
            if self.full:
                raise RuntimeError("not what a stream raises")
            return super().write(text)

    stream = Broken()
    spool = Spool(stream)
    spool.write("lost\n")
    spool._thread.join(10)
    stream.full = False
    spool.write("kept\n")
    assert stream.getvalue() == "kept\n"


def test_bytes_are_refused_before_they_reach_the_thread() -> None:
    stream = io.StringIO()
    spool = Spool(stream)
    with pytest.raises(TypeError, match="not bytes"):
        spool.write(cast(str, b"as click tries it"))
    spool.write("more\n")
    spool.finish()
    assert stream.getvalue() == "more\n"


def test_nothing_to_write_ends_nothing() -> None:
    stream = io.StringIO()
    spool = Spool(stream)
    spool.write("")
    spool.write("more\n")
    spool.finish()
    assert stream.getvalue() == "more\n"


def test_the_end_does_not_wait_for_a_reader_who_has_stopped(held_up: HeldUp) -> None:
    spool = Spool(held_up)
    spool.write("nobody reads this\n")
    assert held_up.asked.wait(10)
    assert not spool.finish(0.01)
    assert not spool.finish(1_000.0)
    spool.write("nor this, and it keeps nobody\n")


def test_it_tells_whether_a_person_reads_along() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    assert Spool(Terminal()).isatty()
    assert not Spool(io.StringIO()).isatty()


def test_stderr_is_as_it_was_afterwards(capfd: pytest.CaptureFixture[str]) -> None:
    before = sys.stderr
    with spooled_stderr():
        assert sys.stderr is not before
        sys.stderr.write("meanwhile\n")
    assert sys.stderr is before
    assert capfd.readouterr().err == "meanwhile\n"


def test_a_stream_that_is_no_file_serves_too(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with spooled_stderr():
        sys.stderr.write("meanwhile\n")
    assert stream.getvalue() == "meanwhile\n"


def test_characters_come_out_as_stderr_had_them() -> None:
    program = (
        "import sys\n"
        "from bridge.host.spool import spooled_stderr\n"
        "sys.stderr.reconfigure(encoding='latin-1', errors='backslashreplace')\n"
        "with spooled_stderr():\n"
        "    print('Zoë drives → north', file=sys.stderr)\n"
    )
    done = run(program, stderr=subprocess.PIPE)
    assert done.stderr == "Zoë drives \\u2192 north".encode("latin-1") + os.linesep.encode()


def test_a_process_whose_reader_has_stopped_for_good_ends_as_it_would() -> None:
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    try:
        while True:
            os.write(write_end, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(write_end, True)
    program = (
        "import sys, click\n"
        "from bridge.host.spool import spooled_stderr\n"
        "with spooled_stderr():\n"
        "    print('nobody reads this', file=sys.stderr)\n"
        "click.echo('nor this', err=True)\n"
        "sys.exit(3)\n"
    )
    try:
        done = run(program, stderr=write_end)
    finally:
        os.close(write_end)
        os.close(read_end)
    assert done.returncode == 3
