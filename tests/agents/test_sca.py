"""Each check of our policies passes on a host that is set up well, and fails on one that is not, for its own reason."""

from __future__ import annotations

import re

import pytest
import yaml

from agents.sca import FAILED, NOT_APPLICABLE, PASSED, applies, judge
from wazuh_cicd.content.agents import DATA

_HOME = "var/lib/jenkins"
_CONFIG = f"{_HOME}/config.xml"
_TOKENS = f"{_HOME}/jenkins.security.apitoken.ApiTokenPropertyConfiguration.xml"
_RUNNER = "home/runner/actions-runner"
_DAEMON = "etc/docker/daemon.json"
_UNIT = "etc/systemd/system/docker.service.d/override.conf"
_API = "etc/kubernetes/manifests/kube-apiserver.yaml"
_KUBELET = "var/lib/kubelet/config.yaml"

GOOD = {
    "jenkins": {
        _CONFIG: """<?xml version='1.1' encoding='UTF-8'?>
<hudson>
  <numExecutors>0</numExecutors>
  <useSecurity>true</useSecurity>
  <authorizationStrategy class="hudson.security.FullControlOnceLoggedInAuthorizationStrategy">
    <denyAnonymousReadAccess>true</denyAnonymousReadAccess>
  </authorizationStrategy>
  <securityRealm class="hudson.security.HudsonPrivateSecurityRealm">
    <disableSignup>true</disableSignup>
  </securityRealm>
  <crumbIssuer class="hudson.security.csrf.DefaultCrumbIssuer">
  </crumbIssuer>
  <slaveAgentPort>-1</slaveAgentPort>
  <markupFormatter class="hudson.markup.EscapedMarkupFormatter"/>
</hudson>
""",
        f"{_HOME}/plugins/audit-trail.jpi": "PK",
        f"{_HOME}/init.groovy.d/README": "none",
        _TOKENS: "<x>\n  <tokenGenerationOnCreationEnabled>false</tokenGenerationOnCreationEnabled>\n</x>\n",
    },
    "github_runner": {
        f"{_RUNNER}/.runner": '{\n  "agentId": 1,\n  "ephemeral": true\n}\n',
        f"{_RUNNER}/.env": "LANG=C.UTF-8\nACTIONS_RUNNER_HOOK_JOB_STARTED=/opt/ci/job-started.sh\n",
        "etc/group": "root:x:0:\ndocker:x:998:operator\nrunner:x:1001:\n",
        "etc/sudoers": "root ALL=(ALL:ALL) ALL\n",
        "etc/sudoers.d/README": "#\n",
        "home/runner/.docker/config.json": '{"credHelpers": {}}\n',
        "home/runner/.npmrc": "ignore-scripts=true\n",
        "home/runner/.pypirc": "[distutils]\n",
    },
    "docker": {
        _DAEMON: """{
  "icc": false,
  "userns-remap": "default",
  "no-new-privileges": true,
  "live-restore": true,
  "log-opts": {"max-size": "10m"},
  "insecure-registries": []
}
""",
        _UNIT: "[Service]\nExecStart=\nExecStart=/usr/bin/dockerd -H fd://\n",
        "etc/group": "root:x:0:\ndocker:x:998:\n",
    },
    "kubernetes": {
        _API: """spec:
  containers:
  - command:
    - kube-apiserver
    - --anonymous-auth=false
    - --audit-policy-file=/etc/kubernetes/audit-policy.yaml
    - --audit-log-path=/var/log/kubernetes/audit.log
    - --audit-log-maxage=30
    - --authorization-mode=Node,RBAC
    - --enable-admission-plugins=NodeRestriction,PodSecurity
    - --encryption-provider-config=/etc/kubernetes/encryption.yaml
    - --profiling=false
""",
        _KUBELET: "authorization:\n  mode: Webhook\nreadOnlyPort: 0\nrotateCertificates: true\n",
    },
}

