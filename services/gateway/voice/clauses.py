"""Cuts concluded text into clauses to speak, where a voice would breathe. Pure; time is audio samples."""

from __future__ import annotations

import re
from collections.abc import Iterable

from services.common.audio.pcm import ASR_RATE

FIRST_WORDS = 3  # the first clause of a segment is short: it decides when the listener hears something
LATER_WORDS = 7  # later ones are longer: a voice needs some words to sound like one
SPARE_WORDS = 5  # a clause that is long enough waits for so many words more to end at a breath
FEWEST_WORDS = 2  # fewer are not worth a breath of their own, unless they are a sentence
WAIT_SAMPLES = 2 * ASR_RATE  # a word concluded so long ago is said, in however short a clause
_CLOSING = "\"'»”)"
_SENTENCE_END = re.compile(r"[.!?…]+$")
_CLAUSE_END = re.compile(r"[,;:—]$")
_WORDS = {
    "ca": """el la els les un una uns unes lo a al als amb cap com contra de del dels des durant en entre fins per pel
        pels perquè però quan que què qui segons sense si sobre i o ni ja més meu meva seu seva no molt tan em et es ens
        us hi ho li aquest aquesta aquests aquestes cada tot tota""",
    "de": """der die das den dem des ein eine einen einem einer eines an am auf aus bei beim bis durch für gegen in im
        mit nach ohne seit über um unter von vom vor während wegen zu zum zur zwischen und oder aber denn weil dass ob
        wenn als wie sondern damit nicht sehr kein keine mein meine sein seine ihr ihre unser dieser diese dieses jeder
        jede""",
    "en": """the a an of to in on at by for with from into onto over under about after before between through during
        without within against and or but nor so because although though while when where which that who whose if as
        than not very my your his her its our their this these those every each no is are was were be""",
    "es": """el la los las un una unos unas lo a al ante bajo con contra de del desde durante en entre hacia hasta
        mediante para por según sin sobre tras y e o u ni que pero porque cuando como donde si aunque mientras quien
        cuyo no muy tan más mi tu su mis tus sus este esta estos estas ese esa cada todo toda me te se nos le les""",
    "fr": """le la les un une des du de à au aux avec chez contre dans depuis dès en entre par parmi pendant pour sans
        sous sur vers et ou ni mais car que qui dont où quand comme si lorsque puisque parce ne pas très plus mon ma mes
        ton ta tes son sa ses notre votre leur leurs ce cet cette ces chaque je tu il elle on nous vous ils elles se""",
    "gl": """o a os as un unha uns unhas ao á aos ás ante baixo con contra de do da dos das dende desde durante en no na
        nos nas entre ata cara para por polo pola polos polas segundo sen sobre tras e ou nin que pero mais porque cando
        como onde se aínda mentres quen non moi tan máis meu miña seu súa este esta estes estas ese esa cada todo toda
        me te lle lles""",
    "it": """il lo la i gli le un uno una a al allo alla ai agli alle da dal dallo dalla dai dagli dalle di del dello
        della dei degli delle in nel nello nella nei negli nelle su sul sullo sulla sui sugli sulle con per tra fra
        senza contro durante dopo prima verso e ed o oppure né ma perché quando come dove se che chi cui mentre anche
        non molto così più mio mia tuo tua suo sua questo questa questi queste ogni tutto tutta mi ti si ci vi""",
    "pt": """o a os as um uma uns umas ao à aos às ante até com contra de do da dos das desde durante em no na nos nas
        num numa entre para perante por pelo pela pelos pelas segundo sem sobre sob após e ou nem que mas porque quando
        como onde se embora enquanto quem não muito tão mais meu minha seu sua este esta estes estas esse essa cada todo
        toda me te lhe lhes""",
}
_LEANING = {lang: frozenset(words.split()) for lang, words in _WORDS.items()}
_NONE: frozenset[str] = frozenset()
# Elided before a vowel, they are one word with what follows: "l'eau", "d'aigua", "dell'anno".
_ELIDED = frozenset(("l", "d", "qu", "all", "dall", "dell", "nell", "sull", "un"))
# A full stop behind these ends no sentence.
_SHORT = "sr sra srta dr dra prof dña mr mrs ms st hr fr mme mlle sig avv ing núm nº pàg art"
ABBREVIATIONS = frozenset(_SHORT.split())


