"""Why a unit is, or is not, on the live map: each reason in virtual time, told by the running daemon."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bridge.admin.picture import UnitStory
from bridge.app.story import Story
from bridge.config import LocationsConfig
from bridge.simulator.faults import Answer, Delay, Down, Hang, RefuseKey, RefuseUnits
from bridge.units import LocationReport, ServerId, UnitId
from tests.support.running_daemon import Running, daemon_config, locations, with_daemon

ONE, TWO, THREE = "license:1", "license:2", "license:3"


class Teller:
    """The daemon, and what it tells of a unit."""

    def __init__(self, seen: Running) -> None:
        self.seen = seen
        self.faults = seen.cloud.faults
        self.parts = seen.parts
        self._story = Story(seen.parts)

    async def push(self, *units: str, **more: Any) -> None:
        await self.seen.push("/v1/locations", locations(*units) | more)

    async def wait(self, seconds: float) -> None:
        await self.seen.clock.sleep(seconds)

    async def keep_pushing(self, seconds: int, *units: str) -> None:
        for _ in range(seconds):
            await self.push(*units)
            await self.wait(1)

    def tell(self, unit: str = ONE) -> UnitStory:
        return self._story.tell(UnitId(unit), unit)


def with_teller(folder: Path, story: Callable[[Teller], Awaitable[None]], **changes: Any) -> None:
    async def run(seen: Running) -> None:
        await story(Teller(seen))

    with_daemon(daemon_config(folder, **changes), run)


def test_a_new_unit_waits_for_the_next_batch(tmp_path: Path) -> None:
    async def story(teller: Teller) -> None:
        await teller.push(ONE)
        await teller.wait(2)

        told = teller.tell()

        assert (told.server, told.state, told.on_map) == ("main", "waiting", False)
        assert told.sentence.startswith("It is new: it has waited for 2.0 s, and the next batch leaves in 3.")
        assert told.more == [
            "It belongs to main, which pushed it 2.0 s ago.",
            "It has not reached the CAD yet.",
        ]

    with_teller(tmp_path, story)


def test_a_unit_that_stands_still_is_on_the_map(tmp_path: Path) -> None:
    async def story(teller: Teller) -> None:
        await teller.keep_pushing(10, ONE, TWO)

        told = teller.tell()

        assert (told.state, told.on_map) == ("sent", True)
        assert told.sentence.startswith("It has not moved more than 2 m since it was last sent 5.0 s ago")
        assert "or in 55.0 s if its server still pushes" in told.sentence
        assert "the CAD answered with 2 of 2 matched: the CAD has it" in told.more[-1]

    with_teller(tmp_path, story)


def test_a_unit_that_moved_waits_and_is_on_the_map_where_it_was(tmp_path: Path) -> None:
    async def story(teller: Teller) -> None:
        teller.faults.add(Delay(operation="updateUnitLocations", seconds=0.5))
        await teller.keep_pushing(6, ONE)
        await teller.seen.push("/v1/locations", locations(ONE, x=500.0))

        told = teller.tell()

        assert (told.state, told.on_map) == ("waiting", True)
        assert re.fullmatch(
            r"It has moved: it has waited for 0\.0 s, and the next batch leaves in \d\.\d s\.", told.sentence
        )

    with_teller(tmp_path, story)


def test_a_unit_is_told_again_before_it_fades(tmp_path: Path) -> None:
    async def story(teller: Teller) -> None:
        await teller.keep_pushing(6, ONE)
        await teller.wait(60)
        assert "its server has not pushed since" in teller.tell().sentence
        assert "main is silent: it pushed last 1 min 00 s ago." in teller.tell().more
        await teller.push()
        teller.parts.coalescer.ready(ServerId(1), teller.seen.clock.monotonic())

        assert teller.tell().sentence.startswith(
            "It has not moved, and is sent again so that it does not fade"
        )

    with_teller(tmp_path, story)


def test_without_a_reminder_none_is_promised(tmp_path: Path) -> None:
    async def story(teller: Teller) -> None:
        await teller.keep_pushing(6, ONE)

        assert teller.tell().sentence.endswith("and is sent again when it does.")
        assert " in " not in teller.tell().sentence

    with_teller(tmp_path, story, locations=LocationsConfig(resend_after=0.0))


def test_a_batch_that_is_not_matched_whole_leaves_it_open(tmp_path: Path) -> None:
    async def story(teller: Teller) -> None:
        teller.seen.cloud.cad.community.known_units = frozenset({ONE, TWO})
        await teller.keep_pushing(6, ONE, TWO, THREE)
        part = teller.tell()
        await teller.push("license:8", "license:9")
        await teller.wait(6)
        nobody = teller.tell("license:8")

        assert (part.on_map, nobody.on_map) == (None, False)
        assert "answered with 2 of 3 matched: 1 unit of that batch is not on duty in the CAD" in part.more[-1]
        assert "0 of 2 matched" in nobody.more[-1]

    with_teller(tmp_path, story)


def test_a_unit_in_the_batch_under_way_is_said_to_be(tmp_path: Path) -> None:
    async def story(teller: Teller) -> None:
        teller.faults.add(Hang(operation="updateUnitLocations"))
        await teller.push(ONE)
        await teller.wait(7)

        assert teller.tell().state == "in_flight"
        teller.faults.clear()

    with_teller(tmp_path, story)


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (Down(), "It waits: the CAD does not answer."),
        (RefuseKey(), "It waits: the CAD refuses the key, so that nothing is sent."),
        (
            Answer(operation="updateUnitLocations", status=404),
            "It waits: the CAD refused the last batch of main, which pauses for another",
        ),
    ],
)
def test_what_holds_a_unit_up_is_named(tmp_path: Path, fault: Any, sentence: str) -> None:
    async def story(teller: Teller) -> None:
        teller.faults.add(fault)
        await teller.keep_pushing(20, ONE)

        told = teller.tell()

        assert (told.state, told.on_map) == ("waiting", False)
        assert told.sentence.startswith(sentence)
        teller.faults.clear()

    with_teller(tmp_path, story)


def test_while_the_key_is_looked_at_everything_waits_for_that(tmp_path: Path) -> None:
    async def story(teller: Teller) -> None:
        await teller.push(ONE)
        teller.parts.breaker.suspected = True

        assert teller.tell().sentence == "It waits: the CAD is being asked whether the key is right."
        teller.parts.breaker.leave_doubt()

    with_teller(tmp_path, story)


def test_the_hunt_for_a_unit_that_the_cad_refuses_is_told_and_then_the_unit(tmp_path: Path) -> None:
    async def story(teller: Teller) -> None:
        teller.faults.add(RefuseUnits(units=frozenset({TWO}), operation="updateUnitLocations"))
        await teller.keep_pushing(6, ONE, TWO, THREE)
        hunted = teller.tell(TWO)
        await teller.keep_pushing(30, ONE, TWO, THREE)
        found = teller.tell(TWO)

        assert hunted.sentence.startswith("It waits: the CAD refused a batch that it was in")
        assert (found.state, found.on_map) == ("refused", False)
        assert found.sentence.startswith("The CAD refuses its location: it is left out for another 9 min")
        assert teller.tell(ONE).on_map

    with_teller(tmp_path, story)


def test_a_place_that_waited_too_long_is_said_to_be_dropped(tmp_path: Path) -> None:
    async def story(teller: Teller) -> None:
        teller.faults.add(Down())
        await teller.push(ONE)
        await teller.wait(90)

        told = teller.tell()

        assert (told.state, told.on_map) == ("stale", False)
        assert "dropped as too old (locations.stale_after)" in told.sentence
        teller.faults.clear()

    with_teller(tmp_path, story)


def test_a_unit_that_was_sent_and_whose_newer_place_was_dropped_is_not_said_to_stand(tmp_path: Path) -> None:
    async def story(teller: Teller) -> None:
        await teller.keep_pushing(6, ONE)
        teller.faults.add(Down())
        await teller.seen.push("/v1/locations", locations(ONE, x=900.0))
        await teller.wait(90)

        told = teller.tell()

        assert (told.state, told.on_map) == ("stale", True)
        teller.faults.clear()

    with_teller(tmp_path, story)


def test_a_rejection_before_a_good_push_is_history(tmp_path: Path) -> None:
    async def story(teller: Teller) -> None:
        await teller.seen.push("/v1/locations", {"updates": [{"id": ONE, "x": "east", "y": 1}]})
        await teller.wait(1)
        await teller.push(ONE)

        assert not [line for line in teller.tell().more if "rejected" in line]

    with_teller(tmp_path, story)


def test_who_left_is_forgotten_with_the_reason(tmp_path: Path) -> None:
    async def story(teller: Teller) -> None:
        await teller.keep_pushing(6, ONE, TWO)
        await teller.push(THREE)
        await teller.push(left=[ONE])
        await teller.push(THREE, full=True)
        await teller.wait(3)

        left, absent = teller.tell(ONE), teller.tell(TWO)

        assert (left.server, left.state, left.on_map) == ("main", "forgotten", None)
        assert left.sentence.startswith("Forgotten 3.0 s ago: main said that it left")
        assert left.more[0].startswith("It was last sent")
        assert left.more[0].endswith(
            "the CAD is not told that a unit left, and may show its last place for a while."
        )
        assert absent.sentence.startswith("Forgotten 3.0 s ago: main pushed everybody who is on duty")

    with_teller(tmp_path, story)


def test_what_was_sent_long_ago_is_not_said_to_be_on_the_map(tmp_path: Path) -> None:
    async def story(teller: Teller) -> None:
        await teller.keep_pushing(6, ONE, TWO)
        await teller.push(TWO, left=[ONE])
        teller.faults.add(Down())
        for _ in range(62):
            await teller.push(TWO)
            await teller.wait(10)

        gone, held = teller.tell(ONE), teller.tell(TWO)

        assert (gone.state, gone.on_map) == ("forgotten", False)
        assert "may show" not in gone.more[0]
        assert (held.state, held.on_map) == ("waiting", None)
        teller.faults.clear()

    with_teller(tmp_path, story)


def test_a_limit_that_keeps_the_next_batch_back_is_named(tmp_path: Path) -> None:
    async def story(teller: Teller) -> None:
        teller.faults.add(Answer(operation="updateUnitLocations", status=429, retry_after="40", times=1))
        await teller.keep_pushing(7, ONE)

        told = teller.tell()

        assert told.state == "waiting"
        assert re.search(
            r"leaves in 3\d\.\d s, since the CAD's limit leaves no room before\.$", told.sentence
        )

    with_teller(tmp_path, story)


def test_the_turn_of_another_server_is_told(tmp_path: Path) -> None:
    async def story(teller: Teller) -> None:
        now, other = teller.seen.clock.monotonic(), LocationReport(unit_id=UnitId(TWO), x=1.0, y=2.0)
        teller.parts.coalescer.put(ServerId(2), [other], now)
        await teller.keep_pushing(12, ONE)
        teller.parts.coalescer.put(ServerId(2), [replace(other, x=500.0)], now)
        await teller.seen.push("/v1/locations", locations(ONE, x=500.0))

        turns = [teller.tell(unit).sentence.partition(", but ")[2] for unit in (ONE, TWO)]
        assert turns in (["", "it is the turn of main."], ["it is the turn of second.", ""])

    with_teller(tmp_path, story)


def test_more_units_than_a_batch_holds_are_told_of(tmp_path: Path) -> None:
    async def story(teller: Teller) -> None:
        await teller.push(ONE, TWO, THREE)

        assert teller.tell().sentence.endswith(", but more units wait than it holds.")

    with_teller(tmp_path, story, locations=LocationsConfig(max_batch=2))


def test_a_panic_of_who_is_forgotten_or_rejected_is_told(tmp_path: Path) -> None:
    async def story(teller: Teller) -> None:
        await teller.push(ONE)
        await teller.push(left=[ONE])
        await teller.seen.push("/v1/locations", {"updates": [{"id": TWO, "x": "east", "y": 1}]})
        await teller.seen.push("/v1/panic", {"ids": [ONE, TWO]})

        for unit, state in ((ONE, "forgotten"), (TWO, "rejected")):
            told = teller.tell(unit)
            assert (told.state, told.on_map) == (state, False)
            assert "Its panic button is pressed." in told.more

    with_teller(tmp_path, story)


def test_what_is_not_pushed_is_forgotten_with_the_reason(tmp_path: Path) -> None:
    async def story(teller: Teller) -> None:
        await teller.push(ONE)
        await teller.wait(20)
        await teller.keep_pushing(60, TWO)
        await teller.wait(6)
        quiet = teller.tell()
        await teller.wait(620)

        assert "main had not pushed it for 1 min 00 s (locations.forget_after)" in quiet.sentence
        assert "main had not pushed it" in teller.tell(TWO).sentence

    with_teller(tmp_path, story, locations=LocationsConfig(forget_after=60.0))


def test_a_silent_server_s_units_are_forgotten_with_the_reason(tmp_path: Path) -> None:
    async def story(teller: Teller) -> None:
        await teller.push(ONE)
        await teller.wait(610)

        assert "main had not pushed anything for 10 minutes" in teller.tell().sentence

    with_teller(tmp_path, story)


def test_a_rejected_record_is_told_with_its_reason(tmp_path: Path) -> None:
    async def story(teller: Teller) -> None:
        nowhere = {"updates": [{"id": THREE, "x": 0, "y": 0, "z": 0}, {"id": ONE, "x": "east", "y": 1}]}
        await teller.push(ONE)
        await teller.wait(1)
        await teller.seen.push("/v1/locations", nowhere)

        told = teller.tell(THREE)

        assert (told.server, told.state, told.on_map) == ("main", "rejected", False)
        assert told.sentence.startswith(
            "It was pushed, but rejected: main pushed it 0.0 s ago as out_of_bounds ("
        )
        assert (
            teller.tell()
            .more[-1]
            .startswith("A newer position was rejected: main pushed it 0.0 s ago as bad_c")
        )
        await teller.push(left=[ONE])
        await teller.wait(1)
        await teller.seen.push("/v1/locations", nowhere)
        assert teller.tell().sentence.startswith("It was pushed, but rejected")
        assert teller.tell().more[0].startswith("Forgotten 1.0 s ago")

    with_teller(tmp_path, story)


def test_a_panic_of_a_unit_that_nobody_pushed_is_told(tmp_path: Path) -> None:
    async def story(teller: Teller) -> None:
        await teller.seen.push("/v1/panic", {"id": ONE})
        alone = teller.tell()
        await teller.push(ONE)

        assert (alone.server, alone.state) == (None, "panic_only")
        assert "Its panic button is pressed." in teller.tell().more

    with_teller(tmp_path, story)
