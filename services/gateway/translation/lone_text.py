"""Translates one text, outside of any session."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from services.common.cancelling import TaskGroup
from services.gateway.agreement.glossary import Lexicon
from services.gateway.agreement.long_work import lexicons
from services.gateway.outgoing import messages
from services.gateway.stages.stages import Stages
from services.gateway.values.stages import Question
from services.gateway.values.terms import Glossary, affinity

if TYPE_CHECKING:
    from realtime.v1.realtime_translate_pb2 import TextTranslation


async def translations(
    stages: Stages, text: str, spoken: str, glossary: Glossary, targets: Sequence[str]
) -> list[TextTranslation]:
    """Return the translations of a text, in the order of the targets. Raises MeshError."""
    async with TaskGroup() as tasks:
        running = []
        async for lang, terms in lexicons(glossary, targets):
            running.append(tasks.create_task(_translation(stages, text, spoken, terms, lang)))
    return [done.result() for done in running]


async def _translation(stages: Stages, text: str, spoken: str, terms: Lexicon, lang: str) -> TextTranslation:
    asked = Question(text, spoken, lang, final=True, terms=terms.terms_in(text), affinity=affinity(text))
    translation = await stages.translate(asked)
    return messages.text_translation(lang, translation, terms.uses(text, translation))
