"""The bodies of requests about people, field for field as Sonoran documents them: accounts, links, identifiers, characters.

Where an example names a player by ``communityUserId`` and ``roblox`` at once, both are taken and the first counts.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct, field

from bridge.simulator.shapes import Number, SingleTarget, StatusCode

Permission = Literal["police", "dispatch", "liveMap", "adminInGameIntegration"]
Filled = Annotated[str, Meta(min_length=1)]


class PermissionKey(SingleTarget, frozen=True, kw_only=True, rename="camel"):
    """The body of applyPermissionKey."""

    permission_key: Filled


class Expulsion(SingleTarget, frozen=True, kw_only=True, rename="camel"):
    """The body of kickOrBanUser; ``is_ban`` false only kicks."""

    is_ban: bool


class PermissionChange(SingleTarget, frozen=True, kw_only=True, rename="camel"):
    """The body of modifyAccountPermissions; a permission is written ``LIVE_MAP``. ``remove`` goes by analogy."""

    add: list[str] = field(default_factory=list[str])
    remove: list[str] = field(default_factory=list[str])
    active: bool | None = None


class LinkedPlayer(Struct, frozen=True, kw_only=True, rename="camel"):
    """The body of checkCommunityLink and createCommunityLink."""

    community_user_id: Filled


class LinkChange(LinkedPlayer, frozen=True, kw_only=True, rename="camel"):
    """The body of setCommunityLink, which is not documented beyond its path: who, and whose account."""

    account_uuid: str


class SecretCheck(Struct, frozen=True, kw_only=True):
    """The body of verifySecret."""

    secret: Filled


class CharacterChoice(SingleTarget, frozen=True, kw_only=True, rename="camel"):
    """The body of setSelectedCharacter: the number of a character, or a Database Sync id."""

    character_id: str


class IdentifierFields(Struct, frozen=True, kw_only=True, rename="camel"):
    """The body of createIdentifier, and of updateIdentifier, which leaves what it does not name."""

    status: StatusCode | None = None
    aop: str | None = None
    unit_num: str | None = None
    name: str | None = None
    district: str | None = None
    department: str | None = None
    subdivision: str | None = None
    rank: str | None = None
    group: str | None = None
    page: Number | None = None
    is_dispatch: bool | None = None


class IdentifierChoice(Struct, frozen=True, kw_only=True, rename="camel"):
    """The body of setSelectedIdentifier."""

    ident_id: int


PERMISSION_KEY = msgspec.json.Decoder(PermissionKey)
EXPULSION = msgspec.json.Decoder(Expulsion)
PERMISSION_CHANGE = msgspec.json.Decoder(PermissionChange)
LINKED_PLAYER = msgspec.json.Decoder(LinkedPlayer)
LINK_CHANGE = msgspec.json.Decoder(LinkChange)
SECRET_CHECK = msgspec.json.Decoder(SecretCheck)
PLAYER = msgspec.json.Decoder(SingleTarget)
CHARACTER_CHOICE = msgspec.json.Decoder(CharacterChoice)
IDENTIFIER_FIELDS = msgspec.json.Decoder(IdentifierFields)
IDENTIFIER_CHOICE = msgspec.json.Decoder(IdentifierChoice)
