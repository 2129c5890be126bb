"""The stream of the status page: shared frames, changes alone, and nothing while nobody looks."""

import asyncio
from typing import Any

import pytest

from bridge.admin.live import HEARTBEAT, HEARTBEAT_EVERY, MOST_WATCHERS, PERIOD, SLICE, Frame, Live, Watcher
from bridge.admin.picture import PANICKING, STALE, Picture
from tests.support.pictures import LONG, Scene, events_of, picture, row
from tests.support.status_json import NOW, locations, server
from tests.support.virtual_time import VirtualClock, run_virtual

SHORT = "license:…dddd"


def made(seen: Picture, at: float = 0.0, former: Frame | None = None) -> Frame:
    frame = Frame(seen, at, former)
    for _ in frame.build():
        pass
    return frame


def snapshot(frame: Frame, *, full: bool = False) -> Any:
    ((name, content),) = events_of(b"".join(frame.snapshot(full=full)))
    assert name == "snapshot"
    return content


def delta(frame: Frame, *, full: bool = False) -> Any:
    said = b"".join(frame.delta(full=full))
    if not said:
        return None
    ((name, content),) = events_of(said)
    assert name == "delta"
    return content


def after(first: Frame, *rows: Any, **changes: Any) -> Frame:
    return made(picture(*rows, **changes), first.at + PERIOD, first)


# Frames


def test_a_snapshot_holds_the_status_and_every_unit_with_a_number_of_its_own() -> None:
    content = snapshot(made(picture(row(), row("license:2", marks=PANICKING | STALE))))

    assert content["status"]["version"] == "0.1.0"
    assert content["status"]["verdict"]["level"] == "well"
    assert content["add"] == [
        [1, SHORT, 1, "Here", 10, 20, 90, 0],
        [2, "…", 1, "Here", 10, 20, 90, 3],
    ]


def test_identifiers_are_told_in_full_only_where_they_are_asked_for() -> None:
    aside = {"set_aside": [{"unit": LONG, "until": NOW}]}
    frame = made(picture(row(), locations=locations(**aside)))

    assert LONG.encode() not in b"".join(frame.snapshot(full=False))
    assert SHORT.encode() in b"".join(frame.snapshot(full=False))
    assert b"".join(frame.snapshot(full=True)).count(LONG.encode()) == 2
    assert LONG.encode() not in b"".join(after(frame, row(), row("b")).delta(full=False))


def test_where_nothing_changes_nothing_is_said() -> None:
    first = made(picture(row()))

    assert delta(after(first, row(), now=NOW + 1)) is None


def test_a_change_names_the_units_and_the_sections_that_differ_and_no_others() -> None:
    first = made(picture(row("a"), row("b"), row("c"), row("d")))
    second = after(
        first,
        row("a"),
        row("b", 11),
        row("c", text="There"),
        row("e"),
        now=NOW + 1,
        servers=[server(last_push_at=NOW + 1)],
    )

    assert delta(second) == {
        "status": {"now": NOW + 1, "servers": [server(last_push_at=NOW + 1)]},
        "add": [[5, "…", 1, "Here", 10, 20, 90, 0]],
        "move": [[2, 11, 20, 90, 0]],
        "text": [[3, "There"]],
        "gone": [4],
    }
    assert delta(after(second, row("a"), row("b", 11), row("c", text="There"), row("e", 12)))["move"] == [
        [5, 12, 20, 90, 0]
    ]


def test_a_unit_that_moves_to_another_server_goes_and_comes_again() -> None:
    first = made(picture(row("a")))

    content = delta(after(first, row("a", server=2)))

    assert content["gone"] == [1]
    assert [(number, at) for number, _, at, *_ in content["add"]] == [(2, 2)]


def test_a_number_is_never_used_again() -> None:
    first = made(picture(row("a")))
    third = after(after(first), row("b"))

    assert [number for number, *_ in delta(third)["add"]] == [2]


def test_a_frame_is_built_and_told_in_slices() -> None:
    many = [row(f"license:{number}") for number in range(2 * SLICE + 1)]
    first = Frame(picture(*many), 0.0, None)

    steps = sum(1 for _ in first.build())
    told = events_of(b"".join(first.snapshot(full=True)))
    moved = [row(one.unit_id, 11) for one in many[1:]]
    changed = events_of(b"".join(after(first, *moved).delta(full=True)))

    assert steps == 2
    assert [(name, len(content["add"])) for name, content in told] == [
        ("snapshot", SLICE),
        ("delta", SLICE),
        ("delta", 1),
    ]
    assert [len(content["move"]) for _, content in changed] == [SLICE, SLICE]
    assert [content.get("gone") for _, content in changed] == [[1], None]
    assert [bool(content["status"]) for _, content in changed] == [True, False]


