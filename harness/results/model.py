"""The base of all models that are written down: frozen, refusing unknown fields, as JSON that any reader takes."""

import json
from math import inf, nan
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError

from harness.files import escaped


class Model(BaseModel):
    """The base of all models here."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    def replace(self, **changes: Any) -> Self:
        """A copy with these fields changed, and checked."""
        return type(self).model_validate({**{name: getattr(self, name) for name in type(self).model_fields}, **changes})

    def to_json(self, indent: int | None = None) -> str:
        """JSON text, with non-finite numbers as strings."""
        return self.model_dump_json(indent=indent)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The inverse of `to_json`. Raises ValidationError."""
        return cls.model_validate_json(text)

    def plain(self) -> dict[str, Any]:
        """Dicts, lists, strings and numbers, where non-finite numbers stay floats."""
        return self.model_dump(mode="json")


_NON_FINITE = {"NaN": nan, "Infinity": inf, "-Infinity": -inf}


def _restored(value: Any) -> Any:
    """Opaque JSON with the strings for non-finite numbers turned into numbers again."""
    if isinstance(value, dict):
        return {key: _restored(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [_restored(held) for held in value]
    return _NON_FINITE.get(value, value) if isinstance(value, str) else value


Opaque = Annotated[dict[str, Any], BeforeValidator(_restored)]
"""Plain JSON that only its maker and its reader understand. It must not hold "NaN" or "Infinity" as a text."""


Text = Annotated[str, AfterValidator(escaped)]
"""Text that comes from outside: a path, a command line, the message of an exception."""


def in_a_line(error: BaseException) -> str:
    """An error as one line; of a ValidationError the first fault, and where it is."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        where = ", ".join(map(str, first["loc"])) or "it"
        return f"{where}: {' '.join(first['msg'].split())}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return " ".join(str(error).split())


def dump(content: Any, indent: str = "") -> str:
    """JSON that a person can read: a line per value; a list, or a dict of a few plain values, stands in one line."""
    if not isinstance(content, dict) or not content or (len(content) <= 4 and not any(map(_nested, content.values()))):
        return json.dumps(content, allow_nan=False, ensure_ascii=False)
    inner = indent + " "
    parts = [f"{inner}{json.dumps(key, ensure_ascii=False)}: {dump(held, inner)}" for key, held in content.items()]
    return "{\n" + ",\n".join(parts) + f"\n{indent}}}"


def _nested(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(each, dict | list) for each in value))
