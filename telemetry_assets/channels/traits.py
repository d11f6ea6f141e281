"""What can be said of a channel without opening it.

What belongs here: its traits, from its settings alone, so that nothing that only asks loads what it takes to send.
What does not: sending.
"""

from telemetry_assets.settings import ChannelSettings

SLACK_RATE = 1.0
"""Slack takes about one message a second for a channel."""
RATE = 20.0


def edits(channel: ChannelSettings) -> bool:
    """True where a message that was sent is changed in place: a bot of Slack's. A webhook of Slack's cannot."""
    return channel.kind == "slack" and "token" in channel.options


def hears(channel: ChannelSettings) -> bool:
    """True where an acknowledgement is worth a message of its own: whoever takes webhooks keeps a state."""
    return channel.kind == "webhook"


def rate_of(channel: ChannelSettings) -> float:
    """Messages a second that may be sent to it at most."""
    return channel.rate or (SLACK_RATE if channel.kind == "slack" else RATE)
