"""Whether a schema is itself sound: its draft's metaschema, references, patterns, and no keyword that would be skipped.

What belongs here: faults of a schema, each naming its place. What does not: reading files (``registry.py``), judging
documents (``validate.py``).
"""

import difflib
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from telemetry_assets.contracts.bounded_patterns import pattern_fault
from telemetry_assets.contracts.dialects import KEYWORDS, SAID_OTHERWISE, Draft, draft_of, every_schema
from telemetry_assets.contracts.formats import STANDARD
from telemetry_assets.contracts.places import pointer_of
from telemetry_assets.contracts.reading import DEEPEST, deeper
from telemetry_assets.contracts.references import Target, loop, references_in, target_of
from telemetry_assets.contracts.wording import shown


def schema_fault(
    schema: Any, *, name: str = "", files: Mapping[str, Any] | None = None, strict: bool = True
) -> str | None:
    """The first thing wrong with a schema, as ``/pointer/keyword: what``; None where it is sound.

    ``files`` are the schemas of the folder by relative path, and ``name`` is this one's, for references between them.
    ``strict`` also refuses keywords and formats that no draft knows (they are misspelt); names beginning with ``x-``
    pass. Never raises, whatever the value.
    """
    if isinstance(schema, bool):
        return None
    if not isinstance(schema, dict):
        return f"the document is {shown(schema)}, not an object"
    draft = draft_of(schema)
    if draft is None:
        drafts = " nor ".join(repr(each.uri) for each in Draft)
        return f"/$schema: {schema.get('$schema')!r} is neither {drafts}"
    if deeper(schema):
        return f"more than {DEEPEST} levels of objects and arrays"
    known = {**(files or {}), name: schema}
    strange = _strange(schema, draft) if strict else iter(())
    faults = chain(strange, _against_metaschema(schema, draft), _misplaced(schema, draft), _patterns(schema, draft))
    return next(chain(faults, _references(schema, name, known), _loops(name, known)), None)


def _against_metaschema(schema: Mapping[str, Any], draft: Draft) -> Iterator[str]:
    """jsonschema-rs decides; jsonschema words it, where Python's recursion reaches."""
    from jsonschema import Draft7Validator, Draft202012Validator
    from jsonschema.exceptions import best_match
    from jsonschema_rs import ValidationError, meta

    try:
        meta.validate({**schema, "$schema": draft.uri})
    except ValidationError as fault:
        reference = Draft202012Validator if draft is Draft.V2020 else Draft7Validator
        try:
            error = best_match(reference(reference.META_SCHEMA).iter_errors(schema))
        except RecursionError:
            error = None
        if error is None:
            yield f"{pointer_of(fault.instance_path)}: {_clipped(fault.message)}"
        else:
            yield f"{pointer_of(error.absolute_path)}: {_clipped(error.message)}"
    except (ValueError, UnicodeEncodeError) as error:
        yield f"it is no JSON: {error}"


def _strange(schema: Any, draft: Draft) -> Iterator[str]:
    """Keywords and formats that are none: a validator would silently skip them."""
    for path, here in every_schema(schema, draft):
        if not isinstance(here, dict):
            continue
        for keyword in here:
            if keyword not in KEYWORDS[draft] and not keyword.startswith("x-"):
                place = pointer_of((*path, keyword))
                yield f"{place}: {keyword!r} is no keyword of JSON Schema {draft}{_meant(keyword, draft)}"
        asked = here.get("format")
        if isinstance(asked, str) and asked not in STANDARD and not asked.startswith("x-"):
            close = difflib.get_close_matches(asked, STANDARD, n=1)
            meant = f"; did you mean {close[0]!r}?" if close else ""
            yield f"{pointer_of((*path, 'format'))}: {asked!r} is no format of JSON Schema{meant}"
        if draft is Draft.V7 and "$ref" in here and (beside := sorted(set(here) & _beside_lost)):
            place = pointer_of((*path, beside[0]))
            yield f"{place}: {beside[0]!r} beside a $ref is skipped in draft 7; put both into an allOf"


_beside_lost = KEYWORDS[Draft.V7] - {
    "$comment", "$id", "$ref", "$schema", "definitions", "default", "description", "examples", "readOnly", "title",
    "writeOnly",
}  # fmt: skip


def _meant(keyword: str, draft: Draft) -> str:
    instead = SAID_OTHERWISE[draft].get(keyword)
    if instead:
        return f"; there it is {instead!r}"
    close = difflib.get_close_matches(keyword, KEYWORDS[draft], n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _misplaced(schema: Any, draft: Draft) -> Iterator[str]:
    """A file is one schema: an inner ``$id`` would move the base of its references, an inner ``$schema`` the draft."""
    for path, here in every_schema(schema, draft):
        if not path or not isinstance(here, dict):
            continue
        own = here.get("$id")
        anchor = draft is Draft.V7 and isinstance(own, str) and own.startswith("#")
        if own is not None and not anchor:
            yield f"{pointer_of((*path, '$id'))}: {own!r} stands inside of a schema; give it a file of its own"
        if "$schema" in here and draft_of(here) is not draft:
            yield f"{pointer_of((*path, '$schema'))}: another draft inside of a schema; put it into a file of its own"


def _patterns(schema: Any, draft: Draft) -> Iterator[str]:
    for path, here in every_schema(schema, draft):
        if not isinstance(here, dict):
            continue
        said = [(("pattern",), here["pattern"])] if "pattern" in here else []
        named = here.get("patternProperties")
        said += [(("patternProperties", name), name) for name in named] if isinstance(named, dict) else []
        for step, pattern in said:
            fault = pattern_fault(pattern)
            if fault:
                yield f"{pointer_of((*path, *step))}: the pattern {_clipped(repr(pattern))} {fault}"


def _references(schema: Any, name: str, files: Mapping[str, Any]) -> Iterator[str]:
    for path, reference in references_in(schema):
        target = target_of(reference, name, files)
        if not isinstance(target, Target):
            yield f"{pointer_of(path)}: {reference!r} {target}"


def _loops(name: str, files: Mapping[str, Any]) -> Iterator[str]:
    found = loop(name, files)
    if found:
        file, pointer = found
        where = f"{file if file != name else ''}{pointer}" or "the schema"
        yield f"{where}: its references only lead back to itself, so that no value could ever be judged"


def _clipped(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:199]}…"
