"""The second day: what is not said is as installed, switching off is spelled, and the exit code tells the truth."""

from __future__ import annotations

import dataclasses
import json
import os
import pty
import subprocess
import sys
from types import SimpleNamespace

import pytest

from install.trees import CONF, desired, rules_xml, running, snapshot
from wazuh_cicd import cli
from wazuh_cicd.commands import install as command
from wazuh_cicd.errors import UsageError
from wazuh_cicd.install import settings as choices
from wazuh_cicd.install.apply import apply
from wazuh_cicd.install.desired import desired_from
from wazuh_cicd.install.errors import InstallError
from wazuh_cicd.install.local import LocalTarget
from wazuh_cicd.install.record import ADVICE, Record
from wazuh_cicd.install.settings import Options, Settings, SettingsFile, choose, is_complete, read_file
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import SOURCES, load_specs

LIST = "etc/lists/cicd/trusted_actors"
WHOLE_PACKAGE = command._desired
IDS = {"github": 111001, "docker": 114001, "vault": 117001}
TOP = (
    b"<ossec_config>\n  <command>\n    <name>cicd-block-ip</name>\n    <executable>cicd-block-ip</executable>\n"
    b"  </command>\n</ossec_config>\n"
)


def small(settings: Settings, target=None, version: str = "1.0"):
    """A package of one rule a source."""
    sources = [name for name in settings.sources if name in IDS]
    ids = tuple(IDS[name] - 111000 + settings.id_base for name in sources)
    goal = desired(ids, version=version, top=TOP if settings.responses else b"")
    record = dataclasses.replace(
        goal.record,
        sources=settings.sources,
        responses=settings.responses,
        internal=settings.internal,
        id_base=settings.id_base,
        status=settings.status,
        runbook_url=settings.runbook_url,
    )
    return dataclasses.replace(goal, record=record)


@pytest.fixture(autouse=True)
def small_package(monkeypatch, tmp_path):
    monkeypatch.setattr(command, "_desired", small)
    monkeypatch.setattr(choices, "DEFAULT_FILE", tmp_path / "none.toml")


@pytest.fixture
def install(root, capsys):
    def run(*words, code=0):
        control = root / "bin/wazuh-control"
        control.write_text("#!/bin/sh\nexit 0\n")
        control.chmod(0o750)
        got = cli.main(["install", *words, "--root", str(root)])
        captured = capsys.readouterr()
        assert got == code, captured.out + captured.err
        return captured.out + captured.err

    return run


def recorded(root):
    return Record.load((root / "var/wazuh-cicd/installed").read_bytes()).settings


# What is not said is as installed


def test_no_option_means_as_installed(root, install):
    with running(root):
        install("apply", "--with", "github,docker", "--respond", "block-ip", "--id-base", "112000")
        before = snapshot(root, leave_out=("queue",))
        assert "verified on the running manager" in install("verify")
        assert "nothing to do" in install("plan")
        install("apply")
        assert snapshot(root, leave_out=("queue",)) == before
        assert recorded(root) == Settings(("github", "docker"), ("block-ip",), id_base=112000)


def test_switching_is_spelled_and_the_plan_names_it_in_words(root, install):
    with running(root):
        install("apply", "--with", "github,docker", "--respond", "block-ip")
        told = install("plan", "--with", "vault", "--without", "docker", "--unrespond", "block-ip")
        assert told.splitlines()[:3] == [
            "> switches off the source docker",
            "> switches off the response block-ip",
            "> switches on the source vault",
        ]
        assert "moves every rule: ids from 113000 instead of 111000" in install("plan", "--id-base", "113000")
        install("apply", "--without", "docker")
        assert recorded(root) == Settings(("github",), ("block-ip",))
        install("apply", "--unrespond", "block-ip")
        assert b"cicd-block-ip" not in (root / "etc/ossec.conf").read_bytes()


def test_that_internal_addresses_may_be_blocked_is_remembered_and_ends_with_the_block(root, install):
    with running(root):
        install("apply", "--with", "github", "--respond", "block-ip", "--internal")
        assert recorded(root).internal
        install("apply", "--with", "docker")
        assert recorded(root).internal
        assert "> switches off the blocking of internal" in install("plan", "--no-internal")
        assert "> switches off the blocking of internal" in install("plan", "--unrespond", "block-ip")
        install("apply", "--unrespond", "block-ip")
        install("apply", "--respond", "block-ip")
        assert not recorded(root).internal


