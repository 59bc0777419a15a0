"""Installations on a local tree: what they change, what they keep, and what happens when they fail."""

from __future__ import annotations

import dataclasses
import os

import pytest

from install.trees import CONF, desired, make_root, rules_xml, running, snapshot
from wazuh_cicd.install.apply import apply, rollback
from wazuh_cicd.install.desired import nothing
from wazuh_cicd.install.errors import HalfDone, InstallError
from wazuh_cicd.install.local import LocalTarget
from wazuh_cicd.install.plan import make_plan
from wazuh_cicd.install.record import PRIVATE as RECORD
from wazuh_cicd.install.target import NOTHING, RELOAD, RESTART
from wazuh_cicd.install.verify import verify
from wazuh_cicd.manager.errors import Unreachable
from wazuh_cicd.manager.sockets import UnixChannel

RULES = "etc/rules/1110-cicd_github_rules.xml"
LIST = "etc/lists/cicd/trusted_actors"
TOP = (
    b"<ossec_config>\n  <command>\n    <name>cicd-x</name>\n    <executable>cicd-x</executable>\n"
    b"  </command>\n</ossec_config>\n"
)


def codes(plan):
    return {finding.code for finding in plan.problems}


def test_a_plan_changes_nothing_and_names_what_would_change(root):
    before = snapshot(root, leave_out=())
    plan = make_plan(LocalTarget(root), desired())
    assert [(c.kind, c.path) for c in plan.changes] == [
        ("add", "etc/lists/cicd/networks"),
        ("add", LIST),
        ("change", "etc/ossec.conf"),
        ("add", "etc/decoders/1130-cicd_jenkins_decoders.xml"),
        ("add", RULES),
        ("add", RECORD),
    ]
    assert plan.activation == RELOAD
    assert not plan.problems
    assert snapshot(root, leave_out=()) == before


def test_apply_writes_the_files_as_the_folder_has_its_own(root, said):
    outcome = apply(LocalTarget(root), desired(), say=said.append)
    assert (root / RULES).read_bytes() == rules_xml(111001, 111002)
    assert (root / RULES).stat().st_mode & 0o7777 == 0o660
    assert (root / "etc/lists/cicd").stat().st_mode & 0o7777 == 0o770
    assert (root / RULES).stat().st_uid == (root / "etc/rules").stat().st_uid
    assert outcome.activated == NOTHING
    assert not list(root.rglob(".*.cicd-*"))


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_owners_are_those_of_the_manager(root, said):
    for folder in ("etc/rules", "etc/decoders", "etc/lists"):
        os.chown(root / folder, 4321, 8765)
    os.chown(root / "etc/ossec.conf", 0, 8765)
    os.chown(root / "active-response/bin", 0, 8765)
    apply(LocalTarget(root), desired(extra={"active-response/bin/cicd-x": b"#!/bin/sh\n"}), say=said.append)
    owners = {
        path: ((root / path).stat().st_uid, (root / path).stat().st_gid, oct((root / path).stat().st_mode & 0o7777))
        for path in (RULES, LIST, "etc/lists/cicd", "etc/ossec.conf", "active-response/bin/cicd-x")
    }
    assert owners == {
        RULES: (4321, 8765, "0o660"),
        LIST: (4321, 8765, "0o660"),
        "etc/lists/cicd": (4321, 8765, "0o770"),
        "etc/ossec.conf": (0, 8765, "0o660"),
        "active-response/bin/cicd-x": (0, 8765, "0o750"),
    }


def test_a_second_apply_changes_nothing_and_reloads_nothing(root, said):
    with running(root) as manager:
        assert apply(LocalTarget(root), desired(), say=said.append).activated == RELOAD
        before = snapshot(root, leave_out=("queue",))
        outcome = apply(LocalTarget(root), desired(), say=said.append)
        assert not outcome.plan.changes
        assert manager.reloads == 1
        assert snapshot(root, leave_out=("queue",)) == before


def test_verify_judges_an_event_and_sees_what_is_missing(root, said):
    target = LocalTarget(root)
    with running(root):
        apply(target, desired(), say=said.append)
        good = verify(target, desired(), thorough=True)
        assert not good.failures
        assert [probe.rule_id for probe in good.round_trips] == [111001, 111002]
        assert good.rules == 2
        (root / RULES).write_bytes(rules_xml(111001))
        (root / "etc/lists/cicd/networks").unlink()
        bad = verify(target, desired(), thorough=True)
        assert bad.rules == 0  # those of a file that differs are not taken for ours
        text = " / ".join(map(str, bad.failures))
    assert "differs from this version's file" in text
    assert "networks I120 is missing" in text
    assert "rule 111002 (rule-111002) ended at no rule" in text


