"""Rules and dashboards ask for what the services really tell, and lead whoever is called to what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from deploy.monitoring.__main__ import stale
from deploy.monitoring.names import FAMILIES, SERIES, Family
from deploy.monitoring.slos import FIRST_AUDIO_SECONDS, LAG_SECONDS
from services.common.telemetry.metrics import METRICS, SCHEMA
from tests.architecture.source import ROOT
from tests.deploy.exposition import registry
from tests.deploy.monitored import TESTS, Query, alerts, panel_queries, panels, rule_queries, rules
from tests.deploy.promql import Selector, chosen, grouped_by, selectors, uncompared

SCRAPED = {"job", "instance", "pod", "namespace"}  # labels that Prometheus adds
MANIFESTS = [path for part in ("base", "components") for path in (ROOT / "deploy/k8s" / part).rglob("*.yaml")]
QUERIES = [*rule_queries(), *panel_queries()]


def test_the_exporter_calls_every_metric_as_we_say() -> None:
    told = {each.name: each for each in text_string_to_metric_families(generate_latest(registry()).decode())}
    for family in FAMILIES.values():
        samples = told[family.name.removesuffix("_total") if family.name not in told else family.name].samples
        assert {sample.name for sample in samples} == set(family.series)
        assert {label for sample in samples for label in sample.labels} == family.labels
    assert len(told.keys() - {"target_info"}) == len(METRICS)


def test_only_metrics_that_exist_are_asked_for_by_labels_they_have() -> None:
    assert not [f"{query.place}: {unknown}" for query in QUERIES for unknown in _unknown(query)]


def _unknown(query: Query) -> Iterator[str]:
    labels: set[str] = set(SCRAPED)
    for selector in selectors(chosen(query.expression)):
        known = _labels(selector)
        if known is None:
            yield selector.name
            continue
        labels |= known
        yield from selector.labels.keys() - known - SCRAPED
    yield from grouped_by(query.expression) - labels


def _labels(selector: Selector) -> frozenset[str] | None:
    """Of a metric, or of what a rule records; None of what neither tells."""
    if selector.name in SERIES:
        return SERIES[selector.name].labels
    recorded = [rule for rule in rules() if rule.get("record") == selector.name]
    if not recorded:
        return None
    return frozenset().union(*(set(rule.get("labels", {})) | grouped_by(rule["expr"]) for rule in recorded))


def test_every_query_asks_for_something() -> None:
    assert not [query.place for query in QUERIES if not list(selectors(query.expression))]


def test_only_values_are_asked_for_that_the_schema_names() -> None:
    assert not [f"{query.place}: {wrong}" for query in QUERIES for wrong in _unexplained(query)]


def _unexplained(query: Query) -> Iterator[str]:
    for selector in selectors(query.expression):
        family = SERIES.get(selector.name)
        if family is None:
            continue
        for label in selector.labels.keys() - {"rpc", "batcher", "le"}:
            for value in selector.values(label):
                if not re.search(rf"\b{value}\b", _explained(family, label)):
                    yield f"{label}={value}"
        if selector.values("le") and not {float(each) for each in selector.values("le")} <= set(
            family.metric.boundaries
        ):
            yield f"le={selector.labels['le']}"


def _explained(family: Family, label: str) -> str:
    told = re.search(rf'^{label} = "(.*)"$', SCHEMA.read_text(), re.MULTILINE)
    return f"{told[1] if told else ''} {family.metric.description}"


def test_objectives_are_bounds_of_buckets() -> None:
    assert FIRST_AUDIO_SECONDS in METRICS["babelmesh.first_audio"].boundaries
    assert LAG_SECONDS in METRICS["babelmesh.lag"].boundaries


def test_autoscalers_on_kubernetes_ask_for_metrics_that_exist() -> None:
    text = "\n".join(path.read_text() for path in MANIFESTS)
    alternatives = re.findall(r"\bbabelmesh_\(([^)]*)\)", text)
    named = {f"babelmesh_{each}" for group in alternatives for each in group.split("|")}
    named |= set(re.findall(r"\bbabelmesh_\w+", text))
    assert not {name for name in named if name not in SERIES and name != "babelmesh_"}


def test_what_is_generated_is_current() -> None:
    assert not stale(), "python -m deploy.monitoring writes it anew"


def test_an_alert_says_what_is_wrong_and_leads_to_what_to_do() -> None:
    for alert in alerts():
        assert alert["labels"]["severity"] in ("page", "ticket")
        told = alert["annotations"]
        assert told["summary"]
        assert told["description"]
        assert _leads_somewhere(told["runbook_url"]), told["runbook_url"]


def _leads_somewhere(link: str) -> bool:
    page, _, anchor = link.partition("#")
    headings = re.findall(r"^#+ (.*)$", (ROOT / page).read_text(), re.MULTILINE)
    return anchor in {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_every_alert_is_seen_to_fire_in_a_test() -> None:
    expected = {
        name
        for path in TESTS
        for test in yaml.safe_load(path.read_text())["tests"]
        for case in test["promql_expr_test"]
        for sample in case["exp_samples"]
        for name in re.findall(r'alertname="(\w+)"', sample["labels"])
    }
    assert {alert["alert"] for alert in alerts()} == expected


def test_a_panel_says_what_it_shows_and_of_which_source() -> None:
    for name, panel in panels():
        assert panel["description"], (name, panel["title"])
        if panel["type"] != "text":
            assert panel["datasource"]["uid"] in ("${metrics}", "${traces}")


@pytest.mark.parametrize(
    ("expression", "without"),
    [
        ("a > 0.8", "a"),
        ("a / (b > 20) > 0.02", "a / (b)"),
        ("sum by (stage) (a) == 0", "sum by (stage) (a)"),
        ("abs(a / avg_over_time(a[1d] offset 1d) - 1) > 0.2", "abs(a / avg_over_time(a[1d]) - 1)"),
        ('absent(a{x="y"} == 1)', '(a{x="y"})'),
        ('a{x!="y",z=~"1|2"} >= 50', 'a{x!="y",z=~"1|2"}'),
    ],
)
def test_an_expression_loses_its_thresholds_only(expression: str, without: str) -> None:
    assert uncompared(expression) == without
