"""A folder with a configuration and the secrets it names, as a server's owner would make it."""

from pathlib import Path

from bridge.config import Loaded, load
from bridge.operations import DOCUMENTED_LIMITS

API_KEY = "made-up-key-of-the-community"
CMS_API_KEY = "made-up-key-of-the-cms"
TOKENS = {1: "made-up-token-of-server-one", 2: "made-up-token-of-server-two"}

MINIMAL = """
[cad]
community_id = "examplecad"
api_key_file = "api-key"

[[servers]]
id = 1
name = "main"
token_file = "server-1.token"
"""

FILES = {
    "api-key": API_KEY.encode(),
    "cms-api-key": CMS_API_KEY.encode(),
    "server-1.token": TOKENS[1].encode() + b"\n",
    "server-2.token": TOKENS[2].encode() + b"\r\n",
    "copy-of-server-1.token": TOKENS[1].encode(),
    "short.token": b"short-made-up-token",
    "empty.token": b" \n",
    "two-lines.token": b"made-up-token-of-server-one\nmade-up-token-of-server-two\n",
    "accented.token": "made-up-token-of-sérver-one".encode(),
    "not-utf-8.token": b"made-up-token-of-server-\xff\xff",
    "large.token": b"x" * 5000,
    "guessable.token": b"changeme-changeme-changeme",
}


def write_configuration(folder: Path, toml: str | bytes = MINIMAL) -> Path:
    """Write ``bridge.toml`` and every file of ``FILES`` beside it; return the former's path."""
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o600)
    path = folder / "bridge.toml"
    path.write_bytes(toml.encode() if isinstance(toml, str) else toml)
    return path


def load_configuration(
    folder: Path,
    toml: str | bytes = MINIMAL,
    *,
    environ: dict[str, str] | None = None,
    platform: str = "linux",
) -> Loaded:
    """Write a configuration and load it."""
    path = write_configuration(folder, toml)
    return load(path, environ=environ or {}, documented_limits=DOCUMENTED_LIMITS, platform=platform)
