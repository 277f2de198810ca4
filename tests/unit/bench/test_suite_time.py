"""What is read of the output of a suite that was timed."""

from __future__ import annotations

from bench.measuring.suite_time import outcomes

OUTPUT = """
........................................................................ [100%]
FAILED tests/unit/test_a.py::test_b - assert 1 passed in 2s
1 failed, 5571 passed, 113 skipped in 439.68s (0:07:19)
bringing up nodes...
=== 220 passed, 2 skipped, 1 error in 167.29s (0:02:47) ===
make: *** [Makefile:72: test] Error 1
"""


def test_outcomes_are_those_of_both_halves() -> None:
    assert outcomes(OUTPUT) == {"passed": 5791, "failed": 1, "skipped": 115, "error": 1}
    assert not outcomes("make: *** No rule to make target 'test'.")
