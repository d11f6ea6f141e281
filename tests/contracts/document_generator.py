"""Documents that aim at the boundaries of two schemas, made at random without asking what a schema means.

Wherever a keyword of either schema could speak of a value, what it names is drawn upon: its constants, its bounds
and the numbers beside them, its property names, texts of its patterns. Whether one fits, the validators say.
What belongs here: making documents. What does not: judging them; anything of ``telemetry_assets``.
"""

import json
import re
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

from tests.contracts.texts import text_of

Schema = Any
Place = tuple[Schema, "Root"]
"""A subschema and the document that its ``#`` means."""

SAME_VALUE = ("allOf", "anyOf", "oneOf")
SAME_VALUE_ONE = ("not", "if", "then", "else")
ORDINARY: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    0.5,
    7,
    "",
    "a",
    "zz",
    [],
    {},
    [1],
    ["a"],
    {"a": 1},
    {"zz": "q"},
)
NAMES = ("a", "b", "zz", "x-1")
FORMATS = {
    "date": ("2026-05-31", "2026-02-30", "31.5.2026"),
    "date-time": ("2026-05-31T14:00:00Z", "2026-05-31"),
    "time": ("14:00:00Z", "25:00"),
    "email": ("a@b.example", "a.b"),
    "ipv4": ("10.0.0.1", "10.0.0.256"),
    "ipv6": ("::1", "::g"),
    "uuid": ("11111111-2222-3333-4444-555555555555", "1111"),
    "uri": ("https://a.example/x", "a b"),
    "regex": ("^a$", "("),
    "hostname": ("a.example", "-a-"),
}
MOST_HINTS = 60
MOST_VALUES = 120
"""After so many values in one document only what is required is added, so that recursion does not run away."""
DEEPEST = 7


class Root:
    """One schema with the files beside it: finds what a reference names, as well as is needed to draw upon it."""

    def __init__(self, schema: Schema, files: Mapping[str, Schema] | None = None, path: str = "") -> None:
        self.schema = schema
        self.files = dict(files or {})
        self.path = path
        self._named: dict[str, Schema] | None = None

    def target(self, reference: str) -> Place | None:
        """The place named; None where it is not found."""
        address, _, fragment = reference.partition("#")
        if address:
            named = self._names().get(address)
            if named is not None:
                return (_step(named, fragment) if fragment.startswith("/") else named, self)
            folder = self.path.rpartition("/")[0]
            path = _joined(folder, address)
            if path not in self.files:
                return None
            return Root(self.files[path], self.files, path).target("#" + fragment)
        if fragment and not fragment.startswith("/"):
            named = self._names().get("#" + fragment)
            return None if named is None else (named, self)
        found = _step(self.schema, fragment)
        return None if found is None else (found, self)

    def _names(self) -> dict[str, Schema]:
        if self._named is None:
            self._named = {}
            for part in _subschemas(self.schema):
                for keyword, prefix in (("$id", ""), ("$anchor", "#"), ("$dynamicAnchor", "#")):
                    if isinstance(part.get(keyword), str):
                        self._named.setdefault(prefix + part[keyword], part)
        return self._named


