"""``telemetry doctor`` for people and for machines."""

import json
import sys

from telemetry_assets.answers.doctor import DoctorAnswer

_GREEN, _RED, _END = "\x1b[32m", "\x1b[31m", "\x1b[0m"


def print_terminal(answer: DoctorAnswer) -> None:
    """A line per finding; the remedy under each that is not well."""
    colours = sys.stdout.isatty()
    for item in answer.findings:
        mark = "ok" if item.well else "WRONG"
        colour, end = ((_GREEN if item.well else _RED), _END) if colours else ("", "")
        print(f"{colour}{mark:<6}{end} {item.subject:<15} {item.found}")
        if item.remedy:
            print(f"{'':<22} → {item.remedy}")


def print_json(answer: DoctorAnswer) -> None:
    """The findings as one JSON document."""
    findings = [
        {"subject": item.subject, "well": item.well, "found": item.found, "remedy": item.remedy}
        for item in answer.findings
    ]
    print(json.dumps({"well": all(item.well for item in answer.findings), "findings": findings}, indent=2))
