"""Spanish registers: usted for tú and vosotros, and back what is said to several strangers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from services.mt.formality.lexicon import Form
from services.mt.formality.wording import cased, cut

_FORMAL = {
    "tú": "usted",
    "ti": "usted",
    "contigo": "con usted",
    "tu": "su",
    "tus": "sus",
    "tuyo": "suyo",
    "tuya": "suya",
    "tuyos": "suyos",
    "tuyas": "suyas",
    "vos": "usted",
    "vosotros": "ustedes",
    "vosotras": "ustedes",
    "vuestro": "su",
    "vuestra": "su",
    "vuestros": "sus",
    "vuestras": "sus",
}
_INFORMAL = {
    "usted": "tú",
    "vuestro": "tu",
    "vuestra": "tu",
    "vuestros": "tus",
    "vuestras": "tus",
}
_BEFORE_A_NAME = frozenset(
    [
        "el",
        "la",
        "los",
        "las",
        "un",
        "una",
        "unos",
        "unas",
        "mi",
        "mis",
        "su",
        "sus",
        "tu",
        "tus",
        "de",
        "del",
        "al",
        "con",
        "sin",
        "por",
        "para",
        "en",
    ]
)
_OBJECTS = frozenset(("lo", "la", "los", "las"))
_NO_SUBJECT = frozenset(("te", "os"))


class Forms(Protocol):
    """Knows the verb forms of Spanish."""

    async def forms(self, words: Iterable[str]) -> dict[str, Form]:
        """Return the form of each word in small letters."""


async def formal(text: str, lexicon: Forms) -> str:
    """Return a text that addresses somebody as usted."""
    pieces = cut(text)
    forms = await lexicon.forms(word.lower() for word in pieces[1::2])
    written = list(pieces)
    for at in range(1, len(pieces), 2):
        written[at] = cased(_formal(pieces, at, forms), pieces[at])
    return "".join(written)


def _formal(pieces: Sequence[str], at: int, forms: Mapping[str, Form]) -> str:
    word = pieces[at].lower()
    if word in _FORMAL:
        return _FORMAL[word]
    if word in _NO_SUBJECT:
        return _pronoun(word, pieces[at + 2].lower() if at + 2 < len(pieces) else "", forms)
    before = pieces[at - 2].lower() if at > 1 else ""
    form = forms[word]
    if form.attached:
        return _attached(word, form, forms.get(before))
    if not form.third or (form.named and before in _BEFORE_A_NAME):
        return pieces[at]
    return form.third


def _pronoun(word: str, following: str, forms: Mapping[str, Form]) -> str:
    """Return the pronoun of a stranger: "se" where the verb is the stranger's own, or another pronoun follows."""
    form = forms.get(following)
    if following in _OBJECTS or (form is not None and form.third):
        return "se"
    return "les" if word == "os" else "le"


def _attached(word: str, form: Form, before: Form | None) -> str:
    if not word.endswith("te"):
        return word
    own = before is not None and before.third
    return (form.third or word[:-2]).removesuffix("te") + ("" if form.third else "se" if own else "le")


def informal(text: str) -> str:
    """Return a text that addresses somebody as tú, where it did that already but for the word for "your"."""
    pieces = cut(text)
    for at in range(1, len(pieces), 2):
        pieces[at] = cased(_INFORMAL.get(pieces[at].lower(), pieces[at]), pieces[at])
    return "".join(pieces)
