"""Schemas drawn at random, edits of them, and documents near their boundaries: what the property tests look at.

Everything comes from one ``random.Random``, so that a seed is a case. No case is valid or invalid by design: the
validators judge.
"""

import copy
import re
from random import Random
from typing import Any

NAMES = ["a", "b", "ab", "kind"]
PATTERNS = ["^a", "b$", "^[a-z]$"]
TYPES: list[Any] = [
    "object", "array", "string", "number", "integer", "boolean", "null",
    ["string", "null"], ["integer", "string"], ["object", "null"], ["array", "object"],
]  # fmt: skip
TEXTS = ["", "a", "b", "ab", "abc", "c", "abcd", "ba"]
BOUNDS = [0, 1, 2, 0.5, 3, -1, 1.5]
COUNTS = [0, 1, 2, 3, 1.0]
OF_NUMBERS = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]
OF_TEXTS = ["minLength", "maxLength", "pattern"]
OF_ARRAYS = ["items", "prefixItems", "contains", "minItems", "maxItems", "uniqueItems"]
OF_OBJECTS = [
    "properties", "properties", "required", "additionalProperties", "patternProperties", "propertyNames",
    "minProperties", "maxProperties", "dependentRequired", "dependentSchemas",
]  # fmt: skip
CHOICES = ["anyOf", "oneOf", "allOf", "not", "if", "enum", "const"]
ONE_INSIDE = {"items", "additionalItems", "contains", "additionalProperties", "propertyNames", "not"} | {
    "unevaluatedItems", "unevaluatedProperties",
}  # fmt: skip
INSIDE = ONE_INSIDE | {
    "prefixItems",
    "properties",
    "patternProperties",
    "anyOf",
    "oneOf",
    "allOf",
    "if",
    "dependentSchemas",
}
DIALECTS = {7: "http://json-schema.org/draft-07/schema#", 2020: "https://json-schema.org/draft/2020-12/schema"}


def constant(r: Random, depth: int = 0) -> Any:
    """A JSON value of few kinds, small."""
    match r.randrange(8 if depth < 2 else 6):
        case 0 | 1:
            return r.choice(TEXTS)
        case 2 | 3:
            return r.choice([0, 1, 2, 1.0, 0.5, -1, 3, 1.5, 10])
        case 4:
            return r.random() < 0.5
        case 5:
            return None
        case 6:
            return [constant(r, depth + 1) for _ in range(r.randrange(3))]
        case _:
            return {name: constant(r, depth + 1) for name in r.sample(NAMES, r.randrange(3))}