def test_the_first_installation_takes_all_sources_or_those_named():
    assert choose(Options(), SettingsFile(), None) == Settings()
    assert choose(Options(add_sources=("vault",)), SettingsFile(), None).sources == ("vault",)
    assert "docker" not in choose(Options(drop_sources=("docker",)), SettingsFile(), None).sources


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Options(add_sources=("gitlab",)), "--with: no such source: gitlab"),
        (Options(drop_sources=("gitlab",)), "--without: no such source: gitlab"),
        (Options(add_sources=("github",), drop_sources=("github",)), "which is it"),
        (Options(add_responses=("x",), drop_responses=("x",)), "which is it"),
        (Options(drop_sources=tuple(SOURCES)), "uninstall"),
    ],
)
def test_what_makes_no_sense_is_refused(options, message):
    with pytest.raises(UsageError, match=message):
        choose(options, SettingsFile(), None)


def test_only_the_lists_of_the_chosen_sources_are_brought():
    specs = load_specs()
    some = desired_from(render_package(specs, with_sources=["github", "docker"]), sources=["github", "docker"])
    lists = {path.rsplit("/", 1)[1] for path in some.files if "/lists/" in path}
    rules = b"".join(data for path, data in some.files.items() if "/rules/" in path)
    assert lists
    assert all(f">etc/lists/cicd/{name}<".encode() in rules for name in lists)
    everything = desired_from(render_package(specs))
    assert len(lists) == len(some.ruleset_lines) < len(everything.ruleset_lines) / 2
    assert sum("/lists/" in path for path in everything.files) == len(everything.ruleset_lines)


# How mature a rule must be


def test_a_first_start_asks_for_stable_and_a_promotion_is_remembered(root, install):
    with running(root):
        install("apply", "--with", "github")
        assert recorded(root).status == "stable"
        assert "gives their own level to rules from status test on" in install("plan", "--status", "test")
        install("apply", "--status", "test")
        install("apply", "--with", "docker")
        assert recorded(root).status == "test"
        assert "lowers rules that are less mature than stable to level 3" in install("plan", "--status", "stable")


def test_an_installation_without_a_recorded_status_keeps_every_level():
    old = Record.load(b"version:0.1.0\nid_base:111000\nsources:github\nresponses:\n")
    assert old.settings.status == "experimental"
    assert b"status" not in old.dump()


# Where the rules' pages are


def test_the_address_of_the_pages_is_remembered_and_taken_away(root, install):
    with running(root):
        install("apply", "--with", "github", "--runbook-url", "https://wiki.example.com/cicd")
        install("apply", "--with", "docker")
        assert recorded(root).runbook_url == "https://wiki.example.com/cicd"
        plan = install("plan", "--runbook-url", "https://other.example.com/{id}")
        assert "makes the alerts name the rules' pages at https://other.example.com/{id}" in plan
        assert "makes the alerts name no pages any more" in install("plan", "--runbook-url", "")
        install("apply", "--runbook-url", "")
        assert recorded(root).runbook_url == ""


def test_rules_show_the_pages_and_leave_full_log_out_as_the_site_chose():
    target = SimpleNamespace(flat_lists=False)
    chosen = Settings(("docker",), ("quarantine-container",), runbook_url="https://wiki.example.com/cicd")
    for settings, shown in ((chosen, True), (Settings(("docker",)), False)):
        goal = WHOLE_PACKAGE(settings, target)
        rules = goal.files["etc/rules/1140-cicd_docker_rules.xml"]
        assert (b'<info type="link">https://wiki.example.com/cicd/rules/docker-' in rules) is shown
        assert (b"no_full_log" in rules) is shown
        assert goal.record.settings == settings


def test_the_settings_file_names_the_pages_and_a_bad_address_is_refused():
    file = SettingsFile(None, {"runbook_url": "https://wiki.example.com"})
    assert choose(Options(), file, None).runbook_url == "https://wiki.example.com"
    assert choose(Options(runbook_url=""), file, None).runbook_url == ""
    with pytest.raises(UsageError, match="no '&'"):
        choose(Options(runbook_url="https://example.com/?a&b"), file, None)


def test_a_recorded_address_is_one_line_without_a_second_colon_and_is_checked_again():
    record = Record("1", 111000, ("github",), runbook_url="https://[2001:db8::1]:80/%41{name}")
    (line,) = [line for line in record.dump().decode().splitlines() if line.startswith("runbook_url")]
    assert line.count(":") == 1
    assert Record.load(record.dump()).runbook_url == record.runbook_url
    with pytest.raises(InstallError, match="find out who wrote that"):
        Record.load(record.dump().replace(line.encode(), b"runbook_url:javascript"))