def test_verify_of_nothing_says_so(root):
    assert "nothing of wazuh-cicd is installed" in str(verify(LocalTarget(root), desired()).failures[0])


def test_rollback_and_uninstall_leave_the_tree_as_it_was(root, said):
    target = LocalTarget(root)
    before = snapshot(root)
    apply(target, desired(top=TOP), say=said.append)
    rollback(target, say=said.append)
    assert snapshot(root) == before
    apply(target, desired(top=TOP), say=said.append)
    apply(target, nothing(), say=said.append)
    assert snapshot(root) == before
    with pytest.raises(InstallError, match="no installation to roll back"):
        rollback_all(target, said)


def rollback_all(target, said):
    for _ in range(5):
        rollback(target, say=said.append)


def test_lists_with_local_edits_are_kept_through_upgrade_and_rollback(root, said):
    target = LocalTarget(root)
    apply(target, desired(), say=said.append)
    (root / LIST).write_bytes(b"octo-admin:platform\nmallory:site\n")
    newer = desired(lists={"trusted_actors": b"octo-admin:renamed\n", "networks": b"10.:site\n"}, version="2.0")
    plan = make_plan(target, newer)
    assert plan.kept == (LIST,)
    apply(target, newer, say=said.append)
    assert (root / LIST).read_bytes() == b"octo-admin:platform\nmallory:site\n"
    assert (root / "etc/lists/cicd/networks").read_bytes() == b"10.:site\n"
    assert not make_plan(target, newer).changes
    rollback(target, say=said.append)
    assert (root / LIST).read_bytes() == b"octo-admin:platform\nmallory:site\n"
    assert (root / "etc/lists/cicd/networks").read_bytes() == b""


def test_an_upgrade_removes_what_the_new_version_lacks(root, said):
    target = LocalTarget(root)
    old = desired((111001, 111002), extra={"etc/rules/1140-cicd_docker_rules.xml": rules_xml(114001)})
    apply(target, old, say=said.append)
    apply(target, desired((111002,), lists={"networks": b""}, version="2.0"), say=said.append)
    assert not (root / "etc/rules/1140-cicd_docker_rules.xml").exists()
    assert not (root / LIST).exists()
    assert b"trusted_actors" not in (root / "etc/ossec.conf").read_bytes()
    assert b'id="111001"' not in (root / RULES).read_bytes()
    assert b"rule 111001:" not in (root / RECORD).read_bytes()


def test_without_its_record_an_older_version_is_known_by_its_names(root, said):
    target = LocalTarget(root)
    apply(target, desired(extra={"etc/rules/1140-cicd_docker_rules.xml": rules_xml(114001)}), say=said.append)
    (root / RECORD).unlink()
    (root / LIST).write_bytes(b"mine:too\n")
    plan = make_plan(target, desired(version="2.0"))
    assert not plan.errors
    assert ("delete", "etc/rules/1140-cicd_docker_rules.xml") in [(c.kind, c.path) for c in plan.changes]
    assert plan.kept == (LIST,)


def test_a_compiled_list_never_outlives_its_text(root, said):
    target = LocalTarget(root)
    apply(target, desired(), say=said.append)
    (root / f"{LIST}.cdb").write_bytes(b"compiled")
    apply(target, desired(lists={"trusted_actors": b"new:1\n"}), say=said.append)
    assert not (root / f"{LIST}.cdb").exists()
    (root / f"{LIST}.cdb").write_bytes(b"compiled")
    rollback(target, say=said.append)
    assert not (root / f"{LIST}.cdb").exists()


def test_an_id_of_the_site_is_an_error_that_names_a_free_block(root):
    local = root / "etc/rules/local_rules.xml"
    local.write_bytes(rules_xml(111002, 110001))
    plan = make_plan(LocalTarget(root), desired())
    clash = next(finding for finding in plan.errors if finding.code == "I101")
    assert "rule 111002 has an id of ours" in clash.message
    assert "--id-base 112000" in clash.fix
    with pytest.raises(InstallError, match="I101"):
        apply(LocalTarget(root), desired(), say=lambda line: None)


