"""Whether what one tenant is shown holds anything of another's: a search for texts that only one tenant has.

What belongs here: which texts those are, and finding them. Pure. What does not: collecting what is searched
(``cli/guard_isolation.py``). The meaning: docs/checking.md, The guard, 5.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape, unescape
from typing import Any
from urllib.parse import unquote, unquote_plus

from telemetry_assets.answers.results import Kind, Result
from telemetry_assets.model import State, Tenant
from telemetry_assets.spoken import counted

ISOLATION = "isolation"
LEAST = 6
"""Shorter texts of rows tell nobody apart; a shorter slug or name counts where it stands alone."""
ENOUGH = 3
"""A tenant with fewer texts of its own cannot be told from others."""
SHOWN = 12
"""So much of a foreign text is repeated: enough to find it, not to read it."""

_TIME = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?(Z|[+-]\d\d:?\d\d)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Named:
    """A text that is searched. ``what`` says which one, ``of`` the tenants it may speak of, ``asset`` whose it is."""

    what: str
    of: frozenset[str]
    text: str
    asset: str = ""


@dataclass(frozen=True, slots=True)
class Leak:
    """What ``where`` holds of the tenant ``whose``, who has no part in it: how many texts, and the first of them."""

    where: Named
    whose: str
    texts: int
    example: str

    @property
    def words(self) -> str:
        """In a sentence, without repeating much of it."""
        shown = self.example if len(self.example) <= SHOWN else f"{self.example[:SHOWN]}…"
        return f"{self.where.what} holds what belongs to {self.whose}: {counted(self.texts, 'text')}, such as {shown!r}"


def own_texts(tenants: Sequence[Tenant], rows: Mapping[str, Iterable[Any]]) -> dict[str, frozenset[str]]:
    """slug → the texts that this tenant alone has: id, slug, name, and those of its ``rows`` from :data:`LEAST` on.

    What stands inside another tenant's text is not its own; nor are times, which two may share. Only what another is
    called by, not its rows, can take an id, slug or name from who has it.
    """
    named = {one.slug: {str(one.id), one.slug, one.name} for one in tenants}
    texts = _single({one.slug: set(_texts_of_rows(rows.get(one.slug, ()))) | named[one.slug] for one in tenants})
    called = _single(named)
    return {slug: frozenset(texts[slug] | called[slug]) for slug in named}


def _single(held: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """slug → the texts that it alone has, and that stand inside nobody else's."""
    owners: dict[str, set[str]] = defaultdict(set)
    for slug, texts in held.items():
        for text in texts:
            owners[text].add(slug)
    single = {text: next(iter(slugs)) for text, slugs in owners.items() if len(slugs) == 1 and text}
    inside = _inside_others(single, held)
    return {
        slug: {text for text in texts if single.get(text) == slug and text not in inside}
        for slug, texts in held.items()
    }


def leaks(own: Mapping[str, Collection[str]], searched: Iterable[Named]) -> tuple[Leak, ...]:
    """What each text holds of tenants that it is not of, in the order of the texts. Any part of a text counts, in
    capitals or not."""
    needles = _Needles.of(own)
    return tuple(leak for named in searched for leak in needles.leaks(named))


def isolation_results(
    own: Mapping[str, Collection[str]], searched: Sequence[Named], found: Sequence[Leak]
) -> tuple[Result, ...]:
    """A FAIL for each leak; for each tenant without one, and told apart by enough texts, a PASS that says how much was
    looked at; UNKNOWN for who cannot be told apart."""
    results = [_leaked(leak) for leak in found]
    troubled = {result.tenant for result in results} | {leak.whose for leak in found}
    for slug, texts in own.items():
        if len(texts) < ENOUGH:
            few = f"has {counted(len(texts), 'text')} of its own, and cannot be told from others"
            remedy = f"Give it {ENOUGH} texts of {LEAST} characters in its fixtures that no other tenant has."
            results.append(Result(Kind.ISOLATION, "", ISOLATION, State.UNKNOWN, few, tenant=slug, remedy=remedy))
        elif slug not in troubled:
            looked = sum(1 for one in searched if slug not in one.of)
            said = f"none of its {counted(len(texts), 'text')} is in the {counted(looked, 'text')} of others"
            results.append(Result(Kind.ISOLATION, "", ISOLATION, State.PASS, said, tenant=slug))
    return tuple(results)


