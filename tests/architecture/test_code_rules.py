"""Rules a linter has no check for. A file that may break one stands in a list, with the reason."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.architecture.source import ALL, PRODUCT, Source, decorators, dotted, functions, nodes, sources

UNBOUNDED = {"asyncio.Queue", "asyncio.LifoQueue", "asyncio.PriorityQueue", "queue.Queue", "queue.SimpleQueue"}

READS_THE_ENVIRONMENT = {
    "services/common/settings.py": "refuses variables that no setting reads",
    "services/common/server/hardening.py": "silences gRPC's core, which is told by a variable alone",
    "services/common/telemetry/exporting.py": "OpenTelemetry's standard variables are nobody's settings",
    "babelmesh/models/folder.py": "XDG_DATA_HOME is the platform's, like HOME",
    "babelmesh/models/packages.py": "hands its own environment on to pip and npm",
    "babelmesh/cli/tokens.py": "a token is no argument, which everybody on the machine could read",
    "babelmesh/local/supervisor.py": "hands its own environment on to the processes it starts",
}
PRINTS = {
    "babelmesh/console.py": "the one place that writes to the terminal",
}
CATCHES_EVERYTHING = {
    "services/common/server/door.py": "turns whatever a call raises into its status",
    "services/common/neural/batching.py": "a failed batch reaches every waiter",
}

REASON = re.compile(r"# type: ignore\[[\w\-, ]+\]\s+# \w.*|# noqa: [A-Z]+\d+(, ?[A-Z]+\d+)*\s+(#|-|—) ?\w.*")


def _calls(source: Source) -> Iterator[tuple[ast.Call, str]]:
    for node in nodes(source):
        if isinstance(node, ast.Call):
            yield node, dotted(node.func)


def test_only_task_groups_start_tasks() -> None:
    bare = re.compile(r"((^|\.)(asyncio|loop|get_running_loop\(\)|get_event_loop\(\))\.|^)(create_task|ensure_future)$")
    calls = [(source, *call) for source in sources(*PRODUCT, "bench") for call in _calls(source)]
    assert not [source.at(node) for source, node, name in calls if bare.search(name)]


def test_only_bounded_channels_join_tasks() -> None:
    assert not [source.at(node) for source in sources(*PRODUCT) for node, name in _calls(source) if name in UNBOUNDED]


def test_the_environment_is_read_by_settings_only() -> None:
    reads = ("os.environ", "os.getenv", "environ", "getenv")
    wrong = [
        source.at(node)
        for source in sources(*PRODUCT)
        for node in nodes(source)
        if source.path not in READS_THE_ENVIRONMENT and dotted(node) in reads
    ]
    assert not wrong


def test_nothing_prints_but_the_console() -> None:
    calls = [(source, node) for source in sources(*PRODUCT) for node, name in _calls(source) if name == "print"]
    assert not [source.at(node) for source, node in calls if source.path not in PRINTS]


def _caught(handler: ast.ExceptHandler) -> set[str]:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return {dotted(kind).rsplit(".", 1)[-1] if kind else "everything" for kind in kinds}


def _handlers() -> Iterator[tuple[Source, ast.ExceptHandler]]:
    for source in sources(*PRODUCT, "bench"):
        for node in nodes(source):
            if isinstance(node, ast.ExceptHandler):
                yield source, node


def _raises_it_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def test_everything_is_caught_in_one_place_only() -> None:
    wrong = [
        source.at(handler)
        for source, handler in _handlers()
        if _caught(handler) & {"Exception", "BaseException", "everything"}
        and not _raises_it_again(handler)
        and source.path not in CATCHES_EVERYTHING
    ]
    assert not wrong


def test_a_cancellation_is_never_swallowed() -> None:
    wrong = [
        source.at(handler)
        for source, handler in _handlers()
        if "CancelledError" in _caught(handler) and not _raises_it_again(handler)
    ]
    assert not wrong


def _yields_inside(block: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(block):
        if isinstance(node, (ast.Yield, ast.YieldFrom)):
            yield node
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield from _yields_inside(node)


def test_no_generator_yields_inside_a_task_group_or_timeout() -> None:
    """PEP 789: the block would then cancel whoever iterates."""
    scopes = {"asyncio.TaskGroup()", "TaskGroup()", "asyncio.timeout()", "asyncio.timeout_at()"}
    wrong = []
    for source in sources(*PRODUCT):
        for function in functions(source):
            if decorators(function) & {"asynccontextmanager", "contextmanager", "fixture"}:
                continue
            for block in ast.walk(function):
                if isinstance(block, ast.AsyncWith) and {dotted(item.context_expr) for item in block.items} & scopes:
                    wrong += [source.at(node) for node in _yields_inside(block)]
    assert not wrong


def test_every_exception_to_a_lint_gives_its_reason() -> None:
    silent = re.compile(r"# (type: ignore|noqa|pragma: no cover|nosec)")
    wrong = [
        f"{source.at(line)} {comment}"
        for source in sources(*ALL)
        if any(not REASON.fullmatch(source.text, *span) for span in _to_line_ends(silent, source.text))
        for line, comment in source.comments()  # of the few left: it takes seconds for all
        if silent.match(comment) and not REASON.fullmatch(comment)
    ]
    assert not wrong


def _to_line_ends(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, int]]:
    """Where matches begin, and where their lines end: a comment, or what looks like one within a text."""
    for found in pattern.finditer(text):
        end = text.find("\n", found.start())
        yield found.start(), len(text) if end < 0 else end


@pytest.mark.parametrize(
    ("comment", "has_reason"),
    [
        ("# type: ignore[no-any-return]  # the library's stubs lack it", True),
        ("# noqa: PLR0913 - a command line's options", True),
        ("# noqa: ASYNC240, S101 # why", True),
        ("# type: ignore[no-any-return]", False),
        ("# type: ignore  # why", False),
        ("# noqa: PLR0913", False),
        ("# noqa", False),
    ],
)
def test_what_counts_as_a_reason(comment: str, has_reason: bool) -> None:
    assert bool(REASON.fullmatch(comment)) is has_reason
