"""A manager's folder as a manager has it, and one that answers: enough of both for installations to be tested."""

from __future__ import annotations

import json
import socket
import struct
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wazuh_cicd.install.desired import Desired, Probe
from wazuh_cicd.install.record import Record, digest

if TYPE_CHECKING:
    from pathlib import Path

CONF = """<!--
  Wazuh - Manager - Default configuration for debian 12
-->

<ossec_config>
  <global>
    <jsonout_output>yes</jsonout_output>
  </global>

  <!-- a <ruleset> in a comment counts for nothing -->
  <command>
    <name>disable-account</name>
    <executable>disable-account</executable>
    <timeout_allowed>yes</timeout_allowed>
  </command>

  <!--
  <active-response>
    active-response options here
  </active-response>
  -->

  <localfile>
    <log_format>full_command</log_format>
    <command>netstat -tulpn | sed 's/\\([[:alnum:]]\\+\\)\\ \\+.*/\\1 == \\2/' && true</command>
    <frequency>360</frequency>
  </localfile>

  <ruleset>
    <!-- Default ruleset -->
    <decoder_dir>ruleset/decoders</decoder_dir>
    <rule_dir>ruleset/rules</rule_dir>
    <rule_exclude>0215-policy_rules.xml</rule_exclude>
    <list>etc/lists/audit-keys</list>

    <!-- User-defined ruleset -->
    <decoder_dir>etc/decoders</decoder_dir>
    <rule_dir>etc/rules</rule_dir>
  </ruleset>
</ossec_config>

<ossec_config>
  <localfile>
    <log_format>syslog</log_format>
    <location>/var/ossec/logs/active-responses.log</location>
  </localfile>

</ossec_config>
"""
LOCAL_RULES = """<!-- the site's own -->
<group name="local,">
  <rule id="100001" level="5">
    <match>site</match>
    <description>The site's own rule</description>
  </rule>
</group>
"""


