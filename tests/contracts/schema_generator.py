"""Random pairs of schemas: small ones of both drafts, and small edits of them, which find far more than two strangers.

Everything is drawn from a ``Random``, so a seed names a pair and hypothesis may steer. References never lead back to
themselves without going into a part of the document. What belongs here: making schemas. What does not: judging them.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from hypothesis import strategies as st

from tests.contracts.oracle import DRAFT_7, DRAFT_2020

Schema = Any
NAMES = ("a", "b", "c", "x-1")
TEXTS = ("", "a", "b", "ab", "abc", "x-1", "ok", "7")
NUMBERS = (-2, -1, 0, 1, 2, 3, 5, 10, 0.5, 1.5)
PATTERNS = ("^a", "b$", "^[a-c]+$", "^x-", "^[a-z]{1,2}$", ".", "^(ok|no)$", "a|7", "^[^b]*$", "^.{2,3}$")
TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
CONSTANTS = (None, True, False, 0, 1, 2, 1.5, "", "a", "ab", "ok", [], [1], ["a", 1], {}, {"a": 1}, {"b": "ok"})
FORMATS = ("ipv4", "date", "email", "odd")


@dataclass(frozen=True)
class Pair:
    """Two schemas to be compared."""

    old: Schema
    new: Schema


def pairs() -> st.SearchStrategy[Pair]:
    """Pairs for hypothesis, which steers every choice and so can make a failing pair smaller."""
    return st.randoms(use_true_random=False).map(pair)


def edited_pair(given: Pair, random: Random) -> Pair:
    """A pair that somebody wrote, with an edit or two of either side, or of one alone so that it is a small edit."""
    old, new = given.old, given.new
    maker = Maker(random, isinstance(old, dict) and old.get("$schema") == DRAFT_7)
    if random.random() < 0.5:
        old = new = random.choice((old, new))
    for _ in range(random.choice((1, 1, 2))):
        old, new = (maker.edited(old), new) if random.random() < 0.5 else (old, maker.edited(new))
    return Pair(old, new)


def pair(random: Random) -> Pair:
    """Two schemas: mostly one and an edit of it, sometimes in another draft, sometimes two strangers."""
    maker = Maker(random, random.random() < 0.35)
    old = maker.root()
    if random.random() < 0.12:
        return Pair(old, Maker(random, random.random() < 0.5).root())
    new = copy.deepcopy(old)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        new = maker.edited(new)
    if random.random() < 0.08:
        new = _in_draft(new, random.choice((DRAFT_7, DRAFT_2020)))
    return Pair(old, new) if random.random() < 0.5 else Pair(new, old)


def _in_draft(schema: Schema, draft: str) -> Schema:
    """The same words read by another draft, but for words that mean no schema there."""
    if not isinstance(schema, dict) or (draft == DRAFT_2020 and _has_tuple(schema)):
        return schema
    return {**schema, "$schema": draft}


def _has_tuple(schema: Any) -> bool:
    if isinstance(schema, dict):
        return isinstance(schema.get("items"), list) or any(_has_tuple(part) for part in schema.values())
    return isinstance(schema, list) and any(_has_tuple(part) for part in schema)


class Maker:
    """Makes and edits schemas of one draft."""

    def __init__(self, random: Random, seven: bool) -> None:
        self.random = random
        self.seven = seven
        self.definitions = 0
        self._facets: dict[str, tuple[Callable[[int], dict[str, Any]], ...]] = {
            "number": (self._number,),
            "integer": (self._number,),
            "string": (self._string,),
            "array": (self._items, self._items, self._sizes, self._contains, self._unevaluated_items),
            "object": (self._fields, self._fields, self._names, self._need, self._counts, self._unevaluated),
        }

    def root(self) -> Schema:
        """A whole schema with its definitions."""
        random = self.random
        self.definitions = random.choice((0, 0, 1, 2))
        schema = self.schema(3, 0)
        if not isinstance(schema, dict):
            return schema
        if self.definitions:
            parts = {f"d{number}": self.schema(2, number + 1) for number in range(self.definitions)}
            schema["definitions" if self.seven else "$defs"] = parts
        return {"$schema": DRAFT_7, **schema} if self.seven else schema

    def schema(self, depth: int, open_from: int | None) -> Schema:
        """A schema. ``open_from``: only definitions from there on may be named (None: all, for below it is safe)."""
        random = self.random
        chance = random.random()
        if chance < 0.05:
            return random.choice((True, False, {}))
        if chance < 0.15:
            return self._constant()
        if chance < 0.23 and (reference := self._reference(open_from)):
            return reference if self.seven or random.random() < 0.7 else {**reference, **self._plain(depth, open_from)}
        if depth > 0 and chance < 0.45:
            return self._combined(depth, open_from)
        return self._plain(depth, open_from)

    def _below(self, depth: int) -> Schema:
        """The schema of a part of the document, where every reference is safe."""
        return self.schema(depth - 1, None) if depth > 0 else self._leaf()

    def _leaf(self) -> Schema:
        return self.random.choice((True, False, {}, self._constant(), {"type": self._type()}, {"type": self._type()}))

    def _type(self) -> Any:
        random = self.random
        return random.choice(TYPES) if random.random() < 0.8 else random.sample(TYPES, random.choice((2, 2, 3)))

    def _constant(self) -> dict[str, Any]:
        random = self.random
        if random.random() < 0.3:
            return {"const": random.choice(CONSTANTS)}
        pool = random.choice((CONSTANTS, TEXTS, (0, 1, 2, 3, 5)))
        return {"enum": _distinct(random.sample(pool, random.choice((1, 2, 3))))}

    def _reference(self, open_from: int | None) -> dict[str, Any] | None:
        random = self.random
        place = "definitions" if self.seven else "$defs"
        names = [f"#/{place}/d{number}" for number in range(open_from or 0, self.definitions)]
        names += ["#"] if open_from is None else []
        return {"$ref": random.choice(names)} if names else None

    def _plain(self, depth: int, open_from: int | None) -> dict[str, Any]:
        """Facets of one kind of value, usually with its type."""
        random = self.random
        kind = random.choice(("number", "integer", "string", "array", "array", "object", "object", "object"))
        schema: dict[str, Any] = {}
        if random.random() < 0.75:
            schema["type"] = kind if random.random() < 0.85 else [kind, random.choice(("null", "boolean", "string"))]
            if isinstance(schema["type"], list):
                schema["type"] = _distinct(schema["type"])
        for _ in range(random.choice((0, 1, 1, 2, 3))):
            schema.update(random.choice(self._facets[kind])(depth))
        return schema

    def _combined(self, depth: int, open_from: int | None) -> dict[str, Any]:
        random = self.random
        kind = random.choice(("allOf", "anyOf", "anyOf", "oneOf", "oneOf", "not", "if"))
        base = self._plain(depth - 1, open_from) if random.random() < 0.4 else {}
        if kind == "not":
            return {**base, "not": self.schema(depth - 1, open_from)}
        if kind == "if":
            keys = ["if", *random.choice((["then"], ["else"], ["then", "else"]))]
            return {**base, **{key: self.schema(depth - 1, open_from) for key in keys}}
        return {**base, kind: [self.schema(depth - 1, open_from) for _ in range(random.choice((1, 2, 2, 3)))]}

    def _number(self, depth: int) -> dict[str, Any]:
        random = self.random
        key = random.choice(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"))
        return {key: random.choice((1, 2, 3, 5, 0.5)) if key == "multipleOf" else random.choice(NUMBERS)}

    def _string(self, depth: int) -> dict[str, Any]:
        random = self.random
        key = random.choice(("minLength", "maxLength", "pattern", "pattern", "format"))
        pools: dict[str, Any] = {"pattern": PATTERNS, "format": FORMATS}
        return {key: random.choice(pools.get(key, (0, 1, 2, 3)))}

    def _items(self, depth: int) -> dict[str, Any]:
        random = self.random
        if random.random() < 0.6:
            return {"items": self._below(depth)}
        places = [self._below(depth) for _ in range(random.choice((1, 2)))]
        rest = {} if random.random() < 0.5 else {"additionalItems" if self.seven else "items": self._below(depth)}
        return {("items" if self.seven else "prefixItems"): places, **rest}

    def _sizes(self, depth: int) -> dict[str, Any]:
        random = self.random
        key = random.choice(("minItems", "maxItems", "uniqueItems"))
        return {key: random.random() < 0.8 if key == "uniqueItems" else random.choice((0, 1, 2, 3))}

    def _contains(self, depth: int) -> dict[str, Any]:
        random = self.random
        schema = {"contains": self._below(depth)}
        if not self.seven and random.random() < 0.5:
            schema[random.choice(("minContains", "maxContains"))] = random.choice((0, 1, 2))
        return schema

    def _unevaluated_items(self, depth: int) -> dict[str, Any]:
        return self._items(depth) if self.seven else {"unevaluatedItems": self._below(min(depth, 1))}

    def _unevaluated(self, depth: int) -> dict[str, Any]:
        return self._fields(depth) if self.seven else {"unevaluatedProperties": self._below(min(depth, 1))}

    def _fields(self, depth: int) -> dict[str, Any]:
        random = self.random
        schema: dict[str, Any] = {}
        if random.random() < 0.8:
            names = random.sample(NAMES, random.choice((1, 1, 2, 3)))
            schema["properties"] = {name: self._below(depth) for name in names}
        if random.random() < 0.5:
            schema["required"] = random.sample(NAMES, random.choice((1, 1, 2)))
        if random.random() < 0.2:
            schema["patternProperties"] = {random.choice(PATTERNS): self._below(depth)}
        if random.random() < 0.4:
            schema["additionalProperties"] = random.choice((False, False, self._below(depth)))
        return schema

    def _names(self, depth: int) -> dict[str, Any]:
        random = self.random
        names = random.choice((self._string(0), {"enum": list(random.sample(NAMES, 2))}, self._leaf()))
        return {"propertyNames": names}

    def _need(self, depth: int) -> dict[str, Any]:
        random = self.random
        name, other = random.sample(NAMES, 2)
        if random.random() < 0.5:
            return {"dependencies" if self.seven else "dependentRequired": {name: [other]}}
        # Not below: this schema speaks of the same object.
        return {
            "dependencies" if self.seven else "dependentSchemas": {name: self.schema(min(depth, 1), self.definitions)}
        }

    def _counts(self, depth: int) -> dict[str, Any]:
        return {self.random.choice(("minProperties", "maxProperties")): self.random.choice((0, 1, 2, 3))}

    def edited(self, schema: Schema) -> Schema:
        """The schema with one thing changed somewhere."""
        whole = [copy.deepcopy(schema)]
        places = _places(whole)
        holder, key = self.random.choice(places)
        # The outermost is a place like any other, but what names the draft and the parts stays with it.
        outermost = holder is whole
        holder[key] = self._changed(holder[key], outermost)
        return whole[0]

    def _changed(self, schema: Schema, outermost: bool) -> Schema:
        random = self.random
        kept = {k: v for k, v in schema.items() if k in KEPT} if outermost and isinstance(schema, dict) else {}
        own = {k: v for k, v in schema.items() if k not in kept} if isinstance(schema, dict) else schema
        chance = random.random()
        if not isinstance(own, dict) or chance < 0.06:
            changed = self.schema(1, self.definitions)
        elif chance < 0.22:
            changed = self._wrapped(own)
        elif chance < 0.42 and own:
            gone = random.choice(list(own))
            changed = {key: value for key, value in own.items() if key != gone}
        elif chance < 0.75 and own:
            key = random.choice(list(own))
            changed = {**own, **self._turned(key, own[key])}
        else:
            changed = {**own, **self._plain(1, self.definitions)}
        return (
            {**kept, **changed} if isinstance(changed, dict) else changed if not kept else {**kept, "allOf": [changed]}
        )

    def _wrapped(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema within another keyword: some of these mean the same, some do not."""
        random = self.random
        other = self.schema(1, self.definitions)
        kind = random.choice(("allOf", "anyOf", "oneOf", "not not", "null", "if"))
        match kind:
            case "not not":
                return {"not": {"not": schema}}
            case "null":
                return {"anyOf": [schema, {"type": "null"}]}
            case "if":
                return {"if": other, "then": schema, "else": random.choice((schema, self._leaf()))}
            case _:
                return {kind: random.choice(([schema], [schema, other], [other, schema]))}

    def _turned(self, key: str, value: Any) -> dict[str, Any]:
        """The keyword with a neighbouring value; nothing where there is none."""
        random = self.random
        if isinstance(value, bool):
            return {key: not value}
        if isinstance(value, int | float) and key != "const":
            step = random.choice((1, -1, 0.5) if key in ("minimum", "maximum") else (1, -1))
            low = 1 if key == "multipleOf" else None if "imum" in key else 0
            return {key: value + step if low is None else max(low, int(value) + int(step))}
        match key:
            case "type":
                return {"type": self._turned_type(value)}
            case "enum":
                return {"enum": self._turned_list(value, CONSTANTS)}
            case "required":
                return {"required": self._turned_list(value, NAMES)}
            case "const":
                return self._constant()
            case "pattern":
                return {"pattern": random.choice(PATTERNS)}
            case "anyOf" | "oneOf" | "allOf":
                return self._turned_parts(key, value)
            case "prefixItems":
                return {key: [*value, self._leaf()]}
            case _:
                return {}

    def _turned_type(self, value: Any) -> Any:
        random = self.random
        types = [value] if isinstance(value, str) else list(value)
        swap = {"integer": "number", "number": "integer"}
        if random.random() < 0.4 and len(types) > 1:
            return types[1:]
        if random.random() < 0.4 and types[0] in swap:
            return swap[types[0]]
        return _distinct([*types, random.choice(TYPES)])

    def _turned_list(self, value: list[Any], pool: tuple[Any, ...]) -> list[Any]:
        random = self.random
        if len(value) > 1 and random.random() < 0.5:
            gone = random.randrange(len(value))
            return value[:gone] + value[gone + 1 :]
        return _distinct([*value, random.choice(pool)])

    def _turned_parts(self, key: str, value: list[Any]) -> dict[str, Any]:
        random = self.random
        if len(value) > 1 and random.random() < 0.4:
            gone = random.randrange(len(value))
            return {key: value[:gone] + value[gone + 1 :]}
        return {key: [*value, self.schema(1, self.definitions)]}


