"""The dashboard of a stage, chosen by `$stage`."""

from __future__ import annotations

from deploy.monitoring.panels import Dashboard, Panel, choice
from deploy.monitoring.queries import PAIR, mean, quantile, rate, share

_OF_STAGE = 'stage="$stage"'

DASHBOARD = Dashboard(
    "babelmesh-stage",
    "Babelmesh: one stage",
    "One stage, replica by replica. Choose it above.",
    [
        Panel(
            "Replicas, by state",
            "As the gateways see them: the most any of them sees.",
            {"{{state}}": f"max by (state) (babelmesh_replicas{{{_OF_STAGE}}})"},
        ),
        Panel(
            "Slots in use",
            "Of each replica: streams or calls it serves at once.",
            {
                "{{instance}}": f"sum by (instance) (babelmesh_slots_used{{{_OF_STAGE}}})"
                f" / (sum by (instance) (babelmesh_slots_total{{{_OF_STAGE}}}) > 0)"
            },
            "percentunit",
            0.9,
        ),
        Panel(
            "Engines",
            "What each replica runs. A roll-out shows two versions for a while.",
            {
                "{{engine}} {{version}} {{device}}": (
                    f"count by (engine, version, device) (babelmesh_engine{{{_OF_STAGE}}})"
                )
            },
        ),
        Panel(
            "Waiting, mean of the last seconds",
            "What the stage is scaled by, beside the engine's fill.",
            {"{{instance}}": f"max by (instance) (babelmesh_queue_seconds{{{_OF_STAGE}}})"},
            "s",
            0.5,
        ),
        Panel(
            "Fill of the engine",
            "Share in use of what it works on at once: a batch's places, processes.",
            {"{{instance}}": f"max by (instance) (babelmesh_fill{{{_OF_STAGE}}})"},
            "percentunit",
        ),
        Panel(
            "Waiting of each piece of work",
            "p50 and p99: single ones that waited long do not show in the mean.",
            {
                "p50": quantile(0.5, "babelmesh_queue_wait_seconds", "stage", _OF_STAGE),
                "p99": quantile(0.99, "babelmesh_queue_wait_seconds", "stage", _OF_STAGE),
            },
            "s",
        ),
        Panel(
            "Engine time, p95",
            "For a segment (ASR), a text (MT) or a clause (TTS), by languages; waiting included.",
            {PAIR: quantile(0.95, "babelmesh_engine_duration_seconds", "source_lang, target_lang", _OF_STAGE)},
            "s",
        ),
        Panel(
            "Real-time factor, p95",
            "Engine seconds for a second of audio, by languages. The line is where an alert begins.",
            {PAIR: quantile(0.95, "babelmesh_real_time_factor", "source_lang, target_lang", _OF_STAGE)},
            "short",
            0.8,
        ),
        Panel(
            "Answers, p95",
            "From a gateway's question to the answer, other replicas tried included.",
            {"{{stage}}": quantile(0.95, "babelmesh_stage_duration_seconds", "stage", _OF_STAGE)},
            "s",
        ),
        Panel(
            "Tries at its replicas",
            "What came of them: answered, refused, died, failed, slow, or final: the question is at fault.",
            {"{{outcome}}": rate(f"babelmesh_stage_calls_total{{{_OF_STAGE}}}", "outcome")},
            "cps",
        ),
        Panel(
            "Calls",
            "Calls it serves, by how they ended. Streams count when they end.",
            {"{{code}}": rate('babelmesh_rpc_duration_seconds_count{rpc=~"mesh[.]$stage[.].*"}', "code")},
            "cps",
        ),
        Panel(
            "Refused at the door",
            "AT_CAPACITY: no slot was free. The others: it is starting, leaving or stuck.",
            {"{{code}}": rate(f"babelmesh_refusals_total{{{_OF_STAGE}}}", "code")},
            "cps",
        ),
        Panel(
            "Batches",
            "Mean size of the batches of each batcher; engines that do not batch show none.",
            {"{{batcher}}": mean("babelmesh_batch_items", "batcher", 'batcher=~"$stage.*"')},
        ),
        Panel(
            "Why batches went",
            "Full: there is more work than fits. Waited: for company, in vain.",
            {
                "{{batcher}} {{reason}}": rate(
                    'babelmesh_batch_dispatches_total{batcher=~"$stage.*"}', "batcher, reason"
                )
            },
            "cps",
        ),
        Panel(
            "Sessions on each tier",
            "Where a stage chooses among models from small to large; of all replicas.",
            {"{{tier}}": f"sum by (tier) (babelmesh_tier_sessions{{{_OF_STAGE}}})"},
        ),
        Panel(
            "Tiers changed",
            "Slipped: answers came too late. Crowded: too many speak. Recovered: there is room for a larger one again.",
            {"{{reason}}": rate(f"babelmesh_tier_changes_total{{{_OF_STAGE}}}", "reason")},
            "cps",
        ),
        Panel(
            "Failures by version",
            "Share of calls on which a version of a model failed: where it grows after a roll-out, go back.",
            {
                "{{bundle}} {{version}}": share(
                    "babelmesh_version_failures_total", "babelmesh_version_calls_total", "bundle, version"
                )
            },
            "percentunit",
        ),
    ],
    [choice("stage", ("asr", "mt", "tts"))],
)
