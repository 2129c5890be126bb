"""Pushes that are wrong, too large, malicious or never end, and the good ones beside them."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from tests.support.daemon import TOKENS, Answer, Daemon, daemon_of, simulated_cad, until, update
from tests.support.measured import measured
from tests.support.push_door import Reply, Wire

TIMEOUT = 2.0  # seconds, of a whole request
PROBLEM = "application/problem+json"
HEAD = f"POST /v1/locations HTTP/1.1\r\nHost: bridge\r\nAuthorization: Bearer {TOKENS[1]}\r\n"


@asynccontextmanager
async def patient_for_two_seconds(folder: Path, **listener: object) -> AsyncGenerator[Daemon]:
    settings = {"listener": {"request_timeout": f"{TIMEOUT:.0f}s", **listener}}
    async with simulated_cad() as cad, daemon_of(folder, cad, settings) as daemon:
        yield daemon


@asynccontextmanager
async def wires(daemon: Daemon, count: int = 1) -> AsyncGenerator[list[Wire]]:
    opened: list[Wire] = []
    try:
        while len(opened) < count:
            opened.append(Wire(*await asyncio.open_connection("127.0.0.1", daemon.port)))
        yield opened
    finally:
        for wire in opened:
            wire.close()


async def reply_to(daemon: Daemon, *pieces: bytes) -> Reply:
    """Return the answer to a request that is written piece by piece, even if it comes before the end."""
    async with wires(daemon) as [wire]:
        writing = asyncio.get_running_loop().create_task(write(wire, pieces))
        try:
            return await asyncio.wait_for(wire.reply(), 10.0)
        finally:
            writing.cancel()
            await asyncio.wait([writing])


async def write(wire: Wire, pieces: Sequence[bytes]) -> None:
    for piece in pieces:
        try:
            await wire.send(piece)
        except ConnectionError:
            return


def assert_problem(answer: Answer, status: int) -> None:
    assert answer.status == status, answer.body
    assert answer.headers["Content-Type"].startswith(PROBLEM)
    assert answer.json["status"] == status
    assert {"type", "title", "detail"} <= answer.json.keys()


async def test_who_shows_no_token_or_a_wrong_one_gets_401(tmp_path: Path) -> None:
    async with patient_for_two_seconds(tmp_path) as daemon:
        content = {"updates": [update("license:1", 1.0)]}
        wrong = (
            "Bearer made-up-token-of-nobody-at-all",
            "Bearer ",
            f"Basic {TOKENS[1]}",
            f"Bearer {TOKENS[1][:-1]}",
        )
        paths = ("/v1/locations", "/v1/panic", "/v1/events", "/v1/heartbeat")
        answers = await asyncio.gather(
            *(daemon.push("/v1/locations", content, headers={"Authorization": header}) for header in wrong),
            *(daemon.ask("POST", daemon.url + path, b"{}") for path in paths),
            daemon.ask("GET", daemon.url + "/v1/events/1"),
        )

        for answer in answers:
            assert_problem(answer, 401)
        assert [server["units"] for server in (await daemon.status())["servers"]] == [0]
        assert (await daemon.push("/v1/locations", [update("license:1", 1.0)])).status == 200


async def test_a_bad_record_costs_nobody_else(tmp_path: Path) -> None:
    good = [update(f"license:{number}", 1.0) for number in range(3)]
    bad: list[object] = [{"id": "license:9"}, {"x": 1, "y": 2}, update("license:8", 99_999.0), "nonsense", 7]
    async with patient_for_two_seconds(tmp_path) as daemon:
        answer = await daemon.push(
            "/v1/locations", {"updates": [good[0], *bad[:3], good[1], *bad[3:], good[2]]}
        )

        assert answer.status == 200
        assert answer.json["accepted"] == 3
        assert [one["index"] for one in answer.json["rejected"]] == [1, 2, 3, 5, 6]
        assert all(one["reason"] for one in answer.json["rejected"])
        assert answer.json["api"] == 1
        assert await daemon.metric("cad_bridge_units", server="server-1") == 3


async def test_a_bad_event_is_refused_with_all_of_its_list(tmp_path: Path) -> None:
    good = {"type": "status", "ids": ["license:1"], "status": "BUSY"}
    async with patient_for_two_seconds(tmp_path) as daemon:
        answer = await daemon.push("/v1/events", [good, {"type": "panic"}, good, {"type": "no such type"}])

        assert_problem(answer, 422)
        assert b"1" in answer.body
        assert b"3" in answer.body
        status = await daemon.status()
        assert status["outbox"]["pending"] == status["outbox"]["delivered"] == 0


async def test_a_body_above_the_limit_gets_413(tmp_path: Path) -> None:
    five_mebibytes = b"[" + b" " * (5 * 1024 * 1024) + b"]"
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    async with patient_for_two_seconds(tmp_path) as daemon:
        length = f"{HEAD}Content-Length: {len(five_mebibytes)}\r\n\r\n".encode()
        expecting = f"{HEAD}Expect: 100-continue\r\nContent-Length: {len(five_mebibytes)}\r\n\r\n".encode()
        chunked = f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode()

        assert (await reply_to(daemon, length, five_mebibytes)).status == 413
        assert (await reply_to(daemon, expecting)).status == 413
        assert (await reply_to(daemon, chunked, *[chunk] * 80, b"0\r\n\r\n")).status == 413
        assert (await daemon.push("/v1/locations", b" " * 1_000_000 + b"[]")).status == 200


async def test_what_is_no_json_gets_400_with_the_byte_offset(tmp_path: Path) -> None:
    nonsense = {
        "half a million brackets": b"[" * 500_000,
        "nested objects": b'{"updates":' * 80_000,
        "cut short": b'{"updates": [',
        "bytes": b"\x00\xff\xfe",
        "a word": b"nonsense",
        "an open string": b'"' + b"\xc3" * 1000,
    }
    async with patient_for_two_seconds(tmp_path) as daemon:
        for name, body in nonsense.items():
            for path in ("/v1/locations", "/v1/panic", "/v1/events", "/v1/heartbeat"):
                answer = await daemon.push(path, body)

                assert_problem(answer, 400)
                assert answer.seconds < 1.0, name
                assert "byte" in answer.json["detail"], name
        assert (await daemon.push("/v1/locations", b"")).status == 200


@pytest.mark.timeout(60)
async def test_whoever_does_not_finish_is_cut_while_others_are_served(tmp_path: Path) -> None:
    async with patient_for_two_seconds(tmp_path) as daemon, wires(daemon, 4) as slow:
        started = time.monotonic()
        silent, half_header, half_body, trickling = slow
        await half_header.send(b"POST /v1/locations HTTP/1.1\r\nHost: bri")
        await half_body.send(f"{HEAD}Content-Length: 1000\r\n\r\n[".encode())
        await trickling.send(f"{HEAD}Content-Length: 1000\r\n\r\n".encode())
        trickle = asyncio.get_running_loop().create_task(write_slowly(trickling))
        cut = asyncio.gather(
            *(cut_after(wire, started) for wire in (silent, half_header, half_body, trickling))
        )
        answers: list[Answer] = []
        while not cut.done():
            answers.append(await daemon.push("/v1/locations", [update("license:1", 1.0)]))
            await asyncio.sleep(0.02)
        trickle.cancel()
        await asyncio.wait([trickle])

        assert {answer.status for answer in answers} == {200}
        assert max(answer.seconds for answer in answers) < 0.5
        _, *unfinished = await cut
        measured(f"cut after {[f'{seconds:.2f}' for seconds in unfinished]} s")
        assert all(TIMEOUT - 0.1 <= seconds < TIMEOUT + 1.5 for seconds in unfinished)


async def write_slowly(wire: Wire) -> None:
    await write(wire, [])
    while True:
        await write(wire, [b" "])
        await asyncio.sleep(0.1)


async def cut_after(wire: Wire, started: float) -> float:
    """Return the seconds until the other side hangs up; a last word before it is allowed."""
    deadline = time.monotonic() + 10.0
    while not await wire.is_closed(within=1.0):
        assert time.monotonic() < deadline, "it was not cut"
    return time.monotonic() - started


@pytest.mark.timeout(60)
async def test_no_more_connections_are_held_than_configured(tmp_path: Path) -> None:
    async with patient_for_two_seconds(tmp_path, max_connections=8) as daemon:
        process = psutil.Process(daemon.process.pid)
        held = 0
        async with wires(daemon, 40) as squatters:
            for wire in squatters:
                await write(wire, [b"POST /v1/locations HTTP/1.1\r\n"])
            end = time.monotonic() + 1.0
            while time.monotonic() < end:
                held = max(held, connections_held(process, daemon.port))
                await asyncio.sleep(0.05)
            assert (await daemon.read("/healthz")).status == 200
            await until(lambda: connections_held(process, daemon.port) == 0, within=20.0)
            assert (await daemon.push("/v1/locations", [])).status == 200

        measured(f"40 connections opened, at most {held} held")
        assert 0 < held <= 8


def connections_held(process: psutil.Process, port: int) -> int:
    return sum(
        1
        for one in process.net_connections("tcp")
        if one.laddr[1] == port and one.status == psutil.CONN_ESTABLISHED
    )
