"""A verdict as JUnit XML: a suite per asset, a case per check and tenant, as publishers of test results read it.

What belongs here: elements, attributes, and text that XML can hold. What does not: which results may stand in it
(``answers/ci_files.py``).
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, timedelta
from itertools import groupby
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from telemetry_assets.answers.ci_files import provenance_json, shown
from telemetry_assets.answers.results import Result, Verdict
from telemetry_assets.model import State

_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_OUTCOME = {State.FAIL: "failure", State.MISSING: "failure", State.UNKNOWN: "error"}


def junit(verdict: Verdict) -> bytes:
    """``testsuites`` of all results. FAIL and MISSING are failures, UNKNOWN an error, WARN passes and says why."""
    results = sorted(shown(verdict), key=_suite)
    root = Element("testsuites", _counts("telemetry check", results))
    for name, group in groupby(results, _suite):
        root.append(_of_asset(verdict, name, list(group)))
    indent(root)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="utf-8") + b"\n"


def _suite(result: Result) -> str:
    """The asset; what is about none stands under its kind."""
    return result.asset or str(result.kind)


def _of_asset(verdict: Verdict, name: str, results: Sequence[Result]) -> Element:
    timestamp = f"{verdict.began.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"
    suite = Element("testsuite", {**_counts(name, results), "skipped": "0", "timestamp": timestamp})
    properties = SubElement(suite, "properties")
    for key, value in _properties(verdict):
        SubElement(properties, "property", {"name": key, "value": _clean(value)})
    suite.extend(_case(name, result) for result in results)
    return suite


def _properties(verdict: Verdict) -> Iterator[tuple[str, str]]:
    yield from ((key, value or "") for key, value in provenance_json(verdict).items())
    yield "correlation_id", verdict.correlation_id
    yield "scope", verdict.scope
    yield "exit_code", str(int(verdict.exit_code))


def _case(name: str, result: Result) -> Element:
    called = f"{result.check} [{result.tenant}]"
    case = Element("testcase", {"classname": _clean(name), "name": _clean(called), "time": _seconds(result.took)})
    said = _clean("\n".join(filter(None, (result.message, result.remedy))))
    outcome = _OUTCOME.get(result.state)
    if outcome:
        word = "LATE" if result.late else str(result.state)
        found = SubElement(case, outcome, {"type": f"{result.kind}.{word}", "message": _clean(result.message)})
        found.text = said
    elif result.state is State.WARN:
        SubElement(case, "system-out").text = f"WARN: {said}"
    return case


def _counts(name: str, results: Sequence[Result]) -> dict[str, str]:
    outcomes = [_OUTCOME.get(one.state) for one in results]
    took = sum((one.took or timedelta(0) for one in results), timedelta(0))
    return {
        "name": _clean(name),
        "tests": str(len(results)),
        "failures": str(outcomes.count("failure")),
        "errors": str(outcomes.count("error")),
        "time": _seconds(took),
    }


def _seconds(took: timedelta | None) -> str:
    return f"{max(took.total_seconds(), 0.0) if took else 0.0:.3f}"


def _clean(text: str) -> str:
    """Without the characters that no XML 1.0 document can hold, not even escaped."""
    return _ILLEGAL.sub("", text)
