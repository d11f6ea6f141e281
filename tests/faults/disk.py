"""A disk that is full: the ledger's tables on a tmpfs of a few megabytes, filled to the last byte and emptied again.

Where no tmpfs can be mounted (who is not root), PostgreSQL is made to say that its disk is full. What belongs here: the
disk. What does not: when it fills (``campaign.py``).
"""

import os
import subprocess
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from telemetry_assets.local import postgres_place as places
from tests.faults.stage import Database

SIZE = "64m"
A_WHILE = 0.5
"""Seconds. The dispatcher tries to record a receipt for as long as its lease lasts."""
TABLES = ("incidents", "timeline", "outbox", "deliveries")
_NO_ROOM = """
create function telemetry.no_room() returns trigger language plpgsql as $$
begin
    raise exception using errcode = '53100', message = 'could not extend file: No space left on device (made up)';
end $$
"""


class Disk:
    """Where an episode's tables are; ``folder`` None: no disk of our own, the error is made up."""

    def __init__(self, database: Database, folder: Path | None) -> None:
        self._database, self._folder = database, folder
        database.execute(_NO_ROOM)

    @contextmanager
    def full(self) -> Generator[None]:
        """Not a byte is left, for the tables whose rows grow."""
        if not self._folder:
            with self._refusing("timeline"):
                yield
            return
        ballast = self._folder / "ballast"
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while file.write(b"\0" * 65536):
                pass
        with suppress(OSError), ballast.open("ab", buffering=0) as file:
            while file.write(b"\0" * 512):
                pass
        try:
            yield
        finally:
            ballast.unlink()

    @contextmanager
    def no_room_for_receipts(self) -> Generator[None]:
        """Receipts are so small that a page has room for many: that there is none for :data:`A_WHILE` is made up."""
        ended = threading.Event()

        def a_while() -> None:
            with self._refusing("deliveries"):
                ended.wait(A_WHILE)

        thread = threading.Thread(target=a_while)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    @contextmanager
    def _refusing(self, table: str) -> Generator[None]:
        self._database.execute(
            f"create trigger no_room before insert on telemetry.{table} execute function telemetry.no_room()"
        )
        try:
            yield
        finally:
            self._database.execute(f"drop trigger no_room on telemetry.{table}")


@contextmanager
def small_disk(database: Database) -> Generator[Disk]:
    """Moves the tables that grow to a small disk of their own, as far as we may mount one."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", folder], capture_output=True)
    try:
        if mounted.returncode:
            yield Disk(database, None)
            return
        tables = folder / "tables"
        tables.mkdir(mode=0o700)
        account = places.find(database.server.embedded.home).account
        os.chown(tables, account.pw_uid, account.pw_gid)
        name = f"small_{database.name}"
        database.execute(f"create tablespace {name} location '{tables}'")
        for table in TABLES:
            database.execute(f"alter table telemetry.{table} set tablespace {name}")
        yield Disk(database, folder)
        for table in TABLES:
            database.execute(f"alter table telemetry.{table} set tablespace pg_default")
        database.execute(f"drop tablespace {name}")
    finally:
        if not mounted.returncode:
            subprocess.run(["umount", "-l", folder], capture_output=True, check=False)
        folder.rmdir()
