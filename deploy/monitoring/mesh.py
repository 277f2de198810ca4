"""The dashboard that is looked at first."""

from __future__ import annotations

from deploy.monitoring.panels import Dashboard, Panel
from deploy.monitoring.queries import PAIR, mean, quantile, rate, share
from deploy.monitoring.slos import FIRST_AUDIO_SECONDS, LAG_SECONDS, OBJECTIVES

_BURN_STEPS = (
    "Above 14.4 for an hour, or 6 for six hours, somebody is called; above 1 for three days it is to be seen to."
)
_BURNS = {f"{each.name}": f'babelmesh:slo_misses:ratio1h{{slo="{each.name}"}} / {each.budget:g}' for each in OBJECTIVES}

DASHBOARD = Dashboard(
    "babelmesh-overview",
    "Babelmesh: the mesh",
    "What users have of it, and what each stage is short of.",
    [
        Panel(
            "Budget burnt, last hour",
            f"How many times faster than it may each objective's budget burns. {_BURN_STEPS}",
            _BURNS,
            most=14.4,
            width=16,
        ),
        Panel(
            "Sessions",
            "Sessions at the gateways now, and how many they can hold.",
            {
                "held": 'sum(babelmesh_slots_used{stage="gateway"})',
                "room for": 'sum(babelmesh_slots_total{stage="gateway"})',
            },
        ),
        Panel(
            "First audio, p95",
            "From the first sample of a segment to the first speech of its translation. The line is the objective.",
            {PAIR: quantile(0.95, "babelmesh_first_audio_seconds", "source_lang, target_lang")},
            "s",
            FIRST_AUDIO_SECONDS,
        ),
        Panel(
            "First word, p95",
            "From the first sample of a segment to the first concluded word of its translation.",
            {PAIR: quantile(0.95, "babelmesh_first_word_seconds", "source_lang, target_lang")},
            "s",
        ),
        Panel(
            "Lag, p99",
            "From the last sample of a segment to the last of its translation and speech. The line is the objective.",
            {PAIR: quantile(0.99, "babelmesh_lag_seconds", "source_lang, target_lang")},
            "s",
            LAG_SECONDS,
        ),
        Panel(
            "Segments, by outcome",
            "Whole is as it should be. Captions: speech was left out. Lost: the session broke before.",
            {"{{outcome}}": rate("babelmesh_segments_total", "outcome")},
            "cps",
        ),
        Panel(
            "Sessions ended, by outcome",
            "Resumable ones go on, here or at another gateway.",
            {
                "{{outcome}}": rate("babelmesh_sessions_total", "outcome"),
                "resumed": "sum(rate(babelmesh_sessions_resumed_total[$__rate_interval])) or vector(0)",
            },
            "cps",
        ),
        Panel(
            "Refused at the door",
            "AT_CAPACITY at the gateway is what users feel; at a stage, the gateway tries another replica.",
            {"{{stage}} {{code}}": rate("babelmesh_refusals_total", "stage, code")},
            "cps",
        ),
        Panel(
            "Slots in use",
            "Share of the slots of all replicas. Replicas are added at 75 %; above the line an alert says so.",
            {"{{stage}}": "babelmesh:slots:used_ratio"},
            "percentunit",
            0.9,
        ),
        Panel(
            "Slots held by nobody",
            "Slots in use beyond what the gateways' sessions need. More than 0 for minutes: calls were left open.",
            {"{{stage}}": "babelmesh:abandoned_slots:count"},
        ),
        Panel(
            "Waiting for the engine",
            "The replica of each stage where work waits longest.",
            {"{{stage}}": "max by (stage) (babelmesh_queue_seconds)"},
            "s",
            0.5,
        ),
        Panel(
            "Real-time factor, p95",
            "Engine seconds for a second of audio. At 1 a stage can no longer keep up with one speaker.",
            {"{{stage}}": "babelmesh:real_time_factor:p95_5m"},
            "short",
            0.8,
        ),
        Panel(
            "Done without a stage",
            "Times a session had to go on without a stage, and why.",
            {"{{stage}} {{reason}}": rate("babelmesh_degradations_total", "stage, reason")},
            "cps",
        ),
        Panel(
            "Replicas that serve",
            "As the gateways see them: the one that sees fewest.",
            {"{{stage}}": 'min by (stage) (babelmesh_replicas{state="SERVING"})'},
        ),
        Panel(
            "Backlog",
            "Source audio whose work is not done, of the session with the most of it.",
            {"{{stage}}": "max by (stage) (babelmesh_backlog_seconds)"},
            "s",
        ),
        Panel(
            "Words taken back",
            "Normalized erasure of captions: words taken back for each that stays. Speech never takes any back.",
            {
                "{{text}} {{source_lang}} {{target_lang}}": share(
                    "babelmesh_tokens_erased_total", "babelmesh_tokens_final_total", "text, source_lang, target_lang"
                )
            },
            "short",
            0.4,
        ),
        Panel(
            "Confidence",
            "Mean confidence in finals, where the engine tells any. A fall means noise, or another language.",
            {"{{source_lang}}": mean("babelmesh_asr_confidence", "source_lang")},
            "percentunit",
        ),
        Panel(
            "Length of translations",
            "Characters for each of the source. A drift means lost or invented text.",
            {PAIR: mean("babelmesh_mt_length_ratio", "source_lang, target_lang")},
        ),
        Panel(
            "Repetition in translations",
            "Mean share of word pairs that occurred before. A rise means a decoder that loops.",
            {PAIR: mean("babelmesh_mt_repetition", "source_lang, target_lang")},
            "percentunit",
        ),
        Panel(
            "Broken voices",
            "Share of clauses that are clipped, or without a sound.",
            {
                "clipped {{target_lang}}": share(
                    "babelmesh_tts_clipped_total", "babelmesh_tts_silence_count", "target_lang"
                ),
                "silent {{target_lang}}": share(
                    "babelmesh_tts_silent_total", "babelmesh_tts_silence_count", "target_lang"
                ),
            },
            "percentunit",
            0.02,
        ),
        Panel(
            "Speaking rate, p95",
            "How much faster than its own rate the voice speaks, to keep up with the speaker.",
            {"{{target_lang}}": quantile(0.95, "babelmesh_speaking_rate", "target_lang")},
        ),
    ],
)
