"""The document of the push door: valid, complete, and no more than there is."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from bridge import __version__
from bridge.app.parts import Parts
from bridge.clock import SystemClock
from bridge.config import Bind, TcpBind, UnixBind
from bridge.listener.auth import unauthorized
from bridge.listener.openapi import describe
from bridge.listener.problem import not_allowed, rate_limited
from bridge.operations import OPERATIONS
from tests.support.running_daemon import daemon_config

DROP_IN = ("/v2/", "/emergency/", "/general/", "/civilian/", "/cms/")
PROBLEM = "application/problem+json"


def document(*addresses: Bind) -> Any:
    return msgspec.json.decode(describe(addresses))


def operations() -> dict[str, Any]:
    """Return the operations of the document by method and path."""
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
    }


def test_it_is_valid_openapi_3_1() -> None:
    errors = [str(error) for error in OpenAPIV31SpecValidator(document()).iter_errors()]

    assert errors == []
    assert document()["openapi"].startswith("3.1.")
    assert document()["info"]["version"] == __version__


def test_it_has_every_route_of_the_listener_and_no_other(tmp_path: Path) -> None:
    router = Parts(daemon_config(tmp_path), SystemClock()).listener._router
    served = {
        f"{method} {re.sub('{.*?}', '{}', resource.path)}"
        for resource in router._resources.values()
        for method in resource.handlers
        if not resource.path.startswith(DROP_IN)
    }
    tags = {tag["name"]: tag["description"] for tag in document()["tags"]}

    assert {re.sub("{.*?}", "{}", name) for name in operations()} == served
    assert set(router._prefixes) == set(DROP_IN)  # what a document cannot list
    assert [prefix for prefix in DROP_IN if f"`{prefix}`" not in tags["drop-in"]] == []


def test_an_operation_is_named_by_what_sonoran_calls_it() -> None:
    operation = operations()["POST /v1/operations/{operationId}"]
    named = next(one for one in operation["parameters"] if one["name"] == "operationId")

    assert set(named["schema"]["enum"]) == set(OPERATIONS) - {"uploadBodycamRecording"}


@pytest.mark.parametrize("name", operations())
def test_every_error_is_described_as_a_problem(name: str) -> None:
    shared = document()["components"]["responses"]
    answers = operations()[name]["responses"]

    assert {"400", "401", "403", "405", "408", "413"} <= answers.keys()
    for status, answer in answers.items():
        if re.fullmatch("4..|5..", status) and status != "429":
            described = shared[answer["$ref"].rpartition("/")[2]] if "$ref" in answer else answer
            assert PROBLEM in described["content"], status


@pytest.mark.parametrize(
    ("name", "statuses"),
    [
        ("POST /v1/locations", {"200", "422"}),
        ("POST /v1/panic", {"202", "422", "503"}),
        ("POST /v1/events", {"202", "422", "503"}),
        ("GET /v1/events/{id}", {"200", "404", "503"}),
        ("POST /v1/heartbeat", {"204", "422"}),
        ("POST /v1/operations/{operationId}", {"200", "202", "404", "422", "429", "502", "503", "504"}),
    ],
)
def test_each_request_has_its_own_answers_besides(name: str, statuses: set[str]) -> None:
    assert statuses <= operations()[name]["responses"].keys()


def test_the_headers_of_an_error_are_described() -> None:
    shared = document()["components"]["responses"]
    limited = operations()["POST /v1/operations/{operationId}"]["responses"]["429"]

    assert shared["401"]["headers"].keys() == unauthorized().headers.keys()
    assert shared["405"]["headers"].keys() == not_allowed(["POST"]).headers.keys()
    assert shared["503"]["headers"].keys() == {"Retry-After"}
    assert limited["headers"].keys() == rate_limited(1.0).headers.keys()


@pytest.mark.parametrize("path", ["/v1/panic", "/v1/events", "/v1/operations/{operationId}"])
def test_a_request_can_be_repeated_with_a_key(path: str) -> None:
    assert "Idempotency-Key" in {one["name"] for one in operations()[f"POST {path}"]["parameters"]}


def test_everything_needs_the_token_of_a_server() -> None:
    described = document()
    scheme = described["components"]["securitySchemes"]["token"]

    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    assert described["security"] == [{"token": []}]
    assert not [name for name, operation in operations().items() if "security" in operation]


@pytest.mark.parametrize(
    ("addresses", "shown"),
    [
        ([TcpBind(host="127.0.0.1", port=30199)], "127.0.0.1:30199"),
        ([TcpBind(host="0.0.0.0", port=30199)], "127.0.0.1:30199"),
        ([TcpBind(host="::", port=30199)], "[::1]:30199"),
        ([TcpBind(host="2001:db8::7", port=30199)], "[2001:db8::7]:30199"),
        ([UnixBind(path=Path("/run/listener.sock")), TcpBind(host="192.0.2.7", port=80)], "192.0.2.7:80"),
        ([UnixBind(path=Path("/run/listener.sock"))], "127.0.0.1:30180"),
    ],
)
def test_it_says_where_to_push_to(addresses: list[Bind], shown: str) -> None:
    (server,) = document(*addresses)["servers"]

    assert server["url"] == "http://{address}"
    assert server["variables"]["address"]["default"] == shown


def test_a_door_with_tls_is_described_with_https() -> None:
    document = msgspec.json.decode(describe([TcpBind(host="127.0.0.1", port=30180)], tls=True))

    assert document["servers"][0]["url"] == "https://{address}"
