"""Cuts a text into sentences, shapes each for a translator, and makes the answers one text again. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from services.common.text.concluded import continues
from services.common.text.terminology import Term, composed, occurrences
from services.mt.casing import shouted
from services.mt.engine import Pair
from services.mt.glossary import unused
from services.mt.neural.parts import Part, parts, put_together
from services.mt.shaping import languages, letters, literals, numbers, phrases
from services.mt.shaping.layers import Copied, Layer, Literals, Marks, Names, Numbers, Shout

MOST_WORDS = 60  # of a sentence at once: models of sentences repeat themselves in longer ones
_ENDING = re.compile(r"\s*[.!?…]*$")
_DOUBLE = re.compile("[“”„‟«»]\\s?|\\s?»")
_DASH = re.compile(r"\s*(?P<dash>[\u2013-\u2015])\s*")
_RANGE = re.compile(r"(?<=\d)[\u2013\u2014](?=\d)")
_FRACTIONS = {sign: f"{top}/{bottom}" for sign, top, bottom in (
    ("½", 1, 2), ("⅓", 1, 3), ("⅔", 2, 3), ("¼", 1, 4), ("¾", 3, 4), ("⅕", 1, 5), ("⅛", 1, 8), ("⅜", 3, 8),
    ("⅝", 5, 8), ("⅞", 7, 8),
)}  # fmt: skip
_SINGLE = re.compile("[\u2018-\u201b]")
_SLASHED = re.compile("(\\d+)\N{FRACTION SLASH}(\\d+)")
_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))
_SPACE = dict.fromkeys(map(ord, "\u00a0\u2009\u202f"), " ")


@dataclass(frozen=True, slots=True)
class Piece:
    """A sentence, or a part of one, as it is sent to a translator, with the layers that undo its changes."""

    text: str
    pair: Pair
    gap: str  # what stands behind it
    prefix: str = ""  # what the translation begins with, as the translator would have written it
    concluded: str = ""  # the same as it was written
    made: str | None = None  # the translation where nobody has to be asked
    layers: tuple[Layer, ...] = ()  # what was changed, in this order
    standins: tuple[Term, ...] = ()  # the words that stand for something, which have to be kept

    def whole(self, answer: str) -> bool:
        """Return whether a translator's answer holds all that must come back."""
        return all(layer.whole(answer) for layer in self.layers)

    def restored(self, answer: str) -> str:
        """Return the translation as a reader gets it, with all changes undone."""
        for layer in reversed(self.layers):
            answer = layer.restored(answer)
        return answer

    def continued(self, translation: str) -> bool:
        """Return whether a translation begins with the concluded text."""
        return continues(translation, self.concluded) or translation == self.concluded


def cut(text: str, pair: Pair, prefix: str = "", terms: Sequence[Term] = ()) -> list[Piece]:
    """Return the pieces of a text in order; `prefix` is its translation as far as it is concluded."""
    cleaned = composed(text.translate(_INVISIBLE))
    for short, long in languages.of(pair.source).in_full:
        cleaned = short.sub(long, cleaned)
    return [_piece(part, pair, terms) for part in parts(cleaned, prefix, _fits)]


def apart(piece: Piece) -> list[Piece]:
    """Split a piece at its copied texts: for a translator that did not keep their stand-ins."""
    return list(_apart(piece))


def joined(answers: Sequence[tuple[Piece, str]]) -> str:
    """Return the translations of all pieces joined into one text."""
    return put_together([(answer, piece.gap) for piece, answer in answers]).strip()


def _fits(text: str) -> bool:
    return len(text.split()) <= MOST_WORDS


def _piece(part: Part, pair: Pair, terms: Sequence[Term]) -> Piece:
    plain = Piece(part.text, pair, part.gap, part.prefix, part.prefix)
    if part.concluded:
        return replace(plain, made=part.prefix)
    if not any(char.isalpha() for char in part.text):
        local = numbers.localized(part.text, part.text, pair.source, pair.target)
        return replace(plain, made=part.prefix or local)
    if not part.prefix and not any(occurrences(part.text, terms)):
        said = _phrase(part.text, pair)
        if said is not None:
            return replace(plain, made=said)
    return _shaped(plain, terms)


def _phrase(text: str, pair: Pair) -> str | None:
    """Return the table's translation of an everyday sentence, with the capitals and ending of its source."""
    ending = _ENDING.search(text)
    assert ending is not None
    body = text[: ending.start()]
    said = phrases.known(body, pair)
    if said is None:
        return None
    written = body.lstrip(" ¿¡")
    if written.isupper() and len(written) > 1:
        said = said.upper()
    elif written[:1].isupper():
        said = said[:1].upper() + said[1:]
    marks, there = ending.group().strip(), languages.of(pair.target)
    if "?" in marks:
        return f"{there.opening[0]}{said}{there.gap}{marks}"
    return f"{there.opening[1]}{said}{there.gap}{marks}" if "!" in marks else said + marks


