"""The people of a community: their accounts, which community user ids they have linked, and who is who."""

import uuid
from collections.abc import Collection

from msgspec import Struct

from bridge.simulator.people_shapes import Permission

INACTIVE, ACTIVE, BANNED = 0, 1, 4  # ACCOUNT_STATUS; v1's pages have all three, v2's only the second
JOINED_AT = 1_768_414_920.0  # Unix seconds; accounts are as old as Sonoran's example
LAST_LOGIN_AT = 1_775_681_700.0
CODE_SECONDS = 600  # a link code is good for

PERMISSIONS: tuple[Permission, ...] = ("police", "dispatch", "liveMap", "adminInGameIntegration")


class Account(Struct, kw_only=True):
    """Somebody's account; ``selected_ident`` and ``selected_character`` are what was selected last, if anything.

    ``permissions`` are those that were ever given or taken away, ``character_links`` Database Sync ids.
    """

    account: str
    username: str
    community_user_id: str
    status: int = ACTIVE
    permissions: dict[str, bool]
    keys: list[str] = []
    character_links: list[str] = []
    selected_ident: int | None = None
    selected_character: str | None = None


class LinkCode(Struct, frozen=True, kw_only=True):
    """A code with which a player links an account; ``expires_at`` is Unix time."""

    code: str
    community_user_id: str
    expires_at: float


class People:
    """Everybody with an account.

    ``known_units`` are the community user ids that some account has linked; None: all there are, so that an
    account comes to be when its community user id is mentioned.
    """

    def __init__(self, known_units: Collection[str] | None) -> None:
        self.known_units = None if known_units is None else frozenset(known_units)
        self.codes: list[LinkCode] = []
        self._accounts: dict[str, Account] = {}
        self._links: dict[str, str] = {}
        self._unlinked: set[str] = set()
        self._last_code = 0

    def knows(self, unit_id: str) -> bool:
        """Tell whether some account has linked a community user id."""
        if unit_id in self._links:
            return True
        known = self.known_units is None or unit_id in self.known_units
        return known and unit_id not in self._unlinked

    def account_of(self, unit_id: str) -> Account | None:
        """Return the account that has linked a community user id."""
        if not self.knows(unit_id):
            return None
        number = self._links.get(unit_id, str(uuid.uuid5(uuid.NAMESPACE_OID, unit_id)))
        if number not in self._accounts:
            self._accounts[number] = Account(
                account=number,
                username=f"Player {unit_id}",
                community_user_id=unit_id,
                permissions=dict.fromkeys(PERMISSIONS, False),
            )
        return self._accounts[number]

    def account(self, number: str | None) -> Account | None:
        """Return the account of a UUID."""
        self.everybody()
        return self._accounts.get(number or "")

    def everybody(self) -> list[Account]:
        """Return all accounts, in the order in which they came to be known."""
        for unit_id in sorted(self.known_units or ()):
            self.account_of(unit_id)
        return list(self._accounts.values())

    def link(self, unit_id: str, account: Account) -> None:
        """Have an account link a community user id, and go by it from now on."""
        self._links[unit_id] = account.account
        account.community_user_id = unit_id

    def add_id(self, unit_id: str, account: Account) -> None:
        """Have an account link one more community user id; it goes by the one that it went by."""
        self._links[unit_id] = account.account
        self._unlinked.discard(unit_id)
        account.community_user_id = account.community_user_id or unit_id

    def unlink(self, account: Account, keep: Collection[str]) -> None:
        """Undo an account's links but those to ``keep``, of which it goes by the first if need be."""
        for unit_id in self.api_ids(account.account):
            if unit_id not in keep:
                self._links.pop(unit_id, None)
                self._unlinked.add(unit_id)
        if account.community_user_id not in keep:
            account.community_user_id = next(iter(keep), "")

    def api_ids(self, number: str) -> list[str]:
        """Return the community user ids that an account has linked, the one that it goes by first."""
        account = self._accounts.get(number)
        own = [] if account is None else [account.community_user_id]
        linked = [unit_id for unit_id, owner in self._links.items() if owner == number]
        return list(dict.fromkeys(filter(None, [*own, *linked])))

    def issue_code(self, unit_id: str, now: float) -> LinkCode:
        """Make a code to link a community user id with; none is made twice."""
        self._last_code += 1
        code = LinkCode(
            code=f"{0xA000 + self._last_code:X}", community_user_id=unit_id, expires_at=now + CODE_SECONDS
        )
        self.codes.append(code)
        return code

    def forget(self) -> None:
        """Forget what happened; no code is ever made again."""
        self._accounts.clear()
        self._links.clear()
        self._unlinked.clear()
        self.codes.clear()
