from itertools import pairwise
from pathlib import Path

import msgspec

from bridge.config import LocationsConfig
from bridge.intake import LocationPush
from bridge.intake.locations import read_cad_locations, read_locations
from bridge.units import distance
from tests.bench.bodies import DROP_IN, NATIVE, PACKED, SEPARATOR, SERIES, positions, write_pushes

MOST = 16_000.0


def native(step: int, units: int = 3_000) -> LocationPush:
    return read_locations(NATIVE.write(positions(range(units), step)), max_coordinate=MOST)


def test_every_position_makes_sense_to_both_doors_and_is_the_same_to_them() -> None:
    drop_in = read_cad_locations(DROP_IN.write(positions(range(3_000), 1)), max_coordinate=MOST)

    assert not native(1).rejected
    assert list(native(1).reports) == list(drop_in.reports)


def test_every_unit_moves_past_the_threshold_at_each_step() -> None:
    steps = [native(step).reports for step in range(4)]

    for before, after in pairwise(steps):
        for one, other in zip(before, after, strict=True):
            assert distance(one, other) > LocationsConfig().min_distance


def test_a_file_of_pushes_names_all_units_at_every_step(tmp_path: Path) -> None:
    pushes = write_pushes(tmp_path / "pushes", NATIVE, 100, 250, 2).read_bytes().split(SEPARATOR)

    sizes = [len(msgspec.json.decode(push)["updates"]) for push in pushes]
    assert sizes == [100, 100, 50, 100, 100, 50]


def test_vmagent_gets_a_line_a_number_or_all_numbers_of_a_unit_in_one() -> None:
    two = positions(range(2), 0)

    series = [msgspec.json.decode(line) for line in SERIES.write(two).splitlines()]
    packed = [msgspec.json.decode(line) for line in PACKED.write(two).splitlines()]

    assert [line["metric"]["__name__"] for line in series[:4]] == [
        "position_x", "position_y", "position_z", "position_heading",
    ]  # fmt: skip
    assert len(series) == 8
    assert [line["values"] for line in packed] == [
        [one[n] for n in ("x", "y", "z", "heading")] for one in two
    ]
