"""The scripts that run as root before Wazuh starts in a container: the folders they fill belong to the user wazuh."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

DOCKER = Path(__file__).resolve().parents[2] / "docker"
ONLY_ROOT = "root:$y$hash:1\n"
# Stands in for wazuh, whom not every machine has.
USER = pwd.getpwnam("nobody")
CONF = """<ossec_config>
  <client>
    <server><address>MANAGER_IP</address></server>
  </client>
  <cluster>
    <node_name>node01</node_name>
    <key></key>
    <disabled>yes</disabled>
  </cluster>
  <ruleset>
    <rule_dir>etc/rules</rule_dir>
  </ruleset>
</ossec_config>
"""
RULES = '<group><rule><list field="a" lookup="match_key">etc/lists/cicd/trusted_actors</list></rule></group>\n'
RESPONSE = "<ossec_config>\n  <command>\n    <name>cicd-block-ip</name>\n  </command>\n</ossec_config>\n"
DECLARED = "<list>etc/lists/cicd/trusted_actors</list>"
pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to hand folders to another account"),
]


@pytest.fixture
def host():
    """A container's files: the package, a manager's folder that is the user's, and what is none of the user's."""
    with tempfile.TemporaryDirectory(prefix="box") as folder:
        base = Path(folder)
        base.chmod(0o755)
        files = {
            "cicd/build/manager/etc/rules/1110-cicd_github_rules.xml": RULES,
            "cicd/build/manager/ossec.conf.d/response-block-ip.xml": RESPONSE,
            "cicd/build/manager/etc/lists/cicd/trusted_actors": "",
            "cicd/build/manager/ossec.conf.d/ruleset.xml": "<list>etc/lists/cicd/trusted_actors</list>\n",
            "cicd/build/manager/wodles/cicd/cicd-x": "#!/bin/sh\n",
            "cicd/build/agent/etc/shared/build-servers/agent.conf": "<agent_config/>\n",
            "cicd/tls/api.pem": "certificate\n",
            "cicd/tls/api-key.pem": "key\n",
            "ossec/etc/ossec.conf": CONF,
            "ossec/etc/rules/local_rules.xml": "<group/>\n",
            "ossec/etc/lists/audit-keys": "a:b\n",
            "ossec/etc/shared/ar.conf": "",
            "ossec/api/configuration/api.yaml": "",
            "ossec/wodles/utils.py": "",
            "ossec/etc/client.keys": "001 build any x\n",
            "cicd/agent/cicd/install-agent.sh": "exit 0\n",
            "cicd/agent/cicd/local_internal_options.conf": "wazuh_command.remote_commands=1\n",
            "mountinfo": f"1 0 0:1 / {base}/ossec/etc rw,relatime - ext4 /dev/a rw\n",
            "victim": "mine\n",
            "secret": ONLY_ROOT,
        }
        for path, text in files.items():
            (base / path).parent.mkdir(parents=True, exist_ok=True)
            (base / path).write_text(text)
        (base / "secret").chmod(0o600)
        (base / "dir").mkdir()
        for place in [base / "ossec/etc", *(base / "ossec/etc").rglob("*"), base / "ossec/api/configuration"]:
            os.chown(place, USER.pw_uid, USER.pw_gid)
            place.chmod(0o770 if place.is_dir() else 0o660)
        python = base / "ossec/framework/python/bin/python3"
        python.parent.mkdir(parents=True)
        python.symlink_to(shutil.which("python3", path="/usr/bin:/bin:/usr/local/bin") or sys.executable)
        yield base


def run(host, name, **more):
    text = (DOCKER / name).read_text().replace("/var/ossec", f"{host}/ossec").replace(" /cicd/", f" {host}/cicd/")
    text = text.replace("/proc/self/mountinfo", f"{host}/mountinfo")
    text = text.replace("input=/cicd", f"input={host}/cicd").replace("/var/log/", f"{host}/")
    text = text.replace("user=wazuh", "user=nobody").replace("wazuh:wazuh", f"{USER.pw_uid}:{USER.pw_gid}")
    text = text.replace("root:wazuh", f"0:{USER.pw_gid}")
    text = text.replace("/usr/local/lib/as_user.py", f"{DOCKER}/as_user.py")
    text = text.replace(f"{host}/cicd/as_user.py", f"{DOCKER}/as_user.py")
    # What comes then needs the programs, and starts Wazuh.
    text = text.split("  mkdir -p", 1)[0] + "fi" if name == "buildhost.sh" else text
    environment = {**os.environ, "CICD_CLUSTER_KEY": "0123abcd", "WAZUH_MANAGER_SERVER": "manager", **more}
    command = ["sh" if name == "buildhost.sh" else "bash", "-c", text, name]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environment, timeout=60)


def others(host):
    found = {}
    for place in sorted(host.rglob("*")):
        if place.relative_to(host).parts[0] in ("victim", "secret", "dir"):
            status = place.lstat()
            content = place.read_bytes() if place.is_file() else None
            found[place] = (content, status.st_uid, oct(status.st_mode))
    return found


def test_a_first_start_puts_the_package_in_place_once(host):
    ran = run(host, "package.sh")
    assert ran.returncode == 0, ran.stderr
    root = host / "ossec"
    for path in ("etc/rules/1110-cicd_github_rules.xml", "etc/lists/cicd/trusted_actors", "etc/shared/build-servers"):
        status = (root / path).stat()
        assert status.st_uid == USER.pw_uid
        assert stat.S_IMODE(status.st_mode) == (0o770 if (root / path).is_dir() else 0o660)
    program = (root / "wodles/cicd/cicd-x").stat()
    assert (program.st_uid, stat.S_IMODE(program.st_mode)) == (0, 0o750)
    assert (root / "etc/ossec.conf").read_text().count("<list>etc/lists/cicd/trusted_actors</list>") == 1
    key = root / "api/configuration/ssl/server.key"
    assert (key.read_text(), key.stat().st_uid, stat.S_IMODE(key.stat().st_mode)) == ("key\n", USER.pw_uid, 0o400)
    (root / "etc/lists/cicd/trusted_actors").write_text("edited:\n")
    again = run(host, "package.sh")
    assert again.returncode == 0, again.stderr
    assert (root / "etc/lists/cicd/trusted_actors").read_text() == "edited:\n"
    assert (root / "etc/ossec.conf").read_text().count("wazuh-cicd begin") == 1
    assert not list((root / "etc").glob(".ossec*"))


def start(host, **more):
    """A start of the container, with what it said."""
    ran = run(host, "package.sh", **more)
    return ran.returncode, ran.stderr


def test_what_a_mounted_ossec_conf_lacks_is_added_at_every_start(host):
    conf = host / "ossec/etc/ossec.conf"
    assert start(host, CICD_RESPOND="block-ip") == (0, "")
    once = conf.read_text()
    assert (once.count(DECLARED), once.count("<name>cicd-block-ip</name>")) == (1, 1)
    assert start(host, CICD_RESPOND="block-ip") == (0, "")
    assert conf.read_text() == once
    # As the image does with what lies below /wazuh-config-mount; a block in a comment is none.
    conf.write_text(CONF.replace("  <ruleset>", "  <!-- was:\n  </ruleset>\n  --><ruleset>"))
    assert start(host, CICD_RESPOND="block-ip") == (0, "")
    again = conf.read_text()
    assert again.index("-->") < again.index(DECLARED) < again.rindex("</ruleset>")
    assert again.count("<name>cicd-block-ip</name>") == 1
    conf.write_text(CONF.replace("</rule_dir>\n  </ruleset>", "</rule_dir></ruleset>"))
    code, said = start(host)
    assert code == 1
    assert "has no line </ruleset> of its own" in said
    assert DECLARED not in conf.read_text()


def test_another_package_brings_its_rules_and_keeps_edited_lists(host):
    build, etc = host / "cicd/build/manager/etc", host / "ossec/etc"
    assert start(host)[0] == 0
    (etc / "lists/cicd/trusted_actors").write_text("mine:\n")
    (etc / "rules/local_rules.xml").write_text("<!-- mine -->\n")
    (build / "rules/1110-cicd_github_rules.xml").unlink()
    (build / "rules/1140-cicd_docker_rules.xml").write_text(RULES)
    (build / "lists/cicd/new").write_text("a:\n")
    assert start(host) == (0, "")
    assert sorted(place.name for place in (etc / "rules").iterdir()) == [
        "1140-cicd_docker_rules.xml",
        "local_rules.xml",
    ]
    assert (etc / "lists/cicd/trusted_actors").read_text() == "mine:\n"
    assert (etc / "lists/cicd/new").read_text() == "a:\n"
    assert (etc / "rules/local_rules.xml").read_text() == "<!-- mine -->\n"


def test_what_the_api_installed_stays_and_its_lists_are_declared(host):
    etc = host / "ossec/etc"
    (etc / "lists/cicd_installed").write_text("x:\n")
    (etc / "lists/cicd_networks").write_text("192.0.2.:\n")
    rules = RULES.replace("cicd/trusted_actors", "cicd_networks")
    (etc / "rules/1110-cicd_github_rules.xml").write_text(rules)
    code, said = start(host)
    assert code == 0
    assert "installed through the server API" in said
    assert (etc / "rules/1110-cicd_github_rules.xml").read_text() == rules
    assert "<list>etc/lists/cicd_networks</list>" in (etc / "ossec.conf").read_text()


def test_mounts_that_hide_the_package_are_named(host):
    place = f"{host}/ossec/etc"
    (host / "mountinfo").write_text(f"1 0 0:1 / {place}/rules ro,relatime - tmpfs tmpfs rw\n")
    shutil.rmtree(host / "ossec/etc/rules")
    (host / "ossec/etc/rules").write_text("a file: nothing can be written below it\n")
    code, said = start(host)
    assert code == 1
    assert f"{place}/rules is a mount of its own, read-only" in said
    assert "mount it below /wazuh-config-mount/etc/rules" in said
    assert f"{place} is on no volume" in said
    assert "does not hold the rules and decoders of the package" in said
    # It is tried again at the next start.
    (host / "ossec/etc/rules").unlink()
    assert start(host)[0] == 0
    assert (host / "ossec/etc/rules/1110-cicd_github_rules.xml").read_text() == RULES


def test_a_folder_that_the_user_cannot_read_is_no_empty_one(host):
    (host / "ossec").chmod(0o700)
    code, said = start(host)
    assert code == 1
    assert "nothing was put in place" in said


@pytest.mark.parametrize("name", ["../../x", "quarantine-container"])
def test_a_response_that_is_not_in_the_package_is_named(host, name):
    code, said = start(host, CICD_RESPOND=name)
    assert code == 0
    assert said.startswith("wazuh-cicd: ")
    assert "<command>" not in (host / "ossec/etc/ossec.conf").read_text()


def test_a_cluster_is_joined(host):
    ran = run(host, "cluster.sh")
    assert ran.returncode == 0, ran.stderr
    text = (host / "ossec/etc/ossec.conf").read_text()
    assert "<key>0123abcd</key>" in text
    assert "<disabled>no</disabled>" in text
    assert "node01" not in text


def test_a_build_host_knows_its_manager(host):
    ran = run(host, "buildhost.sh")
    assert ran.returncode == 0, ran.stderr
    text = (host / "ossec/etc/ossec.conf").read_text()
    assert "<address>manager</address>" in text
    assert text.count("auth.log") == 1
    options = host / "ossec/etc/local_internal_options.conf"
    assert "remote_commands=1" in options.read_text()
    assert stat.S_IMODE(options.stat().st_mode) == 0o640


LINKS = {
    "etc/ossec.conf.cicd": "victim",
    "etc/ossec.conf": "victim",
    "etc/local_internal_options.conf": "victim",
    "etc/rules/1110-cicd_github_rules.xml": "victim",
    "etc/lists/cicd": "dir",
    "etc/rules": "dir",
    "etc/shared/build-servers": "dir",
    "etc/cicd-first-start": "dir/new",
    "api/configuration/ssl": "dir",
}


CASES = [
    *(("package.sh", path) for path in LINKS),
    *(
        (script, path)
        for script in ("cluster.sh", "buildhost.sh")
        for path in LINKS
        if path.endswith((".conf", ".cicd"))
    ),
]


@pytest.mark.parametrize(("script", "path"), CASES)
def test_no_link_in_these_folders_leads_root_elsewhere(host, script, path):
    place = host / "ossec" / path
    if place.exists():
        place.rename(host / "ossec/etc/away")
    place.symlink_to(host / LINKS[path])
    before = others(host)
    run(host, script)
    assert others(host) == before


@pytest.mark.parametrize("name", ["server.crt", "server.key"])
def test_no_link_in_place_of_the_certificate_is_followed(host, name):
    folder = host / "ossec/api/configuration/ssl"
    folder.mkdir()
    os.chown(folder, USER.pw_uid, USER.pw_gid)
    (folder / name).symlink_to(host / "victim")
    before = others(host)
    run(host, "package.sh")
    assert others(host) == before


@pytest.mark.parametrize("script", ["package.sh", "cluster.sh", "buildhost.sh"])
@pytest.mark.parametrize("how", ["linked", "moved"])
def test_what_only_root_can_read_stays_so(host, script, how):
    root = host / "ossec"
    if how == "linked":
        (root / "etc/ossec.conf").rename(root / "etc/away")
        (root / "etc/ossec.conf").symlink_to(host / "secret")
    else:
        # The folder is the user's, so a root-only file in it can be given another name.
        (host / "secret").rename(root / "etc/rules/moved.xml")
    run(host, script)
    readable = [
        str(place)
        for place in root.rglob("*")
        if place.is_file() and not place.is_symlink() and place.stat().st_uid != 0 and ONLY_ROOT in place.read_text()
    ]
    assert not readable
