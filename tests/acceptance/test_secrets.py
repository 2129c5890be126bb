"""No key and no token comes out anywhere, whatever happens and however loud the log is."""

import asyncio
import string
import time
from pathlib import Path

import msgspec
import pytest

from bridge.simulator.faults import Answer as Fault
from bridge.simulator.faults import Drop, Half, RefuseKey, RefuseUnits
from bridge.simulator.server import SimulatorServer
from tests.support.daemon import (
    ADMIN_TOKEN,
    API_KEY,
    TOKENS,
    Answer,
    Daemon,
    daemon_of,
    simulated_cad,
    update,
)
from tests.support.process import cad_bridge
from tests.support.push_door import Wire

SECRETS = {"key": API_KEY, "token 1": TOKENS[1], "token 2": TOKENS[2], "admin token": ADMIN_TOKEN}
PIECE = 9  # characters of a secret that already count as telling it
RAISED = {"setUnitPanic": 1000, "setUnitStatus": 1000, "create911Call": 1000, "updateUnitLocations": 60}
LOUD = {
    "log": {"level": "debug", "format": "json"},
    "cad": {"timeout": "2s"},
    "cad.limits": RAISED,
    "locations": {"interval": "1s"},
}
ECHO = f"Authorization: Bearer {API_KEY} was not liked"


class Collected:
    """Everything the daemon let out, by where it came out."""

    def __init__(self) -> None:
        self.texts: list[tuple[str, bytes]] = []

    def add(self, where: str, content: bytes | str) -> None:
        self.texts.append((where, content.encode() if isinstance(content, str) else content))

    def add_answer(self, where: str, answer: Answer) -> Answer:
        head = "".join(f"{name}: {value}\n" for name, value in answer.headers.items())
        self.add(where, head.encode() + answer.body)
        return answer

    def leaks(self) -> list[str]:
        return [
            f"{name} in {where}: …{content[max(0, at - 60) : at + 80]!r}…"
            for where, content in self.texts
            for name, secret in SECRETS.items()
            if (at := position(content, secret)) >= 0
        ]


def position(content: bytes, secret: str) -> int:
    """Return where a secret or its beginning or its end stands, or -1."""
    found = [content.find(piece.encode()) for piece in (secret[:PIECE], secret[-PIECE:])]
    return max(found)


def echo(before: str = "") -> str:
    """Return a problem document of a CAD that repeats the key."""
    problem = {"title": "Bad Request", "status": 400, "detail": before + ECHO, "traceId": API_KEY}
    return msgspec.json.encode(problem).decode()


async def push_what_is_good(daemon: Daemon, seen: Collected) -> list[str]:
    """Push one of everything and return the events."""
    seen.add_answer("locations", await daemon.push("/v1/locations", [update("license:1", 1.0), "bad"]))
    seen.add_answer("heartbeat", await daemon.push("/v1/heartbeat", {"players": 3}, server=2))
    panic = seen.add_answer("panic", await daemon.push("/v1/panic", {"id": "license:1"}))
    call = {"type": "call_911", "caller": "Jane", "location": "Alta St", "description": "Shots"}
    status = {"type": "status", "ids": ["license:2"], "status": "BUSY"}
    headers = {"Idempotency-Key": f"{TOKENS[1]}-{time.monotonic_ns()}"}
    others = seen.add_answer("events", await daemon.push("/v1/events", [call, status], headers=headers))
    return [panic.json["event"], *others.json["events"]]


