"""Conditions that several statements of the outbox share, as SQL: a wait is over, a lease holds, a message waits.

What belongs here: believing no clock further than its owner meant it. What does not: statements.
"""

from datetime import timedelta

LONGEST_WAIT = timedelta(hours=1, minutes=5)
"""No wait is longer, whatever was asked for."""

DUE = """(
    {one}.retry_at is null or {one}.retry_at <= %(now)s::timestamptz
    or {one}.retry_at > %(now)s::timestamptz + greatest({one}.waits, interval '5 minutes')
)"""
"""Of a row with ``retry_at`` and ``waits``: what looks longer than it was meant, and longer than 5 min, is a clock that
was set back."""

LEASED = """(
    {one}.lease is not null and {one}.leased_until > clock_timestamp()
    and {one}.leased_until <= clock_timestamp() + greatest({one}.leased_for, interval '5 minutes')
)"""
"""Of a conversation: whether somebody holds it; likewise, by the clock of this server."""

WAITS_BY_KEY = "{one}.status || '' = 'pending'"
"""Of a message that is found by its key. In a rush the statistics are old: to the planner the index of what waits is as
good as empty, and it would read all of it for each key. This it cannot use it for."""
