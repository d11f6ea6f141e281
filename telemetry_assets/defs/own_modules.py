"""What a code location imports from its own folder is its own: in one process, two ``definitions.py`` are two modules.

What belongs here: having those modules in place while it is loaded or run, and out of the way of the next one. What
does not: finding and importing (``loading.py``).
"""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

_INSTALLED = ("site-packages", "dist-packages")
_EVERYBODYS = frozenset({*sys.stdlib_module_names, __name__.partition(".")[0]})


@dataclass(frozen=True, slots=True)
class OwnModules:
    """The modules of one location: those from ``folder``, where its imports begin. Installed ones are everybody's."""

    folder: Path
    _kept: dict[str, ModuleType] = field(default_factory=dict[str, ModuleType])

    @contextmanager
    def in_place(self) -> Generator[None]:
        """Inside, imports are as in a process of its own; what they bring is put aside at the end."""
        before, path = dict(sys.modules), list(sys.path)
        sys.modules.update(self._kept)
        sys.path.insert(0, str(self.folder))
        try:
            yield
        finally:
            sys.path[:] = path
            new = [(name, module) for name, module in list(sys.modules.items()) if before.get(name) is not module]
            # All are looked at before one goes: a package without __init__.py asks for its parent.
            for name, module in [one for one in new if self._is_own(*one)]:
                self._kept[name] = module
                del sys.modules[name]
                sys.modules.update({name: before[name]} if name in before else {})

    def _is_own(self, name: str, module: ModuleType) -> bool:
        if name.partition(".")[0] in _EVERYBODYS:
            return False
        found = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), None)
        if found is None:
            return False
        place = Path(found).resolve()
        return place.is_relative_to(self.folder) and not any(part in _INSTALLED for part in place.parts)
