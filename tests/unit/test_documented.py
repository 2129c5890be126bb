"""What an operator or a script meets is in the documents, all of it, and nothing else; no table says what is not so.

Configuration keys, metrics and alerts have tests of their own: ``test_example_config``, ``deploy/test_metric_table`` and
``deploy/test_runbook``.
"""

import re

import msgspec
import pytest

from bridge.admin import verdict
from bridge.cli.epilog import CUT_SHORT, EXITS
from bridge.config.schema import SCOPES, TtlConfig
from bridge.events import EventKind, EventState
from bridge.flusher import DROP_REASONS
from bridge.intake.locations import RejectReason
from bridge.listener.openapi import describe
from bridge.listener.shapes import components
from bridge.outbox.references import CANCELLED
from bridge.relay import OPERATION_OF
from bridge.retry import ANSWER_REASONS, FAILURE_REASONS
from bridge.sonoran.http import FAILURE_REASONS as WIRE_REASONS
from tests.support.command_lines import admin_routes, our_commands
from tests.support.documents import ROOT, documents, read, rows, spans

REFERENCE = "deploy/README.md"
PUSHES = "deploy/push-door.md"
UNITS = {"min": 60.0, "h": 3600.0}
TTL_KEYS = {field.name for field in msgspec.structs.fields(TtlConfig)}


def code(cell: str) -> list[str]:
    """Return what stands in code type in a cell."""
    return re.findall(r"`([^`]+)`", cell)


KINDS = {code(row[0])[0]: row for row in rows(REFERENCE, "Event kinds")}


def test_every_event_kind_has_a_row_and_no_other() -> None:
    assert sorted(KINDS) == sorted(EventKind)


@pytest.mark.parametrize("kind", EventKind)
def test_the_row_of_an_event_kind_names_its_operation_and_its_plan(kind: EventKind) -> None:
    _, becomes, plan, *_ = KINDS[kind]
    operation = OPERATION_OF[kind]

    assert becomes.startswith(operation.name)
    if kind is not EventKind.CLOCK:
        assert plan.lower() == (operation.plan or "").lower()


@pytest.mark.parametrize("kind", EventKind)
def test_the_row_of_an_event_kind_tells_how_long_it_is_tried_for(kind: EventKind) -> None:
    told = re.findall(r"(\d+) (min|h) \(`(\w+)`\)", KINDS[kind][3])
    keys = {EventKind.PANIC: {"panic_on", "panic_off"}}.get(
        kind, {kind.value if kind in TTL_KEYS else "other"}
    )

    assert {key: int(number) * UNITS[unit] for number, unit, key in told} == {
        key: getattr(TtlConfig(), key) for key in keys
    }


def test_every_field_of_every_event_that_can_be_pushed_is_told() -> None:
    told: dict[str, set[str]] = {}
    for names, fields, _ in rows(PUSHES, "Events"):
        for kind in code(names):
            told[kind] = {name for name in code(re.sub(r"\([^)]*\)", "", fields)) if name != "type"}

    assert told.keys() == set(EventKind)
    taken = pushable()
    told["dispatch_detach"] &= taken[
        "dispatch_detach"
    ]  # its row has the fields of its sister too, and says so
    told["dispatch_call"] -= {"radius"}  # it goes into the call's metadata, which has a schema of its own
    assert told == taken


def pushable() -> dict[str, set[str]]:
    """Return the fields of each kind, as the OpenAPI document has them."""
    found: dict[str, set[str]] = {}
    for schema in components().values():
        properties = schema.get("properties", {})
        kind = properties.get("type", {})
        for name in [kind.get("const"), *kind.get("enum", [])]:
            if name in set(EventKind):
                found[name] = set(properties) - {"type"}
    return found


def test_every_reason_why_events_end_is_told() -> None:
    told: dict[str, set[str]] = {}
    for state, reason, _ in rows(REFERENCE, "Why events end"):
        told.setdefault(code(state)[0], set()).update(code(reason))

    assert told["failed"] == set(FAILURE_REASONS)
    assert told["superseded"] == {"newer_state", CANCELLED}
    assert told.keys() == set(EventState) - {EventState.PENDING, EventState.DELIVERED}


def test_every_other_reason_of_a_metric_is_told_below() -> None:
    section = read(REFERENCE).split("\n## Why events end\n")[1].split("\n## ")[0]
    named = set(code(section))
    others = {*WIRE_REASONS, *DROP_REASONS, *RejectReason, *ANSWER_REASONS}

    assert {reason for reason in others if not reason.startswith("status_")} <= named
    assert "`status_`" in section


def test_every_state_of_an_event_is_told_where_pushes_are() -> None:
    assert set(EventState) <= set(spans(PUSHES))


def test_every_page_of_the_admin_door_is_told_and_no_other() -> None:
    told = {
        (method, path)
        for row in rows(REFERENCE, "The admin door")
        for method, path in re.findall(r"`(GET|POST) ([^`?]+)", row[0])
    }

    assert {(method, path.replace("/page/…", "/page/{name}")) for method, path in told} == admin_routes()


def test_every_path_of_the_push_door_is_told_and_no_other() -> None:
    described = msgspec.json.decode(describe([]))["paths"]
    known = {f"{method.upper()} {path}" for path, item in described.items() for method in item}
    table = read(PUSHES).split("| request to the push door |")[1].split("\n\n")[0]

    assert {one for one in code(table) if re.match("(?:GET|POST) ", one)} == known


def test_every_reason_of_health_is_told_and_no_other() -> None:
    told = [name for row in rows(REFERENCE, "Health") for name in code(row[0])]

    assert sorted(told) == sorted(verdict._BLOCKING)


def test_every_exit_code_is_told_and_no_other() -> None:
    told = [int(row[0]) for row in rows(REFERENCE, "Exit codes")]

    assert told == [*EXITS, CUT_SHORT]
    assert {code for _, command in our_commands() for code in exit_codes(command.epilog or "")} == set(told)


def exit_codes(page_end: str) -> list[int]:
    return [int(one) for one in re.findall(r"^  (\d+) +\w", page_end.split("Exit codes:\n")[1], re.MULTILINE)]


@pytest.mark.parametrize("unit", sorted((ROOT / "systemd").glob("*.service")), ids=lambda path: path.name)
def test_systemd_starts_the_daemon_again_after_every_exit_code_but_the_one_that_is_told(unit: object) -> None:
    text = str(unit) and (ROOT / "systemd" / getattr(unit, "name", "")).read_text(encoding="utf-8")

    assert "Restart=always\n" in text
    assert "RestartPreventExitStatus=2\n" in text


def test_every_scope_of_a_token_is_told() -> None:
    assert set(SCOPES) <= set(spans(PUSHES))


def test_every_variable_of_the_environment_is_told() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "bridge").rglob("*.py"))
    told = "\n".join(map(read, documents())) + (ROOT / "config" / "bridge.example.toml").read_text(
        encoding="utf-8"
    )
    variables = {name.rstrip("_") for name in re.findall(r"\bCAD_BRIDGE_[A-Z_]+", source)}

    assert len(variables) > 4
    assert {name for name in variables if name not in told} == set()
