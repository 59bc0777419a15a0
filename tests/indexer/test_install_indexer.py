"""``install --indexer``: the template and the pipeline go with the rest, and come back with the rest."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from install import trees
from wazuh_cicd import cli
from wazuh_cicd.commands import install as command
from wazuh_cicd.errors import UsageError
from wazuh_cicd.install import apply as steps
from wazuh_cicd.install.desired import nothing
from wazuh_cicd.install.errors import InstallError
from wazuh_cicd.install.indexed import IndexedTarget, canonical, indexer_goal
from wazuh_cicd.install.local import LocalTarget
from wazuh_cicd.install.plan import installed, make_plan
from wazuh_cicd.install.record import Record, digest
from wazuh_cicd.install.settings import Options, Settings, SettingsFile, choose, is_complete
from wazuh_cicd.manager.errors import Refused, Unreachable
from wazuh_cicd.manager.indexer import Indexer, IndexerCredentials, checked_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from search_kit import SearchNode
    from wazuh_cicd.install.desired import Desired

TEMPLATE, PIPELINE = "/_template/wazuh-cicd", "/_ingest/pipeline/wazuh-cicd"
ALERT = {
    "timestamp": "2026-01-07T12:00:00.000+0000",
    "rule": {"id": "117001", "level": 5, "groups": ["cicd"]},
    "data": {"request": {"data": "null"}},
}
TEXT, WORD, NUMBER, TRUTH = {"type": "text"}, {"type": "keyword"}, {"type": "integer"}, {"type": "boolean"}
META = {"properties": {"searchSourceJSON": TEXT}}
#: The index of OpenSearch Dashboards 2.x once it has started: it takes no name that its types do not define.
SAVED_OBJECTS = {
    "dynamic": "strict",
    "properties": {
        "type": WORD,
        "references": {"type": "nested", "properties": {"id": WORD, "name": WORD, "type": WORD}},
        "migrationVersion": {"dynamic": "true", "type": "object"},
        "updated_at": {"type": "date"},
        "index-pattern": {"dynamic": False, "properties": {"title": TEXT, "type": WORD}},
        "visualization": {
            "properties": {
                **dict.fromkeys(("title", "description", "visState", "uiStateJSON"), TEXT),
                "savedSearchRefName": WORD,
                "version": NUMBER,
                "kibanaSavedObjectMeta": META,
            }
        },
        "search": {
            "properties": {
                "title": TEXT,
                "description": TEXT,
                "hits": NUMBER,
                "columns": WORD,
                "sort": WORD,
                "version": NUMBER,
                "kibanaSavedObjectMeta": META,
            }
        },
        "dashboard": {
            "properties": {
                **dict.fromkeys(("title", "description", "panelsJSON", "optionsJSON"), TEXT),
                "hits": NUMBER,
                "version": NUMBER,
                "timeFrom": WORD,
                "timeTo": WORD,
                "timeRestore": TRUTH,
                "refreshInterval": {
                    "properties": {"display": WORD, "pause": TRUTH, "section": NUMBER, "value": NUMBER}
                },
                "kibanaSavedObjectMeta": META,
            }
        },
    },
}


@pytest.fixture
def root() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mgr") as folder:
        yield trees.make_root(Path(folder) / "ossec")


@pytest.fixture
def goal(node: SearchNode, files: Mapping[str, bytes]) -> Desired:
    return with_indexer(trees.desired(), node.url, indexer_goal(files))


def with_indexer(plain: Desired, url: str, indexed: dict[str, bytes]) -> Desired:
    files = {**plain.files, **indexed}
    digests = {path: digest(data) for path, data in files.items()}
    return replace(plain, files=files, record=replace(plain.record, files=digests, indexer=url))


def target_of(root: Path, node: SearchNode) -> IndexedTarget:
    return IndexedTarget(LocalTarget(root), Indexer(node.url, IndexerCredentials()))


def there(node: SearchNode) -> tuple[bool, bool]:
    return node.answer("GET", PIPELINE)[0] == 200, node.answer("GET", TEMPLATE)[0] == 200


def test_it_goes_with_the_rest_and_is_verified(root: Path, node: SearchNode, goal: Desired, said: list[str]) -> None:
    target = target_of(root, node)
    with trees.running(root):
        plan = make_plan(target, goal)
        assert [c.path for c in plan.changes if "indexer" in c.path] == [
            "indexer:pipeline/wazuh-cicd",
            "indexer:template/wazuh-cicd",
        ]
        assert there(node) == (False, False)
        outcome = steps.apply(target, goal, say=said.append)
        assert outcome.verified.code == 0, outcome.verified
        assert there(node) == (True, True)
        assert make_plan(target, goal).changes == ()
        assert node.index([ALERT, {**ALERT, "data": {"request": {"data": {"a": "b"}}}}]) == []


def test_saved_objects_go_to_dashboards_that_has_started_once(
    root: Path, node: SearchNode, goal: Desired, said: list[str]
) -> None:
    target = target_of(root, node)
    with trees.running(root):
        plan = make_plan(target, goal)
        assert len(plan.left_out) > 100
        assert all(path.startswith("indexer:saved/") for path in plan.left_out)
        node.ask("PUT", "/.kibana_1", {"aliases": {".kibana": {}}, "mappings": SAVED_OBJECTS})
        outcome = steps.apply(target, goal, say=said.append)
        assert outcome.verified.code == 0, outcome.verified.failures[:3]
        found = node.ask("GET", "/.kibana/_doc/dashboard:cicd-overview")["_source"]
        assert found["dashboard"]["title"] == "CI/CD: overview"
        assert make_plan(target, goal).changes == ()
        steps.apply(target, nothing(), say=said.append)
        node.ask("POST", "/.kibana/_refresh")
        assert node.ask("GET", "/.kibana/_count")["count"] == 0


def test_what_somebody_changed_there_is_found_and_put_right(
    root: Path, node: SearchNode, goal: Desired, said: list[str]
) -> None:
    target = target_of(root, node)
    with trees.running(root):
        steps.apply(target, goal, say=said.append)
        node.ask("PUT", TEMPLATE, {"index_patterns": ["wazuh-alerts-4.x-*"], "order": 1})
        found = command_verify(target, goal)
        assert [failure.path for failure in found.failures] == ["indexer:template/wazuh-cicd"]
        plan = make_plan(target, goal)
        assert [problem.code for problem in plan.problems] == ["I103"]
        steps.apply(target, goal, say=said.append)
        assert command_verify(target, goal).failures == ()


def command_verify(target: IndexedTarget, goal: Desired) -> Any:
    from wazuh_cicd.install.verify import verify  # noqa: PLC0415 - its name is the command's

    return verify(target, goal)


def test_uninstalling_leaves_nothing_and_indices_that_take_documents(
    root: Path, node: SearchNode, goal: Desired, said: list[str]
) -> None:
    target = target_of(root, node)
    before = node.ask("GET", "/_template")
    with trees.running(root):
        steps.apply(target, goal, say=said.append)
        assert node.index([ALERT]) == []
        steps.apply(target, nothing(), say=said.append)
        assert there(node) == (False, False)
        assert node.ask("GET", "/_template") == before
        # Today's index named the pipeline: it must not ask for what is gone.
        assert node.index([{**ALERT, "data": {"request": {"path": "sys/mounts"}}}]) == []


def test_a_failure_on_the_manager_takes_the_indexer_back_as_well(
    root: Path, node: SearchNode, goal: Desired, said: list[str]
) -> None:
    target = target_of(root, node)
    before = trees.snapshot(root)
    with trees.running(root) as manager:
        manager.refuse = "no"
        with pytest.raises(InstallError):
            steps.apply(target, goal, say=said.append)
        manager.refuse = ""
    assert there(node) == (False, False)
    assert trees.snapshot(root) == before


def test_a_failure_on_the_indexer_takes_the_manager_back_as_well(
    root: Path, node: SearchNode, goal: Desired, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    target = target_of(root, node)
    before = trees.snapshot(root)
    honest = Indexer.request

    def refuse(self: Indexer, method: str, path: str, body: Any = None) -> Any:
        if method == "PUT" and path.startswith("/_template"):
            raise Refused("no room", 507)
        return honest(self, method, path, body)

    monkeypatch.setattr(Indexer, "request", refuse)
    with trees.running(root), pytest.raises(InstallError, match="no room; everything was put back"):
        steps.apply(target, goal, say=said.append)
    assert there(node) == (False, False)
    assert trees.snapshot(root) == before


def test_rolling_back_takes_the_template_before_the_pipeline(
    root: Path, node: SearchNode, goal: Desired, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    target = target_of(root, node)
    order: list[str] = []
    honest = Indexer.request

    def listen(self: Indexer, method: str, path: str, body: Any = None) -> Any:
        if method in ("PUT", "DELETE") and "settings" not in path:
            order.append(f"{method} {path}")
        return honest(self, method, path, body)

    monkeypatch.setattr(Indexer, "request", listen)
    with trees.running(root):
        steps.apply(target, goal, say=said.append)
        assert order == [f"PUT {PIPELINE}", f"PUT {TEMPLATE}"]
        order.clear()
        steps.rollback(target, say=said.append)
        assert order == [f"DELETE {TEMPLATE}", f"DELETE {PIPELINE}"]
        assert there(node) == (False, False)


def test_a_template_of_somebody_else_is_not_overwritten(root: Path, node: SearchNode, goal: Desired) -> None:
    node.ask("PUT", TEMPLATE, {"index_patterns": ["x-*"]})
    with trees.running(root):
        plan = make_plan(target_of(root, node), goal)
    assert [(error.code, error.path) for error in plan.errors] == [("I102", "indexer:template/wazuh-cicd")]


def test_without_its_address_nothing_is_claimed_about_the_indexer(
    root: Path, node: SearchNode, goal: Desired, said: list[str]
) -> None:
    with trees.running(root):
        steps.apply(target_of(root, node), goal, say=said.append)
        blind = IndexedTarget(LocalTarget(root), None)
        with pytest.raises(InstallError, match="give --indexer"):
            steps.rollback(blind, say=said.append)
        with pytest.raises(InstallError, match="give --indexer"):
            steps.apply(blind, nothing(), say=said.append)
    assert there(node) == (True, True)


def test_an_indexer_that_does_not_answer_is_one_line(root: Path, goal: Desired, said: list[str]) -> None:
    target = IndexedTarget(LocalTarget(root), Indexer("http://127.0.0.1:9", IndexerCredentials()))
    before = trees.snapshot(root)
    with trees.running(root), pytest.raises(Unreachable, match=r"^http://127\.0\.0\.1:9: the indexer does not answer"):
        steps.apply(target, goal, say=said.append)
    assert trees.snapshot(root) == before


@pytest.fixture
def run(
    root: Path, goal: Desired, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    """The command on this tree, with a small package."""
    plain = trees.desired(version=goal.record.version)

    def small(settings: Settings, target: object) -> Desired:
        indexed = {path: data for path, data in goal.files.items() if path.startswith("indexer:")}
        made = with_indexer(plain, settings.indexer, indexed if settings.indexer else {})
        return replace(made, record=replace(made.record, sources=settings.sources, indexer_ca=settings.indexer_ca))

    monkeypatch.setattr(command, "_desired", small)
    for name in ("USER", "PASSWORD", "PASSWORD_FILE"):
        monkeypatch.delenv(f"WAZUH_INDEXER_{name}", raising=False)

    def call(*words: str, code: int = 0) -> str:
        got = cli.main(["install", *words, "--root", str(root)])
        captured = capsys.readouterr()
        assert got == code, captured.out + captured.err
        return captured.out + captured.err

    return call


def test_the_indexer_is_remembered(root: Path, node: SearchNode, run: Callable[..., str]) -> None:
    with trees.running(root):
        told = run("plan", "--indexer", node.url)
        assert "indexer     +2" in told
        assert "dashboards, panels and searches (no OpenSearch Dashboards has started" in told
        assert "server API" not in told
        run("apply", "--indexer", node.url)
        record = Record.load((root / "var/wazuh-cicd/installed").read_bytes())
        assert record.indexer == node.url
        assert record.settings.indexer == node.url
        assert "nothing to do" in run("plan")
        assert "verified on the running manager" in run("verify")
        assert f"indexer {node.url}" in run("status")
        assert f"> switches off the index template on {node.url}" in run("plan", "--no-indexer")
        run("apply", "--no-indexer")
        assert there(node) == (False, False)
        run("apply", "--indexer", node.url)
        run("rollback")
        assert there(node) == (False, False)
        run("apply", "--indexer", node.url)
        run("uninstall")
        assert there(node) == (False, False)
        assert installed(LocalTarget(root)) is None


def test_another_indexer_is_not_taken_in_its_place_unasked(
    root: Path, node: SearchNode, run: Callable[..., str]
) -> None:
    with trees.running(root):
        run("apply", "--indexer", node.url)
        assert "--no-indexer" in run("plan", "--indexer", "http://localhost:9201", code=2)


def test_an_address_from_a_record_that_others_may_write_gets_no_password(
    root: Path, node: SearchNode, run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with trees.running(root):
        run("apply", "--indexer", node.url)
        monkeypatch.setattr(LocalTarget, "trusts", lambda self, record: False)
        for words in (("verify",), ("plan",), ("apply", "--yes"), ("uninstall",), ("apply", "--no-indexer", "--yes")):
            assert f"confirm it with --indexer {node.url}" in run(*words, code=2), words
        run("verify", "--indexer", node.url)


def test_settings_know_the_indexer() -> None:
    before = Settings(indexer="https://a:9200", indexer_ca="/ca.pem")
    assert choose(Options(), SettingsFile(), before) == before
    assert choose(Options(indexer=""), SettingsFile(), before).indexer == ""
    assert choose(Options(), SettingsFile(None, {"indexer": "https://a:9200"}), None).indexer == "https://a:9200"
    every = {"sources": [], "responses": [], "internal": False, "id_base": 111000, "observe": False, "status": "stable"}
    assert is_complete(Options(), SettingsFile(None, every), Settings())
    assert not is_complete(Options(), SettingsFile(None, every), before)
    with pytest.raises(UsageError, match="add --indexer"):
        choose(Options(indexer_ca="/ca.pem"), SettingsFile(), None)


def test_a_record_keeps_the_address_where_the_api_takes_no_colon() -> None:
    record = Record("1.0", 111000, indexer="https://indexer.example.com:9200", indexer_ca="/etc/ca.pem")
    lines = record.dump().decode().splitlines()
    assert all(line.count(":") == 1 and " " not in line.partition(":")[0] for line in lines)
    assert Record.load(record.dump()) == record


@pytest.mark.parametrize(
    "url",
    ["indexer:9200", "http://indexer.example.com:9200", "https://u:p@indexer:9200", "https://indexer", "https://i:9200/x",
     "ftp://localhost:9200", "https://i:9200\n", "https://i:99999"],
)  # fmt: skip
def test_an_address_to_which_no_password_is_sent(url: str) -> None:
    with pytest.raises(UsageError, match="--indexer"):
        checked_url(url)


def test_credentials_come_from_the_environment_or_a_private_file(tmp_path: Path) -> None:
    place = tmp_path / "password"
    place.write_text("s3cret\n")
    place.chmod(0o644)
    environment = {"WAZUH_INDEXER_USER": "admin", "WAZUH_INDEXER_PASSWORD_FILE": str(place)}
    with pytest.raises(UsageError, match="others can read it"):
        IndexerCredentials.find(environment)
    place.chmod(0o600)
    found = IndexerCredentials.find(environment)
    assert (found.user, found.password) == ("admin", "s3cret")
    assert "s3cret" not in repr(found)
    assert "s3cret" not in repr(Indexer("https://localhost:9200", found))
    with pytest.raises(UsageError, match="WAZUH_INDEXER_USER"):
        IndexerCredentials.find({"WAZUH_INDEXER_PASSWORD": "x"})
    with pytest.raises(UsageError, match="no credentials"):
        Indexer("https://localhost:9200", IndexerCredentials())


def test_what_an_indexer_spells_otherwise_is_the_same_template() -> None:
    sent = {
        "order": 10,
        "index_patterns": ["b", "a"],
        "settings": {"index.mapping.ignore_malformed": True, "index.final_pipeline": "p"},
        "mappings": {"properties": {}},
    }
    got = {
        "index_patterns": ["a", "b"],
        "order": 10,
        "settings": {"index": {"mapping": {"ignore_malformed": "true"}, "final_pipeline": "p"}},
        "mappings": {"properties": {}},
        "aliases": {},
    }
    place = "indexer:template/wazuh-cicd"
    assert canonical(place, sent) == canonical(place, got)


@pytest.fixture
def said() -> list[str]:
    return []
