"""The webhook: its body by the published schema, its signature, its headers."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from telemetry_assets.channels.body import body_of
from telemetry_assets.incidents.delivery import Outcome
from telemetry_assets.incidents.message import Message
from telemetry_assets.incidents.wording import test_message as a_test
from tests.channels.messages import AT, EVENT, HOSTILE, OPENED, RESOLVED, channel, hostile, sent
from tests.sinks.http_sink import HttpSink, Reply

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "api" / "message.schema.json").read_text())


@pytest.fixture(scope="module")
def sink() -> Iterator[HttpSink]:
    with HttpSink() as sink:
        yield sink


def posted(sink: HttpSink, message: Message = OPENED, attempt: int = 1, **options: Any) -> Any:
    """What the sink was sent."""
    assert sent(channel("webhook", {"url": sink.url, **options}), message, attempt=attempt).outcome is Outcome.ACCEPTED
    return sink.requests[-1]


def valid(body: Any) -> None:
    """Fails where the schema does; its formats count."""
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    jsonschema.Draft202012Validator(SCHEMA, format_checker=checker).validate(body)


class TestBody:
    """What stands in it."""

    def test_the_schema_is_one(self) -> None:
        jsonschema.Draft202012Validator.check_schema(SCHEMA)

    @pytest.mark.parametrize(
        "message",
        [
            OPENED,
            RESOLVED,
            replace(OPENED, drill=True),
            a_test("ops", AT),
            replace(OPENED, opened_at=None, owners=(), facts=(), links=(), says="", headline=""),
            *map(hostile, HOSTILE),
            hostile("z" * 10_000_000),
        ],
        ids=lambda message: message.headline[:20].encode("ascii", "replace").decode(),
    )
    def test_every_body_keeps_to_the_published_schema(self, sink: HttpSink, message: Message) -> None:
        valid(posted(sink, message).json)

    def test_the_schema_describes_all_that_is_sent(self) -> None:
        body = body_of(RESOLVED, EVENT, 1)
        assert list(body) == SCHEMA["required"] == list(SCHEMA["properties"])
        assert list(body["incident"]) == list(SCHEMA["properties"]["incident"]["properties"])
        assert list(body["reach"]) == list(SCHEMA["properties"]["reach"]["properties"])

    @pytest.mark.promise("B19")
    def test_a_body_says_which_incident_what_is_wrong_and_where_to_look(self, sink: HttpSink) -> None:
        body = posted(sink).json
        assert body["incident"]["number"] == 12
        assert body["incident"]["kind"] == "sync_failed"
        assert body["says"] == OPENED.says
        assert [link["url"] for link in body["links"]] == [url for _, url in OPENED.links]
        assert body["reach"] == {
            "subjects": 12,
            "assets": 4,
            "tenants": 3,
            "first_assets": ["marts/x", "orders"],
            "first_tenants": ["north", "south"],
        }

    def test_ten_megabytes_of_error_are_cut_to_what_a_person_reads(self, sink: HttpSink) -> None:
        request = posted(sink, hostile("é\n" * 5_000_000))
        assert len(request.body) < 100_000
        assert request.json["quote"].endswith("…")

    def test_what_acts_on_a_reader_is_taken_out_and_text_is_left_as_it_is(self, sink: HttpSink) -> None:
        body = posted(sink, replace(OPENED, says="<b> & \x1b[31mred\x1b[0m \u202eabc\x00\ud83d"))
        assert body.json["says"] == "<b> & red abc\ufffd"

    def test_a_link_that_no_browser_may_follow_is_left_out(self, sink: HttpSink) -> None:
        links = (("a", "javascript:alert(1)"), ("b", 'https://x.test/a b"<>'), ("c", "//x.test"), ("d", "http://[bad"))
        assert posted(sink, replace(OPENED, links=links)).json["links"] == [
            {"label": "b", "url": "https://x.test/a%20b%22%3C%3E"}
        ]


class TestHeaders:
    """What stands beside it."""

    @pytest.mark.promise("C4")
    def test_a_message_has_the_same_event_id_at_every_try_and_a_count_of_them(self, sink: HttpSink) -> None:
        first, second = posted(sink), posted(sink, attempt=2)
        assert first.headers["x-telemetry-event-id"] == second.headers["x-telemetry-event-id"] == EVENT
        assert first.json["event_id"] == second.json["event_id"] == EVENT
        assert (first.headers["x-telemetry-attempt"], first.json["attempt"]) == ("1", 1)
        assert (second.headers["x-telemetry-attempt"], second.json["attempt"]) == ("2", 2)

    def test_the_signature_is_over_the_time_and_the_very_bytes_of_the_body(self, sink: HttpSink) -> None:
        request = posted(sink, hostile(HOSTILE[1]), secret="s3cret")
        parts = dict(part.split("=", 1) for part in request.headers["x-telemetry-signature"].split(","))
        expected = hmac.new(b"s3cret", parts["t"].encode() + b"." + request.body, hashlib.sha256).hexdigest()
        assert hmac.compare_digest(expected, parts["v1"])
        assert abs(int(parts["t"]) - request.at) < 60

    def test_nothing_is_signed_without_a_secret(self, sink: HttpSink) -> None:
        assert "x-telemetry-signature" not in posted(sink).headers

    def test_the_consumer_of_the_documentation_takes_ours_and_no_other(self, sink: HttpSink) -> None:
        page = (Path(__file__).parents[2] / "docs" / "channels.md").read_text()
        code = page.split("```python\n", 1)[1].split("```", 1)[0]
        names: dict[str, Any] = {}
        exec(code, names)
        request = posted(sink, secret="s3cret")
        header, now = request.headers["x-telemetry-signature"], request.at
        assert names["is_genuine"](b"s3cret", header, request.body, now)
        assert not names["is_genuine"](b"other", header, request.body, now)
        assert not names["is_genuine"](b"s3cret", header, request.body + b" ", now)
        assert not names["is_genuine"](b"s3cret", header, request.body, now + 3600)
        assert not names["is_genuine"](b"s3cret", "nonsense", request.body, now)


class TestAcceptance:
    """What counts as accepted."""

    @pytest.mark.parametrize(
        "reply",
        [
            Reply(200),
            Reply(202, body=b""),
            Reply(204, body=b""),
            Reply(200, body=b"\xff\xfe not text"),
            Reply(200, body=b"abc", length=1_000_000),
            Reply(200, body=b"x" * 20_000_000),
            Reply(200, {"Content-Encoding": "gzip"}, body=b"no gzip"),
            Reply(200, body=b"x" * 1000, drip_body=0.01),
        ],
        ids=["200", "202", "204", "no text", "broken off", "endless", "no gzip", "drips"],
    )
    def test_any_2xx_is_an_acceptance_whatever_its_body(self, sink: HttpSink, reply: Reply) -> None:
        sink.answer(reply)
        receipt = sent(channel("webhook", {"url": sink.url}))
        assert receipt.outcome is Outcome.ACCEPTED
        assert receipt.receipt.startswith(str(reply.status))
        assert len(receipt.receipt) <= 300
        assert receipt.took.total_seconds() < 2