def test_an_address_that_others_may_have_written_is_a_choice_nobody_stated():
    stated = {"sources": [], "responses": [], "internal": False, "id_base": 1, "observe": False, "status": "stable"}
    assert is_complete(Options(), SettingsFile(None, stated), Settings())
    recorded_by_others = Settings(runbook_url="https://example.com")
    assert not is_complete(Options(), SettingsFile(None, stated), recorded_by_others)
    assert is_complete(Options(runbook_url=""), SettingsFile(None, stated), recorded_by_others)


def test_the_settings_file_promotes_rules_and_knows_what_it_may_say(root, install, tmp_path):
    file = tmp_path / "site.toml"
    file.write_text('sources = ["github"]\nstatus = "experimental"\n')
    with running(root):
        install("apply", "--config", str(file))
    assert recorded(root).status == "experimental"
    file.write_text('status = "deprecated"\n')
    assert "no such status: deprecated; known: stable, test, experimental" in install(
        "plan", "--config", str(file), code=2
    )


# The settings file


def test_a_settings_file_says_all_of_it(root, install, tmp_path):
    file = tmp_path / "site.toml"
    file.write_text('sources = ["github", "vault"]\nresponses = ["block-ip"]\nid_base = 112000\nwait = 5\n')
    with running(root):
        install("apply", "--config", str(file))
        assert recorded(root) == Settings(("github", "vault"), ("block-ip",), id_base=112000)
        file.write_text('sources = ["github"]\nresponses = []\n')
        told = install("plan", "--config", str(file))
        assert "> switches off the source vault" in told
        assert "> switches off the response block-ip" in told
        assert "ids from" not in told, "what the file does not name stays as installed"
        assert "settings file would change this: switches off the source vault" in install(
            "status", "--config", str(file)
        )


def test_the_file_names_the_manager_as_well(root, capsys, tmp_path):
    file = tmp_path / "site.toml"
    file.write_text(f'root = "{root}"\n')
    assert cli.main(["install", "status", "--config", str(file)]) == 1
    assert "not installed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('# x\nsource = ["github"]\n', r"site.toml:2: unknown key 'source'; known: sources, responses"),
        ("\n[install]\nsources = []\n", r"site.toml:2: unknown key 'install'"),
        ("id_base = true\n", r"site.toml:1: id_base must be a whole number, not True"),
        ("sources = 'github'\n", r"site.toml:1: sources must be a list of names"),
        ("sources = [1]\n", r"site.toml:1: sources must be a list of names"),
        ("sources = [\n", r"site.toml: is not TOML"),
    ],
)
def test_a_settings_file_with_a_mistake_is_refused_with_its_line(tmp_path, text, message):
    (tmp_path / "site.toml").write_text(text)
    with pytest.raises(UsageError, match=message):
        read_file(tmp_path / "site.toml")


def test_a_file_that_is_named_must_be_there(tmp_path):
    with pytest.raises(UsageError, match="no such file"):
        read_file(tmp_path / "site.toml")
    assert read_file(None) == SettingsFile()


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="others' files are no danger to who is nobody special")
def test_the_file_of_this_machine_is_not_believed_when_others_can_write_it(tmp_path, monkeypatch):
    file = tmp_path / "site.toml"
    file.write_text('sources = ["github"]\n')
    monkeypatch.setattr(choices, "DEFAULT_FILE", file)
    assert read_file(None).values == {"sources": ["github"]}
    file.chmod(0o666)
    with pytest.raises(UsageError, match="others than root may write it"):
        read_file(None)


# Lists that were edited


def test_an_edited_list_is_noticed_and_apply_reloads(root, install):
    with running(root) as manager:
        install("apply", "--with", "github")
        (root / LIST).write_bytes(b"mallory:site\n")
        assert f"waiting: {LIST} was written after the manager loaded it" in install("verify", code=3)
        assert f"{LIST} (list edited by the site)" in install("status", code=3)
        told = install("plan")
        assert "then: reload" in told
        assert f"* {LIST}" in told
        install("apply")
        assert manager.reloads == 2
        install("verify")
        install("status")
        install("apply")
        assert manager.reloads == 2


