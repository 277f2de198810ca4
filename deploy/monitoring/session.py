"""The dashboard of the ledger: of all sessions, and the way to the trace of one."""

from __future__ import annotations

from deploy.monitoring.panels import Dashboard, Other, Panel, datasource, typed
from deploy.monitoring.queries import PAIR, quantile, rate
from deploy.monitoring.slos import LAG_SECONDS

STEPS = ("received", "recognized", "translated", "first_audio", "sent")

_WHERE = """\
Metrics carry no session: there would be one series a session for ever, and whoever can see a chart could tell one \
user from another. The panels show how each step of the ledger is distributed over **all** sessions.

**One session** is found by its id, which its client has from `ready.session_id`: type it \
above. The table lists its trace; type the trace's id above to see its tree, segment by segment. \
That needs a Tempo data source; elsewhere look for the span attribute `babelmesh.session_id`.
"""

DASHBOARD = Dashboard(
    "babelmesh-session",
    "Babelmesh: a session's ledger",
    "How long each step of a segment takes, over all sessions; and the trace of one session, by its id.",
    [
        Other(
            "Where one session is",
            "What these panels can show, and what not.",
            "text",
            {"mode": "markdown", "content": _WHERE},
        ),
        *(
            Panel(
                f"Until {step.replace('_', ' ')}",
                "From the last sample of a segment; what was done before it is in the first bucket.",
                {"{{le}}": rate(f'babelmesh_segment_step_seconds_bucket{{step="{step}"}}', "le")},
                "s",
                kind="heatmap",
                extra={"options": {"calculate": False, "yAxis": {"unit": "s"}}},
            )
            for step in STEPS
        ),
        Panel(
            "Steps, p50",
            "What a segment usually waits for: the distance from one line to the next.",
            {"{{step}}": quantile(0.5, "babelmesh_segment_step_seconds", "step")},
            "s",
        ),
        Panel(
            "Steps, p99",
            "What the slowest segments wait for. The line is the objective of the last step.",
            {"{{step}}": quantile(0.99, "babelmesh_segment_step_seconds", "step")},
            "s",
            LAG_SECONDS,
            width=12,
        ),
        Panel(
            "Last step, p95, by languages",
            "Whether it is one pair of languages that is late.",
            {PAIR: quantile(0.95, "babelmesh_segment_step_seconds", "source_lang, target_lang", 'step="sent"')},
            "s",
            LAG_SECONDS,
            width=12,
        ),
        Other(
            "The session's trace",
            "The trace whose session has the id above.",
            "table",
            {},
            query='{ span.babelmesh.session_id = "$session" }',
        ),
        Other(
            "Its tree",
            "The trace with the id above: session, segments, and the work of each stage.",
            "traces",
            {},
            query="$trace",
        ),
    ],
    [datasource("traces", "tempo"), typed("session"), typed("trace")],
)
