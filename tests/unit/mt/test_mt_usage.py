"""Wording that a neighbour's has to become, and words that a neighbour shares."""

from __future__ import annotations

import pytest

from services.mt.engine import Pair
from services.mt.engines.embedded.cognates import cognate, guessed
from services.mt.shaping import short
from services.mt.shaping.usage import finished, handed_on, polished

INTO_SPANISH, INTO_PORTUGUESE = Pair("pt", "es"), Pair("es", "pt")


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ("¿Como usted los selecciona?", "¿Cómo los selecciona?"),
        ("¿Lo que ahora?", "¿Qué ahora?"),
        ("¿- Usted ya intentó?", "- ¿Ya intentó?"),
        ("Yo realmente quería jugar.", "Realmente quería jugar."),
        ("Ella dice que yo quiero ir con nosotros.", "Ella dice que quiero ir con nosotros."),
        ("Es para yo ir.", "Es para yo ir."),
        ("Él come y ella bebe.", "Él come y ella bebe."),
        ("El primer-ministro y los años-luz.", "El primer ministro y los años luz."),
        ("Ex-militar.", "Exmilitar."),
        ("En consonancia con él, es así.", "Según él, es así."),
        ("Continúa a ser tarde.", "Sigue siendo tarde."),
        ("Yo", "Yo"),
        ("Son los EE.UU..", "Son los EE.UU."),
        ("Es así...", "Es así..."),
        ("El Tono vio a lo Irán en Mayo.", "Tom vio a Irán en mayo."),
        ("Vive en la Alemania, con a Turquía.", "Vive en Alemania, con Turquía."),
        ("La Universidad de Son Petersburgo.", "La Universidad de San Petersburgo."),
        ("Es muy mejor del que nunca.", "Es mucho mejor que nunca."),
        ("Gasta más del que tiene.", "Gasta más de lo que tiene."),
        ("Necesitamos de ayuda.", "Necesitamos ayuda."),
        ("¿Usted le gusta la arma?", "¿Le gusta el arma?"),
        ("Él dice que ella viene.", "Él dice que ella viene."),
        ("Él no viene, pero ellos también comen.", "No viene, pero también comen."),
        ("Continúan a vivir al largo de los años.", "Continúan viviendo a lo largo de los años."),
        ("Nació en 16 de mayo, el domingo de mañana.", "Nació el 16 de mayo, el domingo por la mañana."),
        ("Va para el colegio y mira para ella.", "Va al colegio y mira a ella."),
        ("Compró uno casco y uno de los otros.", "Compró un casco y uno de los otros."),
        ('¡"Vamos!"', '"¡Vamos!"'),
        ('¿Dice: "Vamos?"', 'Dice: "¿Vamos?"'),
    ],
)
def test_an_answer_is_worded_as_spaniards_write(answer: str, shown: str) -> None:
    assert finished(polished(answer, INTO_SPANISH), INTO_SPANISH) == shown


def test_another_step_is_given_who_acts() -> None:
    assert polished("Yo creo que usted viene.", INTO_SPANISH) == "Yo creo que usted viene."


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ("Os projectos da acção, dantes de ontem.", "Os projetos da ação, antes de ontem."),
        ("Esta convicção e o pacto de ficção.", "Esta convicção e o pacto de ficção."),
        ("O fenómeno económico e o género.", "O fenômeno econômico e o gênero."),
        ("Também o homem tem fome.", "Também o homem tem fome."),
        ("Isso levar-se-ia.", "Isso se levaria."),
        ("Elevar-se-ia.", "Elevar-se-ia."),
        (
            "A gente diz que a cada dia, o 20 de dezembro do 2013.",
            "As pessoas diz que cada dia, em 20 de dezembro de 2013.",
        ),
        ("Um 77% dos canadianos.", "77% dos canadenses."),
        ("Meninos e meninas, os meninos.", "Meninos e meninas, as crianças."),
        ("Leva chovendo sobre meu irmão maior.", "Está chovendo sobre meu irmão mais velho."),
    ],
)
def test_what_was_spanish_is_worded_as_brazilians_write(answer: str, shown: str) -> None:
    assert handed_on(polished(answer, INTO_PORTUGUESE), INTO_PORTUGUESE) == shown


def test_readers_of_portugal_keep_their_spelling() -> None:
    answer = "A equipa dos projectos."
    assert finished(polished(answer, INTO_PORTUGUESE), INTO_PORTUGUESE) == answer


def test_regions_share_the_wording_of_their_language() -> None:
    assert polished("Finque.", Pair("es", "pt-BR")) == "Chave."


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ("Lo *retorno y lo *retratou.", "El *retorno y lo *retrató."),
        ("Con uno *córrego y mío *treino.", "Con un *arroyo y mi *treino."),
        ("A *regressão es a *autenticidade.", "La *regresión es la *autenticidad."),
        ("Los *óculos de *Judéia.", "Los *gafas de *Judea."),
        ("Dos *cabanas.", "Dos *cabañas."),
    ],
)
def test_an_unknown_word_has_its_translation_and_its_article(answer: str, shown: str) -> None:
    assert guessed(answer, INTO_SPANISH, frozenset()) == shown


def test_a_pair_without_set_phrases_is_left_as_it_is() -> None:
    assert polished("¿Como usted?", Pair("en", "es")) == "¿Como usted?"


@pytest.mark.parametrize(
    ("portuguese", "spanish"),
    [
        ("regressão", "regresión"),
        ("ressurreição", "resurreición"),
        ("esôfago", "esófago"),
        ("pseudônimo", "pseudónimo"),
        ("autenticidade", "autenticidad"),
        ("corporais", "corporales"),
        ("demografia", "demografía"),
        ("economizam", "economizan"),
        ("retratou", "retrató"),
        ("exóticos", "exóticos"),
        ("boom", "boom"),
    ],
)
def test_a_learned_word_is_written_as_its_neighbour_writes_it(portuguese: str, spanish: str) -> None:
    assert cognate(portuguese, INTO_SPANISH) == spanish


@pytest.mark.parametrize(
    ("spanish", "portuguese"),
    [
        ("resurrección", "resurrecção"),
        ("autenticidad", "autenticidade"),
        ("canceroso", "canceroso"),
        ("cuñada", "cunhada"),
    ],
)
def test_the_way_back_has_rules_of_its_own(spanish: str, portuguese: str) -> None:
    assert cognate(spanish, INTO_PORTUGUESE) == portuguese


def test_names_and_words_that_stand_for_something_stay() -> None:
    answer = "*Conceição y *regressão con *xqzbação"
    assert guessed(answer, INTO_SPANISH, frozenset({"xqzbação"})) == "*Conceição y *regresión con *xqzbação"
    assert guessed(answer, Pair("en", "es"), frozenset()) == answer


def test_a_word_to_which_much_is_made_up_is_asked_again_with_other_endings() -> None:
    assert short.doubtful("Exatamente.", "Just as a time.")
    assert not short.doubtful("Exatamente.", "It is so.")
    assert not short.doubtful("It is so late.", "Ya es muy tarde, y no hay nadie.")
    assert short.variants("Exatamente.") == ["Exatamente!", "Exatamente", "Exatamente?"]
    answers = ["Just as a time.", "Just now!", "Exactly,", "Exactly so?"]
    assert short.shortest(answers, "Exatamente.") == "Exactly."
