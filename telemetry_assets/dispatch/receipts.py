"""Receipts of what was accepted, written together: those that come while others are written are one commit.

What belongs here: putting them together. What does not: what a receipt changes (``ledger/deliveries.py``). Nobody waits
for others to come: a single receipt is written at once.
"""

import asyncio
from datetime import datetime

from telemetry_assets.dispatch.pen import Pen
from telemetry_assets.incidents.delivery import Receipt
from telemetry_assets.ledger import outbox
from telemetry_assets.ledger.outbox import Claim


class Receipts:
    """Writes receipts through a pen, several at a time where several wait."""

    def __init__(self, pen: Pen) -> None:
        self._pen = pen
        self._turn = asyncio.Lock()
        self._waiting: list[tuple[Claim, Receipt, asyncio.Future[bool]]] = []

    async def write(self, claim: Claim, receipt: Receipt, now: datetime) -> bool:
        """Write that the claim was accepted. False where its lease was lost. Raises as the pen does."""
        written: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((claim, receipt, written))
        async with self._turn:
            if not written.done():
                await self._write_all(now)
        return written.result()

    async def _write_all(self, now: datetime) -> None:
        together, self._waiting = self._waiting, []
        ends = [(claim, receipt) for claim, receipt, _ in together]
        try:
            kept = await self._pen.write(lambda conn: outbox.sent_together(conn, ends, now))
        except Exception as error:
            for _, _, written in together:
                written.set_exception(error)
            return
        for (_, _, written), one in zip(together, kept, strict=True):
            written.set_result(one)
