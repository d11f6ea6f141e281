"""What we ask of git, of real repositories: the merge base, a folder's files as they were, whose tree it is."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from telemetry_assets.errors import CouldNotLookError, UsageError
from telemetry_assets.sources.git import (
    PULL_REQUEST_BASE,
    MergeBase,
    files_at,
    files_here,
    folder_at,
    merge_base,
    owner_and_name,
    root_of,
    standing,
)

Git = Callable[..., str]


@pytest.fixture(autouse=True)
def _of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("GIT_", "GITHUB_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


def run(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "protocol.file.allow=always")
    done = subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def commit(folder: Path, message: str = "more") -> str:
    run(folder, "add", "-A")
    run(folder, "commit", "-q", "--allow-empty", "-m", message)
    return run(folder, "rev-parse", "HEAD")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository whose branch ``topic`` left ``main`` at the tag ``parted``; main has moved on since."""
    folder = tmp_path / "repo"
    folder.mkdir()
    run(folder, "init", "-q", "-b", "main")
    write(folder, schemas__a="old a", schemas__in__b="old b", other="x")
    commit(folder)
    run(folder, "tag", "parted")
    run(folder, "checkout", "-q", "-b", "topic")
    write(folder, schemas__a="new a", schemas__c="new c")
    commit(folder)
    run(folder, "checkout", "-q", "main")
    write(folder, schemas__a="main's a")
    commit(folder)
    run(folder, "checkout", "-q", "topic")
    return folder


