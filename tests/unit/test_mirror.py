"""The tests mirror the package: each module has a test file of its name in the same place."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ELSEWHERE = {
    "bridge/__main__.py": "tests/unit/cli/test_main.py",
    "bridge/simulator/archive.py": "tests/unit/simulator/test_records.py",
    "bridge/simulator/configuration_shapes.py": "tests/unit/simulator/test_configuration.py",
    "bridge/simulator/estate.py": "tests/unit/simulator/test_configuration.py",
    "bridge/simulator/people.py": "tests/unit/simulator/test_accounts.py",
    "bridge/simulator/people_shapes.py": "tests/unit/simulator/test_accounts.py",
    "bridge/simulator/record_shapes.py": "tests/unit/simulator/test_records.py",
    "bridge/simulator/roster.py": "tests/unit/simulator/test_identifiers.py",
}
"""Tested with what they serve: the command line, and the simulator's operations that use their state and shapes."""

MODULES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "bridge").rglob("*.py")
    if path.name != "__init__.py"  # these hold a docstring and names; the tests of their modules use both
)


def test_there_are_modules_to_look_at() -> None:
    assert len(MODULES) > 50


@pytest.mark.parametrize("module", MODULES)
def test_each_module_has_its_tests(module: str) -> None:
    path = Path(module)
    usual = Path("tests/unit", *path.parts[1:-1], f"test_{path.name}")
    tests = ROOT / ELSEWHERE.get(module, usual)

    assert tests.is_file(), f"{module} has no {tests.relative_to(ROOT)}"
    assert "def test_" in tests.read_text(encoding="utf-8")
