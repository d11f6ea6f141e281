"""A project without dbt, which the guard goes through in seconds: a synced source, a watched table, a snapshot.

What belongs here: its files, changing one of them, and running the guard on it in this process.
"""

import json
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from telemetry_assets.answers.check_selection import GuardOptions, Selection
from telemetry_assets.answers.results import Kind, Result, Verdict
from telemetry_assets.cli.guarding import run_guard
from telemetry_assets.model import State
from telemetry_assets.render.progress import Display
from telemetry_assets.settings import VARIABLES, load

ACME = "aaaaaaaa-0000-4000-8000-00000000000a"
TENANTS = ("acme", "canary-lark", "canary-robin")
DECLARED: dict[str, Any] = {
    "tenants": [{"slug": "acme", "id": ACME, "name": "Acme Corporation"}],
    "sources": {
        "shop": {
            "executable": ["false"],
            "every": "15m",
            "streams": {"orders": {"clock": "column updated_at"}},
            "connections": [{"tenant": "acme"}],
        },
        "boards": {"kind": "table", "tables": {"numbers": {"clock": "column updated_at"}}},
    },
    "promises": [
        {"asset": "shop/*", "window": {"warn": "45m", "fail": "60m"}, "owner": "data-eng"},
        {"asset": "boards/*", "window": {"warn": "45m", "fail": "60m"}, "owner": "data-eng"},
        {"asset": "snapshots/board", "window": {"warn": "45m", "fail": "60m"}, "owner": "data-eng"},
    ],
    "snapshots": {"board": {"relation": "boards.numbers"}},
    "owners": {"data-eng": {}},
}
CONTRACT = {
    "type": "object",
    "required": ["tenant_id", "generated_at", "metrics"],
    "properties": {
        "metrics": {
            "type": "object",
            "required": ["sales", "returns"],
            "properties": {"sales": {"type": "array", "minItems": 1}, "returns": {"type": "array"}},
        }
    },
}
SCENARIO = (
    "- {scenario: all is well, when: 2026-06-01T12:00:00Z, expect: {states: {shop/orders: fresh}, messages: []}}\n"
)


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with a telemetry.yaml; ``patch`` is undone at the end."""

    folder: Path
    patch: pytest.MonkeyPatch

    def change(self, name: str, change: Callable[[Any], Any]) -> None:
        """Change a JSON file of it in place."""
        path = self.folder / name
        document = json.loads(path.read_text())
        changed = change(document)
        path.write_text(json.dumps(document if changed is None else changed))

    def write(self, name: str, text: str) -> None:
        """Write a file of it."""
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text)

    def guard(
        self,
        *assets: str,
        seconds: float = 300,
        show: Display | None = None,
        tenants: tuple[str, ...] = (),
        keep: bool = False,
    ) -> Verdict:
        """The guard's verdict."""
        options = GuardOptions(Selection(assets), tenants, deadline=timedelta(seconds=seconds), keep=keep)
        return run_guard(load(self.folder / "telemetry.yaml"), options, show)


@contextmanager
def project(folder: Path) -> Generator[Project]:
    """The small project in ``folder``, in which the guard passes but for the contracts: it is in no repository."""
    with pytest.MonkeyPatch.context() as patch:
        for name in (*VARIABLES, "DAGSTER_HOME"):
            patch.delenv(name, raising=False)
        patch.setattr(tempfile, "tempdir", str(folder))
        made = Project(folder / "a project", patch)
        made.write("telemetry.yaml", json.dumps(DECLARED))
        made.write("schemas/assets/snapshots.board.schema.json", json.dumps(CONTRACT))
        made.write("schemas/fixtures/shop.orders.json", json.dumps({"$primary_key": ["id"]} | per_tenant(_orders)))
        made.write("schemas/fixtures/boards.numbers.json", json.dumps(per_tenant(_numbers)))
        made.write("tests/scenarios/freshness.yaml", SCENARIO)
        yield made


def per_tenant(rows: Callable[[str], list[dict[str, Any]]]) -> dict[str, Any]:
    """Tenant → rows."""
    return {slug: rows(slug) for slug in TENANTS}


def found(verdict: Verdict, kind: Kind, state: State) -> list[Result]:
    """The results of one kind and state."""
    return [one for one in verdict.results if (one.kind, one.state) == (kind, state)]


def _orders(slug: str) -> list[dict[str, Any]]:
    return [
        {"id": n, "title": f"order {n} of the {slug} shop", "amount": n / 4, "updated_at": "$now-5m"} for n in (1, 2)
    ]


def _numbers(slug: str) -> list[dict[str, Any]]:
    sold = [{"title": f"sold by the {slug} shop", "count": 2}]
    return [{"payload": {"sales": sold, "returns": []}, "updated_at": "$now-5m"}]