@pytest.mark.parametrize(
    "text",
    [
        '<!-- <rule id="111002" level="3"> --><group name="x,"><rule id="5" level="1"><match>x</match></rule></group>',
        '<group name="x,"><rule id="111002" level="3" overwrite="yes"><description>x</description></rule></group>',
    ],
    ids=["in a comment", "overwritten on purpose"],
)
def test_what_is_no_collision_is_none(root, text):
    (root / "etc/rules/local_rules.xml").write_text(text)
    assert not make_plan(LocalTarget(root), desired()).errors


def test_a_foreign_file_of_our_name_is_not_overwritten(root, said):
    less = desired()
    files = {path: data for path, data in less.files.items() if path != RULES}
    known = {path: data for path, data in less.record.files.items() if path != RULES}
    record = dataclasses.replace(less.record, files=known)
    apply(LocalTarget(root), dataclasses.replace(less, files=files, rule_ids={}, record=record), say=said.append)
    (root / RULES).write_bytes(b"<group name='theirs,'></group>")
    assert "I102" in codes(make_plan(LocalTarget(root), desired()))


def test_edits_in_a_generated_file_are_announced_before_they_go(root, said):
    target = LocalTarget(root)
    apply(target, desired(), say=said.append)
    (root / RULES).write_bytes(rules_xml(111001, text="edited"))
    plan = make_plan(target, desired(version="2.0"))
    assert "I103" in codes(plan)
    with pytest.raises(InstallError, match="edited after the installation"):
        rollback(target, say=said.append)
    assert (root / RULES).read_bytes() == rules_xml(111001, text="edited")


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("    <rule_dir>etc/rules</rule_dir>\n", "", "I113"),
        ("    <decoder_dir>etc/decoders</decoder_dir>\n", "", "I113"),
        ("0215-policy_rules.xml", "1110-cicd_github_rules.xml", "I114"),
        ("</ossec_config>\n\n<ossec_config>", "<ruleset></ruleset></ossec_config>\n\n<ossec_config>", "I112"),
        ("</ossec_config>\n\n<ossec_config>", "</ossec_config>\n\n<ossec_confi>", "I111"),
    ],
)
def test_a_configuration_in_which_it_could_not_work_is_an_error(tmp_path, old, new, code):
    assert old in CONF
    root = make_root(tmp_path / "ossec", conf=CONF.replace(old, new))
    assert code in {finding.code for finding in make_plan(LocalTarget(root), desired()).errors}


def test_two_installations_do_not_meet(root):
    target = LocalTarget(root)
    with target.lock(), pytest.raises(InstallError, match="another installation"), LocalTarget(root).lock():
        pass


def test_rollback_keeps_what_the_site_changed_in_ossec_conf_since(root, said):
    target = LocalTarget(root)
    apply(target, desired(), say=said.append)
    conf = root / "etc/ossec.conf"
    conf.write_text(conf.read_text().replace("<jsonout_output>yes", "<jsonout_output>no"))
    rollback(target, say=said.append)
    assert conf.read_text() == CONF.replace("<jsonout_output>yes", "<jsonout_output>no")


def test_a_dropped_rule_undoes_the_installation(root, said):
    before = snapshot(root)
    with running(root) as manager:
        with pytest.raises(InstallError, match="7619"):
            apply(LocalTarget(root), desired(text="dropped"), say=said.append)
        assert manager.reloads == 2, "once with the new files, once with the old"
    assert snapshot(root) == before


def test_warnings_that_were_there_before_are_not_ours(root, said):
    with running(root) as manager:
        manager.warnings.append("(7612): Rule ID '5710' is duplicated. Only the first occurrence will be considered.")
        with pytest.raises(InstallError, match="5710"):
            # Without analysisd's own test nobody could tell them before: they come with the reload.
            apply(LocalTarget(root), desired(), say=said.append)
        analysisd(
            root,
            "echo \"2026/01/01 00:00:00 wazuh-analysisd: WARNING: (7612): Rule ID '5710' is duplicated."
            ' Only the first occurrence will be considered." >&2',
        )
        assert apply(LocalTarget(root), desired(), say=said.append).activated == RELOAD


def analysisd(root, script):
    program = root / "bin/wazuh-analysisd"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o750)


