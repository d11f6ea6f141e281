"""What changed between two versions of a schema, in words, by place in the documents. No change is left untold.

What belongs here: who tells which keyword. What does not: the walk (``side_by_side.py``), the verdict (``compare.py``).
"""

from telemetry_assets.contracts.comparison import relation, told_choices, told_inside, told_values
from telemetry_assets.contracts.comparison.change_words import COUNTED
from telemetry_assets.contracts.comparison.side_by_side import MOST, Place, Teller, TooManyError, Walk
from telemetry_assets.contracts.containment.normal import Normal
from telemetry_assets.contracts.drift import Change, Direction

_TELLERS: tuple[tuple[tuple[str, ...], Teller], ...] = (
    (("types", "enum"), told_values.kinds),
    (("low",), told_values.lower),
    (("high",), told_values.upper),
    (("multipleOf",), told_values.multiple),
    (tuple(COUNTED), told_values.counts),
    (("pattern",), told_values.pattern),
    (("format",), told_values.formats),
    (("required",), told_inside.required),
    (("properties",), told_inside.properties),
    (("patternProperties",), told_inside.patterns),
    (("additionalProperties",), told_inside.others),
    (("propertyNames",), told_inside.names),
    (("dependentRequired",), told_inside.dependent),
    (("dependentSchemas",), told_inside.dependent_schemas),
    (("unevaluatedProperties",), told_inside.unevaluated_properties),
    (("uniqueItems",), told_inside.unique),
    (("prefixItems", "items"), told_inside.items),
    (("unevaluatedItems",), told_inside.unevaluated_items),
    (("contains",), told_inside.contains),
    (("allOf",), told_choices.all_of),
    (("anyOf",), told_choices.any_of),
    (("oneOf",), told_choices.one_of),
    (("not",), told_choices.excluded),
    (("if",), told_choices.condition),
    (("opaque",), told_choices.anything_else),
)
TOLD = frozenset(keyword for keywords, _ in _TELLERS for keyword in keywords)
"""Every word of a normal form that has a teller."""


def changes(old: Normal, new: Normal, direction: Direction, name: str = "") -> tuple[Change, ...]:
    """Every change in words, ordered by pointer; none exactly where the normal forms are equal.

    ``name`` is the contract's: the same change of the same contract has the same id for ever.
    """
    if old.equal(new):
        return ()
    walk, root = Walk(old.defs, new.defs, direction, name, _TELLERS), Place("")
    text = "the schema is built otherwise"
    try:
        walk.compare(root, old.root, new.root)
    except (TooManyError, RecursionError):
        walk.found.clear()
        text = f"another schema altogether (more than {MOST} changes, or too deep to tell)"
    if not walk.found:
        walk.tell(root, "$ref", old.root.digest, new.root.digest, text, relation.UNKNOWN)
    return tuple(
        sorted(walk.found.values(), key=lambda change: (change.pointer, change.keyword, change.text, change.id))
    )
