"""What ``telemetry check`` is asked for: which assets, on the live data or in the guard, and the assets it names.

What belongs here: the questions as values, and choosing among assets by pattern and tag. What does not: options as they
are typed (``cli/check.py``), Dagster's definitions (``defs/``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path

from telemetry_assets.errors import UsageError

type Tags = Mapping[str, str]
"""The tags of an asset, name → value."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Assets by key or pattern (``marts/*``) and by tag (``KEY`` or ``KEY=VALUE``); those of both where both are given.

    With neither, everything.
    """

    patterns: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def chosen(self, assets: Mapping[str, Tags]) -> tuple[str, ...]:
        """The keys among ``assets`` in their order. Raises UsageError, with the nearest, for what names nothing."""
        for pattern in self.patterns:
            if not any(_matches(key, pattern) for key in assets):
                raise UsageError(f"There is no asset {pattern!r}.", _offered(pattern, list(assets)))
        tagged = {key for key, tags in assets.items() if all(_tagged(tags, tag) for tag in self.tags)}
        found = tuple(
            key
            for key in assets
            if key in tagged and (not self.patterns or any(_matches(key, pattern) for pattern in self.patterns))
        )
        if not assets:
            raise UsageError("There is no asset to check.", "Declare a source, or name another code location.")
        if not found:
            raise UsageError(f"No asset is {self}.", _tags_offered(assets) if self.tags else "Name one that is there.")
        return found

    def __str__(self) -> str:
        said = [*self.patterns, *(f"tagged {tag}" for tag in self.tags)]
        return ", ".join(said) or "everything"


@dataclass(frozen=True, slots=True)
class GuardOptions:
    """What the guard is asked for. ``tenants``: slugs that may appear in the artifacts (none: all but the canaries);
    ``base``: the revision that contracts are compared with (None: the merge base); ``out``: the folder of the artifacts
    (None: ``telemetry-artifacts/`` beside telemetry.yaml); ``keep``: leave the temporary home."""

    selection: Selection = Selection()
    tenants: tuple[str, ...] = ()
    base: str | None = None
    out: Path | None = None
    deadline: timedelta | None = None
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Location:
    """Somebody's code location: a Python ``module``, or a ``workspace`` file; one of the two."""

    module: str | None = None
    workspace: Path | None = None

    def __str__(self) -> str:
        return self.module or str(self.workspace)


def _matches(key: str, pattern: str) -> bool:
    return key == pattern or fnmatchcase(key, pattern)


def _tagged(tags: Tags, wanted: str) -> bool:
    name, equals, value = wanted.partition("=")
    return name in tags and (not equals or tags[name] == value)


def _offered(pattern: str, keys: Sequence[str]) -> str:
    near = get_close_matches(pattern, keys, n=1, cutoff=0.4)
    return f"Did you mean {near[0]}?" if near else f"Assets are {', '.join(keys[:10]) or 'none'}."


def _tags_offered(assets: Mapping[str, Tags]) -> str:
    known = sorted({f"{name}={value}" if value else name for tags in assets.values() for name, value in tags.items()})
    return f"Tags are {', '.join(known[:10])}." if known else "No asset has a tag."
