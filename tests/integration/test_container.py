"""The container's files, as far as they can be tried without a container engine."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bridge.config import TcpBind
from bridge.config.load import load
from bridge.operations import DOCUMENTED_LIMITS
from tests.support.process import BRIDGE

REPOSITORY = Path(__file__).parents[2]
CONTAINER = REPOSITORY / "deploy" / "container"
HADOLINT = str(Path(sys.executable).parent / "hadolint")
CONTAINERFILE = (CONTAINER / "Containerfile").read_text(encoding="utf-8")
COMPOSE: Any = msgspec.yaml.decode((CONTAINER / "compose.yaml").read_bytes())


def test_hadolint_finds_nothing_to_say() -> None:
    assert _said(HADOLINT, "--no-color", str(CONTAINER / "Containerfile")) == (0, "")


def test_hadolint_finds_a_mistake_where_there_is_one(tmp_path: Path) -> None:
    mistaken = tmp_path / "Containerfile"
    mistaken.write_text(CONTAINERFILE + "RUN cd /tmp && sudo ls\n", encoding="utf-8")

    assert _said(HADOLINT, "--no-color", str(mistaken))[0] != 0


def test_what_is_copied_into_the_image_is_in_the_repository() -> None:
    copied = [line.split()[1:-1] for line in CONTAINERFILE.splitlines() if re.match(r"COPY (?!--from)", line)]

    assert copied
    assert all((REPOSITORY / name).exists() for names in copied for name in names)


def test_the_image_runs_as_a_user_without_rights_and_ends_with_the_signal_that_drains() -> None:
    assert "USER 10001:10001" in CONTAINERFILE
    assert "STOPSIGNAL SIGTERM" in CONTAINERFILE


def test_the_image_starts_the_program_that_is_installed() -> None:
    entry = _instruction("ENTRYPOINT") + _instruction("CMD")

    assert entry == ["cad-bridge", "run"]
    assert _said(*BRIDGE, *entry[1:], "--help")[0] == 0


def test_the_configuration_serves_all_addresses_and_its_secrets_lie_where_compose_puts_them(
    tmp_path: Path,
) -> None:
    text = (CONTAINER / "bridge.toml").read_text(encoding="utf-8")
    for name in COMPOSE["services"]["cad-bridge"]["secrets"]:
        assert f"/run/secrets/{name}" in text
        secret = tmp_path / name
        secret.write_text(f"made-up-secret-of-{name}-that-is-long-enough\n", encoding="utf-8")
        secret.chmod(0o600)
    path = tmp_path / "bridge.toml"
    path.write_text(text.replace("/run/secrets/", ""), encoding="utf-8")

    config = load(path, environ={}, documented_limits=DOCUMENTED_LIMITS).config

    assert config.listener.bind == (TcpBind(host="0.0.0.0", port=30180),)
    assert config.admin.bind == (TcpBind(host="0.0.0.0", port=30181),)
    assert config.admin.hosts == ("cad-bridge",)


def test_compose_publishes_to_this_machine_alone_and_mounts_what_is_there() -> None:
    for service in COMPOSE["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] or (CONTAINER / source).exists(), volume


def test_the_bridge_keeps_its_outbox_and_its_time_to_drain() -> None:
    bridge = COMPOSE["services"]["cad-bridge"]
    [state] = re.findall(r"STATE_DIRECTORY=(\S+)", CONTAINERFILE)

    assert f"outbox:{state}" in bridge["volumes"]
    assert f"VOLUME {state}" in CONTAINERFILE
    assert int(bridge["stop_grace_period"].removesuffix("s")) > 10
    assert bridge["build"] == {"context": "../..", "dockerfile": "deploy/container/Containerfile"}


def test_prometheus_takes_the_configuration_with_the_rules_where_compose_mounts_them(tmp_path: Path) -> None:
    shutil.copy(CONTAINER / "prometheus.yml", tmp_path)
    shutil.copytree(REPOSITORY / "deploy" / "prometheus" / "rules", tmp_path / "rules")

    code, said = _said("promtool", "check", "config", str(tmp_path / "prometheus.yml"))

    assert code == 0, said
    assert "rules found" in said
    assert (
        "./prometheus.yml:/etc/prometheus/prometheus.yml:ro" in COMPOSE["services"]["prometheus"]["volumes"]
    )
    assert "../prometheus/rules:/etc/prometheus/rules:ro" in COMPOSE["services"]["prometheus"]["volumes"]


@pytest.mark.parametrize("status", [200, 503])
def test_the_health_check_tells_a_daemon_that_turns_from_one_that_does_not(status: int) -> None:
    [command] = re.findall(r"^HEALTHCHECK .*?\\\n +CMD (\[.*\])$", CONTAINERFILE, re.MULTILINE)
    answer = f"HTTP/1.1 {status} x\\r\\nContent-Length: 0\\r\\n\\r\\n"
    program, option, code = msgspec.json.decode(command, type=list[str])
    serve = (
        "import socket, threading\n"
        "door = socket.create_server(('127.0.0.1', 0))\n"
        "def serve():\n"
        "    line, _ = door.accept()\n"
        f"    line.recv(9999); line.sendall(b'{answer}'); line.close()\n"
        "threading.Thread(target=serve, daemon=True).start()\n"
    )
    there = code.replace(
        "'http://127.0.0.1:30181/healthz'", "f'http://127.0.0.1:{door.getsockname()[1]}/healthz'"
    )

    assert there != code
    assert (program, option) == ("python", "-c")
    assert (_said(BRIDGE[0], "-c", serve + there)[0] == 0) is (status == 200)


def _instruction(name: str) -> list[str]:
    [words] = re.findall(rf"^{name} (\[.*\])$", CONTAINERFILE, re.MULTILINE)
    return msgspec.json.decode(words, type=list[str])


def _said(*command: str) -> tuple[int, str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr
