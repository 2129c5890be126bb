import math
import time
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.errors import ConfigError
from bridge.postals import Postal, Postals

COORDINATES = st.floats(-16000, 16000) | st.integers(-20, 20).map(float)
POINTS = st.lists(st.tuples(COORDINATES, COORDINATES), max_size=60)


def written(folder: Path, content: bytes) -> Path:
    path = folder / "postals.json"
    path.write_bytes(content)
    return path


def postals_at(points: list[tuple[float, float]]) -> Postals:
    return Postals([Postal(str(number), x, y) for number, (x, y) in enumerate(points)])


@settings(deadline=None)  # a busy machine is no finding
@given(points=POINTS, x=COORDINATES, y=COORDINATES)
def test_no_postal_is_nearer_than_the_one_found(
    points: list[tuple[float, float]], x: float, y: float
) -> None:
    found = postals_at(points).nearest(x, y)

    def squared(point: tuple[float, float]) -> float:
        return (point[0] - x) ** 2 + (point[1] - y) ** 2

    if found is None:
        assert not points
    else:
        assert squared(points[int(found)]) == min(map(squared, points))


def test_places_off_the_map_have_a_nearest_postal_too() -> None:
    random = Random(2)
    points = [(random.uniform(-100, 100), random.uniform(-100, 100)) for _ in range(300)]
    postals = postals_at(points)

    for _ in range(500):
        x, y = random.uniform(-400, 400), random.uniform(-400, 400)
        found = postals.nearest(x, y)

        assert found is not None
        assert math.dist(points[int(found)], (x, y)) == min(math.dist(point, (x, y)) for point in points)


@pytest.mark.parametrize(
    "points",
    [
        pytest.param([(0.0, 0.0)] * 40, id="all in one place"),
        pytest.param([(float(x), 7.0) for x in range(40)], id="on a line"),
        pytest.param([(0.0, 0.0), (1e-9, 0.0), (1e6, 1e6)], id="one far away"),
    ],
)
def test_awkward_maps_are_answered_too(points: list[tuple[float, float]]) -> None:
    postals = postals_at(points)

    for number, (x, y) in enumerate(points):
        found = postals.nearest(x, y)

        assert found is not None
        assert points[int(found)] == points[number]


def test_a_map_without_postals_has_no_nearest() -> None:
    assert Postals([]).nearest(1.0, 2.0) is None


def test_a_busy_server_finds_its_postals_in_a_fraction_of_a_second() -> None:
    random = Random(1)
    points = [(random.uniform(-4000, 4500), random.uniform(-4000, 8000)) for _ in range(1500)]
    postals = postals_at(points)
    places = [(random.uniform(-8000, 8000), random.uniform(-8000, 8000)) for _ in range(2000)]

    started = time.perf_counter()
    for x, y in places:
        postals.nearest(x, y)

    assert time.perf_counter() - started < 1.0


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b'[{"code":"7015","x":1.5,"y":2},{"code":"1","x":90,"y":90}]', id="the usual list"),
        pytest.param(b'\xef\xbb\xbf[{"code":"7015","x":1.5,"y":2}]', id="saved by a Windows editor"),
        pytest.param(b'[{"code":7015,"x":"1.5","y":"2"}]', id="text and numbers the wrong way round"),
        pytest.param(b'{"postals":[{"code":"7015","x":1.5,"y":2,"area":"Alta"}]}', id="under a key"),
    ],
)
def test_the_usual_files_are_read(tmp_path: Path, content: bytes) -> None:
    postals = Postals.load(written(tmp_path, content))

    assert postals.nearest(1.0, 2.0) == "7015"


def test_a_code_keeps_its_leading_zeros(tmp_path: Path) -> None:
    postals = Postals.load(written(tmp_path, b'[{"code":"007","x":1,"y":2}]'))

    assert postals.nearest(0.0, 0.0) == "007"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "Input data was truncated"),
        (b"oops", "JSON is malformed: invalid character (byte 0)"),
        (b'{"postcodes":[]}', "Object missing required field `postals`"),
        (b'[{"code":"1","x":1}]', "Object missing required field `y` - at `$[0]`"),
        (b'[{"code":"1","x":"far","y":2}]', "Expected `float`, got `str` - at `$[0].x`"),
        (b'[{"code":"\xff","x":1,"y":2}]', "can't decode byte 0xff"),
        (b'[{"code":"1","x":"inf","y":2}]', "a coordinate is not finite"),
        (b"[" * 100_000, "Expected `object`, got `array` - at `$[0]`"),
        (b'[{"a":' + b"[" * 100_000, "maximum recursion depth exceeded"),
    ],
)
def test_a_bad_file_is_named_with_what_is_wrong(tmp_path: Path, content: bytes, reason: str) -> None:
    path = written(tmp_path, content)

    with pytest.raises(ConfigError) as caught:
        Postals.load(path)

    (problem,) = caught.value.problems
    assert problem.startswith(f"locations.postals_file: {path}: ")
    assert reason in problem
    assert "\n" not in problem


def test_a_missing_file_is_a_problem_of_the_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file or directory"):
        Postals.load(tmp_path / "nowhere.json")


def test_a_file_of_postals_can_be_counted(tmp_path: Path) -> None:
    entries = [{"code": str(number), "x": number, "y": number} for number in range(30)]

    assert len(Postals.load(written(tmp_path, msgspec.json.encode(entries)))) == 30
