"""For every endpoint of Sonoran CMS v1, a request that succeeds against a simulator that ``prepare_cms`` has made ready.

Two simulators that are prepared alike answer an example alike, and the examples work one after the other.
"""

import uuid
from typing import Any

import msgspec
from msgspec import Struct

from bridge.simulator.cloud import Cloud
from bridge.simulator.cms.door import CMS_COMMUNITY, CMS_KEY, ENDPOINTS
from bridge.simulator.messages import JSON, Request

SERVER, OTHER_SERVER = 1, 2

MEMBER, MEMBER_ID = "Dawson G.", "235947056630333440"  # whitelisted on the first server
GUEST, GUEST_ID = "Guest", "license:guest"  # on no whitelist, but comes in
STRANGER, STRANGER_ID = "Stranger", "license:stranger"  # a member who may not come in
DISCORD = "111122223333444455"
RANKS = ("fc2c3825-df41-4485-ad9a-6c2ac900b4f4", "331d4ece-b582-4c9c-885b-7060341cf482")
ACCOUNT = str(uuid.uuid5(uuid.NAMESPACE_OID, MEMBER))


class Example(Struct, frozen=True, kw_only=True):
    """One request; ``text`` is the answer where that is text."""

    type: str
    data: list[dict[str, Any]]
    text: str | None = None

    @property
    def path(self) -> str:
        return _PATHS[self.type]

    def payload(self, key: str = CMS_KEY, community: str = CMS_COMMUNITY) -> bytes:
        return msgspec.json.encode({"id": community, "key": key, "type": self.type, "data": self.data})

    def request(self, key: str = CMS_KEY, community: str = CMS_COMMUNITY) -> Request:
        """The request as the simulator itself takes it, without sockets."""
        return Request(
            method="POST", path=self.path, headers={"Content-Type": JSON}, body=self.payload(key, community)
        )


def prepare_cms(cloud: Cloud) -> None:
    """Make a fresh simulator ready for every example."""
    community = cloud.cms.community
    community.enrol(MEMBER, [MEMBER_ID, "license:1"], servers=[SERVER], ranks=RANKS, discord=DISCORD)
    community.enrol(GUEST, [GUEST_ID], bypass=True)
    community.enrol(STRANGER, [STRANGER_ID])


def _example(kind: str, data: list[dict[str, Any]], text: str | None = None) -> Example:
    return Example(type=kind, data=data, text=text)


_PATHS = {endpoint.name: endpoint.path for endpoint in ENDPOINTS}

EXAMPLES: tuple[Example, ...] = (
    _example("GET_SUB_VERSION", [], "4 - PRO"),
    _example("CHECK_COM_APIID", [{"apiId": MEMBER_ID}], MEMBER),
    _example("GET_COM_ACCOUNT", [{"discord": DISCORD}]),
    _example("GET_ACCOUNT_RANKS", [{"accId": ACCOUNT}]),
    _example("CLOCK_IN_OUT", [{"apiId": MEMBER_ID, "forceClockIn": True}], "FORCE CLOCKED IN"),
    _example("GET_GAME_SERVERS", []),
    _example("VERIFY_WHITELIST", [{"apiId": MEMBER_ID, "serverId": SERVER}], MEMBER),
    _example("FULL_WHITELIST", [{"serverId": SERVER}]),
)

BY_TYPE = {example.type: example for example in EXAMPLES}
