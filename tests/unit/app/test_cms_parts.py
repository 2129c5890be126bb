"""How the parts for the CMS are joined."""

from pathlib import Path

import msgspec

from bridge.app.parts import Parts, secrets_of
from bridge.clock import SystemClock
from bridge.config import CmsConfig, Config, Secret
from bridge.sonoran import cms
from tests.support.running_daemon import daemon_config

KEY = "made-up-key-of-the-cms"


def with_cms(folder: Path) -> Config:
    section = CmsConfig(community_id="examplecms", api_key=Secret(KEY))
    return msgspec.structs.replace(daemon_config(folder), cms=section)


def test_without_the_section_nothing_of_it_is_there(tmp_path: Path) -> None:
    parts = Parts(daemon_config(tmp_path), SystemClock())

    assert parts.cms is None
    assert b"cad_bridge_cms_up 1.0" in parts.metrics.render()


def test_the_key_is_among_the_secrets_that_the_log_masks(tmp_path: Path) -> None:
    assert KEY in secrets_of(with_cms(tmp_path))
    assert KEY not in repr(with_cms(tmp_path))


def test_the_cms_has_limits_health_and_key_state_of_its_own(tmp_path: Path) -> None:
    parts = Parts(with_cms(tmp_path), SystemClock())

    assert parts.cms is not None
    assert parts.cms.budgets is not parts.budgets
    assert parts.cms.client.breaker is not parts.client.breaker
    assert parts.cms.breaker.whose == "CMS"


def test_every_series_exists_from_the_start_and_tells_the_truth(tmp_path: Path) -> None:
    parts = Parts(with_cms(tmp_path), SystemClock())
    assert parts.cms is not None
    sample = parts.metrics.registry.get_sample_value

    for operation in cms.OPERATIONS:
        labels = {"operation": operation.name}
        assert sample("cad_bridge_cms_budget_remaining", labels) == operation.per_minute
        failures = sample("cad_bridge_cms_request_failures_total", {**labels, "reason": "timeout"})
        assert failures == 0
    for result in ("allowed", "denied", "stale", "unknown"):
        assert sample("cad_bridge_whitelist_checks_total", {"server": "main", "result": result}) == 0
    for _ in range(3):
        parts.cms.breaker.failed("connect")
    assert sample("cad_bridge_cms_up") == 0