def texts_of(document: Any) -> str:
    """Every key and text of a document, one under the other, as they are: no escape hides one."""
    return "\n".join(_texts(document, keys=True))


def _leaked(leak: Leak) -> Result:
    of = leak.where.of
    return Result(
        Kind.ISOLATION,
        leak.where.asset,
        ISOLATION,
        State.FAIL,
        leak.words,
        tenant=next(iter(of)) if len(of) == 1 else "*",
        remedy="Find where the tenant is left out of a filter or a join.",
    )


def _texts_of_rows(rows: Iterable[Any]) -> Iterator[str]:
    return (text for row in rows for text in _texts(row) if len(text) >= LEAST and not _TIME.fullmatch(text))


def _texts(value: Any, *, keys: bool = False) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if keys:
                yield str(key)
            yield from _texts(item, keys=keys)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item, keys=keys)


def _inside_others(single: Mapping[str, str], held: Mapping[str, Collection[str]]) -> set[str]:
    """The texts that stand inside a text of a tenant who does not have them."""
    owners: dict[str, list[str]] = defaultdict(list)
    for text, owner in single.items():
        owners[owner].append(text)
    needles = _Needles.of(owners)
    corpora = [Named("", frozenset({slug}), "\n".join(sorted(texts))) for slug, texts in held.items()]
    return {text for corpus in corpora for text, _ in needles.hits(corpus)}


@dataclass(frozen=True, slots=True)
class _Needles:
    """Texts, each under its rarest few characters: what is searched is gone through once, however many they are."""

    by_part: Mapping[str, Sequence[tuple[str, str, str]]]
    short: Sequence[tuple[re.Pattern[str], str, str]]

    @staticmethod
    def of(own: Mapping[str, Collection[str]]) -> "_Needles":
        everything = [(text, slug) for slug, texts in own.items() for text in texts]
        long = [
            (form.casefold(), text, slug) for text, slug in everything if len(text) >= LEAST for form in _forms(text)
        ]
        often = Counter(part for form, _, _ in long for part in _parts(form))
        by_part: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
        for needle in long:
            by_part[min(_parts(needle[0]), key=lambda part: (often[part], part))].append(needle)
        alone = [(text, slug) for text, slug in everything if len(text) < LEAST]
        short = [(re.compile(rf"(?<!\w){re.escape(text)}(?!\w)"), text, slug) for text, slug in alone]
        return _Needles(by_part, short)

    def hits(self, named: Named) -> Iterator[tuple[str, str]]:
        """(text, whose) of everything in it that is of another; once for each."""
        text, told = _read(named.text), set[str]()
        folded = text.casefold()
        for part in sorted(_parts(folded) & self.by_part.keys()):
            for form, plain, slug in self.by_part[part]:
                if slug not in named.of and plain not in told and form in folded:
                    told.add(plain)
                    yield plain, slug
        for pattern, plain, slug in self.short:
            if slug not in named.of and pattern.search(text):
                yield plain, slug

    def leaks(self, named: Named) -> Iterator[Leak]:
        found: dict[str, list[str]] = defaultdict(list)
        for text, slug in self.hits(named):
            found[slug].append(text)
        for slug, texts in sorted(found.items()):
            yield Leak(named, slug, len(texts), min(texts))


def _read(text: str) -> str:
    """A text as it is, and under it as whoever takes it out of a URL or of HTML reads it."""
    return "\n".join(dict.fromkeys((text, unquote(text), unquote_plus(text), unescape(text))))


def _parts(text: str) -> set[str]:
    return {text[at : at + LEAST] for at in range(len(text) - LEAST + 1)}


def _forms(text: str) -> set[str]:
    """How a text may be written in a file: as it is, in JSON, in XML and HTML, in CSV, in a Markdown table."""
    quoted = {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    return {text, *quoted, escape(text), escape(text, quote=False), text.replace('"', '""'), text.replace("|", "\\|")}
