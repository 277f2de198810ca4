"""What a client says it has of a session that it resumes: checked, and made into where the session goes on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import InvalidArgument, quoted
from services.common.text.languages import MAX_TAG_LENGTH
from services.gateway.agreement.bounds import MOST_CLAUSE_SAMPLES, MOST_REVISIONS, Most, require_number, require_share
from services.gateway.values.continuation import Bond, Continuation, Position, SegmentContinuation, TargetContinuation
from services.gateway.values.speech import Transcript, milliseconds, samples

MOST_SEGMENTS = 1000
MOST_LANGS = 100
MOST_TRANSLATIONS = 2000  # of all segments together
MOST_TEXT = 20_000  # code points of a text
_MOST_SEGMENT_ID = 2**40
_FIELD = "hello.received"
_OTHER = {"spoken": "typed", "typed": "spoken"}
_KINDS = {pb.ORIGIN_SPOKEN: "spoken", pb.ORIGIN_TYPED: "typed", pb.ORIGIN_UNSPECIFIED: "unnamed"}


def continued(bond: Bond, position: Position, hello: pb.SessionConfig, age_ms: int = 0) -> Continuation:
    """Where a session goes on that is so old. Raises InvalidArgument naming what of `hello.received` cannot be."""
    received = hello.received
    if hello.HasField("received") and received.session_id != bond.session_id:
        message = "It tells of another session than the handle does."
        raise InvalidArgument("RESUME_OTHER_SESSION", message, f"{_FIELD}.session_id", [bond.session_id])
    _require_bounds(received, Most(age_ms), position)
    segments = _segments(received.segments, position.next_segment_id, shown=hello.partial_results)
    transcripts = [_transcript(segment.transcript) for segment in segments]
    opened = _open(transcripts, _kinds(transcripts, [_KINDS[segment.transcript.origin] for segment in segments]))
    finals = tuple(each for each in transcripts if each.final)
    return Continuation(
        session_id=bond.session_id,
        epoch=bond.epoch + 1,
        start_samples=max([position.offset_samples, *(each.end_samples for each in finals if not each.typed)]),
        next_segment_id=opened.next_segment_id or position.next_segment_id + len(transcripts),
        open_transcript=opened.spoken if opened.spoken and opened.spoken.text else None,
        transcripts=finals,
        targets=_targets(position.voices, received.voices, segments),
        clock_ms=max(position.clock_ms, received.clock_ms),
        open_typed=opened.typed,
        unnamed_segment_id=opened.unnamed.segment_id if opened.unnamed else 0,
        spoken_segment_id=opened.spoken.segment_id if opened.spoken else 0,
        last_segment_id=position.next_segment_id + len(transcripts) - 1,
        position=position,
        age_ms=age_ms,
    )


def _segments(given: Iterable[pb.ReceivedSegment], first: int, shown: bool) -> list[pb.ReceivedSegment]:
    """The segments from the handle's on. What lies before is delivered, as the handle says.

    Open segments are not `shown` to a client without interim results. One that lies before finals is taken in empty.
    """
    kept: list[pb.ReceivedSegment] = []
    for index, segment in enumerate(given):
        number, expected = segment.transcript.segment_id, first + len(kept)
        if number < first and not kept:
            continue
        if number == expected + 1 and segment.transcript.final and not shown:
            kept.append(pb.ReceivedSegment(transcript=pb.AsrResult(segment_id=expected)))
        elif number != expected:
            path = f"segments[{index}].transcript.segment_id"
            raise _inconsistent(path, f"Segment {number} follows, where {expected} should.", str(expected))
        kept.append(segment)
    return kept


@dataclass(frozen=True, slots=True)
class _Open:
    spoken: Transcript | None = None
    typed: Transcript | None = None
    unnamed: Transcript | None = None

    @property
    def next_segment_id(self) -> int:
        """The number that the recognizer goes on with; 0 when it begins a new segment."""
        going_on = self.spoken or self.unnamed
        return going_on.segment_id if going_on else 0


def _open(transcripts: Sequence[Transcript], kinds: Sequence[str]) -> _Open:
    """The segments without a final: the last one spoken, and the last one typed, at most."""
    opened: dict[str, Transcript] = {}
    for said, kind in zip(transcripts, kinds, strict=True):
        if kind in opened:
            message = f"Segment {opened[kind].segment_id} is not final, and {said.segment_id} came behind it."
            raise _inconsistent("segments", message, "only the last segment without its final transcript")
        if not said.final:
            opened[kind] = said
    return _Open(**opened)


def _kinds(transcripts: Sequence[Transcript], told: Sequence[str]) -> list[str]:
    """The kind of each, as the fields of `_Open`: what the client tells of it, where it has any of its results.

    Of either kind one is open at a time: what is open before a final is of the other kind.
    """
    kinds = [*told]
    unnamed = [index for index, said in enumerate(transcripts) if kinds[index] == "unnamed" and not said.final]
    for index in unnamed[:1]:
        behind = {kind for kind, said in zip(kinds[index:], transcripts[index:], strict=True) if said.final}
        if len(behind) == 1 and (other := _OTHER.get(behind.pop())):
            kinds[index] = other
            kinds[unnamed[-1]] = other if len(unnamed) == 1 else _OTHER[other]
    return kinds


def _transcript(result: pb.AsrResult) -> Transcript:
    return Transcript(
        segment_id=result.segment_id,
        revision=result.revision,
        final=result.final,
        text=result.text,
        stable_length=result.stable_length,
        start_samples=samples(result.start_ms),
        end_samples=samples(result.end_ms),
        typed=result.origin == pb.ORIGIN_TYPED,
        confidence=result.confidence if result.HasField("confidence") else None,
        stability=result.stability if result.HasField("stability") else None,
        corrected=result.corrected,
        language=result.lang,
        language_confidence=result.lang_confidence if result.HasField("lang_confidence") else None,
        language_tentative=result.lang_tentative,
        language_unsure=result.lang_unsure,
    )


def _targets(
    known: Mapping[str, int], voices: Sequence[pb.ReceivedVoice], segments: Iterable[pb.ReceivedSegment]
) -> dict[str, TargetContinuation]:
    """Each language's part: its speech, and what came of each segment."""
    positions = {lang: (at, False) for lang, at in known.items()}
    for index, voice in enumerate(voices):
        least = known.get(voice.target_lang, 0)
        if voice.samples < least:
            message = f"The handle has {least} samples of {quoted(voice.target_lang)} delivered."
            raise _inconsistent(f"voices[{index}].samples", message, f"{least} or more")
        positions[voice.target_lang] = (voice.samples, voice.speaking)
    texts: dict[str, dict[int, SegmentContinuation]] = {}
    for segment in segments:
        for translation in segment.translations:
            texts.setdefault(translation.target_lang, {})[segment.transcript.segment_id] = _segment(translation)
    return {
        lang: TargetContinuation(*positions.get(lang, (0, False)), texts.get(lang, {}))
        for lang in dict.fromkeys([*positions, *texts])
    }


