"""Registers of translations: the address of people, as to a stranger or as to a friend."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from services.mt.engine import Pair
from services.mt.engines.embedded import lines
from services.mt.formality import portuguese, spanish
from services.mt.formality.lexicon import Form
from services.mt.formality.registers import Register, Registers
from services.mt.settings import MtSettings
from services.mt.ways import Step, Way

FORMS = {
    "tienes": Form("tiene"),
    "llámame": Form("llámeme"),
    "llegues": Form("llegue"),
    "sientas": Form("sienta"),
    "firmas": Form("firma", named=True),
    "verte": Form(attached=True),
    "quedarte": Form(attached=True),
    "puedes": Form("puede"),
}


class _Known:
    async def forms(self, words: Iterable[str]) -> dict[str, Form]:
        return {word: FORMS.get(word, Form()) for word in words}


@pytest.mark.parametrize(
    ("familiar", "formal"),
    [
        ("¿Tienes vuestro pasaporte?", "¿Tiene su pasaporte?"),
        ("Llámame cuando llegues.", "Llámeme cuando llegue."),
        ("Te veré mañana.", "Le veré mañana."),
        ("¿Cómo te sientas?", "¿Cómo se sienta?"),
        ("Te lo dije.", "Se lo dije."),
        ("Voy a verte.", "Voy a verle."),
        ("Puedes quedarte.", "Puede quedarse."),
        ("Quiero ir contigo.", "Quiero ir con usted."),
        ("Las firmas están aquí.", "Las firmas están aquí."),
        ("Si firmas, tú y tus hijos", "Si firma, usted y sus hijos"),
        ("Él viene mañana.", "Él viene mañana."),
        ("", ""),
    ],
)
async def test_spanish_addresses_a_stranger(familiar: str, formal: str) -> None:
    assert await spanish.formal(familiar, _Known()) == formal


def test_spanish_addresses_one_friend_and_not_several() -> None:
    assert spanish.informal("Necesito vuestra firma.") == "Necesito tu firma."


@pytest.mark.parametrize(
    ("said", "formal", "informal"),
    [
        ("Você tem o teu passaporte?", "O senhor tem o seu passaporte?", "Você tem o seu passaporte?"),
        ("Gosto de você.", "Gosto do senhor.", "Gosto de você."),
        ("Isto é para ti.", "Isto é para o senhor.", "Isto é para você."),
        ("Quem te disse?", "Quem lhe disse?", "Quem te disse?"),
        ("Por você, vocês", "Pelo senhor, os senhores", "Por você, vocês"),
        ("Ele vem.", "Ele vem.", "Ele vem."),
    ],
)
def test_portuguese_addresses_a_stranger_or_not(said: str, formal: str, informal: str) -> None:
    assert (portuguese.formal(said), portuguese.informal(said)) == (formal, informal)


def test_a_pair_has_the_registers_that_measured_well_and_no_others() -> None:
    registers = Registers(MtSettings().embedded.modes)
    registers.start()

    def of(source: str, target: str, *engines: str) -> list[Register]:
        steps = tuple(Step(Pair(source, target), engine) for engine in engines)
        return [*registers.of(Way(Pair(source, target), steps))]

    assert of("en", "pt", "firefox") == [Register.FORMAL, Register.INFORMAL]
    assert of("en-US", "es", "embedded") == [Register.FORMAL, Register.INFORMAL]
    assert of("en", "es", "firefox", "embedded") == [Register.FORMAL]
    assert of("en", "fr", "firefox") == []
    assert of("es", "pt", "embedded") == []


def test_without_dictionaries_spanish_has_none(tmp_path: Path) -> None:
    registers = Registers(tmp_path)
    registers.start()
    pair = Pair("en", "es")
    assert not registers.of(Way(pair, (Step(pair, "embedded"),)))


async def test_installed_dictionaries_know_the_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "SECONDS", 60.0)
    registers = Registers(MtSettings().embedded.modes)
    registers.start()
    text = await registers.put("Tienes razón: te llamaré cuando llegues.", Pair("en", "es"), Register.FORMAL)
    assert text == "Tiene razón: le llamaré cuando llegue."
