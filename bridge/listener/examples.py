"""Bodies as a well-made script writes them, for the OpenAPI document; the tests push each of them."""

from collections.abc import Mapping

from bridge.events import EventKind

UNIT = "license:3f2a9c0d5e7b1846a0c2d4e6f8091b3d5f7a9c1e"
OTHER_UNIT = "license:a1b2c3d4e5f60718293a4b5c6d7e8f9001122334"

BODIES: Mapping[str, Mapping[str, object]] = {
    "locations": {
        "updates": {
            "updates": [
                {"id": UNIT, "x": 425.1, "y": -979.5, "z": 30.7, "heading": 90.0, "location": "Mission Row"},
                {"id": OTHER_UNIT, "coords": {"x": -1108.4, "y": -845.8, "z": 19.3}, "vehicle": {"lights": True}},
            ],
            "players": 42,
        },
        "left": {"updates": [], "left": [OTHER_UNIT]},
        "list": [{"id": UNIT, "x": 425.1, "y": -979.5}],
        "alive": {},
    },
    "panic": {
        "pressed": {"id": UNIT, "location": {"x": 425.1, "y": -979.5, "z": 30.7}},
        "released": {"ids": [UNIT, OTHER_UNIT], "active": False},
    },
    "heartbeat": {"players": {"players": 42}},
    "operations": {
        "getActiveUnits": {"query": {"onlyUnits": True}},
        "lookupNameOrPlate": {"body": {"plate": "ABC 123", "types": [2, 3]}},
    },
}  # fmt: skip

EVENTS: Mapping[str, object] = {
    EventKind.PANIC: {"type": "panic", "ids": [UNIT], "active": True},
    EventKind.STATUS: {"type": "status", "ids": [UNIT], "status": "ENROUTE"},
    EventKind.CALL_911: {
        "type": "call_911",
        "caller": "Jamie Doe",
        "location": "Grove Street",
        "description": "Shots fired",
        "x": 85.8,
        "y": -1959.2,
        "z": 21.1,
    },
    EventKind.CALL_911_REMOVE: {"type": "call_911_remove", "call": 7},
    EventKind.DISPATCH_CALL: {
        "type": "dispatch_call",
        "title": "Traffic stop",
        "code": "10-11",
        "priority": 2,
        "ids": [UNIT],
    },
    EventKind.DISPATCH_NOTE: {"type": "dispatch_note", "call": 7, "note": "Suspect heads north"},
    EventKind.DISPATCH_ATTACH: {"type": "dispatch_attach", "call": 7, "ids": [UNIT, OTHER_UNIT]},
    EventKind.DISPATCH_DETACH: {"type": "dispatch_detach", "ids": [UNIT]},
    EventKind.DISPATCH_CLOSE: {"type": "dispatch_close", "calls": [7, 8]},
    EventKind.KICK: {"type": "kick", "id": UNIT, "reason": "Went off duty"},
    EventKind.BLIP: {"type": "blip", "x": 85.8, "y": -1959.2, "tooltip": "Roadworks", "radius": 50.0},
    EventKind.PHOTO: {"type": "photo", "id": UNIT, "url": "https://images.example/scene.jpg"},
    EventKind.CLOCK: {"type": "clock", "id": UNIT, "in": True},
    "list": [
        {"type": "panic", "ids": [UNIT], "active": False},
        {"type": "status", "ids": [UNIT], "status": 2},
    ],
}
