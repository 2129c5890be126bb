"""Where the parts of a configuration lie: the TOML's folder, systemd's folders, the environment."""

import re
from collections.abc import Mapping
from pathlib import Path

from bridge.config.values import Secret
from bridge.host.modes import others_can_read
from bridge.host.places import long_path, state_folder

BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
LARGEST_SECRET = 4096  # bytes; a longer file is no key, and /dev/zero must end somewhere
LARGEST_FILE = 2**20  # bytes of TOML


class Sources:
    """The files and variables that a configuration in ``folder`` refers to.

    Every method raises ``ValueError`` with a message that holds neither a secret nor the name of a file that
    does not exist: people put the secret itself where its file's name belongs.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str], platform: str) -> None:
        self._folder = long_path(folder, platform=platform)
        self._environ = environ
        self.platform = platform
        self.exposed: list[Path] = []

    def secret(self, name: str, variable: str, shortest: int) -> Secret | None:
        """Return the secret from the variable, else from the file; None where neither is given."""
        text = self._environ.get(variable, "").strip()
        if not text:
            if not name:
                return None
            text = self._secret_text(name)
        if not text:
            raise ValueError("the secret is empty")
        if re.fullmatch(r"[!-~]+", text) is None:
            raise ValueError("the secret holds a space, a control character or a character outside ASCII")
        if len(text) < shortest:
            raise ValueError(f"the secret is too short, a token has at least {shortest} characters")
        return Secret(text)

    def _secret_text(self, name: str) -> str:
        path = self._find_secret(name)
        try:
            with path.open("rb") as file:
                if others_can_read(file.fileno(), platform=self.platform):
                    self.exposed.append(path)
                content = file.read(LARGEST_SECRET + 1)
        except OSError as error:
            raise ValueError(f"the file cannot be read: {reason(error)}") from None
        if len(content) > LARGEST_SECRET:
            raise ValueError(f"the file is larger than {LARGEST_SECRET} bytes")
        return decode(content).strip()

    def _find_secret(self, name: str) -> Path:
        folders = [self._folder]
        if credentials := self._environ.get("CREDENTIALS_DIRECTORY"):
            folders.insert(0, Path(credentials))
        for folder in folders:
            if _exists(folder / name):
                return folder / name
        if Path(name).is_absolute():
            parent = Path(name).parent
            raise ValueError(
                f"no such file in {parent}" if _exists(parent) else "no such file, nor its folder"
            )
        raise ValueError(f"no such file in {' or '.join(map(str, folders))}")

    def pem_path(self, name: str, *, private: bool) -> Path | None:
        """Return the absolute path of a certificate or of a private key; None for no name."""
        if not name:
            return None
        path = self._find_secret(name).absolute()
        try:
            with path.open("rb") as file:
                if private and others_can_read(file.fileno(), platform=self.platform):
                    self.exposed.append(path)
        except OSError as error:
            raise ValueError(f"the file cannot be read: {reason(error)}") from None
        return path

    def variable(self, name: str) -> str:
        """Return what the environment says, without space around it; nothing where it does not say it."""
        return self._environ.get(name, "").strip()

    def state_path(self, name: str) -> Path:
        """Return the absolute path of a file that the daemon writes."""
        folder = state_folder(self._environ, self.platform) or self._folder
        return long_path((folder / name).absolute(), platform=self.platform)

    def data_path(self, name: str) -> Path | None:
        """Return the absolute path of a file that is only read and must be there; None for no name."""
        if not name:
            return None
        path = self._folder / name
        if not _exists(path):
            raise ValueError(f"no such file: {path}")
        return path


def decode(content: bytes) -> str:
    """Return text as editors write it: UTF-8, or what a byte order mark says."""
    marks = (pair for pair in BYTE_ORDER_MARKS if content.startswith(pair[0]))
    mark, encoding = next(marks, (b"", "utf-8"))
    try:
        return content.removeprefix(mark).decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(f"the file is not {encoding.upper()} text (byte {error.start})") from None


def reason(error: OSError) -> str:
    """Return what went wrong without the file's name, in the operating system's words."""
    return (error.strerror or "unknown error").lower()


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that is too long, or holds a zero byte
        return False
