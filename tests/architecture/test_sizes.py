"""One subject per file; a function fits on a screen."""

from __future__ import annotations

import pytest

from tests.architecture.source import ALL, PRODUCT, decorators, functions, sources

MOST_LINES_OF_A_FILE = 300
MOST_LINES_OF_A_FUNCTION = 40
MOST_PARAMETERS = 5  # beside self or cls
MOST_LINES_OF_THE_PAGE = 150


def test_no_file_is_longer_than_300_lines() -> None:
    lengths = {source.path: len(source.text.splitlines()) for source in sources(*ALL)}
    assert not {path: length for path, length in lengths.items() if length > MOST_LINES_OF_A_FILE}


def test_no_function_is_longer_than_40_lines() -> None:
    long = [
        f"{source.at(function)} {function.name}"
        for source in sources(*ALL)
        for function in functions(source)
        if (function.end_lineno or 0) - function.lineno + 1 > MOST_LINES_OF_A_FUNCTION
    ]
    assert not long


def test_no_function_has_more_than_five_parameters() -> None:
    many = []
    for source in sources(*PRODUCT, "bench"):
        for function in functions(source):
            if "command" in decorators(function):
                continue  # the parameters of a command are the command line's options
            given = function.args
            names = [argument.arg for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
            if len([name for name in names if name not in ("self", "cls")]) > MOST_PARAMETERS:
                many.append(f"{source.at(function)} {function.name}")
    assert not many


@pytest.mark.parametrize("page", ["services/gateway/session.py"])
def test_the_life_of_a_call_reads_as_one_page(page: str) -> None:
    (source,) = [source for source in sources("services/gateway") if source.path == page]
    assert len(source.text.splitlines()) <= MOST_LINES_OF_THE_PAGE