def _segment(came: pb.ReceivedTranslation) -> SegmentContinuation:
    """What was said is concluded, also where its text did not come, or has been overtaken by its speech."""
    shown = came.text if came.final else came.text[: came.stable_length].rstrip()
    said = " ".join(part for part in (came.spoken, came.speaking) if part)
    text = said if said.startswith(shown) else shown
    return SegmentContinuation(text, came.final, came.revision, came.spoken, came.speaking, came.speaking_samples)


def _require_bounds(received: pb.Received, most: Most, position: Position) -> None:
    _require_count(len(received.segments), MOST_SEGMENTS, "segments")
    _require_each_once(received.voices, "voices")
    _require_count(sum(len(each.translations) for each in received.segments), MOST_TRANSLATIONS, "segments")
    require_number(received.clock_ms, max(most.clock_ms, position.clock_ms), f"{_FIELD}.clock_ms")
    for index, voice in enumerate(received.voices):
        most_samples = position.voices.get(voice.target_lang, 0) + most.voice_samples
        require_number(voice.samples, most_samples, f"{_FIELD}.voices[{index}].samples")
    for index, segment in enumerate(received.segments):
        path = f"segments[{index}]"
        _require_translations(segment.translations, path)
        said = segment.transcript
        _require_text([("text", said.text)], f"{path}.transcript.")
        _require_result(said, milliseconds(position.offset_samples) + most.audio_ms, f"{_FIELD}.{path}.transcript")
        _require_stable(said.stable_length, said.text, f"{path}.transcript")
        if said.end_ms < said.start_ms:
            raise _inconsistent(f"{path}.transcript.end_ms", "It ends before it starts.", f"{said.start_ms} or more")


