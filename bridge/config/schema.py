"""Every key of the configuration, its default, and the reader that understands it.

Attributes are named as the TOML's keys; a secret's key ends in ``_file``, its attribute holds the secret.
Durations are seconds, sizes bytes, distances metres, angles degrees.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

from msgspec import Struct, field

from bridge.config.readers import (
    binds,
    cloud_url,
    duration,
    game_server_url,
    host_names,
    integer,
    number,
    size,
    text,
    word,
    words,
)
from bridge.config.values import Bind, Proxy, Secret, TcpBind

SHORTEST_TOKEN = 24  # characters; what nobody guesses

SCOPES = (
    "emergency",
    "lookups",
    "heartbeat",
    "cms",
    "accounts",
    "civilian",
    "configuration",
    "records",
    "other",
)  # what a token may reach in the drop-in doors; the first four unless the configuration says otherwise


class SecretFile(Struct, frozen=True, kw_only=True):
    """Marks a key that names a secret's file; ``{id}`` in ``variable`` is the table's own id."""

    variable: str
    shortest: int = 1
    required: bool = True


class StateFile(Struct, frozen=True, kw_only=True):
    """Marks a key that names a file the daemon writes."""


class DataFile(Struct, frozen=True, kw_only=True):
    """Marks a key that names a file to read, or none."""


class PemFile(Struct, frozen=True, kw_only=True):
    """Marks a key that names a certificate's or a private key's file, which may be a credential, or none."""

    private: bool = False


class ProxyUrl(Struct, frozen=True, kw_only=True):
    """Marks a key that holds a proxy's URL, or none; one with a password stands in ``variable`` alone."""

    variable: str


class Entries(Struct, frozen=True, kw_only=True):
    """Marks a table whose keys are checked later, and whose values one reader understands."""

    reader: Callable[[object], object]


class Tables(Struct, frozen=True, kw_only=True):
    """Marks a list of tables of one kind."""

    kind: type[Struct]


Duration = Annotated[float, duration()]
DurationOrNone = Annotated[float, duration(minimum=0.0)]


class ListenerConfig(Struct, frozen=True, kw_only=True):
    """Where game servers push, and how much one request may take."""

    bind: Annotated[tuple[Bind, ...], binds] = (TcpBind(host="127.0.0.1", port=30180),)
    max_body: Annotated[int, size("1KiB", "1GiB")] = 2**20
    max_connections: Annotated[int, integer(1)] = 1024
    request_timeout: Duration = 10.0
    tls_cert_file: Annotated[Path | None, PemFile()] = None
    tls_key_file: Annotated[Path | None, PemFile(private=True)] = None

    @property
    def tls(self) -> bool:
        """Tell whether TCP addresses speak TLS; unix sockets never do."""
        return self.tls_cert_file is not None


class AdminConfig(Struct, frozen=True, kw_only=True):
    """Where metrics, health and status are read; without ``token`` the daemon makes its own."""

    bind: Annotated[tuple[Bind, ...], binds] = (TcpBind(host="127.0.0.1", port=30181),)
    token: Annotated[
        Secret | None,
        SecretFile(variable="CAD_BRIDGE_ADMIN_TOKEN", shortest=SHORTEST_TOKEN, required=False),
    ] = field(name="token_file", default=None)
    hosts: Annotated[tuple[str, ...], host_names] = ()


class CadConfig(Struct, frozen=True, kw_only=True):
    """The account at Sonoran; ``limits`` replaces documented requests a minute, ``share`` is our part of all."""

    base_url: Annotated[str, cloud_url] = "https://api.sonorancad.com"
    api: Annotated[str, word("v1", "v2")] = "v2"
    community_id: Annotated[str, text(r"[!-~]{1,128}", "the community's id, without spaces")]
    api_key: Annotated[Secret, SecretFile(variable="CAD_BRIDGE_API_KEY")] = field(name="api_key_file")
    timeout: Duration = 10.0
    proxy: Annotated[Proxy | None, ProxyUrl(variable="CAD_BRIDGE_PROXY")] = None
    ca_file: Annotated[Path | None, DataFile()] = None
    share: Annotated[float, number(above=0, maximum=1)] = 1.0
    limits: Annotated[Mapping[str, int], Entries(reader=integer(1))] = field(default_factory=dict[str, int])


