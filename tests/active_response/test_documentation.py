"""The drill of docs/active-response.md does what the page says, typed as it stands there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ar_kit import ROOT, need_kernel

pytestmark = [pytest.mark.kernel, pytest.mark.slow]


def test_from_failed_logins_to_the_block_by_hand(tmp_path):
    need_kernel()
    for program in ("sshpass", "ssh", "ssh-keygen"):
        if not shutil.which(program):
            pytest.skip(f"needs {program}")
    if not Path("/usr/sbin/sshd").exists():
        pytest.skip("needs sshd")
    page = (ROOT / "docs/active-response.md").read_text()
    (text,) = re.findall(r"### From failed logins to the block, by hand\n.*?```sh\n(.*?)```", page, re.DOTALL)
    text = re.sub(r"\bcicd-(build|attacker|owner)\b", rf"cicdtest-{os.getpid()}-\1", text)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/wazuh-cicd").write_text(f'#!/bin/sh\nexec {sys.executable} -m wazuh_cicd.cli "$@"\n')
    (tmp_path / "bin/wazuh-cicd").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "PYTHONPATH": str(ROOT / "generator")}
    # The trap only takes away what a drill that failed half-way would leave.
    trap = f"for n in build attacker owner; do ip netns delete cicdtest-{os.getpid()}-$n 2>/dev/null; done"
    script = f"trap '{trap}; true' EXIT\n{text}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=240
    )
    said = done.stdout + done.stderr
    assert '"id":"112315"' in done.stdout, said
    assert '"keys":["203.0.113.2"]' in done.stdout, said
    listed = next(line for line in done.stdout.splitlines() if '"seconds_left"' in line)
    assert '"address":"203.0.113.2"' in listed
    assert '"rule_id":"112315"' in listed
    # Nine and one refused before the block; timed out and refused during it; refused again behind it.
    answers = re.findall(r"Permission denied|timed out", done.stderr)
    assert answers == ["Permission denied"] * 10 + ["timed out"] + ["Permission denied"] * 2, said
    assert done.stdout.splitlines()[-1].count('"action":"add","result":"done"') == 1
