"""The tables and goals of `bench.sessions.quality`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import jiwer
import sacrebleu

import babelmesh
from bench.measuring.corpus import Recording
from bench.measuring.emissions import caption_erasure, concluded_words, sounds
from bench.measuring.metrics import Erasure, average_token_delay, playback, stream_laal
from bench.measuring.order import faults, misspoken
from bench.measuring.report import Goal, Rows, at_least, at_most, percentile
from bench.measuring.take import Take
from bench.recognition.wer import normalized

SHORT_SECONDS = 8.0
SHARES = (0.5, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Session:
    """One recording in one arm."""

    arm: str
    recording: Recording
    take: Take

    def lag(self, lang: str, aware: bool = True) -> float | None:
        """StreamLAAL of the concluded words, in seconds; None without a word or a reference."""
        sentences = self.recording.sentences.get(lang)
        lag = stream_laal(concluded_words(self.take, lang), sentences) if sentences else None
        return None if lag is None else lag.aware if aware else lag.ideal


Value = Callable[[Session, str], float | None]


def quality_table(sessions: Sequence[Session], targets: Sequence[str]) -> Rows:
    """One row an arm and target."""
    table = Rows("Quality", ("arm", "to", "WER", "chrF", "BLEU", "caption NE", "empty", "faults"))
    for arm, own in by_arm(sessions).items():
        for lang in targets:
            empty = sum(not each.take.translation(lang).strip() for each in own)
            found = sum(len(faults(each.take)) for each in own)
            chrf, bleu = scores(own, lang)
            table.add(arm, lang, word_error_rate(own), chrf, bleu, erased(own, lang).normalized, empty, found)
    return table


def latency_table(sessions: Sequence[Session], targets: Sequence[str]) -> Rows:
    """One row an arm, target and measure."""
    table = Rows("Latency, seconds", ("arm", "to", "measure", "p50", "p95", "p99"))
    measures: dict[str, Value] = {
        "first word shown": lambda each, lang: each.take.first_shown_seconds(lang),
        "first word": lambda each, lang: each.take.first_word_seconds(lang),
        "first audio": lambda each, lang: each.take.first_audio_seconds(lang),
        "StreamLAAL ideal": lambda each, lang: each.lag(lang, aware=False),
        "StreamLAAL computation-aware": lambda each, lang: each.lag(lang),
    }
    for arm, own in by_arm(sessions).items():
        for lang in targets:
            for name, measure in measures.items():
                found = present([measure(each, lang) for each in own])
                table.add(arm, lang, name, *(percentile(found, share) for share in SHARES))
            for name, found in stage_lags(own, lang).items():
                table.add(arm, lang, name, *(percentile(found, share) for share in SHARES))
    return table


def stage_lags(sessions: Sequence[Session], lang: str) -> dict[str, list[float]]:
    """From the ledger: seconds from the end of each segment's speech to its final transcript, and on from there."""
    found = [event for each in sessions for _, event in each.take.events if isinstance(event, babelmesh.Latency)]
    own = [event for event in found if event.target_lang == lang and event.HasField("translated_ms")]
    return {
        "ledger: end of speech to final": [(each.translated_ms - each.captured_ms) / 1000 for each in own],
        "ledger: final transcript": [(each.recognized_ms - each.captured_ms) / 1000 for each in own],
        "ledger: final translation": [(each.translated_ms - each.recognized_ms) / 1000 for each in own],
        "ledger: all sent": [(each.sent_ms - each.translated_ms) / 1000 for each in own],
    }


def voice_table(sessions: Sequence[Session], targets: Sequence[str]) -> Rows:
    """One row an arm and target; medians over the recordings, in seconds."""
    columns = ("arm", "to", "ATD", "end offset", "most queued", "gaps", "gaps, seconds", "length ratio", "dBFS")
    table = Rows("Voice, medians", columns)
    for arm, own in by_arm(sessions).items():
        for lang in targets:
            heard = [playback(sounds(each.take, lang)) for each in own]
            delays = present([average_token_delay(sounds(each.take, lang), each.recording.seconds) for each in own])
            ends = [each.ends - session.recording.seconds for each, session in zip(heard, own, strict=True)]
            table.add(
                arm,
                lang,
                median(delays) if delays else None,
                median(ends),
                median(each.most_queued for each in heard),
                median(each.gaps for each in heard),
                median(each.gap_seconds for each in heard),
                median(length_ratio(each, lang) for each in own),
                median(each.take.voice(lang).level_dbfs for each in own),
            )
    return table


def session_table(sessions: Sequence[Session], targets: Sequence[str]) -> Rows:
    """One row a recording, arm and target."""
    columns = ("recording", "arm", "to", "seconds", "WER", "chrF", "first word", "first audio", "StreamLAAL CA", "NE")
    table = Rows("Sessions", columns)
    for each in sorted(sessions, key=lambda session: session.recording.name):
        for lang in targets:
            chrf, _ = scores([each], lang)
            table.add(
                each.recording.name,
                each.arm,
                lang,
                round(each.recording.seconds, 1),
                word_error_rate([each]),
                chrf,
                each.take.first_word_seconds(lang),
                each.take.first_audio_seconds(lang),
                each.lag(lang),
                caption_erasure(each.take, lang).normalized,
            )
    return table


