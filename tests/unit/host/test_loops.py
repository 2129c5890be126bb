"""The event loop of each platform, and what serves where it was not built."""

import asyncio
import types
from collections.abc import Callable, Iterator

import pytest
import structlog
import uvloop
from structlog.testing import capture_logs

from bridge.host import loop_factory, run


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()


def importer(**modules: Callable[[], asyncio.AbstractEventLoop]) -> Callable[[str], types.ModuleType]:
    def load(name: str) -> types.ModuleType:
        if name not in modules:
            raise ImportError(
                f"DLL load failed while importing {name}: The specified module could not be found."
            )
        module = types.ModuleType(name)
        vars(module)["new_event_loop"] = modules[name]
        return module

    return load


async def _which_loop() -> type[asyncio.AbstractEventLoop]:
    return type(asyncio.get_running_loop())


def test_the_program_runs_on_uvloop_and_its_result_comes_back() -> None:
    assert run(_which_loop, platform="linux") is uvloop.Loop


def test_windows_has_winloop() -> None:
    made: list[asyncio.AbstractEventLoop] = []

    def new_event_loop() -> asyncio.AbstractEventLoop:
        made.append(uvloop.new_event_loop())
        return made[-1]

    assert run(_which_loop, platform="win32", importer=importer(winloop=new_event_loop)) is uvloop.Loop
    assert len(made) == 1
    assert made[0].is_closed()


@pytest.mark.parametrize(("platform", "name"), [("linux", "uvloop"), ("win32", "winloop")])
def test_where_the_fast_loop_was_not_built_the_standard_one_serves_and_the_log_says_so(
    platform: str, name: str
) -> None:
    with capture_logs() as logged:
        loop = run(_which_loop, platform=platform, importer=importer())

    assert loop is asyncio.SelectorEventLoop
    assert [(line["event"], line["loop"], line["log_level"]) for line in logged] == [
        ("the fast event loop cannot be used, the standard one serves", name, "warning")
    ]
    assert name in logged[0]["problem"]


def test_a_command_without_a_log_prints_nothing_about_the_loop(capsys: pytest.CaptureFixture[str]) -> None:
    loop_factory("linux", importer())

    assert capsys.readouterr() == ("", "")


def test_an_error_of_the_program_comes_through() -> None:
    async def main() -> int:
        raise RuntimeError("as it should")

    with pytest.raises(RuntimeError, match="as it should"):
        run(main, platform="linux")
