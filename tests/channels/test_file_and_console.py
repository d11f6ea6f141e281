"""The file and the console: whole blocks, on disk, whatever stands in the way."""

import fcntl
import multiprocessing
import os
import resource
from pathlib import Path

import pytest

from telemetry_assets.incidents.delivery import Outcome
from tests.channels.messages import EVENT, HOSTILE, OPENED, RESOLVED, SHORT, channel, hostile, sent


def append(home: Path, many: int, name: str) -> None:
    """Sends ``many`` messages to one file, in a process of its own."""
    to = channel("file", {"path": "alerts.log"}, home=home)
    for number in range(many):
        assert sent(to, event_id=f"{name}.{number}").outcome is Outcome.ACCEPTED


class TestFile:
    """A block per message."""

    @pytest.mark.promise("B4")
    def test_a_message_is_appended_in_the_home_with_all_it_says(self, tmp_path: Path) -> None:
        (tmp_path / "alerts.log").write_text("before\n")
        receipt = sent(channel("file", {"path": "alerts.log"}, home=tmp_path))
        text = (tmp_path / "alerts.log").read_text()
        assert receipt.outcome is Outcome.ACCEPTED
        assert text.startswith("before\n")
        for part in (
            OPENED.headline,
            "It has for 40 min.",
            OPENED.remedy,
            OPENED.quote,
            *OPENED.links[0],
            f"event {EVENT}",
        ):
            assert part in text

    def test_an_absolute_path_stays_where_it_is(self, tmp_path: Path) -> None:
        sent(channel("file", {"path": str(tmp_path / "here.log")}, home=Path("/nowhere")))
        assert (tmp_path / "here.log").is_file()

    @pytest.mark.parametrize(
        ("path", "words"),
        [("missing/alerts.log", "No such file or directory"), (".", "Is a directory"), ("a/b", "Not a directory")],
    )
    def test_what_cannot_be_written_is_tried_again_with_its_words(self, tmp_path: Path, path: str, words: str) -> None:
        (tmp_path / "a").touch()
        receipt = sent(channel("file", {"path": path}, home=tmp_path))
        assert receipt.outcome is Outcome.AGAIN
        assert words in receipt.reason

    def test_a_full_disk_is_tried_again_and_leaves_no_half_block(self) -> None:
        receipt = sent(channel("file", {"path": "/dev/full"}))
        assert (receipt.outcome, receipt.reason) == (Outcome.AGAIN, "/dev/full: No space left on device.")

    def test_a_file_that_may_not_grow_keeps_whole_blocks_only(self, tmp_path: Path) -> None:
        to = channel("file", {"path": "alerts.log"}, home=tmp_path)
        sent(to)
        size = (tmp_path / "alerts.log").stat().st_size
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, hard))
        try:
            receipt = sent(to, RESOLVED)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert receipt.outcome is Outcome.AGAIN
        assert "File too large" in receipt.reason
        assert (tmp_path / "alerts.log").stat().st_size == size

    def test_several_processes_write_whole_blocks(self, tmp_path: Path) -> None:
        fork = multiprocessing.get_context("fork")
        writers = [fork.Process(target=append, args=(tmp_path, 20, name)) for name in "abc"]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        lines = (tmp_path / "alerts.log").read_text().splitlines()
        events = [line for line in lines if line.startswith("event ")]
        length = lines.index(events[0]) + 1
        assert sorted(events) == sorted(f"event {name}.{number}" for name in "abc" for number in range(20))
        assert lines[length - 1 :: length] == events

    def test_who_waits_for_another_writer_writes_nothing_after_the_time_out(self, tmp_path: Path) -> None:
        path = tmp_path / "alerts.log"
        with path.open("a") as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            receipt = sent(channel("file", {"path": "alerts.log"}, SHORT, tmp_path))
        assert receipt.outcome is Outcome.AGAIN
        assert receipt.took < 2 * SHORT
        assert path.read_text() == ""

    def test_a_pipe_that_nobody_reads_ends_hard(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        receipt = sent(channel("file", {"path": "pipe"}, SHORT, tmp_path))
        assert (receipt.outcome, receipt.reason) == (Outcome.AGAIN, "No answer within 0.3 s.")

    @pytest.mark.parametrize("text", HOSTILE)
    def test_no_name_steers_a_terminal_or_passes_for_a_line_of_ours(self, tmp_path: Path, text: str) -> None:
        sent(channel("file", {"path": "alerts.log"}, home=tmp_path), hostile(text))
        written = (tmp_path / "alerts.log").read_text()
        assert not [char for char in written if char != "\n" and (ord(char) < 32 or 127 <= ord(char) < 160)]
        assert not [char for char in written if 0x202A <= ord(char) <= 0x202E or 0x2066 <= ord(char) <= 0x2069]

    def test_a_text_of_others_is_indented(self, tmp_path: Path) -> None:
        forged = "ok\nRESOLVED #12: all is well\nevent forged"
        sent(channel("file", {"path": "alerts.log"}, home=tmp_path), hostile(forged))
        lines = (tmp_path / "alerts.log").read_text().splitlines()
        assert [line for line in lines if line.startswith(("RESOLVED", "event"))] == [f"event {EVENT}"]


class TestConsole:
    """Standard output."""

    def test_a_message_is_written_with_its_event_id(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert sent(channel("console", {}), attempt=3).outcome is Outcome.ACCEPTED
        out = capsys.readouterr().out
        assert f"ERROR #12: {OPENED.headline}" in out
        assert out.endswith(f"event {EVENT} (attempt 3)\n")

    def test_a_closed_output_is_tried_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "w") as broken:
            monkeypatch.setattr("sys.stdout", broken)
            receipt = sent(channel("console", {}))
            monkeypatch.undo()
            os.dup2(os.open(os.devnull, os.O_WRONLY), writing)
        assert receipt.outcome is Outcome.AGAIN
        assert "Broken pipe" in receipt.reason

    def test_a_reader_that_stopped_ends_hard(self, monkeypatch: pytest.MonkeyPatch) -> None:
        reading, writing = os.pipe()
        with os.fdopen(writing, "w") as full:
            monkeypatch.setattr("sys.stdout", full)
            receipt = sent(channel("console", {}, SHORT), hostile("x" * 100_000))
            while receipt.outcome is Outcome.ACCEPTED:
                receipt = sent(channel("console", {}, SHORT), hostile("x" * 100_000))
            monkeypatch.undo()
            os.close(reading)
        assert receipt.reason == "No answer within 0.3 s."

    def test_what_the_terminals_encoding_lacks_is_replaced(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        with (tmp_path / "out").open("w", encoding="ascii") as out:
            monkeypatch.setattr("sys.stdout", out)
            receipt = sent(channel("console", {}), hostile("größe"))
        assert receipt.outcome is Outcome.ACCEPTED
        assert "gr??e" in (tmp_path / "out").read_text() or "gr?" in (tmp_path / "out").read_text()
