"""Variants: engines under other names, with other options, so that a stage can run two models of one engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from services.common.errors import InvalidArgument

ENGINE = "engine"  # the entry of a variant that names whose options the others are


def varied(stage: str, name: str, variant: Mapping[str, Any], settings: Any) -> tuple[str, Any]:
    """Return a variant's engine, and the stage's settings with the variant's options in place.

    Raises InvalidArgument for an engine without options, or an option that it does not have.
    """
    field = f"{stage.upper()}_VARIANTS"
    known = sorted(each for each in type(settings).model_fields if isinstance(getattr(settings, each), BaseModel))
    of = str(variant.get(ENGINE, ""))
    if of not in known:
        message = f"The variant {name!r} is of no engine that has options."
        raise InvalidArgument("UNKNOWN_VARIANT", message, f"{field}.{name}.{ENGINE}", known)
    before: BaseModel = getattr(settings, of)
    options = {key: value for key, value in variant.items() if key != ENGINE}
    try:
        after = type(before).model_validate({**before.model_dump(), **options})
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False)[0]
        path = ".".join([field, name, *map(str, wrong["loc"])])
        raise InvalidArgument("WRONG_VARIANT", f"{wrong['msg']}.", path, sorted(type(before).model_fields)) from None
    return of, settings.model_copy(update={of: after})
