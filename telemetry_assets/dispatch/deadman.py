"""The dead-man URL: asked once a minute, and only while everything works. Whoever watches it hears of us by silence.

What belongs here: when all is well, asking. What does not: what else is done when it is not.
"""

from datetime import datetime, timedelta

from telemetry_assets.dispatch import watchdog
from telemetry_assets.dispatch.changing import Ledger
from telemetry_assets.ledger import heartbeats, outbox

EVERY = timedelta(minutes=1)
AGAIN = timedelta(seconds=15)
"""How soon to look again where it was not asked, or did not answer."""
ASK_SECONDS = 10.0
LONGEST_WAIT = timedelta(minutes=15)


def unwell(conn: Ledger, now: datetime) -> tuple[str, ...]:
    """Why the URL is not to be asked at ``now``, each reason as a sentence; nothing while all is well."""
    beats = heartbeats.read(conn)
    evaluation = next((beat.age for beat in beats if beat.component == watchdog.EVALUATION), None)
    waiting = outbox.waiting(conn, now)
    found = [one.says for one in watchdog.quiet(beats)]
    if evaluation is None or evaluation > watchdog.LONGEST_GAP:
        found.append("Nothing was evaluated in the last two minutes.")
    if waiting.oldest_written_at and now - waiting.oldest_written_at >= LONGEST_WAIT:
        found.append("A message has waited in the outbox for 15 minutes.")
    if waiting.died_since:
        found.append("A message died in the last hour.")
    return tuple(found)


async def ask(url: str) -> str:
    """GET the URL; empty where it answered with 2xx, else why not, without the URL, which is a secret. Never raises."""
    import aiohttp

    limit = aiohttp.ClientTimeout(total=ASK_SECONDS)
    try:
        async with aiohttp.ClientSession(timeout=limit) as session, session.get(url) as answer:
            return "" if answer.status < 300 else f"it answered {answer.status}"
    except TimeoutError:
        return f"no answer within {ASK_SECONDS:g} s"
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return type(error).__name__
