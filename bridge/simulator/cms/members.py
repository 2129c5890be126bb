"""What the simulated CMS knows: members of one community, its game servers, who is whitelisted where, who is clocked in."""

import uuid
from collections.abc import Iterable, Sequence

from msgspec import Struct, field

JOINED = "2022-02-22 20:28:40.000 -0800"  # members are as old as Sonoran's example
LAST_LOGIN = "2022-02-22 22:43:46.000 -0800"


class Member(Struct, kw_only=True):
    """An account of the community; ranks and departments are UUIDs, ``servers`` those that whitelist it.

    ``bypass``: let in whatever the whitelist says. ``active`` is ``comStatus``.
    """

    acc_id: str
    username: str
    unique_id: int
    api_ids: list[str] = field(default_factory=list[str])
    discord: str | None = None
    servers: set[int] = field(default_factory=set[int])
    bypass: bool = False
    active: bool = True
    banned: bool = False
    owner: bool = False
    primary_rank: str | None = None
    secondary_ranks: list[str] = field(default_factory=list[str])
    primary_department: str | None = None
    secondary_departments: list[str] = field(default_factory=list[str])
    primary_identifier: str = ""
    secondary_identifiers: list[str] = field(default_factory=list[str])

    @property
    def ranks(self) -> list[str]:
        """Return all ranks, the primary one first."""
        return [*([] if self.primary_rank is None else [self.primary_rank]), *self.secondary_ranks]

    def is_allowed(self, server_id: int | None) -> bool:
        """Tell whether a server's whitelist has the member; None: that of any server."""
        listed = bool(self.servers) if server_id is None else server_id in self.servers
        return listed and self.active and not self.banned


class GameServer(Struct, frozen=True, kw_only=True):
    """A game server as GET_GAME_SERVERS shows it."""

    id: int
    name: str = ""
    description: str = "A simulated game server"


class Session(Struct, kw_only=True):
    """A time on duty; ``ended_at`` None: it goes on. Instants are Unix seconds."""

    acc_id: str
    started_at: float
    ended_at: float | None = None


class CmsCommunity:
    """One community of the simulated CMS; ``version`` is its subscription, 0 to 5."""

    def __init__(self, community_id: str, servers: Iterable[int]) -> None:
        self.community_id = community_id
        self.version = 4
        self.servers: tuple[GameServer, ...] = ()
        self.members: dict[str, Member] = {}
        self.sessions: list[Session] = []
        self._last_unique_id = 0
        self.configure(servers)

    def configure(self, servers: Iterable[int | GameServer]) -> None:
        """Set the game servers: ids of which nothing else matters, or rows."""
        self.servers = tuple(
            GameServer(id=server, name=f"Server {server}") if isinstance(server, int) else server
            for server in servers
        )

    def enrol(
        self,
        username: str,
        api_ids: Sequence[str],
        *,
        servers: Iterable[int] = (),
        ranks: Sequence[str] = (),
        discord: str | None = None,
        bypass: bool = False,
        banned: bool = False,
    ) -> Member:
        """Add a member, or replace the one of this username; the first rank is the primary one."""
        self._last_unique_id += 1
        member = Member(
            acc_id=str(uuid.uuid5(uuid.NAMESPACE_OID, username)),
            username=username,
            unique_id=self._last_unique_id,
            api_ids=list(api_ids),
            discord=discord,
            servers=set(servers),
            bypass=bypass,
            banned=banned,
            primary_rank=next(iter(ranks), None),
            secondary_ranks=list(ranks[1:]),
        )
        self.members[member.acc_id] = member
        return member

    def by_api_id(self, api_id: str) -> Member | None:
        """Return the member that has an API id."""
        return next((member for member in self.members.values() if api_id in member.api_ids), None)

    def session_of(self, member: Member) -> Session | None:
        """Return the member's time on duty that goes on."""
        return next(
            (one for one in self.sessions if one.acc_id == member.acc_id and one.ended_at is None), None
        )

    def clock_in(self, member: Member, now: float) -> None:
        """Start a time on duty in place of any that goes on."""
        self.clock_out(member, now)
        self.sessions.append(Session(acc_id=member.acc_id, started_at=now))

    def clock_out(self, member: Member, now: float) -> None:
        """End the time on duty that goes on, if any."""
        session = self.session_of(member)
        if session is not None:
            session.ended_at = now

    def forget(self) -> None:
        """Forget what happened: the times on duty. Members, servers and whitelists are settings and stay."""
        self.sessions.clear()