def make_root(root: Path, *, conf: str = CONF) -> Path:
    """A manager's tree, without programs."""
    files = {
        "etc/ossec.conf": conf,
        "etc/rules/local_rules.xml": LOCAL_RULES,
        "etc/rules/0900-vendor_rules.xml": '<group name="vendor,">\n<rule id="120001" level="3"><match>v</match>'
        "<description>Another vendor's</description></rule>\n</group>\n",
        "etc/decoders/local_decoder.xml": '<decoder name="site"><program_name>^site$</program_name></decoder>\n',
        "etc/lists/audit-keys": "audit-wazuh-w:write\n",
        "ruleset/rules/0010-rules_config.xml": '<group name="syslog,">\n<rule id="1" level="0" noalert="1">'
        "<category>syslog</category><description>All syslog.</description></rule>\n</group>\n",
        "ruleset/decoders/0006-json_decoders.xml": '<decoder name="json"><prematch>^{\\s*"</prematch></decoder>\n',
        "active-response/bin/disable-account": "#!/bin/sh\n",
    }
    for path, text in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        place.chmod(0o660)
    for folder in ("queue/sockets", "var", "wodles", "bin"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for folder in ("etc", "etc/rules", "etc/decoders", "etc/lists"):
        (root / folder).chmod(0o770)
    (root / "active-response" / "bin").chmod(0o750)
    return root


def rules_xml(*ids: int, text: str = "ours") -> bytes:
    body = "".join(
        f'  <rule id="{number}" level="5">\n    <match>{text} {number}</match>\n    <description>{text}</description>\n'
        "  </rule>\n"
        for number in ids
    )
    return f'<group name="cicd,">\n{body}</group>\n'.encode()


def desired(
    ids: tuple[int, ...] = (111001, 111002),
    *,
    text: str = "ours",
    lists: dict[str, bytes] | None = None,
    extra: dict[str, bytes] | None = None,
    top: bytes = b"",
    version: str = "1.0",
) -> Desired:
    """A small package: one rules file, one decoders file, lists."""
    lists = {"trusted_actors": b"octo-admin:platform\n", "networks": b""} if lists is None else lists
    rules = "etc/rules/1110-cicd_github_rules.xml"
    files = {
        rules: rules_xml(*ids, text=text),
        "etc/decoders/1130-cicd_jenkins_decoders.xml": b'<decoder name="cicd-jenkins">\n'
        b"  <program_name>^jenkins$</program_name>\n</decoder>\n",
        **{f"etc/lists/cicd/{name}": data for name, data in lists.items()},
        **(extra or {}),
    }
    record = Record(
        version, 111000, ("github",), (), {path: digest(data) for path, data in files.items()}, dict.fromkeys(ids, "x")
    )
    return Desired(
        files,
        tuple(f"<list>etc/lists/cicd/{name}</list>" for name in sorted(lists)),
        top,
        record,
        dict.fromkeys(ids, rules),
        tuple(Probe("github", n, f"rule-{n}", ((f"{text} {n}".encode(), "stdin"),)) for n in ids),
    )


def snapshot(root: Path, *, leave_out: tuple[str, ...] = ("var/wazuh-cicd", "queue")) -> dict[str, tuple[bytes, int]]:
    """Every file's content and mode; ``.cdb`` files are analysisd's own."""
    found = {}
    for place in sorted(root.rglob("*")):
        path = str(place.relative_to(root))
        if place.is_file() and not place.is_symlink() and not path.startswith(leave_out) and not path.endswith(".cdb"):
            found[path] = (place.read_bytes(), place.stat().st_mode & 0o7777)
    return found


@dataclass
class RunningManager:
    """Stands in for analysisd: answers on both sockets from the rules that lie on its disk, as analysisd would.

    Attributes:
        root: its folder.
        reloads: how often it was told to reload.
        warnings: given at load, beside those about rules with the text ``dropped``.
        refuse: the reload fails with this text.
    """

    root: Path
    reloads: int = 0
    warnings: list[str] = field(default_factory=list)
    refuse: str = ""

    def load(self) -> tuple[dict[str, int], list[str]]:
        """What each event matches, and the load messages."""
        import re  # noqa: PLC0415 - here alone

        rules: dict[str, int] = {}
        said = list(self.warnings)
        for place in sorted((self.root / "etc/rules").glob("*.xml")):
            for number, text in re.findall(r'<rule id="(\d+)".*?<match>(.*?)</match>', place.read_text(), re.DOTALL):
                if "dropped" in text:
                    said.append(f"(7619): Empty 'if_sid' value. Rule '{number}' will be ignored.")
                else:
                    rules[text] = int(number)
        return rules, said

    def answer(self, request: dict) -> dict:
        """One request of either socket."""
        if request["command"] == "reload-ruleset":
            if self.refuse:
                return {"error": 1, "message": "due", "data": [self.refuse]}
            self.reloads += 1
            return {"error": 0, "message": "ok", "data": self.load()[1]}
        if request["command"] == "log_processing":
            rules, said = self.load()
            parameters = request["parameters"]
            messages = [] if "token" in parameters else [f"WARNING: {line}" for line in said]
            rule = {"id": str(rules[parameters["event"]]), "level": 5} if parameters["event"] in rules else None
            output = {"full_log": parameters["event"], "decoder": {}, **({"rule": rule} if rule else {})}
            data = {"messages": messages, "token": "0000abcd", "output": output, "alert": bool(rule), "codemsg": 0}
            return {"error": 0, "data": data}
        return {"error": 3 if request["command"] == "getconfig" else 0, "message": "no such command", "data": {}}


@contextmanager
def running(root: Path):
    """A manager that runs on this tree while the block lasts."""
    manager = RunningManager(root)
    stop = threading.Event()
    threads = []
    for name in ("logtest", "analysis"):
        path = root / "queue/sockets" / name
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen(16)
        listener.settimeout(0.05)
        threads.append(threading.Thread(target=_serve, args=(listener, manager, stop), daemon=True))
        threads[-1].start()
    try:
        yield manager
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        for name in ("logtest", "analysis"):
            (root / "queue/sockets" / name).unlink(missing_ok=True)


def _serve(listener: socket.socket, manager: RunningManager, stop: threading.Event) -> None:
    with listener:
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            with connection, connection.makefile("rwb") as stream:
                head = stream.read(4)
                if len(head) < 4:
                    continue
                request = json.loads(stream.read(struct.unpack("<I", head)[0]))
                body = json.dumps(manager.answer(request)).encode()
                stream.write(struct.pack("<I", len(body)) + body)
