"""What agents get: complete, consistent with the rules that read its events, and verified on arrival."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import subprocess

import pytest
from lxml import etree

from wazuh_cicd.content.agents import DATA, POLICIES, agent_files
from wazuh_cicd.content.paths import content_root

FILES = agent_files()


def unpack(folder):
    for path, data in FILES.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return folder / "agent"


@pytest.mark.parametrize("group", sorted(POLICIES))
def test_an_agent_conf_is_one_element_and_names_policies_that_are_there(group):
    tree = etree.fromstring(FILES[f"agent/etc/shared/{group}/agent.conf"])
    assert tree.tag == "agent_config"
    named = {str(node.text).removeprefix("etc/shared/") for node in tree.iter("policy")}
    assert named == set(POLICIES[group])
    assert all(f"agent/etc/shared/{group}/{policy}" in FILES for policy in named)


def test_the_scanner_is_run_by_its_own_hash():
    tree = etree.fromstring(FILES["agent/etc/shared/build-servers/agent.conf"])
    wodle = tree.find("wodle")
    program = wodle.findtext("command").split()[0]
    data = FILES["agent" + program.removeprefix("/var/ossec")]
    assert wodle.findtext("verify_sha256") == hashlib.sha256(data).hexdigest()
    assert wodle.findtext("skip_verification") == "no"
    assert data.startswith(b"#!"), "the hash is that of the first word, so the program must be the first word"


def test_every_audit_key_that_a_rule_reads_is_set_by_an_audit_rule():
    set_keys = set(re.findall(r"-k (\S+)", "".join(p.read_text() for p in (DATA / "audit").glob("*.rules"))))
    read = set()
    for spec in (content_root() / "rules").rglob("*.yml"):
        read |= set(re.findall(r'audit\.key: (cicd_\w+)$|key="(cicd_\w+)"', spec.read_text(), re.MULTILINE))
    wanted = {first or second for first, second in read}
    assert wanted, "some rule reads audit events"
    assert wanted <= set_keys


def test_special_audit_rules_stand_before_general_ones():
    text = "".join(p.read_text() for p in sorted((DATA / "audit").glob("*.rules")))
    keys = re.findall(r"-k (\S+)", text)
    assert keys.index("cicd_docker_cli") < keys.index("cicd_runner_exec") < keys.index("cicd_exec")
    assert keys.index("cicd_jenkins_exec") < keys.index("cicd_runner_exec")


def test_building_twice_gives_the_same():
    assert agent_files() == FILES


def journal_blocks():
    for path, data in FILES.items():
        if path.endswith((".conf", ".xml")) and b"<location>journald</location>" in data:
            for block in etree.fromstring(b"<all>" + data + b"</all>").iter("localfile"):
                if block.findtext("location") == "journald":
                    yield path, {node.get("field"): str(node.text) for node in block.iter("filter")}


def test_nobody_but_sshd_writes_to_the_journal_in_the_name_of_sshd():
    """Jobs run in the unit of their runner, containers write as dockerd: each name that is read is fixed, or root's."""
    blocks = list(journal_blocks())
    assert len(blocks) >= 5
    for path, filters in blocks:
        assert "_SYSTEMD_UNIT" in filters, path
        if re.search(filters["_SYSTEMD_UNIT"], "ssh.service"):
            assert re.search(filters["_SYSTEMD_UNIT"], "sshd@1-192.0.2.1:22-192.0.2.9:40022.service")
            assert not re.search(filters["_SYSTEMD_UNIT"], "sshd-of-a-job.service")
            assert filters["_UID"] == "^0$", path
        else:
            assert not any(re.search(filters["SYSLOG_IDENTIFIER"], name) for name in ("sshd", "sshd-session")), path


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs sha256sum")
def test_programs_arrive_verified_with_their_modes(tmp_path):
    release = unpack(tmp_path)
    root = tmp_path / "ossec"
    (root / "active-response/bin").mkdir(parents=True)
    run = ["sh", str(release / "cicd/install-agent.sh"), "--root", str(root)]
    subprocess.run(run, check=True, capture_output=True)
    for name in ("active-response/bin/cicd-block-ip", "wodles/cicd/cicd-scan"):
        assert (root / name).read_bytes() == FILES[f"agent/{name}"]
        assert stat.S_IMODE((root / name).stat().st_mode) == 0o750
    subprocess.run(run, check=True, capture_output=True)


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs sha256sum")
def test_a_changed_program_is_not_copied(tmp_path):
    release = unpack(tmp_path)
    (release / "wodles/cicd/cicd-scan").write_bytes(b"#!/bin/sh\n")
    root = tmp_path / "ossec"
    (root / "active-response/bin").mkdir(parents=True)
    ran = subprocess.run(
        ["sh", str(release / "cicd/install-agent.sh"), "--root", str(root)], check=False, capture_output=True
    )
    assert ran.returncode == 1
    assert b"nothing was copied" in ran.stderr
    assert not list((root / "active-response/bin").iterdir())


def run_installer(release, root, **options):
    command = ["sh", str(release / "cicd/install-agent.sh"), "--root", str(root)]
    return subprocess.run(command, check=False, capture_output=True, text=True, **options)


