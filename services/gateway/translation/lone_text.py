"""Translates one text, outside of any session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from services.common.cancelling import TaskGroup
from services.common.telemetry.tracing import outgoing
from services.gateway.agreement.glossary import Lexicon
from services.gateway.agreement.long_work import lexicons
from services.gateway.outgoing import messages
from services.gateway.quotas.token_counts import TokenCounts
from services.gateway.stages.stages import Stages
from services.gateway.values.stages import Question
from services.gateway.values.terms import Glossary, affinity

if TYPE_CHECKING:
    from realtime.v1.realtime_translate_pb2 import TextTranslation


async def translations(
    stages: Stages, asked: Question, glossary: Glossary, targets: Sequence[str], tokens: TokenCounts
) -> list[TextTranslation]:
    """Return the translations of a text, asked for without a target, in the order of the targets. Raises MeshError.

    What engines count of it is added to `tokens`.
    """
    async with TaskGroup() as tasks:
        running = []
        async for lang, terms in lexicons(glossary, targets):
            running.append(tasks.create_task(_translation(stages, replace(asked, lang=lang), terms, tokens)))
    return [done.result() for done in running]


async def _translation(stages: Stages, asked: Question, terms: Lexicon, tokens: TokenCounts) -> TextTranslation:
    text = asked.text
    asked = replace(asked, terms=terms.terms_in(text), affinity=affinity(text))
    made = await stages.translate(asked, outgoing())
    tokens.translated(made.source_tokens, made.target_tokens)
    return messages.text_translation(asked.lang, made.text, terms.uses(text, made.text))