class Documents:
    """Makes documents for two schemas. ``made`` never ends; the same seed gives the same documents."""

    def __init__(self, old: Root, new: Root, random: Random) -> None:
        self.random = random
        self._roots: list[Place] = [(old.schema, old), (new.schema, new)]
        self._flat: dict[tuple[int, ...], list[Place]] = {}
        self._kept: list[Any] = []
        self._careful = False
        self._left = 0
        self._facts: dict[int, tuple[list[Any], list[str], list[str]]] = {}
        self._alive: list[Any] = []

    def made(self) -> Iterator[Any]:
        """Documents for ever: new ones, and small edits of those that ``keep`` was told of."""
        while True:
            # Half of all are made to fit, so that large schemas have documents at all; the others to be near misses.
            self._careful = self.random.random() < 0.5
            self._left = MOST_VALUES
            if self._kept and self.random.random() < 0.6:
                yield self._edited(self.random.choice(self._kept), self._roots, 0)
            else:
                yield self._value([self.random.choice(self._roots)] if self._careful else self._roots, 0)

    def keep(self, document: Any) -> None:
        """A document that one of the schemas accepts: worth editing."""
        if len(self._kept) < 200:
            self._kept.append(document)
        else:
            self._kept[self.random.randrange(200)] = document

    def _one_side(self, places: list[Place]) -> list[Place]:
        """Sometimes only one of the places, so that one schema alone is aimed at."""
        return [self.random.choice(places)] if places and not self._careful and self.random.random() < 0.4 else places

    def _hints(self, places: list[Place]) -> list[Place]:
        """Every subschema that speaks of the same value, through applicators and references."""
        key = tuple(id(schema) for schema, _ in places)
        if key in self._flat:
            return self._flat[key]
        found: list[Place] = []
        seen: set[int] = set()
        stack = list(reversed(places))
        while stack and len(found) < MOST_HINTS:
            schema, root = stack.pop()
            if not isinstance(schema, dict) or id(schema) in seen:
                continue
            seen.add(id(schema))
            found.append((schema, root))
            for keyword in SAME_VALUE:
                stack += [(part, root) for part in _list(schema.get(keyword))]
            stack += [(schema[keyword], root) for keyword in SAME_VALUE_ONE if keyword in schema]
            for keyword in ("dependentSchemas", "dependencies"):
                stack += [(part, root) for part in _dict(schema.get(keyword)).values()]
            for keyword in ("$ref", "$dynamicRef"):
                target = root.target(schema[keyword]) if isinstance(schema.get(keyword), str) else None
                stack += [target] if target else []
        self._flat[key] = found
        # The key is made of identities, so what it was made of must go on living.
        self._alive.append(places)
        return found

    def _value(self, places: list[Place], depth: int) -> Any:
        random = self.random
        hints = self._hints(places)
        if not hints or (not self._careful and random.random() < 0.06):
            return random.choice(ORDINARY)
        self._left -= 1
        constants, named, spoken_of = self._known(hints)
        if constants and random.random() < (0.9 if self._careful else 0.6):
            value = random.choice(constants)
            return _near(random, value) if not self._careful and random.random() < 0.15 else value
        kinds = named if self._careful and named else named + spoken_of
        kind = random.choice(kinds) if kinds else random.choice(KINDS)
        if kind == "object":
            return self._object(hints, depth)
        if kind == "array":
            return self._array(hints, depth)
        if kind == "string":
            return self._string(hints)
        if kind in ("integer", "number"):
            return self._number(hints, kind)
        return random.choice((True, False)) if kind == "boolean" else None

    def _known(self, hints: list[Place]) -> tuple[list[Any], list[str], list[str]]:
        """The constants, the types named, and the types that other keywords speak of; kept, for it is asked often."""
        known = self._facts.get(id(hints))
        if known is None:
            constants = [value for schema, _ in hints for value in _constants(schema)]
            named: list[str] = []
            for schema, _ in hints:
                kind = schema.get("type")
                named += [kind] * 3 if isinstance(kind, str) else _list(kind) * 2
            spoken_of = [k for schema, _ in hints for k, words in KEYWORDS.items() if not words.isdisjoint(schema)]
            known = self._facts[id(hints)] = (constants, named, spoken_of)
        return known

    def _number(self, hints: list[Place], kind: str) -> Any:
        random = self.random
        bounds = _values(hints, "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
        step = random.choice(_values(hints, "multipleOf") or [1])
        if bounds and random.random() < 0.85:
            value = random.choice(bounds) + random.choice((0, 0, step, -step, 0.5, -0.5, 1, -1))
        else:
            value = step * random.randint(-12, 12)
        if kind == "integer" and random.random() < 0.9:
            return int(value)
        return int(value) if value == int(value) and random.random() < 0.7 else value

    def _string(self, hints: list[Place]) -> str:
        random = self.random
        patterns, formats = _values(hints, "pattern"), _values(hints, "format")
        lengths = [int(value) for value in _values(hints, "minLength", "maxLength")]
        text = random.choice(("a", "zz", "", "Q1", "1", "a b", "é😀"))
        if formats and random.random() < 0.4:
            text = random.choice(FORMATS.get(random.choice(formats), ("odd",)))
        elif patterns and random.random() < 0.8:
            text = text_of(random.choice(patterns), random, exact=self._careful)
            if not self._careful and random.random() < 0.2:
                text = random.choice((text + "!", "!" + text, text[:-1], text.upper(), text * 2))
        if lengths and random.random() < (0.1 if patterns else 0.6):
            length = max(0, random.choice(lengths) + (0 if self._careful else random.choice((0, 0, 1, -1))))
            if length <= 5_000:
                text = (text or "a") * (length // max(len(text), 1) + 1)
                text = text[:length]
        return text

    def _array(self, hints: list[Place], depth: int) -> list[Any]:
        random = self.random
        if depth > DEEPEST or self._left < 0:
            return []
        sizes = [int(value) for value in _values(hints, "minItems", "maxItems", "minContains", "maxContains")]
        tuples = [schema.get(key) for schema, _ in hints for key in ("prefixItems", "items")]
        sizes += [len(items) for items in tuples if isinstance(items, list)]
        sizes = [size for size in sizes if size < 40]
        aimed = sizes and random.random() < 0.7
        size = max(0, random.choice(sizes) + random.choice((0, 0, 1, -1))) if aimed else random.choice((0, 1, 1, 2, 3))
        items = [self._value(self._one_side(_of_item(hints, index)), depth + 1) for index in range(size)]
        if len(items) > 1 and random.random() < 0.15:
            items[random.randrange(len(items))] = random.choice(items)
        return items

    def _object(self, hints: list[Place], depth: int) -> dict[str, Any]:
        random = self.random
        if depth > DEEPEST:
            return {}
        required = [name for schema, _ in hints for name in _list(schema.get("required"))]
        others = [name for name in self._names(hints) if name not in required]
        often = random.choice((0.0, 0.1, 0.4, 0.8)) if self._left > 0 else 0.0
        names = [name for name in required if self._careful or random.random() < 0.97] + [
            x for x in others if random.random() < often
        ]
        sizes = [int(value) for value in _values(hints, "minProperties", "maxProperties") if value < 40]
        if sizes and random.random() < 0.6:
            size = max(0, random.choice(sizes) + random.choice((0, 0, 1, -1)))
            spare = [name for name in (*others, *(f"n{number}" for number in range(size))) if name not in names]
            names = (list(dict.fromkeys(names)) + spare)[:size]
        return {name: self._value(self._one_side(_of_name(hints, name)), depth + 1) for name in names}

    def _names(self, hints: list[Place]) -> list[str]:
        random = self.random
        names: list[str] = list(NAMES) if random.random() < 0.5 else []
        for schema, _ in hints:
            for keyword in ("properties", "dependentRequired", "dependentSchemas", "dependencies"):
                for name, part in _dict(schema.get(keyword)).items():
                    names += [name, *(other for other in _list(part) if isinstance(other, str))]
            names += [text_of(pattern, random) for pattern in _dict(schema.get("patternProperties"))]
        places = [(schema["propertyNames"], root) for schema, root in hints if "propertyNames" in schema]
        if places:
            names += [name for name in (self._value(places, DEEPEST) for _ in range(3)) if isinstance(name, str)]
        random.shuffle(names)
        return list(dict.fromkeys(names))

    def _edited(self, document: Any, places: list[Place], depth: int) -> Any:
        """The document with one part made anew, left out, added or told twice."""
        random = self.random
        hints = self._hints(places)
        if isinstance(document, dict) and random.random() < 0.85 and depth <= DEEPEST:
            return self._edited_object(document, hints, depth)
        if isinstance(document, list) and random.random() < 0.85 and depth <= DEEPEST:
            return self._edited_array(document, hints, depth)
        return _near(random, document) if random.random() < 0.3 else self._value(places, depth)

    def _edited_object(self, document: dict[str, Any], hints: list[Place], depth: int) -> dict[str, Any]:
        random = self.random
        chance = random.random()
        if document and chance < 0.2:
            gone = random.choice(list(document))
            return {name: value for name, value in document.items() if name != gone}
        if document and chance < 0.7:
            name = random.choice(list(document))
            return {**document, name: self._edited(document[name], _of_name(hints, name), depth + 1)}
        name = random.choice(self._names(hints) or list(NAMES))
        return {**document, name: self._value(_of_name(hints, name), depth + 1)}

    def _edited_array(self, document: list[Any], hints: list[Place], depth: int) -> list[Any]:
        random = self.random
        chance = random.random()
        index = random.randrange(len(document)) if document else 0
        if document and chance < 0.15:
            return document[:index] + document[index + 1 :]
        if document and chance < 0.25:
            return [*document, document[index]]
        if document and chance < 0.75:
            edited = self._edited(document[index], _of_item(hints, index), depth + 1)
            return [*document[:index], edited, *document[index + 1 :]]
        return [*document, self._value(_of_item(hints, len(document)), depth + 1)]


KEYWORDS = {
    "object": frozenset({
        "properties", "patternProperties", "additionalProperties", "propertyNames", "required", "minProperties",
        "maxProperties", "dependentRequired", "dependentSchemas", "dependencies", "unevaluatedProperties",
    }),
    "array": frozenset({
        "items", "prefixItems", "additionalItems", "contains", "minItems", "maxItems", "uniqueItems",
        "unevaluatedItems",
    }),
    "string": frozenset({"minLength", "maxLength", "pattern", "format"}),
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
}  # fmt: skip

KINDS = (*KEYWORDS, "boolean", "null")


def _of_name(hints: list[Place], name: str) -> list[Place]:
    """What could speak of the value under this name."""
    places: list[Place] = []
    for schema, root in hints:
        places += [(schema["properties"][name], root)] if name in _dict(schema.get("properties")) else []
        for pattern, part in _dict(schema.get("patternProperties")).items():
            try:
                places += [(part, root)] if re.search(pattern, name) else []
            except re.error:
                places.append((part, root))
        named = name in _dict(schema.get("properties"))
        others = ("unevaluatedProperties",) if named else ("additionalProperties", "unevaluatedProperties")
        places += [(schema[keyword], root) for keyword in others if isinstance(schema.get(keyword), dict)]
    return places


def _of_item(hints: list[Place], index: int) -> list[Place]:
    """What could speak of the item there."""
    places: list[Place] = []
    for schema, root in hints:
        for keyword in ("prefixItems", "items"):
            listed = schema.get(keyword)
            if isinstance(listed, list) and index < len(listed):
                places.append((listed[index], root))
        for keyword in ("items", "additionalItems", "contains", "unevaluatedItems"):
            if isinstance(schema.get(keyword), dict):
                places.append((schema[keyword], root))
    return places


def _near(random: Random, value: Any) -> Any:
    """A neighbour of a value."""
    if isinstance(value, bool) or value is None:
        return random.choice((not value, 0, 1, "", None))
    if isinstance(value, int | float):
        return value + random.choice((1, -1, 0.5, -0.5))
    if isinstance(value, str):
        return random.choice((value + "x", value[:-1], value.upper(), [value], None))
    return random.choice((None, [value], {"a": value}, [], {}))


def _constants(schema: dict[str, Any]) -> list[Any]:
    return [*_list(schema.get("enum")), *([schema["const"]] if "const" in schema else [])]


def _values(hints: list[Place], *keywords: str) -> list[Any]:
    return [schema[keyword] for schema, _ in hints for keyword in keywords if keyword in schema]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _subschemas(schema: Schema) -> Iterator[dict[str, Any]]:
    """Every object within a schema, whether a schema or not."""
    stack = [schema]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            yield part
        stack += part.values() if isinstance(part, dict) else part if isinstance(part, list) else []


def _step(schema: Schema, pointer: str) -> Schema:
    """The part that a JSON Pointer names; None where there is none."""
    for token in pointer.split("/")[1:]:
        token = token.replace("~1", "/").replace("~0", "~").replace("%25", "%")
        if isinstance(schema, dict) and token in schema:
            schema = schema[token]
        elif isinstance(schema, list) and token.isdigit() and int(token) < len(schema):
            schema = schema[int(token)]
        else:
            return None
    return schema


def _joined(folder: str, address: str) -> str:
    parts = folder.split("/") if folder else []
    for step in address.split("/"):
        if step == "..":
            parts = parts[:-1]
        elif step != ".":
            parts.append(step)
    return "/".join(parts)


def plain(document: Any) -> Any:
    """The document as it is after a way through JSON, sharing nothing with the schemas."""
    return json.loads(json.dumps(document))
