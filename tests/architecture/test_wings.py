"""The gateway's wings: who may import whom, what calls itself pure is pure, and how much state an object has."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

from tests.architecture.source import PRODUCT, Source, decorators, dotted, sources

GATEWAY = "services/gateway/"

# From the roof to the floor: each imports from those below it, and from itself. Files that stand alone are a wing each.
WINGS = (
    "__main__",
    "deletion",
    "servicer",
    "operations",
    "lifecycle",
    "session",
    "incoming",
    "recognition",
    "translation",
    "voice",
    "resume",
    "account",
    "agreement",
    "quotas",
    "tokens",
    "stages",
    "outgoing",
    "settings",
    "tenant_settings",
    "archive",
    "masking",
    "values",
)

MOST_ATTRIBUTES = 6
# Objects with more, each with its reason and how many it has. What is looked at for each message is an attribute
# rather than reckoned anew; else the list only ever gets shorter.
MANY_ATTRIBUTES = {
    "account/account.py Shared": 7,  # a record: what the parts of a session are made with
    "account/account.py Backlog": 8,  # what waits, and the oldest of it, which saves looking at all
    "account/ledger.py Ledger": 9,  # two clocks, where each of them began, and what was used
    "account/ledger.py _Account": 8,  # a record: the trace of one segment, and when each thing happened to it
    "account/measures.py Measures": 7,  # what is counted, and who is told
    "agreement/budget.py Shares": 7,  # a record: one share for each step
    "agreement/shares.py Claim": 7,  # a record: all that a decision depends on
    "incoming/audio_clock.py Timeline": 9,  # an order, a clock, and what was filled
    "incoming/call.py Sizes": 7,  # a record: the largest of each kind of message
    "incoming/decoding.py _Flac": 7,  # a stream, its decoder, and what was missing
    "incoming/microphone.py Microphone": 13,  # the chain from packets to the audio clock
    "lifecycle.py Opening": 7,  # a record: all that was agreed
    "masking/finding/digits.py Digits": 8,  # a record: digits, and where they may end
    "masking/reading.py Unit": 10,  # a record: what a unit is, and where it stands
    "masking/words.py Words": 26,  # a record: one table for each sort of words
    "outgoing/outbox.py Outbox": 9,  # what waits, in order and by what it is about; its size and age
    "recognition/conversation.py Conversation": 10,  # both directions of a call, and what each saw last
    "recognition/recognition.py Recognition": 11,  # a session's side, and the call of now
    "quotas/purse.py Purse": 7,  # a balance, the counts it is of, and who fills it
    "quotas/quotas.py Quotas": 7,  # what lasts as long as the process
    "quotas/usage.py Record": 7,  # a record: a line of a bill
    "resume/lives.py Life": 7,  # a call, and three things that may happen to it
    "resume/lives.py Lives": 8,  # what is remembered of sessions, each with its bound
    "servicer.py GatewayServicer": 18,  # what lives as long as the process
    "stages/calls.py Attempt": 8,  # what it is left for, and by when
    "stages/links.py Link": 7,  # how it ended, and who uses it
    "stages/replica.py Replica": 12,  # its connections, and what was seen over them
    "stages/replicas.py Replicas": 10,  # those that there are, and those that leave
    "stages/shortage.py Shortage": 7,  # whether an outage lasts, since when, and what the client knows of it
    "stages/tries.py Tries": 10,  # the account of one question
    "tokens/grants.py Grant": 7,  # a record: what one token says
    "translation/segment.py Segment": 11,  # a record: how far text and speech have got
    "translation/target.py Target": 9,  # the chain from transcript to voice
    "translation/targets.py Targets": 8,  # who hears which segment
    "voice/speech.py Clause": 9,  # a record
    "voice/voice.py Voice": 7,  # the chain from clause to chunk
}


def _wing(module: str) -> str:
    return module.split(".")[2]


def _module(source: Source) -> str:
    return source.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def test_wings_import_downwards_only() -> None:
    wrong = []
    for source in sources(GATEWAY):
        if source.path == f"{GATEWAY}__init__.py":
            continue
        own = WINGS.index(_wing(_module(source)))
        for node, name in source.imported():
            if name.startswith("services.gateway.") and WINGS.index(_wing(name)) < own:
                wrong.append(f"{source.at(node)} imports {name}")
    assert not wrong


@cache
def _modules() -> dict[str, Source]:
    return {_module(source): source for source in sources(*PRODUCT)}


def _imported_to_run(source: Source) -> Iterator[str]:
    """What a file imports whenever it is imported itself: not for the type checker, nor inside a function."""
    for node in source.tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _way_to(module: str, wanted: set[str], seen: set[str]) -> list[str]:
    """The imports that lead from a module to one of those wanted; none when there is no way."""
    seen.add(module)
    for name in _imported_to_run(_modules()[module]):
        if name.partition(".")[0] in wanted:
            return [module, name]
        inner = name if name in _modules() else name.rpartition(".")[0]
        if inner in _modules() and inner not in seen and (way := _way_to(inner, wanted, seen)):
            return [module, *way]
    return []


def test_what_says_that_it_is_pure_reaches_neither_grpc_nor_asyncio() -> None:
    pure = [
        module for module, source in _modules().items() if re.search(r"\bPure\b", ast.get_docstring(source.tree) or "")
    ]
    assert pure
    ways = [_way_to(module, {"grpc", "grpc_status", "asyncio"}, set()) for module in pure]
    assert not [" > ".join(way) for way in ways if way]


def test_values_have_no_behaviour() -> None:
    wrong = []
    for source in sources(f"{GATEWAY}values"):
        for node in source.tree.body:
            if isinstance(node, ast.AsyncFunctionDef):
                wrong.append(source.at(node))
            if isinstance(node, ast.ClassDef) and not (_is_dataclass(node) or _is_enum(node)):
                wrong.append(f"{source.at(node)} {node.name} is neither a dataclass nor an enum")
        if way := _way_to(_module(source), {"grpc", "grpc_status", "asyncio", "realtime", "mesh"}, set()):
            wrong.append(" > ".join(way))
    assert not wrong


def _is_dataclass(node: ast.ClassDef) -> bool:
    return "dataclass" in decorators(node)


def _is_enum(node: ast.ClassDef) -> bool:
    return any(dotted(base).endswith("Enum") for base in node.bases)


def _attributes(node: ast.ClassDef) -> set[str]:
    """What an object of a class holds: the fields of a dataclass, and what its methods assign to `self`."""
    found = {
        each.attr
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store) and dotted(each.value) == "self"
    }
    if _is_dataclass(node):
        found |= {dotted(each.target) for each in node.body if isinstance(each, ast.AnnAssign)}
    return found


def test_an_object_has_at_most_six_attributes() -> None:
    """A record among the values may have more: it is what a contract holds. So may settings."""
    found = {}
    for source in sources(GATEWAY):
        if source.path.startswith(f"{GATEWAY}values/") or source.path.endswith("settings.py"):
            continue
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ClassDef) and (count := len(_attributes(node))) > MOST_ATTRIBUTES:
                found[f"{source.path.removeprefix(GATEWAY)} {node.name}"] = count
    assert found == MANY_ATTRIBUTES