def goals(sessions: Sequence[Session], targets: Sequence[str], timed: bool) -> dict[str, Goal]:
    """That nothing is lost in any arm; and what ours, BALANCED, is to reach against the others."""
    both = [(each, lang) for each in sessions for lang in targets]
    ratios = [length_ratio(each, lang) for each, lang in both]
    reached = {
        "quality.empty": at_most(sum(not each.take.translation(lang).strip() for each, lang in both), 0),
        "quality.faults": at_most(sum(len(faults(each.take)) for each in sessions), 0),
        "C5.speech": at_most(sum(len(misspoken(lang, each.take)) for each, lang in both), 0),
        "quality.quietest_dbfs": at_least(min(each.take.voice(lang).level_dbfs for each, lang in both), -40),
        "quality.shortest_speech": at_least(min(ratios), 0.5),
        "quality.longest_speech": at_most(max(ratios), 2.0),
    }
    arms, lang = by_arm(sessions), targets[0]
    ours, endpointed, raw = (arms.get(name, []) for name in ("balanced", "endpointed", "retranslate"))
    if ours:
        reached["C5.captions"] = at_most(erased(ours, lang).normalized, 0.05)
    if ours and raw:
        ratio = erased(ours, lang).normalized / erased(raw, lang).normalized
        reached["C5.against_retranslation"] = at_most(ratio, 1 / 3)
    if ours and endpointed and scores(endpointed, lang)[0]:
        reached["C1.chrf"] = at_least((scores(ours, lang)[0] or 0) / (scores(endpointed, lang)[0] or 1), 0.97)
    if ours and endpointed and timed:
        reached |= latency_goals(ours, endpointed, lang)
    if ours:
        reached |= word_goals(ours, lang)
    if ours and timed:
        reached |= waiting_goals(ours, lang)
    return reached


def word_goals(ours: Sequence[Session], lang: str) -> dict[str, Goal]:
    """N1: how good the words are, of transcripts and of translations with a reference."""
    chrf, bleu = scores(ours, lang)
    reached = {"N1.wer": at_most(word_error_rate(ours), 0.07)}
    if chrf is not None and bleu is not None:
        reached |= {"N1.chrf": at_least(chrf, 56.0), "N1.bleu": at_least(bleu, 27.0)}
    return reached


def waiting_goals(ours: Sequence[Session], lang: str) -> dict[str, Goal]:
    """N5: from the end of a phrase to its final caption, and from its onset to the first word shown; seconds."""
    finals = [seconds for each in ours for seconds in each.take.final_seconds(lang)]
    shown = present([each.take.first_shown_seconds(lang) for each in ours])
    bounds = {
        "N5.final_p50": (percentile(finals, 0.5), 1.5),
        "N5.final_p95": (percentile(finals, 0.95), 2.5),
        "N5.first_shown_p50": (percentile(shown, 0.5), 1.5),
    }
    return {name: at_most(value, bound) for name, (value, bound) in bounds.items() if value is not None}


def latency_goals(ours: Sequence[Session], endpointed: Sequence[Session], lang: str) -> dict[str, Goal]:
    """Medians of what each recording took in our arm, over what it took endpointed."""
    pairs = list(zip(ours, endpointed, strict=True))
    short = [pair for pair in pairs if pair[0].recording.seconds < SHORT_SECONDS]

    def audio(each: Session, lang: str) -> float | None:
        return each.take.first_audio_seconds(lang)

    def lag(each: Session, lang: str) -> float | None:
        return each.lag(lang)

    ratios = {
        "C1.first_audio": (_ratios(pairs, audio, lang), 0.35),
        "C1.stream_laal": (_ratios(pairs, lag, lang), 0.30),
        "C1.short_first_audio": (_ratios(short, audio, lang), 0.5),
        "C1.short_stream_laal": (_ratios(short, lag, lang), 0.5),
    }  # without references, or short recordings, there are none
    return {name: at_most(median(found), bound) for name, (found, bound) in ratios.items() if found}


def _ratios(pairs: Sequence[tuple[Session, Session]], measure: Value, lang: str) -> list[float]:
    both = [(measure(one, lang), measure(other, lang)) for one, other in pairs]
    return [one / other for one, other in both if one is not None and other]


def by_arm(sessions: Sequence[Session]) -> dict[str, list[Session]]:
    """The sessions of each arm, in the order of the recordings."""
    arms = dict.fromkeys(sorted({each.arm for each in sessions}))
    ordered = sorted(sessions, key=lambda each: each.recording.name)
    return {arm: [each for each in ordered if each.arm == arm] for arm in arms}


def word_error_rate(sessions: Sequence[Session]) -> float:
    """Over all words of all recordings."""
    said = [normalized(each.recording.text) for each in sessions]
    return float(jiwer.wer(said, [normalized(each.take.transcript) for each in sessions]))


def scores(sessions: Sequence[Session], lang: str) -> tuple[float | None, float | None]:
    """chrF and BLEU of the recordings that have a reference."""
    pairs = [(each.take.translation(lang), each.recording.reference(lang)) for each in sessions]
    known = [(ours, [reference]) for ours, reference in pairs if reference is not None]
    if not known:
        return None, None
    outputs, references = [ours for ours, _ in known], [[reference for _, (reference,) in known]]
    return sacrebleu.corpus_chrf(outputs, references).score, sacrebleu.corpus_bleu(outputs, references).score


def erased(sessions: Sequence[Session], lang: str) -> Erasure:
    """Caption words taken back, over all recordings."""
    each = [caption_erasure(session.take, lang) for session in sessions]
    return Erasure(sum(one.deleted for one in each), sum(one.final for one in each))


def length_ratio(session: Session, lang: str) -> float:
    """How long the translated speech is, over the source."""
    return session.take.voice(lang).seconds / session.recording.seconds


def present(values: Sequence[float | None]) -> list[float]:
    """Those that are there."""
    return [value for value in values if value is not None]