def test_a_manager_that_started_since_has_loaded_the_edit(root, install, monkeypatch):
    with running(root):
        install("apply", "--with", "github")
        (root / LIST).write_bytes(b"mallory:site\n")
        monkeypatch.setattr(LocalTarget, "loaded_since", lambda self, path: True)
        install("verify")


# The exit code


def test_without_a_manager_nothing_is_verified(root, install):
    assert "does not answer" in install("apply", "--with", "github", code=4)
    install("apply", code=4)
    install("verify", code=4)
    install("status", code=4)
    with running(root):
        install("verify", code=3)
        install("apply")
        install("verify")
    install("uninstall", code=4)


def test_what_was_not_activated_is_in_place_only(root, install):
    with running(root) as manager:
        assert "in place, but not what" in install("apply", "--with", "github", "--no-activate", code=3)
        assert manager.reloads == 0
        install("verify", code=3)
        install("apply")
        assert manager.reloads == 1
        install("verify")


def test_a_ruleset_that_does_not_load_is_no_success(root, install):
    before = snapshot(root)
    program = root / "bin/wazuh-analysisd"
    program.write_text(
        "#!/bin/sh\ngrep -q '</group>' etc/rules/local_rules.xml ||"
        " echo \"wazuh-analysisd: CRITICAL: (1220): Error loading the rules: 'etc/rules/local_rules.xml'.\"\n"
    )
    program.chmod(0o750)
    whole = (root / "etc/rules/local_rules.xml").read_text()
    (root / "etc/rules/local_rules.xml").write_text(whole[:40])
    assert "cannot load its configuration" in install("apply", "--with", "github", code=4)
    (root / "etc/rules/local_rules.xml").write_text(whole)
    assert {path: data for path, data in snapshot(root).items() if not path.startswith("bin/")} == before


def test_a_missing_file_is_a_failure(root, install):
    with running(root):
        install("apply", "--with", "github")
        (root / "etc/rules/1110-cicd_github_rules.xml").unlink()
        install("verify", code=1)
        assert "etc/rules/1110-cicd_github_rules.xml is missing" in install("status", code=1)


def test_status_for_programs(root, install, capsys):
    with running(root):
        assert json.loads(install("status", "--format", "json", code=1))["installed"] is None
        install("apply", "--with", "github")
        document = json.loads(install("status", "--format", "json"))
    assert (document["sources"], document["files"], document["rules"], document["lists"]) == (["github"], 4, 1, 2)


# Upgrades and downgrades


def test_an_upgrade_and_a_downgrade_keep_the_choices(root, install, monkeypatch):
    with running(root):
        install("apply", "--with", "github,docker")
        monkeypatch.setattr(command, "_desired", lambda settings, target: small(settings, version="2.0"))
        assert "error: - I120 version 1.0 is installed, this is 2.0" in install("verify", code=1)
        assert "> installs version 2.0 in place of 1.0" in install("plan")
        install("apply")
        assert recorded(root).sources == ("github", "docker")
        monkeypatch.setattr(command, "_desired", small)
        assert "> installs version 1.0 in place of 2.0" in install("apply")
        assert recorded(root).sources == ("github", "docker")


def test_a_record_of_a_newer_version_can_be_read():
    record = small(Settings(("github",))).record
    assert Record.load(record.dump() + b"runbook:https\nnewer=x:1\n") == record


def old_layout(root):
    """The record as the version before wrote it: whole paths, in etc/lists."""
    record = Record.load((root / "var/wazuh-cicd/installed").read_bytes())
    lines = ["version:0.1.0", "id_base:111000", f"sources:{' '.join(record.sources)}", "responses:"]
    lines += [f"file={path}:{value}" for path, value in sorted(record.files.items())]
    lines += [f"rule={number}:{value}" for number, value in sorted(record.rules.items())]
    (root / ADVICE).write_text("\n".join(lines) + "\n")
    (root / "var/wazuh-cicd/installed").unlink()


def test_the_version_before_is_upgraded_in_place_once_its_choices_are_confirmed(root, install):
    with running(root):
        install("apply", "--with", "github,docker")
        old_layout(root)
        told = install("apply", code=1)
        wanted = "says: sources github, docker; no responses; ids from 111000; rules from status experimental on; "
        assert f"{wanted}nothing was changed" in told
        install("apply", "--yes")
        assert recorded(root).sources == ("github", "docker")
        assert not (root / ADVICE).exists()
        install("apply")


