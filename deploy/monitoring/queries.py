"""PromQL that several panels have alike. What is in the place of the range is Grafana's."""

from __future__ import annotations

PAIR = "{{source_lang}} > {{target_lang}}"


def quantile(part: float, histogram: str, by: str, where: str = "") -> str:
    """Of a histogram; NaN, which Grafana leaves out, where nothing was recorded."""
    matching = f"{{{where}}}" if where else ""
    return f"histogram_quantile({part}, {rate(f'{histogram}_bucket{matching}', f'{by}, le')})"


def mean(histogram: str, by: str, where: str = "") -> str:
    """Of a histogram; nothing where nothing was recorded."""
    matching = f"{{{where}}}" if where else ""
    total, count = (rate(f"{histogram}_{each}{matching}", by) for each in ("sum", "count"))
    return f"{total} / ({count} > 0)"


def rate(counter: str, by: str) -> str:
    """A second."""
    return f"sum by ({by}) (rate({counter}[$__rate_interval]))"


def share(counter: str, of: str, by: str) -> str:
    """One counter over another; 0 where it never counted, nothing where the other did not."""
    all_ = rate(of, by)
    return f"({rate(counter, by)} or {all_} * 0) / ({all_} > 0)"