class CmsConfig(Struct, frozen=True, kw_only=True):
    """The community at Sonoran CMS; ``when_down`` is what a player hears of whom nothing is known while it is down."""

    base_url: Annotated[str, cloud_url] = "https://api.sonorancms.com"
    community_id: Annotated[str, text(r"[!-~]{1,128}", "the community's id, without spaces")]
    api_key: Annotated[Secret, SecretFile(variable="CAD_BRIDGE_CMS_API_KEY")] = field(name="api_key_file")
    when_down: Annotated[str, word("deny", "allow")] = "deny"


class LocationsConfig(Struct, frozen=True, kw_only=True):
    """When a unit's place is worth sending, and when it is worth nothing any more."""

    interval: Duration = 5.0
    min_distance: Annotated[float, number(minimum=0)] = 2.0
    min_heading: Annotated[float, number(minimum=0, maximum=180)] = 10.0
    max_batch: Annotated[int, integer(1)] = 500
    stale_after: Duration = 60.0
    resend_after: DurationOrNone = 60.0
    forget_after: Duration = 1800.0
    postals_file: Annotated[Path | None, DataFile()] = None
    max_coordinate: Annotated[float, number(above=0)] = 16000.0


class HeartbeatConfig(Struct, frozen=True, kw_only=True):
    """How often the CAD is told that a server lives."""

    interval: Annotated[float, duration(minimum=5.0)] = 60.0


class TtlConfig(Struct, frozen=True, kw_only=True):
    """How long after its acceptance an event is still worth delivering."""

    panic_on: Duration = 600.0
    panic_off: Duration = 86400.0
    status: Duration = 600.0
    kick: Duration = 60.0
    call_911: Duration = 900.0
    other: Duration = 86400.0


class OutboxConfig(Struct, frozen=True, kw_only=True):
    """The events on disk: where, how many, how long."""

    path: Annotated[Path, StateFile()] = Path("outbox.sqlite3")
    max_events: Annotated[int, integer(1)] = 100_000
    keep_delivered: DurationOrNone = 86400.0
    keep_failed: DurationOrNone = 30 * 86400.0
    unclear: Annotated[str, word("repeat", "fail")] = "repeat"
    drain: DurationOrNone = 10.0
    ttl: TtlConfig = TtlConfig()


class LogConfig(Struct, frozen=True, kw_only=True):
    """How much is logged, and in which form."""

    level: Annotated[str, word("debug", "info", "warning", "error")] = "info"
    format: Annotated[str, word("auto", "console", "json")] = "auto"


class ServerConfig(Struct, frozen=True, kw_only=True):
    """One game server: Sonoran's number of it, its name in metrics, and what its token opens."""

    id: Annotated[int, integer(0)]
    name: Annotated[
        str,
        text(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", "a name of letters, digits, dots, dashes and underscores"),
    ]
    token: Annotated[Secret, SecretFile(variable="CAD_BRIDGE_TOKEN_{id}", shortest=SHORTEST_TOKEN)] = field(
        name="token_file"
    )
    fxserver_url: Annotated[str | None, game_server_url] = None
    allow: Annotated[tuple[str, ...], words(*SCOPES)] = SCOPES[:4]


class Config(Struct, frozen=True, kw_only=True):
    """The whole configuration of one daemon, which serves one community."""

    listener: ListenerConfig = ListenerConfig()
    admin: AdminConfig = AdminConfig()
    cad: CadConfig
    cms: Annotated[CmsConfig | None, CmsConfig] = None
    locations: LocationsConfig = LocationsConfig()
    heartbeat: HeartbeatConfig = HeartbeatConfig()
    outbox: OutboxConfig = OutboxConfig()
    log: LogConfig = LogConfig()
    servers: Annotated[tuple[ServerConfig, ...], Tables(kind=ServerConfig)]