def test_choices_that_others_may_have_written_are_not_taken_over_unasked(root, install):
    with running(root):
        install("apply", "--with", "github,docker")
        old_layout(root)
        text = (root / ADVICE).read_text().replace("sources:github docker", "sources:github")
        (root / ADVICE).write_text(text.replace("responses:", "responses:block-ip"))
        before = snapshot(root)
        assert "responses block-ip" in install("apply", code=1)
        assert snapshot(root) == before


def test_a_record_that_is_lost_is_asked_for(root, install):
    with running(root):
        install("apply", "--with", "github,docker")
        (root / "var/wazuh-cicd/installed").unlink()
        assert "--with LIST" in install("apply", code=2)
        install("apply", "--with", "github,docker")


# Screens


def test_the_plan_is_one_screen_and_its_counts_are_those_of_the_rest(root, install):
    with running(root):
        plan = install("plan", "--with", "github,docker")
        assert len(plan.splitlines()) < 24
        assert "4 to add, 1 to change" in plan
        assert "4 files in place, 2 rules" in install("apply", "--with", "github,docker")
        assert "4 files in place, 2 rules" in install("verify")
        assert "4 files, 2 rules, 2 lists" in install("status")
        (root / "etc/rules/1110-cicd_github_rules.xml").write_bytes(rules_xml(111001))
        assert "~ etc/rules/1110-cicd_github_rules.xml\n    + rules 114001" in install("plan", "--details")


def test_what_the_site_wrote_does_not_steer_the_terminal(root, install):
    with running(root) as manager:
        install("apply", "--with", "github")
        manager.warnings.append("(7612): \x1b]0;evil\x07 cicd")
        told = install("verify", code=1)
    assert "evil" in told
    assert "\x1b" not in told
    assert "\x07" not in told


def test_a_record_with_what_a_terminal_would_obey_is_refused():
    with pytest.raises(InstallError, match="cannot be read"):
        Record.load(b"version:1\nid_base:111000\nsources:github\nresponses:\x1b]0;evil\x07\n")


def test_each_verb_has_its_own_page(capsys):
    pages = {}
    for verb in command.VERBS:
        with pytest.raises(SystemExit):
            cli.main(["install", verb, "--help"])
        pages[verb] = capsys.readouterr().out
    assert "--with" in pages["plan"]
    assert "--details" in pages["plan"]
    assert "--without" in pages["apply"]
    assert not any(word in pages["rollback"] for word in ("--with", "--thorough", "--respond"))
    assert "--thorough" in pages["verify"]
    assert "--no-activate" not in pages["status"]
    with pytest.raises(SystemExit):
        cli.main(["install", "plan", "--detail"])


def test_stopping_it_reads_like_a_decision(root, monkeypatch, capsys):
    before = snapshot(root)
    real = LocalTarget.write

    def write(self, path, data, token):
        if "rules" in path:
            raise KeyboardInterrupt
        real(self, path, data, token)

    monkeypatch.setattr(LocalTarget, "write", write)
    with running(root):
        assert cli.main(["install", "apply", "--with", "github", "--root", str(root)]) == 130
    told = capsys.readouterr().err
    assert "stopped by you; putting the files back" in told
    assert "everything is as it was before" in told
    assert "KeyboardInterrupt" not in told
    assert snapshot(root) == before


def test_a_long_step_has_a_bar_on_a_terminal(monkeypatch):
    reader, writer = pty.openpty()
    code = (
        "from wazuh_cicd.commands.install import _Bar; import time; b = _Bar(); clock = iter([0, 0, 1, 3, 4])\n"
        "time.monotonic = lambda: next(clock)\n"
        "b = _Bar(); b.tick('writing', 1, 3); b.tick('writing', 2, 3); b.tick('writing', 3, 3)"
    )
    subprocess.run([sys.executable, "-c", code], stderr=writer, check=True)
    os.close(writer)
    shown = os.read(reader, 1000).decode()
    os.close(reader)
    assert "writing [" in shown
    assert "100 %" in shown


def test_the_conf_is_read_once_more_after_all(root, said):
    # Settings change nothing in how ossec.conf comes back.
    apply(LocalTarget(root), small(Settings(("github",), ("block-ip",))), say=said.append)
    apply(LocalTarget(root), small(Settings(("github",))), say=said.append)
    assert b"cicd-block-ip" not in (root / "etc/ossec.conf").read_bytes()
    assert (root / "etc/ossec.conf").read_bytes().startswith(CONF.encode()[:200])