# One change to the good host for each check: the file, what stands there, what shall stand there (None: no such file).
BAD = {
    911000: [(_CONFIG, "<useSecurity>true", "<useSecurity>false")],
    911001: [
        (_CONFIG, "hudson.security.FullControlOnceLoggedIn", "hudson.security.AuthorizationStrategy$Unsecured"),
        (_CONFIG, "hudson.security.FullControlOnceLoggedIn", "hudson.security.Legacy"),
    ],
    911002: [(_CONFIG, "<denyAnonymousReadAccess>true", "<denyAnonymousReadAccess>false")],
    911003: [(_CONFIG, "<disableSignup>true", "<disableSignup>false")],
    911004: [(_CONFIG, "<crumbIssuer class", "<noCrumbIssuer class")],
    911005: [(_CONFIG, "<numExecutors>0", "<numExecutors>2")],
    911006: [(_CONFIG, "<slaveAgentPort>-1", "<slaveAgentPort>50000")],
    911007: [(_CONFIG, "hudson.markup.EscapedMarkupFormatter", "hudson.markup.RawHtmlMarkupFormatter")],
    911008: [
        (f"{_HOME}/plugins/audit-trail.jpi", "PK", None),
        (f"{_HOME}/plugins/audit-trail.jpi.disabled", None, ""),
    ],
    911009: [(f"{_HOME}/init.groovy.d/evil.groovy", None, "println 1"), (f"{_HOME}/init.groovy", None, "println 1")],
    911010: [
        (_TOKENS, "<tokenGenerationOnCreationEnabled>false", "<tokenGenerationOnCreationEnabled>true"),
        (_TOKENS, "<tokenGenerationOnCreationEnabled>false", "<creationOfLegacyTokenEnabled>true"),
    ],
    912000: [(f"{_RUNNER}/.runner", '"ephemeral": true', '"ephemeral": false')],
    912001: [(f"{_RUNNER}/.runner", '"agentId": 1', '"disableUpdate": true')],
    912002: [(f"{_RUNNER}/.env", "ACTIONS_RUNNER_HOOK_JOB_STARTED=/opt/ci/job-started.sh", "")],
    912003: [(f"{_RUNNER}/.env", "LANG=C.UTF-8", "RUNNER_ALLOW_RUNASROOT=1")],
    912004: [
        (f"{_RUNNER}/.env", "LANG=C.UTF-8", "NPM_TOKEN=x"),
        (f"{_RUNNER}/.env", "LANG=C.UTF-8", "AWS_SECRET_ACCESS_KEY=x"),
    ],
    912005: [("etc/group", "docker:x:998:operator", "docker:x:998:operator,runner")],
    912006: [
        ("etc/sudoers", "root ALL", "runner ALL=(ALL) NOPASSWD: ALL\nroot ALL"),
        ("etc/sudoers.d/runner", None, "runner ALL=(ALL) NOPASSWD: /usr/bin/apt\n"),
    ],
    912007: [("home/runner/.git-credentials", None, "https://x")],
    912008: [
        ("home/runner/.aws/credentials", None, "[default]"),
        ("home/runner/.azure/msal_token_cache.json", None, "{}"),
        ("home/runner/.config/gcloud/application_default_credentials.json", None, "{}"),
    ],
    912009: [(f"home/runner/.ssh/id_{kind}", None, "key") for kind in ("rsa", "ed25519", "ecdsa")],
    912010: [
        ("home/runner/.docker/config.json", "{}", '{}, "auths": {"r": {"auth": "eA=="}}'),
        ("home/runner/.npmrc", "ignore-scripts=true", "//registry.npmjs.org/:_authToken=x"),
        ("home/runner/.pypirc", "[distutils]", "[pypi]\npassword = x"),
    ],
    913000: [],
    913001: [(_DAEMON, '"no-new-privileges": true', '"no-new-privileges": false')],
    913002: [(_DAEMON, '"userns-remap": "default"', '"userns-remap": ""')],
    913003: [(_DAEMON, '"icc": false', '"icc": true')],
    913004: [
        (_DAEMON, '"icc": false,', '"icc": false, "hosts": ["tcp://0.0.0.0:2375"],'),
        (_UNIT, "-H fd://", "-H tcp://0.0.0.0:2375"),
    ],
    913005: [(_DAEMON, '"insecure-registries": []', '"insecure-registries": ["registry.example.com"]')],
    913006: [("etc/group", "docker:x:998:", "docker:x:998:dev")],
    913007: [(_DAEMON, '{"max-size": "10m"}', "{}")],
    913008: [(_DAEMON, '"live-restore": true', '"live-restore": false')],
    914000: [(_API, "--anonymous-auth=false", "--anonymous-auth=true")],
    914001: [(_API, "--audit-policy-file=", "--no-audit-policy-file="), (_API, "--audit-log-path=", "--no=")],
    914002: [(_API, "--audit-log-maxage=30", "--audit-log-maxage=7"), (_API, "    - --audit-log-maxage=30\n", "")],
    914003: [(_API, "=Node,RBAC", "=Node"), (_API, "=Node,RBAC", "=AlwaysAllow,RBAC")],
    914004: [(_API, "NodeRestriction,", "")],
    914005: [(_API, "--encryption-provider-config=", "--no-encryption=")],
    914006: [(_API, "--profiling=false", "--profiling=true")],
    914007: [(_API, "--profiling=false", "--profiling=false\n    - --token-auth-file=/etc/tokens.csv")],
    914008: [(_KUBELET, "readOnlyPort: 0", "readOnlyPort: 10255")],
    914009: [(_KUBELET, "mode: Webhook", "mode: AlwaysAllow")],
    914010: [(_KUBELET, "rotateCertificates: true", "rotateCertificates: false")],
}
POLICIES = sorted((DATA / "sca").glob("*.yml"))
CASES = [(number, case) for number, cases in BAD.items() for case in cases]