class Clauses:
    """The cutter of one segment. Whole words go in as they are concluded, clauses come out; together they are the text.

    A clause ends at the end of a sentence, however short. Else it takes a few words, and ends at a comma, or before a
    word that leans on what follows it, or, when none comes, where it does least harm; never behind such a word.
    """

    def __init__(self, lang: str = "") -> None:
        self._leaning = leaning(lang)
        self._words: list[str] = []  # that wait
        self._since: list[int] = []  # when each of them was concluded
        self._wanted = FIRST_WORDS

    def add(self, text: str, at_samples: int = 0) -> list[str]:
        """Take in words concluded at a moment of the audio clock; return the clauses that can be spoken now."""
        words = text.split()
        self._words += words
        self._since += [at_samples] * len(words)
        clauses = []
        while (count := self._cut(at_samples)) > 0:
            clauses.append(" ".join(self._words[:count]))
            del self._words[:count], self._since[:count]
            self._wanted = LATER_WORDS
        return clauses

    def rest(self) -> list[str]:
        """Return what is left, however long it waited: the segment is final."""
        rest = " ".join(self._words)
        self._words, self._since = [], []
        return [rest] if rest else []

    def _cut(self, now_samples: int) -> int:
        """How many words the next clause takes; 0 when it is better to wait."""
        words = self._words[: self._wanted + SPARE_WORDS]
        for count, word in enumerate(words, start=1):
            if _ends_sentence(word) or (_CLAUSE_END.search(word.rstrip(_CLOSING)) and count >= self._enough):
                return count
        if len(words) >= self._wanted:
            if count := self._last(self._breaths(words), least=self._enough):
                return count
            if self._wanted == FIRST_WORDS or len(words) == self._wanted + SPARE_WORDS:
                return self._last(self._ends(words), least=FEWEST_WORDS) or self._overlong(words)
        if words and now_samples - self._since[0] >= WAIT_SAMPLES:
            breath = self._last(self._breaths(words), least=FEWEST_WORDS)
            return breath or self._last(self._ends(words), least=FEWEST_WORDS)
        return 0

    @property
    def _enough(self) -> int:
        return FEWEST_WORDS if self._wanted == FIRST_WORDS else LATER_WORDS // 2 + 1

    def _overlong(self, words: list[str]) -> int:
        """The end of nothing but leaning words, once there are too many to wait for more."""
        return len(words) if len(words) == self._wanted + SPARE_WORDS else 0

    def _breaths(self, words: list[str]) -> Iterable[int]:
        """The counts of words after which a breath can come: the next word begins a phrase."""
        ends = self._ends(words)
        return [count for count in ends if count < len(words) and self._begins_phrase(words[count])]

    def _ends(self, words: list[str]) -> list[int]:
        """The counts of words that can be a clause: the last word does not lean on the next."""
        return [count for count, word in enumerate(words, start=1) if bare(word) not in self._leaning]

    def _begins_phrase(self, word: str) -> bool:
        return bare(word) in self._leaning or elided(word)

    @staticmethod
    def _last(counts: Iterable[int], least: int) -> int:
        return max((count for count in counts if count >= least), default=0)


def _ends_sentence(word: str) -> bool:
    shut = word.rstrip(_CLOSING)
    if not _SENTENCE_END.search(shut):
        return False
    initial = len(shut) == 2 and shut[0].isupper()
    return not (shut.endswith(".") and (initial or bare(shut) in ABBREVIATIONS))


def leaning(lang: str) -> frozenset[str]:
    """The leaning words of a language, given by its BCP-47 tag; lower case."""
    return _LEANING.get(lang.split("-", maxsplit=1)[0].lower(), _NONE)


def bare(word: str) -> str:
    """A word without the punctuation around it, in lower case."""
    return word.strip(".,;:!?¡¿…\"'«»“”()—").casefold()


def elided(word: str) -> bool:
    """Whether a word begins with an elided article or preposition."""
    before, mark, after = word.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").partition("'")
    return bool(mark and after) and bare(before) in _ELIDED