async def push_what_is_bad(daemon: Daemon, seen: Collected) -> None:
    """Put tokens where they do not belong."""
    token, other = TOKENS[1], TOKENS[2]
    bodies: list[object] = [
        f'{{"token": "{token}", '.encode(),
        f"Bearer {token}".encode(),
        [{"id": token}, {"id": "license:1", "x": token, "y": 2}, {token: 1}, token],
        {"updates": token},
        {"updates": {token: {"x": 1}}, "left": {token: token}},
    ]
    for path in ("/v1/locations", "/v1/panic", "/v1/events", "/v1/heartbeat", f"/v1/{token}"):
        for body in bodies:
            seen.add_answer(f"bad {path}", await daemon.push(f"{path}?token={other}", body))
    for wrong in (
        {"type": token},
        {"type": "status", "ids": [1], "status": token},
        {"type": "panic", token: 1},
    ):
        seen.add_answer("bad event", await daemon.push("/v1/events", wrong))
    seen.add_answer("token as unit", await daemon.push("/v1/locations", [update(token, 7.0)]))
    seen.add_answer("no such event", await daemon.look_up(token))
    swapped = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    seen.add_answer("admin token as token", await daemon.push("/v1/locations", [], headers=swapped))
    seen.add_answer("unknown method", await daemon.ask(token[:12].upper(), f"{daemon.url}/v1/{other}"))
    await send_broken_headers(daemon, seen)


async def send_broken_headers(daemon: Daemon, seen: Collected) -> None:
    for head in (
        f"POST /v1/locations HTTP/1.1\r\nAuthorization Bearer {TOKENS[1]}\r\n\r\n",
        f"POST /v1/locations HTTP/1.1\r\nAuthorization: Bearer {TOKENS[1]}\x00\r\n\r\n",
        f"POST /{TOKENS[1]} {API_KEY} HTTP/1.1\r\n\r\n",
        f"{TOKENS[1]}\r\n\r\n",
    ):
        wire = Wire(*await asyncio.open_connection("127.0.0.1", daemon.port))
        await wire.send(head.encode())
        reply = await asyncio.wait_for(wire.reply(), 10.0)
        seen.add(f"broken header {head[:12]!r}", repr(reply.headers).encode() + reply.body)
        wire.close()


async def read_the_admin_door(daemon: Daemon, seen: Collected) -> None:
    bearer = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    for path in ("/metrics", "/status", "/readyz", "/healthz", "/", f"/{ADMIN_TOKEN}?token={ADMIN_TOKEN}"):
        for headers in (
            None,
            bearer,
            {"Authorization": f"Bearer {TOKENS[1]}"},
            {"Host": f"{TOKENS[1]}.example"},
        ):
            seen.add_answer(f"admin {path}", await daemon.read(path, headers))


async def let_the_cad_echo_the_key(cad: SimulatorServer, daemon: Daemon, seen: Collected) -> None:
    """Have the CAD's errors repeat the key, at every place where a text may be cut."""
    headers = {"x-trace-id": API_KEY, "x-kong-request-id": API_KEY}
    events: list[str] = []
    for length in (
        0,
        20,
        60,
        90,
        120,
        150,
        180,
        190,
        200,
        240,
        250,
        256,
        480,
        490,
        500,
        510,
        990,
        1000,
        1010,
        2030,
    ):
        text = echo("x" * length)
        body = text if length % 20 == 0 else API_KEY * (1 + length)
        cad.cloud.faults.add(
            Fault(operation="setUnitPanic", status=400, times=1, body=body, headers=headers),
            Fault(operation="create911Call", status=422, times=1, body=body, headers=headers),
        )
        unit, call = (
            f"license:echo-{length}",
            {"type": "call_911", "caller": "J", "location": "A", "description": "S"},
        )
        events.append((await daemon.push("/v1/panic", {"id": unit})).json["event"])
        events += (await daemon.push("/v1/events", call)).json["events"]
        await daemon.ended(events[-2:], within=5.0)
    for event in events:
        seen.add_answer("failed event", await daemon.look_up(event))
    assert (await daemon.look_up(events[0])).json["state"] == "failed"


