"""Settings that every engine on model bundles shares."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from services.common.errors import InvalidArgument

Asked: TypeAlias = Literal["auto", "cpu", "cuda"]  # what to compute on
ComputeType: TypeAlias = Literal["auto", "int8", "int8_float16", "float16", "float32"]


class Served(BaseModel):
    """A bundle to serve, and its weight among bundles of the same language."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Annotated[Path, AfterValidator(Path.expanduser)]
    # Its part of the sessions, against other bundles for the same language or pair.
    weight: float = Field(1.0, gt=0, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _of_path(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str | Path) else value


class NeuralSettings(BaseModel):
    """Settings of an engine on model bundles."""

    model_config = ConfigDict(extra="forbid")

    bundles: list[Served] = Field([], description="Folders of the bundles to serve, or {path, weight} for each.")
    device: Asked = Field("auto", description="What to compute on; auto: a GPU where there is one.")
    threads: int = Field(1, ge=1, le=256, description="Threads of one computation on the CPU.")

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        twice = [path for path, count in Counter(served.path for served in self.bundles).items() if count > 1]
        if twice:
            raise ValueError(f"the bundle {twice[0]} is named twice; weights share the sessions between different ones")
        return self

    def some(self, stage: str, engine: str) -> Self:
        """Return these settings. Raises InvalidArgument when they name no bundle."""
        if not self.bundles:
            none = "No bundle is named. `babelmesh models list` shows those installed, and those to fetch."
            raise InvalidArgument("NO_BUNDLES", none, field=f"{stage.upper()}_{engine.upper()}__BUNDLES")
        return self


class Ctranslate2Settings(NeuralSettings):
    """Settings that the engines on CTranslate2 share."""

    compute_type: ComputeType = Field(
        "auto", description="Numbers that models compute with; auto: int8 on a CPU, float16 on a GPU."
    )
