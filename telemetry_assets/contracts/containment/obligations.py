"""What a proof owes: a place in the documents, a keyword, and words.

What belongs here: the value. What does not: finding it (``contained.py``).
"""

from dataclasses import dataclass

Path = tuple[str, ...]
"""Where in the documents: names, ``items`` for any further item, ``*`` for any other property."""


@dataclass(frozen=True, slots=True)
class Obligation:
    """What could not be shown."""

    path: Path
    keyword: str
    text: str

    def said(self) -> str:
        """In one line: pointer, keyword, words."""
        pointer = "".join([f"/{step.replace('~', '~0').replace('/', '~1')}" for step in self.path])
        return f"{pointer or 'the document'}: {self.keyword}: {self.text}"
