"""Portuguese registers: "o senhor" for você and tu, or você for tu. Pure."""

from __future__ import annotations

from services.mt.formality.wording import cased, cut

_YOU = {"você": "o senhor", "vocês": "os senhores", "tu": "o senhor", "ti": "o senhor", "vós": "os senhores"}
_OWN = {
    "teu": "seu",
    "tua": "sua",
    "teus": "seus",
    "tuas": "suas",
    "vosso": "seu",
    "vossa": "sua",
    "vossos": "seus",
    "vossas": "suas",
}
_FORMAL = {**_OWN, "te": "lhe", "contigo": "com o senhor", "convosco": "com os senhores"}
_INFORMAL = {**_OWN, "tu": "você", "ti": "você", "contigo": "com você"}
_JOINED = {"de": "d", "em": "n", "por": "pel", "a": "a"}  # prepositions that join the article behind them


def formal(text: str) -> str:
    """Return a text that addresses somebody as "o senhor"."""
    pieces = cut(text)
    for at in range(1, len(pieces), 2):
        word = pieces[at].lower()
        if word not in _YOU:
            pieces[at] = cased(_FORMAL.get(word, pieces[at]), pieces[at])
            continue
        before = pieces[at - 2] if at > 1 and pieces[at - 1] == " " else ""
        if joined := _JOINED.get(before.lower()):
            pieces[at - 2], pieces[at - 1] = "", ""
            pieces[at] = cased(joined + _YOU[word], before)
        else:
            pieces[at] = cased(_YOU[word], pieces[at])
    return "".join(pieces)


def informal(text: str) -> str:
    """Return a text that addresses somebody as você."""
    pieces = cut(text)
    for at in range(1, len(pieces), 2):
        pieces[at] = cased(_INFORMAL.get(pieces[at].lower(), pieces[at]), pieces[at])
    return "".join(pieces)
