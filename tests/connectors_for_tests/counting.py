"""A tiny Airbyte source that counts, and misbehaves on request: a double for connectors, speaking the real protocol.

Streams: ``numbers`` (key id, incremental) and ``notes`` (no key). Config, all optional:
``count`` records per read, ``every`` records a STATE, ``start`` first id without a state, ``token`` a secret,
``behave`` one of BEHAVIOURS, ``after`` records before it does, ``pause`` seconds between records,
``pid_file`` where to write its own and its child's pid, ``columns`` more columns {name: JSON schema},
``values`` {column: value} laid over every record, ``commands`` a file to log the command names to.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

BEHAVIOURS = (
    "well",
    "exit",
    "garbage",
    "hang",
    "die",
    "trace",
    "change_type",
    "add_column",
    "babble",
    "child",
    "silent",
)


def say(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


def stream(name: str, properties: dict[str, Any], key: list[list[str]]) -> dict[str, Any]:
    return {
        "name": name,
        "json_schema": {"type": "object", "properties": properties},
        "supported_sync_modes": ["full_refresh", "incremental"],
        "source_defined_cursor": True,
        "default_cursor_field": ["id"],
        "source_defined_primary_key": key,
    }


def catalog(config: dict[str, Any]) -> dict[str, Any]:
    columns = {
        "id": {"type": "integer"},
        "name": {"type": ["null", "string"]},
        "amount": {"type": "number"},
        "updated_at": {"type": "string", "format": "date-time"},
        **config.get("columns", {}),
    }
    notes = {"id": {"type": "integer"}, "text": {"type": "string"}}
    return {"streams": [stream("numbers", columns, [["id"]]), stream("notes", notes, [])]}


def read(config: dict[str, Any], configured: dict[str, Any], states: list[dict[str, Any]]) -> None:
    seen = {state["stream"]["stream_descriptor"]["name"]: state["stream"]["stream_state"] for state in states}
    for entry in configured["streams"]:
        name = entry["stream"]["name"]
        status(name, "STARTED")
        first = seen.get(name, {}).get("next", config.get("start", 0))
        count = config.get("count", 5)
        for place, number in enumerate(range(first, first + count)):
            if place == config.get("after", 0):
                misbehave(config, name)
            say({"type": "RECORD", "record": record(config, name, number, place)})
            if (place + 1) % config.get("every", 1000) == 0:
                state(name, number + 1)
            time.sleep(config.get("pause", 0))
        if config.get("after", 0) >= count:
            misbehave(config, name)
        status(name, "COMPLETE")
        state(name, first + count)


def record(config: dict[str, Any], name: str, number: int, place: int) -> dict[str, Any]:
    data: dict[str, Any] = {"id": number, "text": f"note {number}"}
    if name == "numbers":
        data = {"id": number, "name": f"n{number}", "amount": number / 4, "updated_at": "2026-11-20T10:00:00Z"}
        data |= config.get("values", {})
        changed = place >= config.get("after", 0)
        if config.get("behave") == "change_type" and changed:
            data["amount"] = "twelve"
        if config.get("behave") == "add_column" and changed:
            data["colour"] = "red"
    return {"stream": name, "data": data, "emitted_at": 1_790_000_000_000 + number}


def status(name: str, word: str) -> None:
    trace = {"stream_descriptor": {"name": name}, "status": word}
    say({"type": "TRACE", "trace": {"type": "STREAM_STATUS", "emitted_at": 1.0, "stream_status": trace}})


def state(name: str, following: int) -> None:
    body = {"stream_descriptor": {"name": name}, "stream_state": {"next": following}}
    say({"type": "STATE", "state": {"type": "STREAM", "stream": body}})


def misbehave(config: dict[str, Any], name: str) -> None:
    token = config.get("token", "")
    match config.get("behave", "well"):
        case "exit":
            sys.stderr.write(f"cannot log in with {token}\n")
            sys.exit(1)
        case "hang":
            time.sleep(600)
        case "die":
            os.kill(os.getpid(), 9)
        case "trace":
            words = f"401 for {token}"
            say({"type": "TRACE", "trace": {"type": "ERROR", "emitted_at": 1.0, "error": {"message": words}}})
            status(name, "INCOMPLETE")
            sys.exit(1)
        case "babble":
            print("Warning: this is no message", flush=True)
            print('{"json": "but no message"}', flush=True)
        case "child":
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            with open(config["pid_file"], "w") as file:
                file.write(f"{os.getpid()} {child.pid}")
            time.sleep(600)
        case _:
            return


def main(arguments: list[str]) -> None:
    command, given = arguments[0], dict(zip(arguments[1::2], arguments[2::2], strict=True))
    documents = {key.lstrip("-"): json.loads(Path(path).read_text()) for key, path in given.items()}
    config = documents.get("config", {})
    if "commands" in config:
        with open(config["commands"], "a") as log:
            log.write(f"{command}\n")
    say({"type": "LOG", "log": {"level": "INFO", "message": f"starting with {config.get('token')}"}})
    match command:
        case "spec":
            say({"type": "SPEC", "spec": {"connectionSpecification": {"type": "object"}}})
        case "check":
            good = config.get("behave", "well") == "well"
            words = {"status": "SUCCEEDED"} if good else {"status": "FAILED", "message": f"no {config.get('token')}"}
            say({"type": "CONNECTION_STATUS", "connectionStatus": words})
        case "discover":
            say({"type": "CATALOG", "catalog": catalog(config)})
        case _:
            read(config, documents["catalog"], documents.get("state", []))


if __name__ == "__main__":
    asked = sys.argv[1:]
    unspoken = {"garbage": "Traceback: nothing here is JSON\n" * 3, "silent": ""}
    chosen = "well"
    if asked[0] == "read":
        chosen = json.loads(Path(asked[asked.index("--config") + 1]).read_text()).get("behave", "well")
    if chosen in unspoken:
        print(unspoken[chosen], end="")
    else:
        main(asked)
