"""Engines beside the libraries that their models come from. Run by `make parity`; elsewhere there is no torch."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("torch") else ["test_*.py"]