def host(folder, name):
    for path, text in GOOD[name].items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return folder


def policy_of(number):
    return {911: "jenkins", 912: "github_runner", 913: "docker", 914: "kubernetes"}[number // 1000]


@pytest.mark.parametrize("name", sorted(GOOD))
def test_every_check_passes_on_a_good_host(tmp_path, name):
    policy = DATA / "sca" / f"cicd_{name}.yml"
    assert applies(policy, host(tmp_path, name))
    assert set(judge(policy, tmp_path).values()) == {PASSED}


@pytest.mark.parametrize(("number", "case"), CASES, ids=[f"{n}-{i}" for i, (n, _) in enumerate(CASES)])
def test_a_check_fails_on_a_bad_host_and_no_other_does(tmp_path, number, case):
    name = policy_of(number)
    root = host(tmp_path, name)
    path, old, new = case
    place = root / path
    if new is None:
        place.unlink()
    elif old is None:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(new)
    else:
        assert old in place.read_text()
        place.write_text(place.read_text().replace(old, new))
    results = judge(DATA / "sca" / f"cicd_{name}.yml", root)
    assert [n for n, result in results.items() if result == FAILED] == [number]


def test_a_daemon_without_a_file_fails_and_says_nothing_about_what_it_cannot_see(tmp_path):
    root = host(tmp_path, "docker")
    (root / _DAEMON).unlink()
    results = judge(DATA / "sca" / "cicd_docker.yml", root)
    assert results[913000] == FAILED
    assert results[913001] == NOT_APPLICABLE


@pytest.mark.parametrize("policy", POLICIES, ids=lambda place: place.stem)
def test_policies_are_complete_and_run_no_commands(policy):
    document = yaml.safe_load(policy.read_text())
    assert document["policy"]["file"] == policy.name
    assert document["policy"]["id"] == policy.stem
    keys = {"id", "title", "description", "rationale", "remediation", "compliance", "condition", "rules"}
    for check in document["checks"]:
        assert set(check) == keys
        assert all(re.match(r"(not )?[fd]:", rule) for rule in check["rules"]), check["id"]


def test_every_check_has_its_bad_hosts_and_an_id_of_its_own():
    numbers = [check["id"] for policy in POLICIES for check in yaml.safe_load(policy.read_text())["checks"]]
    assert len(numbers) == len(set(numbers))
    assert sorted(numbers) == sorted(BAD)
