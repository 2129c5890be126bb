"""Sonoran's own Python library, unmodified, its address pointed at the bridge and its key a server's token."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sonoran import Instance, productEnums  # pyright: ignore[reportMissingTypeStubs] -- it has none

from bridge.simulator.server import SimulatorServer
from tests.support.daemon import TOKENS, Daemon, daemon_of
from tests.support.prepared_cad import (
    ACCOUNT,
    CHARACTER_TYPE,
    IDENT,
    INCIDENT_TYPE,
    NEW_CALL,
    OTHER_UNIT,
    UNIT,
    prepared_cad,
)

ALLOW = {"servers": {"allow": ["emergency", "lookups", "heartbeat", "accounts", "records"]}}
PAGE = {"limit": 50, "offset": 0}
PLACE = {"x": 441.2, "y": -981.9, "z": 30.7, "w": 90.0}


class Library:
    """The library against a bridge; ``call`` fails where the library says that a request failed."""

    def __init__(self, daemon: Daemon, cad: SimulatorServer) -> None:
        self.daemon = daemon
        self.cad = cad
        options = {"communityId": "examplecad", "apiKey": TOKENS[1], "cadApiUrl": daemon.url, "timeout": 10}
        self._cad: Any = Instance(product=productEnums.CAD, serverId=1, **options).cad

    async def ask(self, method: str, *arguments: Any) -> Any:
        """Return the library's response; it blocks, so it works in a thread."""
        function: Callable[..., Any] = getattr(self._cad, method)
        return await asyncio.to_thread(function, *arguments)

    async def call(self, method: str, *arguments: Any) -> Any:
        response = await self.ask(method, *arguments)
        assert response.success, f"{method}: {response.reason}"
        return response.data

    async def settle(self) -> None:
        """Return when the CAD has every event."""
        while (await self.daemon.status())["outbox"]["pending"]:
            await asyncio.sleep(0.01)


@asynccontextmanager
async def library(folder: Path) -> AsyncGenerator[Library]:
    async with prepared_cad() as cad, daemon_of(folder, cad, ALLOW) as daemon:
        yield Library(daemon, cad)


async def test_units_locations_panics_and_states(tmp_path: Path) -> None:
    async with library(tmp_path) as sdk:
        update = {"communityUserId": UNIT, "location": "Mission Row", "coordinates": PLACE}
        older = {
            "apiId": OTHER_UNIT,
            "location": "Alta St",
            "coordinates": PLACE,
            "vehicle": {"model": "police3"},
        }
        assert await sdk.call("updateUnitLocationsV2", {"updates": [update, older]}) == {"updated": 2}
        panic = {"communityUserIds": [UNIT], "isPanic": True}
        assert await sdk.call("setUnitPanicV2", panic) == {"updated": 1, "isPanic": True}
        state = {"communityUserIds": [UNIT, OTHER_UNIT], "status": 3}
        assert await sdk.call("setUnitStatusV2", state) == {"updated": 2, "status": "ENROUTE"}
        assert (await sdk.call("heartbeatV2", 1, 17))["playerCount"] == 17
        await sdk.settle()

        units = sdk.cad.cloud.cad.community.units
        assert (units[UNIT].is_panic, units[UNIT].status, units[OTHER_UNIT].status) == (True, 3, 3)
        while units[OTHER_UNIT].location != "Alta St":  # the next batch brings it
            await asyncio.sleep(0.1)
        assert units[UNIT].location == "Mission Row"
        query = {"includeOffline": True, "onlyUnits": False, **PAGE}
        shown = await sdk.call("getUnitsV2", query)
        assert {unit["id"]: unit["status"] for unit in shown}[IDENT] == 3
        assert await sdk.call(
            "getAccountUnitsV2", {"accountUuid": ACCOUNT, "onlyOnline": False, "onlyUnits": False, **PAGE}
        )
        assert (await sdk.call("kickUnitV2", {"communityUserId": OTHER_UNIT, "reason": "restart"}))[
            "reason"
        ] == "restart"


