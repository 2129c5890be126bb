"""A push that is repeated because its answer got lost."""

from pathlib import Path

from tests.support.daemon import daemon_of, simulated_cad

KEY = {"Idempotency-Key": "a-push-of-the-game-server"}


async def test_the_same_key_returns_the_same_events_and_adds_none(tmp_path: Path) -> None:
    content = [
        {"type": "status", "ids": ["license:1"], "status": "BUSY"},
        {"type": "call_911", "caller": "Jane", "location": "Alta St", "description": "Shots"},
    ]
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        first = await daemon.push("/v1/events", content, headers=KEY)
        again = await daemon.push("/v1/events", content, headers=KEY)
        await daemon.ended(first.json["events"], within=5.0)
        await daemon.process.kill()
        await daemon.start()
        after = await daemon.push("/v1/events", content, headers=KEY)
        await daemon.ended(after.json["events"], within=5.0)

        assert (first.status, again.status, after.status) == (202, 202, 202)
        assert first.json["events"] == again.json["events"] == after.json["events"]
        assert len(first.json["events"]) == 2
        assert len(cad.cloud.journal.of("create911Call")) == 1
        assert len(cad.cloud.journal.of("setUnitStatus")) == 1


async def test_the_same_key_with_another_body_is_refused(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        await daemon.push("/v1/panic", {"id": "license:1"}, headers=KEY)
        other = await daemon.push("/v1/panic", {"id": "license:2"}, headers=KEY)

        assert other.status == 422
        assert other.headers["Content-Type"].startswith("application/problem+json")
        assert "license:2" not in cad.cloud.cad.community.units


async def test_two_servers_may_use_the_same_key(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad, servers=(1, 2)) as daemon:
        one = await daemon.push("/v1/panic", {"id": "license:1"}, headers=KEY, server=1)
        two = await daemon.push("/v1/panic", {"id": "license:2"}, headers=KEY, server=2)

        assert (one.status, two.status) == (202, 202)
        assert one.json["event"] != two.json["event"]
        assert (await daemon.look_up(one.json["event"], server=1)).status == 200
        assert (await daemon.look_up(one.json["event"], server=2)).status == 404
