"""The JSON of ``/status`` of a daemon that has seen a little of everything."""

from typing import Any

import msgspec

from bridge.admin.status import Status
from bridge.admin.verdict import judge

NOW = 1_700_000_000.0


def status_json(**changes: Any) -> bytes:
    """Return the JSON, judged as the daemon does; ``changes`` replace whole top-level fields."""
    seen = _status() | changes
    return msgspec.json.encode({"verdict": judge(msgspec.convert(seen, Status))} | seen)


def batch(at: float = NOW - 2, *, updated: int = 30, reason: str | None = None) -> dict[str, Any]:
    """Return ``locations.last_batch``."""
    told: dict[str, Any] = {"at": at, "server": "main", "units": 31, "updated": updated, "lag_seconds": 4.2}
    return told | {"reason": reason}


def locations(**changes: Any) -> dict[str, Any]:
    """Return ``locations``."""
    usual: dict[str, Any] = {
        "interval": 5.05,
        "next_batch_at": NOW + 3,
        "next_batch": {"server": "main", "units": 12, "panicking": False},
        "units": 34,
        "pending": 12,
        "set_aside": [],
        "last_batch": batch(),
    }
    return usual | changes


def server(**changes: Any) -> dict[str, Any]:
    """Return one of ``servers``."""
    return {
        "id": 1,
        "name": "main",
        "state": "up",
        "last_push_at": NOW - 1,
        "players": 48,
        "units": 34,
        "pending": 12,
        "heartbeat_at": NOW - 30,
        "unmatched": 3,
    } | changes


def cad(**changes: Any) -> dict[str, Any]:
    """Return ``cad``."""
    budgets = {
        "updateUnitLocations": {"limit": 12, "remaining": 7},
        "setUnitPanic": {"limit": 20, "remaining": 19},
    }
    usual: dict[str, Any] = {
        "up": True,
        "key": "accepted",
        "plan": "Pro",
        "last_answer_at": NOW - 2,
        "budgets": budgets,
        "findings": [],
    }
    return usual | changes


def _status() -> dict[str, Any]:
    failure = {"id": "f-1", "kind": "panic", "error": "no_unit", "at": NOW - 5_490, "ended_at": NOW - 5_480}
    return {
        "version": "0.1.0",
        "instance": "i",
        "started_at": NOW - 7_500,
        "ready": True,
        "reasons": [],
        "cad": cad(),
        "locations": locations(),
        "servers": [server()],
        "outbox": {
            "pending": 1,
            "delivered": 20,
            "failed": 1,
            "expired": 0,
            "superseded": 2,
            "oldest_pending_at": NOW - 3,
            "waiting": {"panic": 1},
            "hindrance": "",
            "reasons": {"failed": {"no_unit": 1}, "superseded": {"newer_state": 2}},
            "recent_failures": [failure],
        },
        "now": NOW,
        "loop_lag": 0.004,
        "reload_refused": False,
        "panics": [
            {
                "id": "p-2",
                "at": NOW - 3,
                "active": True,
                "units": 1,
                "state": "pending",
                "latency_seconds": None,
            },
            {
                "id": "p-1",
                "at": NOW - 63,
                "active": False,
                "units": 2,
                "state": "delivered",
                "latency_seconds": 0.021,
            },
        ],
    }
