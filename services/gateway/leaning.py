"""Words that lean on what follows them: articles, prepositions, conjunctions and the like, by language. Data.

A voice breathes before such a word and never behind it. A language that is not listed has none: its clauses are cut by
punctuation and length alone.
"""

from __future__ import annotations

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