def _require_result(said: pb.AsrResult, most_ms: int, path: str) -> None:
    require_number(said.segment_id, _MOST_SEGMENT_ID, f"{path}.segment_id")
    require_number(said.revision, MOST_REVISIONS, f"{path}.revision")
    require_number(said.start_ms, most_ms, f"{path}.start_ms")
    require_number(said.end_ms, most_ms, f"{path}.end_ms")
    _require_origin(said, f"{path}.origin")
    require_share(said.confidence, f"{path}.confidence")
    require_share(said.stability, f"{path}.stability")
    require_share(said.lang_confidence, f"{path}.lang_confidence")


def _require_origin(said: pb.AsrResult, path: str) -> None:
    known = [value for value in _KINDS if value or not (said.text or said.final)]
    if said.origin not in known:
        accepted = [pb.Origin.Name(value) for value in known]
        raise InvalidArgument("UNKNOWN_VALUE", "A result tells whether it was spoken or typed.", path, accepted)


def _require_translations(translations: Sequence[pb.ReceivedTranslation], path: str) -> None:
    _require_each_once(translations, f"{path}.translations")
    for index, came in enumerate(translations):
        where = f"{path}.translations[{index}]"
        _require_text([("text", came.text), ("spoken", came.spoken), ("speaking", came.speaking)], f"{where}.")
        require_number(came.revision, MOST_REVISIONS, f"{_FIELD}.{where}.revision")
        require_number(came.speaking_samples, MOST_CLAUSE_SAMPLES, f"{_FIELD}.{where}.speaking_samples")
        _require_stable(came.stable_length, came.text, where)
        if came.speaking_samples and not came.speaking:
            raise _inconsistent(f"{where}.speaking", "Samples came of a clause that is not told.", "the clause's text")


def _require_each_once(about: Sequence[pb.ReceivedVoice | pb.ReceivedTranslation], path: str) -> None:
    _require_count(len(about), MOST_LANGS, path)
    langs: set[str] = set()
    for index, lang in enumerate([each.target_lang for each in about]):
        if not lang or len(lang) > MAX_TAG_LENGTH or lang in langs:
            message = f"{quoted(lang)} comes twice, or is none."
            raise _inconsistent(f"{path}[{index}].target_lang", message, "each once")
        langs.add(lang)


def _require_stable(stable_length: int, text: str, path: str) -> None:
    if stable_length > len(text):
        message = f"{stable_length} code points are concluded, the text has {len(text)}."
        raise _inconsistent(f"{path}.stable_length", message, f"0 to {len(text)}")


def _require_count(count: int, most: int, path: str) -> None:
    if count > most:
        raise InvalidArgument("OUT_OF_RANGE", f"There are {count}.", f"{_FIELD}.{path}", [f"at most {most}"])


def _require_text(named: Iterable[tuple[str, str]], path: str) -> None:
    for name, text in named:
        if len(text) > MOST_TEXT:
            message, accepted = f"It has {len(text)} code points.", [f"at most {MOST_TEXT}"]
            raise InvalidArgument("OUT_OF_RANGE", message, f"{_FIELD}.{path}{name}", accepted)


def _inconsistent(path: str, message: str, accepted: str) -> InvalidArgument:
    return InvalidArgument("RECEIVED_INCONSISTENT", message, f"{_FIELD}.{path}", [accepted])