class TestMergeBase:
    """Where HEAD and a branch parted."""

    def test_it_is_where_the_branch_left_whatever_main_did_since(self, repo: Path) -> None:
        assert merge_base(repo / "schemas", "main") == MergeBase("main", run(repo, "rev-parse", "parted"))

    def test_without_a_name_main_is_meant(self, repo: Path) -> None:
        assert merge_base(repo).rev == "main"

    def test_the_remotes_own_main_branch_comes_first(self, repo: Path, tmp_path: Path) -> None:
        run(repo, "checkout", "-q", "-b", "trunk", "parted")
        run(tmp_path, "clone", "-q", str(repo), "clone")
        run(tmp_path / "clone", "branch", "main")
        assert merge_base(tmp_path / "clone").rev == "origin/trunk"

    @pytest.mark.promise("D3")
    def test_a_pull_requests_branch_is_what_it_is_compared_with(
        self, repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run(repo, "branch", "release", "topic")
        run(tmp_path, "clone", "-q", str(repo), "clone")
        monkeypatch.setenv(PULL_REQUEST_BASE, "release")
        assert merge_base(tmp_path / "clone").rev == "origin/release"

    @pytest.mark.promise("D3")
    def test_a_pull_requests_branch_that_is_not_here_is_never_replaced_by_another(
        self, repo: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(PULL_REQUEST_BASE, "release")
        with pytest.raises(CouldNotLookError, match="git knows no 'origin/release' here"):
            merge_base(repo)

    def test_a_detached_head_has_one_too(self, repo: Path) -> None:
        run(repo, "checkout", "-q", "--detach")
        assert merge_base(repo, "main").commit == run(repo, "rev-parse", "parted")

    def test_a_worktree_has_one_too(self, repo: Path, tmp_path: Path) -> None:
        run(repo, "worktree", "add", "-q", "--detach", str(tmp_path / "tree"), "main")
        assert merge_base(tmp_path / "tree", "topic").commit == run(repo, "rev-parse", "parted")
        assert root_of(tmp_path / "tree" / "schemas") == tmp_path / "tree"

    @pytest.mark.promise("D3")
    def test_a_shallow_clone_without_it_says_how_to_fetch_the_rest(self, repo: Path, tmp_path: Path) -> None:
        run(tmp_path, "clone", "-q", "--depth", "1", "--no-single-branch", f"file://{repo}", "clone")
        with pytest.raises(CouldNotLookError, match=r"no commit in common.*git fetch --unshallow.*fetch-depth: 0"):
            merge_base(tmp_path / "clone", "origin/main")

    @pytest.mark.promise("D3")
    def test_a_shallow_clone_of_one_branch_says_the_same_of_the_others(self, repo: Path, tmp_path: Path) -> None:
        run(tmp_path, "clone", "-q", "--depth", "1", f"file://{repo}", "clone")
        with pytest.raises(CouldNotLookError, match=r"git knows no 'origin/main' here.*fetch-depth: 0"):
            merge_base(tmp_path / "clone", "origin/main")

    def test_two_histories_without_a_common_past_say_so(self, repo: Path) -> None:
        run(repo, "checkout", "-q", "--orphan", "alone")
        commit(repo)
        with pytest.raises(CouldNotLookError, match="main and HEAD have no commit in common"):
            merge_base(repo, "main")

    def test_a_branch_without_a_commit_has_none(self, repo: Path) -> None:
        run(repo, "checkout", "-q", "--orphan", "unborn")
        with pytest.raises(CouldNotLookError, match="no commit yet"):
            merge_base(repo, "main")

    def test_a_repository_without_any_known_branch_asks_for_one(self, repo: Path) -> None:
        run(repo, "branch", "-q", "-D", "main")
        with pytest.raises(CouldNotLookError, match=r"no branch to compare with.*--base REV"):
            merge_base(repo)

    def test_an_unknown_revision_comes_with_the_command_that_brings_it(self, repo: Path, tmp_path: Path) -> None:
        run(tmp_path, "clone", "-q", str(repo), "clone")
        with pytest.raises(CouldNotLookError, match="git fetch origin nothing"):
            merge_base(tmp_path / "clone", "origin/nothing")
        with pytest.raises(CouldNotLookError, match=r"git knows no 'nothing' here.*git fetch --all"):
            merge_base(repo, "nothing")

    @pytest.mark.parametrize("rev", ["", "  ", "--output=/tmp/x", "-h", "a\nb"])
    def test_what_cannot_be_a_revision_is_refused_before_git_is_asked(self, repo: Path, rev: str) -> None:
        with pytest.raises(UsageError, match="is no name of a commit"):
            merge_base(repo, rev)

    def test_a_file_is_no_commit(self, repo: Path) -> None:
        with pytest.raises(CouldNotLookError, match="git knows no 'HEAD:other'"):
            merge_base(repo, "HEAD:other")


class TestFiles:
    """A folder's files as they were at a commit, and as they are."""

    def test_they_are_those_of_the_commit_not_of_the_working_tree(self, repo: Path) -> None:
        assert files_at("parted", repo / "schemas") == {"a": b"old a", "in/b": b"old b"}
        write(repo, schemas__untracked="here")
        assert files_here(repo / "schemas") == {
            "a": b"new a", "c": b"new c", "in/b": b"old b", "untracked": b"here",
        }  # fmt: skip

    def test_only_the_wanted_are_read(self, repo: Path) -> None:
        assert files_at("parted", repo / "schemas", lambda path: "/" in path) == {"in/b": b"old b"}
        assert files_here(repo / "schemas", lambda path: path == "c") == {"c": b"new c"}

    def test_names_and_bytes_of_every_kind_survive(self, repo: Path) -> None:
        folder = repo / "Verträge 'und' mehr"
        folder.mkdir()
        odd = {"mit Leerzeichen.json": b"\x00\xff\n\n", "größe\t✓.json": b"", 'a"b.json': b"last line", "-r": b"r"}
        for name, data in odd.items():
            (folder / name).write_bytes(data)
        commit(repo)
        assert files_at("HEAD", folder) == dict(sorted(odd.items()))

    def test_links_inside_the_repository_are_followed_and_others_left_out(self, repo: Path, tmp_path: Path) -> None:
        (tmp_path / "outside").write_text("secret")
        write(repo, shared__deep__d="d", shared__e="e")
        for name, target in {
            "file": "../shared/e", "folder": "../shared", "out": str(tmp_path / "outside"), "gone": "nowhere",
            "round": "round", "self": ".",
        }.items():  # fmt: skip
            (repo / "schemas" / name).symlink_to(target)
        commit(repo)
        (repo / "schemas" / "out").unlink()
        found = files_at("HEAD", repo / "schemas", lambda path: not path.startswith("self"))
        assert found == {
            "a": b"new a", "c": b"new c", "file": b"e", "folder/deep/d": b"d", "folder/e": b"e", "in/b": b"old b",
        }  # fmt: skip
        assert files_here(repo / "schemas") == found

    def test_a_folder_that_is_a_link_is_what_it_leads_to(self, repo: Path) -> None:
        (repo / "contracts").symlink_to("schemas")
        assert files_at("parted", repo / "contracts") == {"a": b"old a", "in/b": b"old b"}

    def test_a_folder_that_was_moved_is_found_where_it_was(self, repo: Path) -> None:
        (repo / "backend").mkdir()
        run(repo, "mv", "schemas", "backend/contracts")
        write(repo, elsewhere__a="another")
        folder = repo / "backend" / "contracts"
        assert str(folder_at("parted", folder)) == "schemas"
        assert files_at("parted", folder) == {"a": b"old a", "in/b": b"old b"}

    def test_a_folder_that_is_new_had_no_files(self, repo: Path) -> None:
        write(repo, brandnew__a="a")
        assert folder_at("parted", repo / "brandnew") is None
        assert files_at("parted", repo / "brandnew") == {}

    def test_the_root_is_a_folder_too(self, repo: Path) -> None:
        assert set(files_at("parted", repo)) == {"other", "schemas/a", "schemas/in/b"}

    def test_a_hooks_environment_does_not_lead_into_its_repository(
        self, repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GIT_DIR", str(tmp_path))
        monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
        assert files_at("parted", repo / "schemas", lambda path: path == "a") == {"a": b"old a"}

    def test_a_folder_outside_is_refused(self, repo: Path, tmp_path: Path) -> None:
        (tmp_path / "elsewhere").mkdir()
        (repo / "link").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(CouldNotLookError, match="in no working tree of git"):
            files_at("parted", repo / "link")


class TestWhereGitCannotLook:
    """No program, no repository, no permission: each with its way out."""

    def test_outside_a_repository(self, tmp_path: Path) -> None:
        with pytest.raises(CouldNotLookError, match="in no working tree of git"):
            merge_base(tmp_path)

    def test_in_a_bare_one(self, tmp_path: Path) -> None:
        run(tmp_path, "init", "-q", "--bare", "bare")
        with pytest.raises(CouldNotLookError, match="in no working tree of git"):
            root_of(tmp_path / "bare")

    def test_without_the_program(self, repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(repo))
        with pytest.raises(CouldNotLookError, match=r"no git program.*Install it"):
            root_of(repo)

    def test_in_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(CouldNotLookError, match="is not a folder"):
            root_of(tmp_path / "nowhere")

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a repository to somebody else")
    def test_where_somebody_else_owns_it(self, repo: Path) -> None:
        for path in (repo, repo / ".git"):
            shutil.chown(path, 12345, 12345)
        with pytest.raises(CouldNotLookError, match=r"somebody else owns it.*safe\.directory .*repo"):
            root_of(repo)


class TestStanding:
    """Whose working tree it is."""

    def test_it_names_repository_branch_and_commit(self, repo: Path) -> None:
        run(repo, "remote", "add", "fork", "https://example.org/ada/fork.git")
        run(repo, "remote", "add", "origin", "https://ada:s3cret@example.org/acme/payloads.git")
        found = standing(repo / "schemas")
        assert (found.repository, found.branch, found.commit, found.dirty) == (
            "acme/payloads", "topic", run(repo, "rev-parse", "HEAD"), False,
        )  # fmt: skip
        assert "s3cret" not in repr(found)

    def test_what_is_not_known_is_none(self, tmp_path: Path) -> None:
        run(tmp_path, "init", "-q", "-b", "main", "new")
        found = standing(tmp_path / "new")
        assert (found.repository, found.branch, found.commit, found.dirty) == (None, "main", None, False)

    def test_a_detached_head_has_no_branch_and_a_changed_file_is_dirty(self, repo: Path) -> None:
        run(repo, "checkout", "-q", "--detach")
        write(repo, other="changed")
        assert (standing(repo).branch, standing(repo).dirty) == (None, True)

    @pytest.mark.parametrize(
        ("url", "name"),
        [
            ("https://github.com/acme/payloads.git", "acme/payloads"),
            ("https://github.com/acme/payloads/", "acme/payloads"),
            ("https://x-access-token:ghs_abc@github.com/acme/payloads", "acme/payloads"),
            ("https://host/acme/payloads?private_token=abc#x", "acme/payloads"),
            ("git@github.com:acme/payloads.git", "acme/payloads"),
            ("github.com:acme/payloads", "acme/payloads"),
            ("ssh://git@host:2222/group/sub/payloads.git", "group/sub/payloads"),
            ("/srv/git/payloads.git", None),
            ("../payloads", None),
            ("file:///srv/git/payloads", None),
            ("https://[broken/acme", None),
            ("user:pa:ss@host:acme/payloads", "acme/payloads"),
            ("", None),
        ],
    )
    def test_a_remotes_name_is_read_from_its_url_without_credentials(self, url: str, name: str | None) -> None:
        assert owner_and_name(url) == name
