"""A workspace of Slack's that remembers what was said in it: what :class:`HttpSink` answers as.

    slack = Slack()
    with HttpSink(slack) as sink:            # channel options: token, channel, api_url=f"{sink.url}/api/"
        …                                    # or webhook_url=f"{sink.url}/services/T0/B0/secret"
        slack.posts[0].text, slack.posts[0].edits, slack.posts[1].thread

What belongs here: chat.postMessage, chat.update and incoming webhooks. What does not: faults; script those on the sink.
"""

import itertools
import threading
from dataclasses import dataclass, field
from typing import Any

from tests.sinks.http_sink import Reply, Request, as_json


@dataclass(slots=True)
class Post:
    """One message: its newest text and blocks, the message it replies to (its ts), and what it said before."""

    ts: str
    channel: str
    text: str
    blocks: list[dict[str, Any]]
    thread: str = ""
    broadcast: bool = False
    edits: list[str] = field(default_factory=list[str])

    @property
    def key(self) -> str:
        """The event id that the newest text carries."""
        return next((block["block_id"] for block in self.blocks if "block_id" in block), "")


class Slack:
    """Call it with a request and it answers. ``posts`` are in order of arrival, replies among them."""

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Reply:
        with self._lock:
            match request.path.rsplit("/", 1)[-1]:
                case "chat.postMessage":
                    post = self._post(request.json)
                    return as_json({"ok": True, "channel": post.channel, "ts": post.ts})
                case "chat.update":
                    return self._update(request.json)
                case _:
                    self._post(request.json)
                    return Reply(body=b"ok", headers={"Content-Type": "text/html"})

    def delete(self, ts: str) -> None:
        """Somebody removes a message."""
        self.posts = [post for post in self.posts if post.ts != ts]

    def _post(self, said: dict[str, Any]) -> Post:
        post = Post(
            ts=f"1700000000.{next(self._numbers):06}",
            channel="C0123",
            text=said["text"],
            blocks=said.get("blocks", []),
            thread=said.get("thread_ts", ""),
            broadcast=bool(said.get("reply_broadcast")),
        )
        self.posts.append(post)
        return post

    def _update(self, said: dict[str, Any]) -> Reply:
        found = next((post for post in self.posts if (post.channel, post.ts) == (said["channel"], said["ts"])), None)
        if not found:
            return as_json({"ok": False, "error": "message_not_found"})
        found.edits.append(found.text)
        found.text, found.blocks = said["text"], said.get("blocks", [])
        return as_json({"ok": True, "channel": found.channel, "ts": found.ts})
