"""The configuration: one TOML file, the secrets it names, and the environment.

``load`` reads it, ``reading`` turns tables into the structs of ``schema`` with the ``readers`` named there,
``sources`` finds secrets and paths, ``check`` holds keys against each other.
"""

from bridge.config.load import Loaded, load
from bridge.config.schema import (
    SHORTEST_TOKEN,
    AdminConfig,
    CadConfig,
    CmsConfig,
    Config,
    HeartbeatConfig,
    ListenerConfig,
    LocationsConfig,
    LogConfig,
    OutboxConfig,
    ServerConfig,
    TtlConfig,
)
from bridge.config.values import Bind, Proxy, Secret, TcpBind, UnixBind, duration_text, is_loopback
from bridge.host.places import default_path

__all__ = [
    "SHORTEST_TOKEN",
    "AdminConfig",
    "Bind",
    "CadConfig",
    "CmsConfig",
    "Config",
    "HeartbeatConfig",
    "ListenerConfig",
    "Loaded",
    "LocationsConfig",
    "LogConfig",
    "OutboxConfig",
    "Proxy",
    "Secret",
    "ServerConfig",
    "TcpBind",
    "TtlConfig",
    "UnixBind",
    "default_path",
    "duration_text",
    "is_loopback",
    "load",
]
