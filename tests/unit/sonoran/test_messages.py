import pytest

from tests.support.transport import answer


@pytest.mark.parametrize(
    ("status", "ok", "unavailable"),
    [
        (199, False, False),
        (200, True, False),
        (201, True, False),
        (299, True, False),
        (300, False, True),
        (399, False, True),
        (400, False, False),
        (401, False, False),
        (407, False, False),
        (408, False, True),
        (409, False, False),
        (429, False, False),
        (499, False, False),
        (500, False, True),
        (503, False, True),
        (599, False, True),
    ],
)
def test_what_a_status_means(*, status: int, ok: bool, unavailable: bool) -> None:
    assert (answer(status).ok, answer(status).unavailable) == (ok, unavailable)
