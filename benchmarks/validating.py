"""1,000 tenants' snapshots of 200 rows against the dashboard's contract: ours, bare jsonschema-rs, and jsonschema.

Ours is ``Contract.validate_many`` on parsed documents: it may cost 1.3× of bare ``is_valid``, and is at least 100 times
as fast as jsonschema. jsonschema judges a sample of the documents, and its time is scaled to all of them.
Run: python -m benchmarks.validating [--json] [--rounds N] [--tenants N] [--sample N]
"""

import argparse
import copy
import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.measure import report, side_by_side
from telemetry_assets.contracts.fixtures import hydrated
from telemetry_assets.contracts.reading import read_json, read_json_file
from telemetry_assets.contracts.registry import load_contract
from telemetry_assets.contracts.validate import Contract

SCHEMAS = Path(__file__).resolve().parent.parent / "schemas"
ASSET = "snapshots/tenant_dashboard"
AGAINST_BARE, AGAINST_REFERENCE = 1.3, 100
Documents = Sequence[tuple[str, Any]]


def main() -> int:
    """Compare. Exit 0 where both targets hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tenants", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--sample", type=int, default=20, help="so many documents for jsonschema, scaled to all")
    options = parser.parse_args()
    contract = load_contract(SCHEMAS / "assets", ASSET)
    documents = snapshots(options.tenants, options.rows)
    named = f"{options.tenants} snapshots of {options.rows} rows"
    bare = side_by_side(lambda: ours(contract, documents), lambda: bare_rs(contract, documents), options.rounds)
    sample = documents[: options.sample]
    scale = len(documents) / len(sample)
    slow = side_by_side(
        lambda: ours(contract, documents), lambda: scale * reference(contract, sample), min(options.rounds, 3)
    )
    scaled = f"jsonschema's time is that of {len(sample)} documents × {scale:g}"
    held = (
        report(
            f"{named} against bare jsonschema-rs", *bare, AGAINST_BARE, higher_is_better=False, json_mode=options.json
        ),
        report(f"{named} against jsonschema ({scaled})", *slow, AGAINST_REFERENCE, json_mode=options.json),
    )
    if not options.json:
        careful = seconds(lambda: contract.validate_many(documents))
        print(f"documents of unknown origin, searched for what JSON cannot carry: {careful:.3f} s")
    return 0 if all(held) else 1


def ours(contract: Contract, documents: Documents) -> float:
    """The seconds of our whole path; every document keeps the contract."""
    return seconds(lambda: contract.validate_many(documents, parsed=True))


def bare_rs(contract: Contract, documents: Documents) -> float:
    """The seconds of jsonschema-rs as its manual shows it."""
    from jsonschema_rs import Draft202012Validator

    validator = Draft202012Validator(contract.schema)
    return seconds(lambda: all(validator.is_valid(document) for _, document in documents))


def reference(contract: Contract, documents: Documents) -> float:
    """The seconds of jsonschema as its manual shows it."""
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(contract.schema)
    return seconds(lambda: all(validator.is_valid(document) for _, document in documents))


def snapshots(tenants: int, rows: int) -> Documents:
    """So many documents made from the fixture, each parsed on its own, with ``rows`` rows spread over its sections."""
    fixture = hydrated(
        read_json_file(SCHEMAS / "fixtures" / "snapshots.tenant_dashboard.json"), datetime(2026, 6, 1, 12, tzinfo=UTC)
    )
    sections = fixture["metrics"]
    for name in ("creative_metrics", "budget_metrics", "parish_metrics"):
        sections[name] = [copy.deepcopy(sections[name][0]) for _ in range(rows // 4)]
    campaigns = sections["campaign_metrics"]
    campaigns["rows"] = [copy.deepcopy(campaigns["rows"][0]) for _ in range(rows // 4)]
    data = json.dumps(fixture).encode()
    return [(f"tenant-{number}", read_json(data, "snapshot")) for number in range(tenants)]


def seconds(work: Callable[[], Any]) -> float:
    """How long it takes. Raises AssertionError where it finds a document that breaks the contract."""
    began = time.perf_counter()
    found = work()
    taken = time.perf_counter() - began
    assert found in ((), True), found
    return taken


if __name__ == "__main__":
    raise SystemExit(main())
