"""Where secrets and files are looked for."""

from pathlib import Path

import pytest

from bridge.config.sources import Sources, decode

TOKEN = "made-up-token-of-a-game-server"


def sources(folder: Path, *, platform: str = "linux", **environ: str) -> Sources:
    return Sources(folder, environ, platform)


@pytest.mark.parametrize(
    "content",
    [
        TOKEN.encode(),
        f"{TOKEN}\n".encode(),
        f" \t{TOKEN}\r\n\r\n".encode(),
        b"\xef\xbb\xbf" + TOKEN.encode(),
        b"\xff\xfe" + f"{TOKEN}\r\n".encode("utf-16-le"),
        b"\xfe\xff" + f"{TOKEN}\r\n".encode("utf-16-be"),
    ],
)
def test_a_secret_is_read_as_every_editor_writes_it(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "token").write_bytes(content)

    secret = sources(tmp_path).secret("token", "VARIABLE", 24)

    assert secret is not None
    assert secret.reveal() == TOKEN


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    secret = sources(tmp_path, VARIABLE=f"{TOKEN}\n").secret("not-there", "VARIABLE", 24)

    assert secret is not None
    assert secret.reveal() == TOKEN


def test_an_empty_variable_is_none(tmp_path: Path) -> None:
    assert sources(tmp_path, VARIABLE="").secret("", "VARIABLE", 24) is None


@pytest.mark.parametrize("value", ["too-short", f"{TOKEN} {TOKEN}", f"{TOKEN}\x07", f"{TOKEN}é"])
def test_a_secret_from_the_environment_is_checked_too_and_not_told(tmp_path: Path, value: str) -> None:
    with pytest.raises(ValueError, match="the secret") as caught:
        sources(tmp_path, VARIABLE=value).secret("", "VARIABLE", 24)

    assert value not in str(caught.value)


def test_systemds_credentials_come_before_the_folder(tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (tmp_path / "token").write_text("made-up-token-of-the-folder")
    (tmp_path / "other").write_text("made-up-token-of-another")
    (credentials / "token").write_text(TOKEN)
    found = sources(tmp_path, CREDENTIALS_DIRECTORY=str(credentials))

    token, other = found.secret("token", "VARIABLE", 24), found.secret("other", "VARIABLE", 24)

    assert token is not None
    assert token.reveal() == TOKEN
    assert other is not None
    assert other.reveal() == "made-up-token-of-another"


def test_a_missing_file_is_told_by_where_it_was_looked_for(tmp_path: Path) -> None:
    found = sources(tmp_path, CREDENTIALS_DIRECTORY="/run/credentials/none")

    with pytest.raises(ValueError, match=f"^no such file in /run/credentials/none or {tmp_path}$"):
        found.secret(TOKEN, "VARIABLE", 24)
    with pytest.raises(ValueError, match=f"^no such file in {tmp_path}$"):
        found.secret(f"{tmp_path}/{TOKEN}", "VARIABLE", 24)
    with pytest.raises(ValueError, match=r"^no such file, nor its folder$"):
        found.secret(f"/{TOKEN}/{TOKEN}", "VARIABLE", 24)


@pytest.mark.parametrize("name", ["x" * 5000, "a\x00b"])
def test_a_name_that_no_file_can_have_is_a_missing_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no such file"):
        sources(tmp_path).secret(name, "VARIABLE", 24)


def test_only_a_file_that_everybody_reads_is_exposed(tmp_path: Path) -> None:
    found = sources(tmp_path)
    for name, mode in (("private", 0o600), ("group", 0o640), ("public", 0o644)):
        (tmp_path / name).write_text(TOKEN)
        (tmp_path / name).chmod(mode)
        found.secret(name, "VARIABLE", 24)

    assert found.exposed == [tmp_path / "public"]


@pytest.mark.parametrize(
    ("state", "platform", "expected"),
    [
        ("", "linux", "{folder}/outbox.sqlite3"),
        ("/var/lib/cad-bridge", "linux", "/var/lib/cad-bridge/outbox.sqlite3"),
        ("/var/lib/cad-bridge:/var/lib/other", "linux", "/var/lib/cad-bridge/outbox.sqlite3"),
        ("/c:/state", "win32", "/c:/state/outbox.sqlite3"),
    ],
)
def test_the_outbox_lies_in_the_state_directory(
    tmp_path: Path, state: str, platform: str, expected: str
) -> None:
    path = sources(tmp_path, platform=platform, STATE_DIRECTORY=state).state_path("outbox.sqlite3")

    assert path == Path(expected.format(folder=tmp_path))


def test_an_absolute_path_stays(tmp_path: Path) -> None:
    found = sources(tmp_path, STATE_DIRECTORY="/var/lib/cad-bridge")

    assert found.state_path("/srv/outbox.sqlite3") == Path("/srv/outbox.sqlite3")


def test_data_lies_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "postals.json").write_text("[]")
    found = sources(tmp_path, STATE_DIRECTORY="/var/lib/cad-bridge")

    assert found.data_path("postals.json") == tmp_path / "postals.json"
    assert found.data_path("") is None


def test_half_a_character_is_named_by_its_place() -> None:
    with pytest.raises(ValueError, match=r"^the file is not UTF-16-LE text \(byte 2\)$"):
        decode(b"\xff\xfea\x00b")