@pytest.fixture
def agent(tmp_path):
    root = tmp_path / "ossec"
    (root / "active-response/bin").mkdir(parents=True)
    for folder in (root, root / "active-response", root / "active-response/bin"):
        folder.chmod(0o750)
    return root


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs sha256sum")
@pytest.mark.parametrize("extra", ["active-response/bin/cicd-extra", "wodles/cicd/cicd-scan2", "cicd/more", ".hidden"])
def test_a_file_that_the_checksums_do_not_list_is_refused(tmp_path, agent, extra):
    release = unpack(tmp_path)
    (release / extra).write_bytes(b"#!/bin/sh\n")
    ran = run_installer(release, agent)
    assert ran.returncode == 1
    assert f"does not list {extra}" in ran.stderr
    assert not list((agent / "active-response/bin").iterdir())


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs sha256sum")
@pytest.mark.parametrize(
    "extra",
    [
        "active-response/bin/cicd-block-ip\nwodles/cicd/cicd-scan",
        "cicd/\x1b[2J",
        "cicd/a b",
        "cicd/\u202ex",
        "wodles/-x\n",
    ],
)
def test_a_name_that_is_none_of_a_release_is_refused_in_plain_text(tmp_path, agent, extra):
    release = unpack(tmp_path)
    (release / extra).parent.mkdir(parents=True, exist_ok=True)
    (release / extra).write_bytes(b"#!/bin/sh\n")
    ran = run_installer(release, agent)
    assert ran.returncode == 1
    assert "names that no release has" in ran.stderr
    assert ran.stderr.rstrip("\n").isprintable()
    assert not list((agent / "active-response/bin").iterdir())


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs sha256sum")
def test_the_environment_leads_to_no_other_release(tmp_path, agent):
    release = unpack(tmp_path)
    (tmp_path / "other/cicd").mkdir(parents=True)
    command = ["sh", "cicd/install-agent.sh", "--root", str(agent)]
    environment = {"CDPATH": str(tmp_path / "other"), "TMPDIR": "/nonexistent", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    ran = subprocess.run(command, check=False, capture_output=True, text=True, cwd=release, env=environment)
    assert ran.returncode == 0, ran.stderr


def test_no_log_is_rotated_by_root_in_a_folder_of_another_user():
    found = [data.decode() for path, data in FILES.items() if path.endswith("logrotate")]
    assert found
    for text in found:
        for block in re.findall(r"\{(.*?)\n\}", text, re.DOTALL):
            owner = re.search(r"^\s*create \d+ (\S+) (\S+)$", block, re.MULTILINE)
            assert owner, block
            assert re.search(rf"^\s*su {owner[1]} {owner[2]}$", block, re.MULTILINE) or owner[1] == "root"


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs sha256sum")
def test_a_link_in_the_release_is_refused(tmp_path, agent):
    release = unpack(tmp_path)
    same = tmp_path / "same"
    (release / "wodles/cicd/cicd-scan").rename(same)
    (release / "wodles/cicd/cicd-scan").symlink_to(same)
    ran = run_installer(release, agent)
    assert ran.returncode == 1
    assert "no ordinary file: ./wodles/cicd/cicd-scan" in ran.stderr


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs sha256sum")
@pytest.mark.parametrize("line", ["x  ../../nonexistent\n", f"{'0' * 64}  /nonexistent\n", f"{'0' * 64}  a/../b\n"])
def test_checksums_that_lead_elsewhere_are_refused(tmp_path, agent, line):
    release = unpack(tmp_path)
    with (release / "cicd/SHA256SUMS").open("a") as stream:
        stream.write(line)
    ran = run_installer(release, agent)
    assert ran.returncode == 1
    assert "none of a checksum file" in ran.stderr


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs sha256sum")
def test_a_program_exchanged_after_it_was_verified_is_not_copied(tmp_path, agent):
    release = unpack(tmp_path)
    program = release / "active-response/bin/cicd-block-ip"
    shim = tmp_path / "path"
    shim.mkdir()
    real = shutil.which("sha256sum")
    (shim / "sha256sum").write_text(f'#!/bin/sh\n{real} "$@" || exit 1\necho "#!/bin/sh" > {program}\n')
    (shim / "sha256sum").chmod(0o755)
    ran = run_installer(release, agent, env={"PATH": f"{shim}:/usr/sbin:/usr/bin:/sbin:/bin"})
    assert ran.returncode == 1
    assert "exchanged while it was copied" in ran.stderr
    assert not list((agent / "active-response/bin").iterdir())
    assert not list(agent.glob(".cicd-*"))


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs sha256sum")
def test_a_folder_that_others_may_write_or_a_link_gets_no_programs(tmp_path, agent):
    release = unpack(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (agent / "wodles").mkdir(mode=0o750)
    (agent / "wodles/cicd").symlink_to(tmp_path / "elsewhere")
    ran = run_installer(release, agent)
    assert ran.returncode == 1
    assert "is a link or no folder" in ran.stderr
    assert not list((tmp_path / "elsewhere").iterdir())
    (agent / "wodles/cicd").unlink()
    if os.geteuid() == 0:
        (agent / "active-response/bin").chmod(0o770)
        ran = run_installer(release, agent)
        assert ran.returncode == 1
        assert "may be written by others than root" in ran.stderr
    assert not list((agent / "active-response/bin").iterdir())


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs sha256sum")
def test_a_relative_root_is_the_one_that_was_checked(tmp_path, agent):
    release = unpack(tmp_path)
    decoy = release / agent.name / "active-response/bin"
    decoy.mkdir(parents=True)
    ran = run_installer(release, agent.name, cwd=agent.parent)
    assert ran.returncode == 0, ran.stderr
    assert list((agent / "active-response/bin").iterdir())
    assert not list(decoy.iterdir())