class Drawing:
    """Draws schemas of one draft; ``refs`` are the references that they may make."""

    def __init__(self, r: Random, draft: int, refs: tuple[str, ...] = ()) -> None:
        self.r, self.draft, self.refs = r, draft, refs

    def schema(self, depth: int) -> Any:
        r = self.r
        if r.random() < 0.06:
            return r.choice([True, False, {}])
        made: dict[str, Any] = {"type": r.choice(TYPES)} if r.random() < 0.6 else {}
        kinds = made.get("type", ["object", "array", "string", "number"])
        words: list[str] = []
        for kind in kinds if isinstance(kinds, list) else [kinds]:
            words += {"object": OF_OBJECTS, "array": OF_ARRAYS, "string": OF_TEXTS}.get(kind, [])
            words += OF_NUMBERS if kind in ("number", "integer") else []
            if self.draft == 2020:
                words += {"object": ["unevaluatedProperties"], "array": ["unevaluatedItems", "counted"]}.get(kind, [])
        for _ in range(r.choice([1, 1, 2, 2, 3])):
            other = [*CHOICES, "$ref"] if self.refs else CHOICES
            word = r.choice(words) if words and r.random() < 0.72 else r.choice(other)
            if depth > 0 or word not in INSIDE:
                self._word(made, word, depth - 1)
        return made

    def _word(self, made: dict[str, Any], word: str, depth: int) -> None:
        r, old = self.r, self.draft == 7
        if word in OF_NUMBERS:
            made[word] = r.choice([1, 2, 0.5, 3, 1.5]) if word == "multipleOf" else r.choice(BOUNDS)
        elif word.startswith(("min", "max")):
            made[word] = r.choice(COUNTS)
        elif word in ONE_INSIDE:
            made[word] = self.schema(depth) if r.random() < 0.6 else r.random() < 0.5
        elif word in ("anyOf", "oneOf", "allOf"):
            made[word] = [self.schema(depth) for _ in range(r.choice([1, 2, 2, 3]))]
        elif word in ("properties", "patternProperties"):
            names = NAMES if word == "properties" else PATTERNS
            made[word] = {name: self.schema(depth) for name in r.sample(names, r.choice([1, 2, 2]))}
        elif word in ("dependentRequired", "dependentSchemas"):
            value = r.sample(NAMES, 1) if word == "dependentRequired" else self.schema(depth)
            made["dependencies" if old else word] = {r.choice(NAMES): value}
        elif word == "prefixItems":
            made["items" if old else word] = [self.schema(depth) for _ in range(r.choice([1, 2]))]
            if old and r.random() < 0.5:
                made["additionalItems"] = self.schema(depth)
        elif word == "if":
            made |= {part: self.schema(depth) for part in ("if", "then", "else") if part == "if" or r.random() < 0.7}
        elif word == "counted":
            made |= {"contains": self.schema(0), r.choice(["minContains", "maxContains"]): r.choice([0, 1, 2])}
        else:
            made[word] = {
                "pattern": lambda: r.choice(PATTERNS),
                "uniqueItems": lambda: r.random() < 0.8,
                "required": lambda: r.sample(NAMES, r.choice([1, 1, 2])),
                "enum": lambda: [constant(r) for _ in range(r.choice([1, 2, 3]))],
                "const": lambda: constant(r),
                "$ref": lambda: r.choice(self.refs),
            }[word]()

    def whole(self, depth: int = 3) -> Any:
        """A schema that names its draft; now and then with definitions that refer to each other."""
        if self.r.random() < 0.7:
            made = self.schema(depth)
            return made if isinstance(made, bool) else made | {"$schema": DIALECTS[self.draft]}
        shelf = "definitions" if self.draft == 7 else "$defs"
        inner = Drawing(self.r, self.draft, (f"#/{shelf}/x", f"#/{shelf}/y", "#"))
        made = inner.schema(depth)
        made = {} if isinstance(made, bool) else made
        return made | {shelf: {"x": inner.schema(2), "y": inner.schema(1)}, "$schema": DIALECTS[self.draft]}

    def edited(self, schema: Any) -> Any:
        """A copy with one thing changed somewhere: a word gone, another value, a word more."""
        r = self.r
        made = copy.deepcopy(schema)
        here = r.choice([each for each in _schemas(made) if isinstance(each, dict)] or [{}])
        words = [word for word in here if word[0] != "$" and word != "definitions"]
        way = r.random()
        if words and way < 0.35:
            del here[r.choice(words)]
        elif words and way < 0.6:
            self._changed(here, r.choice(words))
        else:
            more = self.schema(1)
            here |= {word: value for word, value in more.items() if word not in here} if isinstance(more, dict) else {}
        return made

    def _changed(self, here: dict[str, Any], word: str) -> None:
        r, value = self.r, here[word]
        if word == "type":
            here[word] = [value, "null"] if isinstance(value, str) and value != "null" else "string"
        elif word == "multipleOf":
            here[word] = value * 2
        elif isinstance(value, int | float) and not isinstance(value, bool):
            here[word] = value + 1 if r.random() < 0.5 or value < 1 else value - 1
        elif word == "enum":
            value.append(constant(r))
        elif word == "required":
            here[word] = r.sample(NAMES, 2)
        elif word == "properties":
            value[r.choice(NAMES)] = self.schema(1)
        elif word in ("anyOf", "oneOf", "allOf"):
            value.append(self.schema(1))


