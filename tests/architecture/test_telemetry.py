"""What is measured and traced is what the schema and the page say, and nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from docs.telemetry import PAGE, scraped, written
from services.common.telemetry.metrics import METRICS, SCHEMA
from tests.architecture.source import dotted, sources


def test_every_metric_in_the_code_is_in_the_schema_and_every_entry_is_recorded() -> None:
    assert _metrics() == METRICS.keys()


def test_no_two_metrics_are_one_to_prometheus() -> None:
    names = [name.removesuffix("_bucket") for name in scraped(METRICS.values()).values()]
    assert len(names) == len(set(names)) == len(METRICS)


def test_the_page_has_the_metrics_as_they_are_now() -> None:
    assert PAGE.read_text() == written(PAGE.read_text(), SCHEMA.read_text()), "run `make docs`"


def test_the_page_has_every_span_with_its_attributes() -> None:
    rows = [line for line in PAGE.read_text().partition("\n## Spans\n")[2].splitlines() if line.startswith("| `")]
    told = {name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[3])}
    assert told == _span_attributes()
    assert {row.split("`")[1] for row in rows} == {name.replace("{}", "BATCHER") for name in _spans()}


def _metrics() -> set[str]:
    """What instruments are made by and what is observed; a name that is made up as it runs is refused here."""
    makes = ("metrics.counter", "metrics.up_down", "metrics.histogram", "metrics.observed")
    return {
        ast.literal_eval(node.args[0])
        for source in sources("services")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and dotted(node.func) in makes
    }


def _called(call: ast.Call) -> str:
    return dotted(call.func).rpartition(".")[2]


def _span_attributes() -> set[str]:
    """Names in calls of `set_attribute`, and keys of what is called `attributes`."""
    found = set()
    for source in sources("services"):
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and _called(node) == "set_attribute":
                found.add(ast.literal_eval(node.args[0]))
            for literal in _called_attributes(node):
                found |= {ast.literal_eval(key) for key in literal.keys if key}
    return found


def _called_attributes(node: ast.AST) -> Iterator[ast.Dict]:
    values: list[ast.AST | None] = []
    if isinstance(node, ast.FunctionDef) and node.name == "attributes":
        values = [each.value for each in ast.walk(node) if isinstance(each, ast.Return)]
    elif isinstance(node, ast.keyword | ast.Assign | ast.AnnAssign):
        to = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        named = [getattr(node, "arg", ""), *(getattr(each, "id", "") for each in to)]
        values = [node.value] if "attributes" in named else []
    yield from (value for value in values if isinstance(value, ast.Dict))


def _spans() -> set[str]:
    """What spans are begun with; `NAME` is the file's constant, "{}" what else is put into a name."""
    found = set()
    for source in sources("services"):
        constants = {
            node.targets[0].id: ast.literal_eval(node.value)
            for node in source.tree.body
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and isinstance(node.value, ast.Constant)
        }
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and _called(node) in ("start_span", "start_as_current_span", "shared_span"):
                found.add(_text(node.args[0], constants))
    return found - {""}


def _text(node: ast.AST, constants: dict[str, object]) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part, constants) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return _text(node.value, constants) or "{}"
    if isinstance(node, ast.Name):
        return str(constants.get(node.id, ""))
    return str(node.value) if isinstance(node, ast.Constant) else ""