async def let_the_cad_fail(cad: SimulatorServer, daemon: Daemon, seen: Collected) -> None:
    """Go through what else goes wrong: locations, network, a refused key."""
    cad.cloud.faults.add(
        Fault(operation="updateUnitLocations", status=403, times=1, body=echo()),
        Fault(operation="heartbeat", status=400, body=API_KEY, times=1),
        Fault(operation="setUnitStatus", status=500, body=API_KEY, times=1),
        Drop(operation="setUnitPanic", times=1),
        Half(operation="create911Call", times=1),
        RefuseUnits(units=frozenset({"license:1"}), operation="updateUnitLocations", times=3),
    )
    events = await push_what_is_good(daemon, seen)
    await asyncio.sleep(1.5)
    await daemon.ended(events, within=15.0)
    cad.cloud.faults.add(RefuseKey())
    events = await push_what_is_good(daemon, seen)
    while (ready := await daemon.read("/readyz")).status != 503:
        await asyncio.sleep(0.1)
    seen.add_answer("key refused", ready)
    await read_the_admin_door(daemon, seen)
    cad.cloud.clear_faults()
    await daemon.ended(events, within=15.0)


@pytest.mark.timeout(90)
async def test_no_key_or_token_comes_out_anywhere(tmp_path: Path) -> None:
    seen = Collected()
    async with (
        simulated_cad(**RAISED) as cad,
        daemon_of(tmp_path, cad, LOUD, servers=(1, 2)) as daemon,
    ):
        await daemon.ended(await push_what_is_good(daemon, seen), within=5.0)
        await push_what_is_bad(daemon, seen)
        await let_the_cad_echo_the_key(cad, daemon, seen)
        await let_the_cad_fail(cad, daemon, seen)
        await read_the_admin_door(daemon, seen)
        for arguments in (
            ("check", "--config", str(daemon.config), "--online"),
            ("status", "--admin", daemon.admin_url),
            ("status", "--admin", daemon.admin_url, "--json"),
        ):
            finished = await cad_bridge(tmp_path, *arguments)
            seen.add(" ".join(arguments[:1]), finished.out + finished.err)
        await daemon.stop()

    assert '"level":"debug"' in daemon.log.replace(" ", ""), "the log is not as loud as it gets"
    seen.add("log", daemon.log)
    seen.add("stdout", daemon.process.out)
    databases = list(tmp_path.glob("outbox.sqlite3*"))
    assert databases
    for path in databases:
        seen.add(path.name, path.read_bytes())
    assert len(seen.texts) > 100
    leaks = seen.leaks()
    assert leaks == [], "\n".join(leaks)


async def test_a_token_in_place_of_an_id_is_masked_in_the_log(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad, LOUD) as daemon:
        panic = await daemon.push("/v1/panic", {"ids": [TOKENS[1], API_KEY, "license:1"]})
        await daemon.ended([panic.json["event"]], within=5.0)
        await daemon.stop()

        assert "license:1" in daemon.log, "the log is not as loud as it gets"
        assert TOKENS[1] not in daemon.log
        assert API_KEY not in daemon.log


async def test_the_admin_token_that_the_daemon_makes_is_private(tmp_path: Path) -> None:
    settings = {"admin": {"token_file": ""}, "outbox": {"path": "state/outbox.sqlite3"}}
    async with simulated_cad() as cad, daemon_of(tmp_path, cad, settings) as daemon:
        known = {"outbox.sqlite3", "outbox.sqlite3-wal", "outbox.sqlite3-shm"}
        [made] = [path for path in (tmp_path / "state").iterdir() if path.name not in known]
        token = made.read_text(encoding="utf-8").strip()
        right = await daemon.read("/status", {"Authorization": f"Bearer {token}"})
        wrong = await daemon.read("/status", {"Authorization": f"Bearer {ADMIN_TOKEN}"})

        assert made.stat().st_mode & 0o777 == 0o600
        assert len(token) >= 24
        assert set(token) <= {*string.ascii_letters, *string.digits, "-", "_"}
        assert token not in daemon.log
        assert (right.status, wrong.status) == (200, 401)


async def test_a_secret_file_that_everybody_may_read_is_a_warning(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        (tmp_path / "api-key").chmod(0o644)
        finished = await cad_bridge(tmp_path, "check", "--config", str(daemon.config))

        assert finished.code == 0
        assert "api-key" in finished.err
        assert API_KEY not in finished.err