KEPT = ("$schema", "$defs", "definitions")
ONE = (
    "additionalProperties", "items", "additionalItems", "contains", "propertyNames", "not", "if", "then", "else",
    "unevaluatedItems", "unevaluatedProperties",
)  # fmt: skip
LISTED = ("allOf", "anyOf", "oneOf", "prefixItems", "items")
NAMED = ("properties", "patternProperties", "dependentSchemas", "dependencies", "$defs", "definitions")


def _places(holder: Any) -> list[tuple[Any, Any]]:
    """(container, key) of every schema within; ``holder`` is a list of the outermost."""
    found: list[tuple[Any, Any]] = []
    stack: list[tuple[Any, Any]] = [(holder, 0)]
    while stack:
        container, key = stack.pop()
        schema = container[key]
        found.append((container, key))
        if not isinstance(schema, dict):
            continue
        stack += [(schema, one) for one in ONE if isinstance(schema.get(one), dict | bool)]
        for listed in LISTED:
            if isinstance(schema.get(listed), list):
                stack += [(schema[listed], index) for index in range(len(schema[listed]))]
        for named in NAMED:
            if isinstance(schema.get(named), dict):
                stack += [(schema[named], name) for name, part in schema[named].items() if not isinstance(part, list)]
    return found


def _distinct(values: Any) -> list[Any]:
    """Each once, as JSON tells them apart: true is not 1, 1 is 1.0."""
    kept: list[Any] = []
    for value in values:
        if not any(value == one and isinstance(value, bool) is isinstance(one, bool) for one in kept):
            kept.append(value)
    return kept