async def test_calls(tmp_path: Path) -> None:
    async with library(tmp_path) as sdk:
        emergency = {
            "isEmergency": True,
            "caller": "Jane",
            "location": "Alta St",
            "description": "Shots",
            "metaData": {"x": "1"},
        }
        call = await sdk.call("createEmergencyCallV2", emergency)
        assert (call["caller"], call["metaData"]["x"]) == ("Jane", "1")
        board = sdk.cad.cloud.cad.community.board
        assert call["callId"] in {row.call_id for row in board.emergency(time.time())}
        assert await sdk.call("deleteEmergencyCallV2", call["callId"])
        made = await sdk.call("createDispatchCallV2", {**NEW_CALL, "communityUserIds": [UNIT], "notes": None})
        number = made["callId"]
        assert made["idents"] == [IDENT]
        await sdk.call("addDispatchNoteV2", number, {"note": "Armed", "noteType": "text", "label": "Jane"})
        await sdk.call("attachUnitsToDispatchCallV2", number, {"communityUserIds": [OTHER_UNIT]})
        await sdk.call("detachUnitsFromDispatchCallV2", {"communityUserIds": [OTHER_UNIT]})
        await sdk.call("setDispatchPostalV2", number, "7015")
        await sdk.call("setDispatchPrimaryV2", number, IDENT)
        calls = await sdk.call("getCallsV2", {"closedLimit": 10, "closedOffset": 0, "type": 100})
        rows = next(value for key, value in calls.items() if key.lower() == "activecalls")
        (row,) = (row for row in rows if row["callId"] == number)
        assert (row["postal"], row["idents"], row["notes"][-1]["content"]) == ("7015", [IDENT], "Armed")
        assert (await sdk.call("getCurrentCallV2", ACCOUNT))["CallId"] == number
        assert await sdk.call("closeDispatchCallsV2", [number]) == {"callIds": [number]}


async def test_blips_lookups_accounts_and_records(tmp_path: Path) -> None:
    async with library(tmp_path) as sdk:
        blip = {"coordinates": PLACE, "subType": "x", "icon": "https://x", "color": "#fff", "tooltip": "Zoë"}
        made = await sdk.call("createBlipV2", blip)
        assert {row["id"]: row["tooltip"] for row in await sdk.call("getBlipsV2")}[made["id"]] == "Zoë"
        await sdk.call("updateBlipV2", made["id"], {**blip, "tooltip": "moved"})
        assert {row["id"]: row["tooltip"] for row in await sdk.call("getBlipsV2")}[made["id"]] == "moved"
        await sdk.call("deleteBlipsV2", [made["id"]])
        assert made["id"] not in {row["id"] for row in await sdk.call("getBlipsV2")}
        people = {
            "first": "John",
            "last": "Doe",
            "mi": "",
            "plate": "",
            "types": [CHARACTER_TYPE],
            "partial": True,
        }
        assert [row["name"] for row in await sdk.call("lookupV2", people)] == ["John Doe"]
        assert (await sdk.call("getAccountV2", {"communityUserId": UNIT}))["uuid"] == ACCOUNT
        assert await sdk.call("getAccountsV2", {**PAGE, "status": 0})
        values = {"{{plate}}": "XYZ987"}
        record = await sdk.call(
            "createRecordV2",
            {
                "communityUserId": UNIT,
                "useDictionary": True,
                "recordTypeId": INCIDENT_TYPE,
                "replaceValues": values,
            },
        )
        assert (await sdk.call("removeRecordV2", record["id"])) == {"recordId": record["id"]}


async def test_what_the_token_may_not_is_told_in_words_and_the_wrong_token_is_a_wrong_key(
    tmp_path: Path,
) -> None:
    async with library(tmp_path) as sdk:
        refused = await sdk.ask("getCharactersV2", {"communityUserId": UNIT})
        assert not refused.success
        assert '"civilian"' in refused.reason["detail"]
        other = await sdk.ask("getBlipsV2", 2)
        assert (other.success, other.reason["status"]) == (False, 404)
