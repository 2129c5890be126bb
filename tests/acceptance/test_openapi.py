"""The push door against its own description, by a program that knows nothing else of it."""

import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.daemon import ADMIN_TOKEN, TOKENS, daemon_of, simulated_cad
from tests.support.process import running

EVERYTHING = {
    "servers": {
        "allow": ["emergency", "lookups", "heartbeat", "accounts", "civilian", "configuration", "records"]
    }
}
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "unsupported_method",
    "allow_header_conformance",
)
WITHIN = 140.0  # seconds; it takes about 12 on an idle machine


def without_keys(document: Any) -> Any:
    """Return the document without the parameter that would have most events refused.

    Most requests would show the same Idempotency-Key with another body, and nothing behind it would be looked at.
    """
    for path in ("/v1/panic", "/v1/events"):
        document["paths"][path]["post"]["parameters"].clear()
    return document


@pytest.mark.timeout(200)
async def test_no_answer_is_other_than_described(tmp_path: Path) -> None:
    described, told = tmp_path / "openapi.json", tmp_path / "report.json"
    async with simulated_cad() as cad, daemon_of(tmp_path / "bridge", cad, EVERYTHING) as daemon:
        document = (await daemon.read("/openapi.json")).json
        described.write_bytes(msgspec.json.encode(without_keys(document)))
        command = (
            *("env", f"--chdir={tmp_path}"),  # where it leaves what it remembers
            *(sys.executable, "-m", "schemathesis.cli", "run", str(described), "--url", daemon.url),
            *("--header", f"Authorization: Bearer {TOKENS[1]}"),
            *("--checks", ",".join(CHECKS), "--generation-deterministic", "--max-examples", "5"),
            *("--request-timeout", "30", "--report-json-path", str(told), "--no-color", "--no-shrink"),
        )
        async with running(tmp_path, *command, name="schemathesis") as process:
            code = await process.wait(WITHIN)
        failed = await daemon.metric("cad_bridge_listener_requests_total", route="/v1/events", code="500")

    report = msgspec.json.decode(told.read_bytes())
    assert (code, report["failures"], report["errors"]) == (0, [], []), process.out
    assert report["operations"]["tested"] == len(document["paths"])
    assert {phase["status"] for phase in report["phases"].values()} == {"success"}
    assert report["valid_rates"]["POST /v1/events"]["coverage"]["accepted"] > 100
    assert failed == 0
    assert "request failed" not in daemon.log


async def test_it_is_read_as_the_metrics_are(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        free = await daemon.read("/openapi.json")
        named = await daemon.read("/openapi.json", {"Authorization": f"Bearer {ADMIN_TOKEN}"})
        foreign = await daemon.read("/openapi.json", {"Host": "evil.example"})
        elsewhere = await daemon.ask(
            "GET", f"{daemon.url}/openapi.json", headers={"Authorization": f"Bearer {TOKENS[1]}"}
        )

    assert (free.status, free.headers["Content-Type"]) == (200, "application/json")
    assert free.json["servers"][0]["variables"]["address"]["default"] == f"127.0.0.1:{daemon.port}"
    assert named.body == free.body
    assert (foreign.status, elsewhere.status) == (403, 404)
