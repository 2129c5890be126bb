"""The service definition and the scripts for Windows: well-formed, and at one with each other and the program."""

import re
import xml.etree.ElementTree as ET  # the files of this repository are trusted
from pathlib import Path

import pytest

from bridge.config import OutboxConfig
from bridge.host import default_path
from bridge.host.access import ADMINISTRATORS, SERVICE, SYSTEM
from tests.support.powershell import commands, functions, mistakes

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "deploy" / "windows"
SCRIPTS = ["install.ps1", "uninstall.ps1"]
# What WinSW 2.12 reads of a definition, and the units in which it counts time.
ELEMENTS = frozenset(
    [
        "id",
        "name",
        "description",
        "executable",
        "arguments",
        "workingdirectory",
        "serviceaccount",
        "startmode",
        "delayedAutoStart",
        "depend",
        "stoptimeout",
        "stopparentprocessfirst",
        "stopexecutable",
        "stoparguments",
        "onfailure",
        "resetfailure",
        "logpath",
        "log",
        "env",
        "priority",
        "hidewindow",
        "waithint",
        "sleeptime",
        "interactive",
        "beeponshutdown",
        "download",
        "securityDescriptor",
        "extensions",
    ]
)
REQUIRED = {"id", "name", "description", "executable"}
SECONDS = {"sec": 1, "secs": 1, "min": 60, "mins": 60, "hour": 3600, "hours": 3600}
CMDLETS = frozenset(
    [
        "Copy-Item",
        "Get-FileHash",
        "Get-Service",
        "Join-Path",
        "New-Item",
        "New-Object",
        "Out-Null",
        "Remove-Item",
        "Set-StrictMode",
        "Split-Path",
        "Start-Service",
        "Stop-Service",
        "Test-Path",
        "Write-Host",
        "Write-Warning",
    ]
)


def definition() -> ET.Element:
    return ET.parse(FOLDER / "cadbridge.xml").getroot()  # noqa: S314 -- our own file


def value(name: str) -> str:
    found = definition().findall(name)
    assert len(found) == 1, name
    return (found[0].text or "").strip()


def seconds(text: str) -> float:
    match = re.fullmatch(r"(\d+) ([a-z]+)", text)
    assert match, text
    return int(match[1]) * SECONDS[match[2]]


def script(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def test_winsw_knows_every_element_and_misses_none() -> None:
    names = [element.tag for element in definition()]

    assert definition().tag == "service"
    assert set(names) <= ELEMENTS
    assert set(names) >= REQUIRED
    assert [name for name in set(names) if names.count(name) > 1] == ["onfailure"]


def test_the_service_runs_the_daemon_with_the_configuration_of_the_default_place() -> None:
    default = default_path({"PROGRAMDATA": "%ProgramData%"}, "win32")

    assert value("executable") == r"%BASE%\python\python.exe"
    assert value("arguments") == rf'-X utf8 -m bridge run --config "{str(default).replace("/", chr(92))}"'


def test_stopping_waits_longer_than_the_drain() -> None:
    assert seconds(value("stoptimeout")) >= OutboxConfig().drain + 15


def test_after_a_failure_it_starts_again_each_time_later_and_forgets_in_time() -> None:
    failures = definition().findall("onfailure")
    delays = [seconds(failure.attrib["delay"]) for failure in failures]

    assert {failure.attrib["action"] for failure in failures} == {"restart"}
    assert delays == sorted(delays)
    assert 0 < delays[0] <= 10
    assert delays[-1] < seconds(value("resetfailure"))


def test_the_logs_are_rolled_by_size_and_not_kept_for_ever() -> None:
    [log] = definition().findall("log")
    kilobytes, files = (int(log.findtext(name, "0")) for name in ("sizeThreshold", "keepFiles"))

    assert log.attrib == {"mode": "roll-by-size"}
    assert 1 < kilobytes * files / 1024 <= 200
    assert value("logpath").startswith(r"%ProgramData%\cad-bridge")


def test_it_runs_under_an_account_with_few_rights_for_both_versions_of_winsw() -> None:
    [account] = definition().findall("serviceaccount")

    assert {part.tag: part.text for part in account} == {
        "domain": "NT AUTHORITY",
        "user": "LocalService",
        "username": r"NT AUTHORITY\LocalService",
    }


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_parses(name: str) -> None:
    assert mistakes(script(name)) == []


@pytest.mark.parametrize("broken", ["if ($x { 1 }", "function Do-It { 1", "throw 'no end"])
def test_a_broken_script_would_be_found(broken: str) -> None:
    assert mistakes(broken) != []


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_calls_nothing_but_what_windows_has_or_it_defines(name: str) -> None:
    called = {command for command in commands(script(name)) if not command.startswith(("$", "("))}
    programs = {command for command in called if command.endswith(".exe")}

    assert called - programs - set(functions(script(name))) <= CMDLETS
    assert set(functions(script(name))) <= called


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_stops_at_the_first_error_wants_an_administrator_and_is_plain_ascii(name: str) -> None:
    text = script(name)
    steps = text[text.rindex("\n}\n\nAssert-Administrator\n") :]

    assert "$ErrorActionPreference = 'Stop'" in text
    assert "Set-StrictMode -Version 3.0" in text
    assert "#Requires -Version 5.1" in text  # what every Windows of today has
    assert steps.split()[1] == "Assert-Administrator"
    assert text.isascii()  # Windows PowerShell reads anything else in the language of the machine


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_names_the_service_and_the_folders_that_the_definition_names(name: str) -> None:
    text = script(name)

    assert f"$Service = '{value('id')}'" in text
    assert "$Data = Join-Path $env:ProgramData 'cad-bridge'" in text
    assert "$Program = Join-Path $env:ProgramFiles 'cad-bridge'" in text


def test_the_data_are_closed_to_all_but_system_administrators_and_the_service() -> None:
    text = script("install.ps1")
    named = dict(re.findall(r"\$(\w+) = '\*(S-1-[\d-]+)'", text))
    [rights] = re.findall(r"\$rights = @\((.+)\)", text)

    assert named == {"System": SYSTEM, "Administrators": ADMINISTRATORS, "Bridge": SERVICE}
    assert re.findall(r'"\$\{(\w+)\}:\(OI\)\(CI\)\((\w)\)"', rights) == [
        ("System", "F"),
        ("Administrators", "F"),
        ("Bridge", "M"),
    ]
    assert "'/inheritance:r', '/grant:r'" in text


def test_the_checks_come_before_anything_is_changed() -> None:
    steps = re.findall(r"^(?:[A-Z]\w+-\w+|if .*)$", script("install.ps1"), re.MULTILINE)

    assert steps[-9:-1] == [
        "Assert-Administrator",
        "Assert-Source",
        "Assert-WinSW",
        "Stop-Bridge",
        "Copy-Program",
        "Register-Bridge",
        "Protect-Data",
        "Assert-Configuration",
    ]


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_reads_and_prints_no_secret(name: str) -> None:
    assert not re.search(r"Get-Content|api-key|\.token|password", script(name), re.IGNORECASE)


def test_events_are_deleted_only_on_demand_and_after_a_question() -> None:
    text = script("uninstall.ps1")

    assert "if ($RemoveData -and $PSCmdlet.ShouldProcess($Data" in text
    assert "ConfirmImpact = 'High'" in text
    assert text.count("Remove-Folder $Data") == 1


def test_the_page_says_what_was_not_run_and_names_files_that_exist() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")

    assert "What was not run" in page
    for name in ("install.ps1", "uninstall.ps1", "cadbridge.xml"):
        assert name in page
        assert (FOLDER / name).is_file()