def _shaped(piece: Piece, terms: Sequence[Term]) -> Piece:
    layers: list[Layer] = []
    text, orthography = piece.text.translate(_SPACE), languages.of(piece.pair.source)
    text, copied = _masked(text, terms, foreign=bool(orthography.letters))
    if copied is not None:
        if not _says(text, copied):
            return replace(piece, made=piece.text)
        layers.append(copied)
    layers.append(Numbers(piece.text, piece.pair))
    if shouted(text):
        layers.append(Shout())
        text = text.capitalize()
    if orthography.letters:
        names = {plain.lower(): word for word, plain in letters.plain_words(text, orthography.letters)}
        if names:
            layers.append(Names(names))
            for plain, word in names.items():
                text = text.replace(word, plain.capitalize() if word[0].isupper() else plain)
    text, marks = _typed(text, piece.pair)
    if marks is not None:
        layers.append(marks)
    prefix = piece.prefix
    for layer in layers:
        prefix = layer.prefixed(prefix)
    standins = tuple(Term(word.capitalize()) for word in copied.standins) if copied else ()
    return replace(piece, text=text, prefix=prefix, layers=tuple(layers), standins=standins)


def _says(text: str, copied: Literals) -> bool:
    """Return whether a sentence has letters beside the copied texts."""
    for word in copied.standins:
        text = re.sub(word, "", text, flags=re.IGNORECASE)
    return any(char.isalpha() for char in text)


def _masked(text: str, terms: Sequence[Term], foreign: bool) -> tuple[str, Literals | None]:
    """Return a text with stand-ins for what is copied, each separated from the letters around it."""
    written, standins, end = "", dict[str, Copied](), 0
    words = unused(text)
    for start, stop in literals.found(text, terms, foreign):
        word, before, behind = next(words), text[start - 1 : start], text[stop : stop + 1]
        standins[word] = Copied(text[start:stop], before.isalnum(), behind.isalnum())
        written += text[end:start] + " " * ((written[-1:].isalnum() and start == end) or before.isalnum())
        written += word.capitalize() + " " * behind.isalnum()
        end = stop
    return written + text[end:], Literals(standins) if standins else None


def _typed(text: str, pair: Pair) -> tuple[str, Marks | None]:
    """Return a text with typewriter marks, and the marks to restore."""
    quotes = languages.of(pair.target).quotes if _DOUBLE.search(text) else None
    typed = re.sub("[“„‟«]\\s?", '"', re.sub("\\s?[”»]", '"', text))
    fractions = {plain: sign for sign, plain in _FRACTIONS.items() if sign in typed}
    fractions |= {f"{top}/{bottom}": f"{top}\N{FRACTION SLASH}{bottom}" for top, bottom in _SLASHED.findall(typed)}
    for plain, sign in fractions.items():
        typed = typed.replace(sign, plain)
    dashes = tuple(found["dash"] for found in _DASH.finditer(_RANGE.sub("-", typed)))
    apostrophe = bool(re.search(r"\w\N{RIGHT SINGLE QUOTATION MARK}\w", typed))
    ellipsis = "…" in typed
    typed = _DASH.sub(" - ", _RANGE.sub("-", typed)).replace("…", "...")
    typed = re.sub(
        "[\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}\N{SINGLE LOW-9 QUOTATION MARK}]", "'", typed
    )
    if typed == text:
        return text, None
    return typed, Marks(quotes, dashes, ellipsis, apostrophe, fractions or None)


def _apart(piece: Piece) -> Iterator[Piece]:
    copied = next((layer for layer in piece.layers if isinstance(layer, Literals)), None)
    if copied is None:
        yield replace(piece, layers=())
        return
    words = "|".join(copied.standins)
    runs = re.split(rf"(\s*)({words})(\s*)", piece.text, flags=re.IGNORECASE)
    others = tuple(layer for layer in piece.layers if layer is not copied)
    for at in range(0, len(runs), 4):
        said, gap = runs[at], "".join(runs[at + 1 : at + 2])
        if said:
            made = None if any(char.isalpha() for char in said) else said
            yield replace(piece, text=said, gap=gap, prefix="", concluded="", made=made, layers=others)
        if at + 2 < len(runs):
            literal = copied.standins[runs[at + 2].lower()].text
            yield replace(piece, gap=runs[at + 3], prefix="", concluded="", made=literal, layers=())
    yield replace(piece, text="", made="", layers=(), prefix="", concluded="")
