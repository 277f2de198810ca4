"""Translates one text, outside of any session."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from services.common.cancelling import TaskGroup
from services.common.errors import InvalidArgument
from services.common.telemetry.tracing import outgoing
from services.gateway.agreement.glossary import Lexicon
from services.gateway.agreement.long_work import lexicons
from services.gateway.agreement.masking_rules import agree_masks
from services.gateway.masking.masker import Masker, Seeker
from services.gateway.outgoing import messages
from services.gateway.quotas.token_counts import TokenCounts
from services.gateway.settings import GatewaySettings
from services.gateway.stages.stages import Stages
from services.gateway.values.speech import Transcript
from services.gateway.values.stages import Question
from services.gateway.values.terms import Glossary, affinity

if TYPE_CHECKING:
    from realtime.v1.realtime_translate_pb2 import TextTranslation, TranslateTextRequest


async def masked(request: TranslateTextRequest, lang: str, settings: GatewaySettings) -> str:
    """Return the text of a request as its masks write it. Raises InvalidArgument or Unsupported naming the field."""
    masks = agree_masks(request, [lang], settings, path="")
    if masks.stored_only:
        message = "Nothing is stored of a text that has no session."
        raise InvalidArgument("FIELD_NOT_READ", message, "masking.scope", ["MASK_SCOPE_EVERYWHERE"])
    if not masks.any:
        return request.text
    masker = Masker(masks, lang, Seeker.of(masks, settings.profanity))
    said = Transcript(1, 1, True, request.text, len(request.text))
    return (await asyncio.to_thread(masker.masked, said)).text


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