# Watching


async def hear(watcher: Watcher, turns: int) -> list[tuple[str, Any]]:
    said = [await watcher.next() for _ in range(turns)]
    return [event for one in said if one for event in events_of(one)]


def test_a_watcher_hears_a_snapshot_and_then_the_changes_of_each_second() -> None:
    async def story(clock: VirtualClock) -> None:
        scene = Scene(row("a"))
        live = Live(scene.look, clock)
        started = clock.monotonic()
        with live.watch(full=False) as watcher:
            await watcher.next()
            scene.rows = [row("a", 30)]
            ((name, content),) = await hear(watcher, 1)
        assert (name, content["move"]) == ("delta", [[1, 30, 20, 90, 0]])
        assert clock.monotonic() - started == pytest.approx(PERIOD, abs=0.01)

    run_virtual(story)


def test_all_who_watch_share_one_look_a_second() -> None:
    async def story(clock: VirtualClock) -> None:
        scene = Scene(row("a"))
        live = Live(scene.look, clock)

        async def watch(delay: float) -> None:
            await clock.sleep(delay)
            with live.watch(full=False) as watcher:
                await hear(watcher, 10)

        async with asyncio.TaskGroup() as group:
            for number in range(MOST_WATCHERS):
                group.create_task(watch(number / 10))
        assert 10 <= scene.looks <= 12

    run_virtual(story)


def test_nobody_looks_and_nothing_is_kept_while_nobody_watches() -> None:
    async def story(clock: VirtualClock) -> None:
        scene = Scene(row("a"))
        live = Live(scene.look, clock)
        with live.watch(full=False) as one, live.watch(full=True) as other:
            await one.next()
            await other.next()
        looks = scene.looks
        tasks = len(asyncio.all_tasks())
        await clock.sleep(60)
        assert (scene.looks, tasks, live.watchers) == (looks, 1, 0)
        assert (await live.frame()).number == 1

    run_virtual(story)


def test_a_watcher_hears_all_slices_before_the_next_second() -> None:
    async def story(clock: VirtualClock) -> None:
        scene = Scene(*(row(f"license:{number}") for number in range(SLICE + 1)))
        live = Live(scene.look, clock)
        started = clock.monotonic()
        with live.watch(full=False) as watcher:
            events = await hear(watcher, 2)
            assert clock.monotonic() - started < PERIOD
            scene.rows = scene.rows[:-1]
            events += await hear(watcher, 1)
        assert [(name, len(content.get("add", ()))) for name, content in events] == [
            ("snapshot", SLICE),
            ("delta", 1),
            ("delta", 0),
        ]
        assert events[2][1]["gone"] == [SLICE + 1]

    run_virtual(story)


def test_one_who_fell_behind_is_given_a_snapshot_again() -> None:
    async def story(clock: VirtualClock) -> None:
        scene = Scene(row("a"))
        live = Live(scene.look, clock)
        with live.watch(full=False) as slow, live.watch(full=False) as quick:
            await slow.next()
            await quick.next()
            for number in range(3):
                scene.rows = [row("a", number)]
                await quick.next()
            assert [name for name, _ in await hear(slow, 1)] == ["snapshot"]

    run_virtual(story)


def test_a_silent_line_is_shown_to_stand() -> None:
    async def story(clock: VirtualClock) -> None:
        live = Live(Scene(row("a")).look, clock)
        with live.watch(full=False) as watcher:
            await watcher.next()
            said = [await watcher.next() for _ in range(int(2 * HEARTBEAT_EVERY) + 1)]
        assert [one for one in said if one] == [HEARTBEAT, HEARTBEAT]

    run_virtual(story)


def test_no_more_may_watch_than_there_are_places() -> None:
    live = Live(Scene().look, VirtualClock.__new__(VirtualClock))
    watchers = [live.watch(full=False) for _ in range(MOST_WATCHERS)]
    for watcher in watchers:
        assert not live.crowded
        watcher.__enter__()
    crowded = live.crowded
    watchers[0].__exit__()

    assert crowded
    assert not live.crowded


def test_whoever_watches_leaves_at_once_when_it_closes() -> None:
    async def story(clock: VirtualClock) -> None:
        live = Live(Scene(row("a")).look, clock)
        started = clock.monotonic()
        with live.watch(full=False) as watcher:
            await watcher.next()
            live.close()
            assert await watcher.next() is None
        assert clock.monotonic() == started

    run_virtual(story)
