"""A renewal as certbot and its like do it, and as it goes wrong."""

import ssl
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bridge.clock import SystemClock
from bridge.errors import StartError
from bridge.listener.certificate import LOOK_EVERY, ServedCertificate
from bridge.metrics import Metrics
from tests.support.push_door import request, rooms
from tests.support.stepping_clock import SteppingClock
from tests.support.tls import Authority

DAY = 86400.0


@pytest.fixture(name="authority")
def _authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


class TodayClock(SteppingClock):
    """Starts now, since the certificates do."""

    def __init__(self) -> None:
        super().__init__()
        self.now = SystemClock().wall()


def expiry(metrics: Metrics) -> float | None:
    return metrics.registry.get_sample_value("cad_bridge_listener_certificate_expiry_timestamp_seconds")


async def test_a_renewed_pair_is_shown_to_new_connections_and_open_ones_go_on(authority: Authority) -> None:
    metrics = Metrics("0")
    served = authority.served(metrics)
    trusted = authority.trusted()
    async with rooms(certificate=served, metrics=metrics) as (_, door):
        old = await door.connect(tls=trusted)
        before = expiry(metrics)
        authority.issue(days=180.0)
        with capture_logs() as logs:
            served.look()
            served.look()
        new = await door.connect(tls=trusted)
        for wire in (old, new):
            await wire.send(request(body=b"on"))
            assert (await wire.reply()).body == b"on"
        shown: list[ssl.SSLObject] = [wire.writer.get_extra_info("ssl_object") for wire in (old, new)]

    assert [entry["event"] for entry in logs] == ["certificate loaded"]
    assert shown[0].getpeercert() != shown[1].getpeercert()
    assert before is not None
    assert expiry(metrics) == pytest.approx(before + 90 * DAY, abs=60.0)
    assert served.complaints == []


@pytest.mark.parametrize("broken", ["half", "mismatch", "gone", "expired"])
async def test_a_pair_that_is_no_good_changes_nothing_and_is_told_once(
    authority: Authority, broken: str
) -> None:
    metrics = Metrics("0")
    served = authority.served(metrics)
    context, before = served.context, expiry(metrics)
    pair = authority.certificate.read_bytes(), authority.key.read_bytes()
    match broken:
        case "half":
            authority.certificate.write_bytes(pair[0][:200])
        case "mismatch":
            authority.issue()
            authority.key.write_bytes(pair[1])
        case "gone":
            authority.key.unlink()
        case _:
            authority.issue(days=-1.0, begun=2.0)
    with capture_logs() as logs:
        for _ in range(3):
            served.look()

    assert [entry["event"] for entry in logs] == ["certificate not loaded, the former one stays"]
    assert logs[0]["log_level"] == "warning"
    assert logs[0]["detail"].startswith(("listener.tls_cert_file: ", "listener.tls_key_file: "))
    assert (served.context, expiry(metrics)) == (context, before)
    (complaint,) = served.complaints
    assert complaint.startswith("the new certificate is not used, the former one is shown: listener.tls_")

    authority.certificate.write_bytes(pair[0])
    authority.key.write_bytes(pair[1])
    with capture_logs() as logs:
        served.look()
    assert [entry["event"] for entry in logs] == ["certificate is as it was before"]
    assert served.complaints == []


async def test_an_end_that_comes_near_is_told_every_day(authority: Authority) -> None:
    authority.issue(days=15.5)
    clock = TodayClock()
    served = ServedCertificate(authority.certificate, authority.key, Metrics("0"), clock)
    with capture_logs() as logs:
        for _ in range(18 * 4):
            served.look()
            clock.now += DAY / 4

    assert {entry["event"] for entry in logs} == {"certificate ends soon"}
    assert 15 <= len(logs) <= 17
    assert logs[0]["detail"].endswith(("in 14 days", "in 13 days"))
    assert logs[-1]["detail"].startswith("the certificate expired on ")
    assert served.complaints[0].startswith("the certificate expired on ")


async def test_the_files_are_looked_at_every_minute(authority: Authority) -> None:
    class Enough(Exception):  # noqa: N818 -- no error
        pass

    class Clock(TodayClock):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds)
            if len(self.slept) == 3:
                raise Enough

    authority.issue()
    clock = Clock()
    with pytest.raises(Enough):
        await ServedCertificate(authority.certificate, authority.key, Metrics("0"), clock).run()

    assert clock.slept == [LOOK_EVERY] * 3 == [60.0] * 3


def test_a_pair_that_is_no_good_at_the_start_is_one_clear_line(authority: Authority) -> None:
    authority.issue()
    authority.key.write_text("no key")

    with pytest.raises(StartError) as caught:
        authority.served()

    assert str(caught.value) == (f"listener.tls_key_file: {authority.key} holds no private key in PEM form")