def _schemas(schema: Any) -> list[Any]:
    """Every schema in one, itself first."""
    if not isinstance(schema, dict):
        return []
    inner: list[Any] = []
    for word, value in schema.items():
        if word in ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions"):
            inner += value.values()
        elif word in ("allOf", "anyOf", "oneOf", "prefixItems") or (word == "items" and isinstance(value, list)):
            inner += value
        elif word in ONE_INSIDE | {"if", "then", "else"}:
            inner.append(value)
    return [schema, *[each for one in inner for each in _schemas(one)]]


def documents(r: Random, schemas: list[Any], count: int) -> list[Any]:
    """Documents near the boundaries of the schemas: what they ask for, a little less, a little more."""
    drawn = [near(r, root, root, 4) for root in (r.choice(schemas) for _ in range(count))]
    return [*drawn, *[constant(r) for _ in range(count // 3)]]


def near(r: Random, schema: Any, root: Any, depth: int) -> Any:
    """One document that ``schema`` may accept."""
    if depth <= 0 or not isinstance(schema, dict) or r.random() < 0.1:
        return constant(r)
    if "$ref" in schema and r.random() < 0.8:
        target = root
        for step in schema["$ref"].split("/")[1:]:
            target = target[step]
        return near(r, target, root, depth - 1)
    if ("const" in schema or schema.get("enum")) and r.random() < 0.7:
        return schema["const"] if "const" in schema else r.choice(schema["enum"])
    inner = [each for word in ("anyOf", "oneOf", "allOf") for each in schema.get(word, ())]
    inner += [schema[word] for word in ("if", "then", "else", "not") if word in schema]
    if inner and r.random() < 0.5:
        return near(r, r.choice(inner), root, depth - 1)
    return _OF_KIND[_kind(r, schema)](r, schema, root, depth - 1)


def _kind(r: Random, schema: dict[str, Any]) -> str:
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    for kind, words in (("array", OF_ARRAYS), ("object", OF_OBJECTS), ("string", OF_TEXTS), ("number", OF_NUMBERS)):
        kinds += [kind] if "type" not in schema and set(words) & set(schema) else []
    return r.choice(kinds or list(_OF_KIND))


def _object(r: Random, schema: dict[str, Any], root: Any, depth: int) -> Any:
    known, must = schema.get("properties", {}), schema.get("required", [])
    names = [*known, *must, *r.sample([*NAMES, "c", "abc"], r.randrange(4))]
    made: dict[str, Any] = {}
    for name in names:
        if r.random() < (0.9 if name in must else 0.6):
            matching = [each for each in schema.get("patternProperties", {}) if re.search(each, name)]
            other = schema["patternProperties"][matching[0]] if matching else schema.get("additionalProperties", True)
            made[name] = near(r, known.get(name, other), root, depth)
    return made


def _array(r: Random, schema: dict[str, Any], root: Any, depth: int) -> Any:
    items = schema.get("items", True)
    prefix = schema.get("prefixItems", items if isinstance(items, list) else [])
    rest = schema.get("additionalItems", True) if isinstance(items, list) else items
    length = int(r.choice([0, 1, 2, 3, schema.get("minItems", 0), schema.get("maxItems", 2)]))
    others = [rest, schema.get("contains", rest)]
    return [near(r, prefix[at] if at < len(prefix) else r.choice(others), root, depth) for at in range(length)]


def _number(r: Random, schema: dict[str, Any], root: Any, depth: int) -> Any:
    return r.choice([schema[word] for word in OF_NUMBERS if word in schema] or [0]) + r.choice(
        [0, 0, 1, -1, 0.5, -0.5, 2]
    )


_OF_KIND = {
    "object": _object,
    "array": _array,
    "number": _number,
    "integer": _number,
    "string": lambda r, schema, root, depth: r.choice(TEXTS),
    "boolean": lambda r, schema, root, depth: r.random() < 0.5,
    "null": lambda r, schema, root, depth: None,
}