@pytest.mark.parametrize(
    "line",
    [
        "WARNING: (7617): Signature ID '111001' was not found",
        "ERROR: (1452): Syntax error on regex: '('.",
        "CRITICAL: (1220): Error loading the rules: 'etc/rules/1110-cicd_github_rules.xml'.",
    ],
)
def test_the_configuration_test_is_read_because_its_exit_code_lies(root, said, line):
    analysisd(root, f'grep -q 111001 etc/rules/1110* 2>/dev/null && echo "x wazuh-analysisd: {line}"; exit 0')
    before = snapshot(root)
    with pytest.raises(InstallError, match=r"configuration test says what it did not say before"):
        apply(LocalTarget(root), desired(), say=said.append)
    assert snapshot(root) == before


def test_a_reload_that_is_refused_undoes_the_installation(root, said):
    before = snapshot(root)
    with running(root) as manager:
        manager.refuse = "Invalid decoder name: 'nope'."
        with pytest.raises(HalfDone, match="Invalid decoder name"):
            # It refuses the old files as well: the files are back, the manager is not.
            apply(LocalTarget(root), desired(), say=said.append)
        assert snapshot(root) == before
        manager.refuse = ""
        rollback(LocalTarget(root), say=said.append)
        assert manager.reloads == 1
    assert snapshot(root) == before
    assert not (root / "var/wazuh-cicd/journal.json").exists()


def control(root, script):
    program = root / "bin/wazuh-control"
    program.write_text(f"#!/bin/sh\necho $1 >> {root}/var/restarts\n{script}\n")
    program.chmod(0o750)


def test_responses_need_a_restart(root, said):
    control(root, "exit 0")
    with running(root) as manager:
        outcome = apply(LocalTarget(root), desired(top=TOP), say=said.append)
        assert manager.reloads == 0
    assert outcome.activated == RESTART
    assert (root / "var/restarts").read_text() == "restart\n"


def test_a_manager_that_does_not_come_back_gets_its_old_files(root, said):
    before = snapshot(root, leave_out=("var", "queue", "bin"))
    # The first restart kills it, the second (with the old files) would bring it back: here it stays dead.
    control(root, f"rm -f {root}/queue/sockets/analysis {root}/queue/sockets/logtest")
    with running(root), pytest.raises(HalfDone, match="did not come back within 1 s"):
        apply(LocalTarget(root, wait=1.0), desired(top=TOP), say=said.append)
    assert snapshot(root, leave_out=("var", "queue", "bin")) == before
    assert (root / "var/restarts").read_text() == "restart\nrestart\n"


def test_a_restart_that_fails_at_once_is_told_with_its_last_line(root, said):
    control(root, f'test -f {root}/{RULES} && echo "wazuh-analysisd: Configuration error. Exiting" && exit 1; exit 0')
    with running(root), pytest.raises(InstallError, match=r"Configuration error\. Exiting.*put back"):
        apply(LocalTarget(root), desired(top=TOP), say=said.append)


def test_a_manager_that_is_too_busy_to_answer_counts_as_running(root, monkeypatch):
    def ask(self, request):
        raise Unreachable(f"{self.path}: timed out") from TimeoutError("timed out")

    monkeypatch.setattr(UnixChannel, "ask", ask)
    assert LocalTarget(root).is_running()


def test_a_manager_whose_socket_nobody_serves_does_not_run(root):
    assert not LocalTarget(root).is_running()


def test_an_event_that_another_rule_takes_undoes_the_installation(root, said):
    goal = desired()
    probes = (dataclasses.replace(goal.probes[0], events=((b"site", "stdin"),)),)
    before = snapshot(root)
    with running(root), pytest.raises(InstallError, match="ended at 100001"):
        apply(LocalTarget(root), dataclasses.replace(goal, probes=probes), say=said.append)
    assert snapshot(root) == before


def test_a_file_that_cannot_be_read_is_one_clear_error(root, said):
    (root / "etc/rules/local_rules.xml").unlink()
    (root / "etc/rules/local_rules.xml").mkdir()
    with pytest.raises(InstallError, match=r"local_rules.xml: Is a directory"):
        apply(LocalTarget(root), desired(), say=said.append)


def test_a_folder_that_is_no_manager_is_refused(tmp_path):
    with pytest.raises(InstallError, match="no manager there"):
        LocalTarget(tmp_path)


def test_the_folder_itself_may_be_a_link(root, said):
    # The administrator named it; what lies below is walked without following any.
    (root.parent / "elsewhere").symlink_to(root)
    apply(LocalTarget(root.parent / "elsewhere"), desired(), say=said.append)
    assert (root / RULES).exists()
