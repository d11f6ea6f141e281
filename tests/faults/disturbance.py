"""What may happen to whoever sends, or to its ledger. ``campaign.py`` makes it happen."""

from enum import StrEnum


class Disturbance(StrEnum):
    """What happens to the sender, or to its ledger."""

    NONE = "none"
    KILL_BEFORE_COMMIT = "kill -9 before commit"
    KILL_AFTER_COMMIT = "kill -9 after commit"
    KILL_AFTER_SEND = "kill -9 after send"
    KILL_AFTER_MARK = "kill -9 after mark"
    RESTART = "PostgreSQL restart"
    CUT = "connection cut"
    SERIALIZATION = "serialization failure"
    DISK_FULL = "disk full"
    TWO = "two dispatchers"
    CLOCK_BACK = "clock set back"
    CLOCK_FORWARD = "clock set forward"

    @property
    def strikes(self) -> bool:
        """Whether it happens at an instant, to each channel."""
        return self.value.startswith("kill") or self in {Disturbance.RESTART, Disturbance.CUT}
