"""Where a schema stands, and what a reference from there leads to: inside its file, or in a file of the folder.

What belongs here: base addresses, anchors, references. What does not: what the schemas mean.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

from telemetry_assets.contracts.dialects import Draft, draft_of, subschemas
from telemetry_assets.contracts.places import pointer_of, steps_of
from telemetry_assets.errors import ConfigError

FOLDER = "file:///~schemas~/"
"""The address that the schemas folder goes by; what resolves outside of it has left the folder."""


@dataclass(frozen=True, slots=True)
class Spot:
    """One schema where it stands: its base address, draft, file (a path of the folder) and JSON Pointer in it."""

    raw: Any
    base: str
    draft: Draft
    file: str
    pointer: str = ""

    def fault(self, keyword: str, what: str) -> ConfigError:
        """The error for what is wrong with one keyword here."""
        return ConfigError(f"{self.file or 'the schema'}: {self.pointer}/{keyword}: {what}.")


@dataclass(slots=True)
class Library:
    """The schemas that references may lead to; files are opened when one leads there. ``files``: path → schema."""

    files: Mapping[str, Any]
    resources: dict[str, Spot] = field(default_factory=dict[str, Spot])
    anchors: dict[tuple[str, str], Spot] = field(default_factory=dict[tuple[str, str], Spot])
    dynamic: dict[tuple[str, str], Spot] = field(default_factory=dict[tuple[str, str], Spot])
    _indexed: set[str] = field(default_factory=set[str])
    _opened: dict[str, Spot] = field(default_factory=dict[str, Spot])

    def open(self, raw: Any, path: str) -> Spot:
        """The root of a file; ``path`` is relative to the schemas folder, perhaps empty."""
        if path not in self._opened:
            address = urljoin(FOLDER, path)
            outer = Spot(raw, address, Draft.V2020, path)
            root = self._placed(outer, raw, "")
            self.resources.setdefault(address, root)
            self._opened[path] = root
        return self._opened[path]

    def inside(self, spot: Spot, step: tuple[str | int, ...], raw: Any) -> Spot:
        """The schema at ``step`` of another one, with its own base address if it names one."""
        pointer = spot.pointer + pointer_of(step)
        if isinstance(raw, dict) and ("$id" in raw or "$schema" in raw):
            return self._placed(spot, raw, pointer)
        return Spot(raw, spot.base, spot.draft, spot.file, pointer)

    def lookup(self, spot: Spot, keyword: str) -> Spot:
        """What ``$ref`` or ``$dynamicRef`` here leads to. Raises ConfigError naming file, pointer and reference."""
        reference: str = spot.raw[keyword]
        if reference.startswith("#") and spot.base in self.resources:
            found = self._within(self.resources[spot.base], unquote(reference[1:]))
            if found:
                return found
            raise spot.fault(keyword, f"{reference!r} leads to nothing")
        for base in dict.fromkeys((spot.base, urljoin(FOLDER, spot.file))):
            address, fragment = urldefrag(urljoin(base, reference))
            resource = self._resource(address, spot)
            if resource and (found := self._within(resource, unquote(fragment))):
                return found
        if not urldefrag(urljoin(spot.base, reference)).url.startswith(FOLDER):
            raise spot.fault(keyword, f"{reference!r} leaves the schemas folder; contracts stand on their own")
        raise spot.fault(keyword, f"{reference!r} leads to nothing")

    def walk(self, spot: Spot) -> Iterator[Spot]:
        """Every schema that stands in a file, on its shelves too; the file's names are known afterwards."""
        stack = [spot]
        while stack:
            here = stack.pop()
            yield here
            if isinstance(here.raw, dict):
                self._named(here)
                stack.extend(self.inside(here, step, raw) for step, raw in subschemas(here.raw, here.draft))

    def _placed(self, spot: Spot, raw: Any, pointer: str) -> Spot:
        """The spot of a schema that may name its draft and its address; draft 7 hears no ``$id`` beside a ``$ref``."""
        base, draft = spot.base, spot.draft
        if not isinstance(raw, dict):
            return Spot(raw, base, draft, spot.file, pointer)
        here = Spot(raw, base, draft, spot.file, pointer)
        name = raw.get("$id")
        if "$schema" in raw and (not pointer or isinstance(name, str)):
            known = draft_of(raw)
            if known is None:
                raise here.fault("$schema", f"{raw['$schema']!r} is neither draft 2020-12 nor draft 7")
            draft = known
        if not isinstance(name, str) or (draft is Draft.V7 and "$ref" in raw):
            return Spot(raw, base, draft, spot.file, pointer)
        address = urldefrag(urljoin(base, name)).url
        placed = Spot(raw, address, draft, spot.file, pointer)
        if not name.startswith("#"):
            self.resources[address] = placed
        return placed

    def _named(self, spot: Spot) -> None:
        raw = spot.raw
        for keyword, names in (("$anchor", self.anchors), ("$dynamicAnchor", self.dynamic)):
            if spot.draft is Draft.V2020 and isinstance(raw.get(keyword), str):
                names.setdefault((spot.base, raw[keyword]), spot)
        name = raw.get("$id")
        if spot.draft is Draft.V7 and isinstance(name, str) and "#" in name:
            self.anchors.setdefault((spot.base, urldefrag(name).fragment), spot)

    def _resource(self, address: str, spot: Spot) -> Spot | None:
        """The root of an address: known, or a file of the folder, or what some schema calls itself."""
        if address in self.resources:
            return self.resources[address]
        path = unquote(address.removeprefix(FOLDER))
        if address.startswith(FOLDER) and path in self.files:
            return self.open(self.files[path], path)
        self._index(spot.file)
        if address not in self.resources:
            for other, raw in self.files.items():
                self.open(raw, other)
                self._index(other)
        return self.resources.get(address)

    def _index(self, path: str) -> None:
        if path not in self._indexed and path in self._opened:
            self._indexed.add(path)
            for _ in self.walk(self._opened[path]):
                pass

    def _within(self, resource: Spot, fragment: str) -> Spot | None:
        if not fragment:
            return resource
        if not fragment.startswith("/"):
            self._index(resource.file)
            key = (resource.base, fragment)
            return self.anchors.get(key) or self.dynamic.get(key)
        spot: Spot | None = resource
        for step in steps_of(fragment):
            spot = self._stepped(spot, step)
            if spot is None:
                return None
        return spot

    def _stepped(self, spot: Spot, step: str) -> Spot | None:
        raw = spot.raw
        if isinstance(raw, dict) and step in raw:
            return self.inside(spot, (step,), raw[step])
        if isinstance(raw, list) and step.isascii() and step.isdigit() and int(step) < len(raw):
            return self.inside(spot, (step,), raw[int(step)])
        return None
