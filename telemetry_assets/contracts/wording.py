"""What was found and what was expected, in words, of one violation.

What belongs here: a validator's error → two phrases. What does not: which error says most (``validate.py``).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

CLIP = 60
"""How many characters of a found value a message shows."""


def words_of(error: Any) -> tuple[str, str]:
    """(found, expected) of one jsonschema error, by its keyword."""
    value, instance = error.validator_value, error.instance
    match error.validator:
        case "type":
            kinds = value if isinstance(value, list) else [value]
            return shown(instance), " or ".join(_article(kind) for kind in kinds)
        case "required":
            missing = [name for name in value if name not in instance]
            return f"no {_listed(missing)}", f"{_listed(missing)} to be there"
        case "additionalProperties" | "unevaluatedProperties":
            known = error.schema.get("properties", {})
            return _listed([name for name in instance if name not in known]), f"nothing but {_listed(known)}"
        case "minItems" | "maxItems":
            bound = "at least" if error.validator == "minItems" else "at most"
            return _counted(len(instance), "item"), f"{bound} {_counted(value, 'item')}"
        case "enum":
            return shown(instance), f"one of {clipped(', '.join(map(shown, value)))}"
        case "const":
            return shown(instance), shown(value)
        case "pattern" | "format" | "minLength" | "maxLength":
            meant = error.schema.get("description")
            return shown(instance), meant or f"text of {error.validator} {clipped(str(value))}"
        case "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum":
            return shown(instance), f"{_BOUNDS[error.validator]} {value}"
        case "anyOf" | "oneOf":
            how_many = "exactly one" if error.validator == "oneOf" else "one"
            return shown(instance), f"what {how_many} of the {len(value)} schemas of {error.validator} allows"
        case _:
            return shown(instance), f"what {error.validator} {shown(value)} allows"


_BOUNDS = {
    "minimum": "at least",
    "maximum": "at most",
    "exclusiveMinimum": "more than",
    "exclusiveMaximum": "less than",
}


def _article(kind: str) -> str:
    if kind == "null":
        return "null"
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _counted(count: int, noun: str) -> str:
    return f"{count or 'no'} {noun}{'' if count == 1 else 's'}"


def _listed(names: Iterable[str]) -> str:
    return clipped(", ".join(f"'{name}'" for name in names), 3 * CLIP)


def shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"an object of {_counted(len(value), 'key')}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"an array of {_counted(len(value), 'item')}"
    return clipped(json.dumps(value, ensure_ascii=False))


def clipped(text: str, length: int = CLIP) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
