"""Networks in specs: what a manager compares in its own way is written so that it means what it says, or refused."""

from __future__ import annotations

import pytest

from wazuh_cicd.engine import RulesetFiles, load_ruleset
from wazuh_cicd.errors import SpecError
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import load_specs

SPEC = """
source: signing
parent: root
rules:
  - id: 119899
    name: from-a-network
    level: 0
    title: x
    status: test
    when:
      srcip: {{cidr: [{network}]}}
    tests:
      - fires: {{decoded: anything, srcip: 192.0.2.1}}
      - silent: {{decoded: anything, srcip: 192.0.2.2}}
"""


def render(folder, network):
    for room in ("rules/signing", "decoders", "lists"):
        (folder / room).mkdir(parents=True)
    (folder / "rules/signing/a.yml").write_text(SPEC.format(network=network))
    return render_package(load_specs(folder)).ruleset_files()


def test_all_of_ipv4_does_not_hold_ipv6(tmp_path):
    text = render(tmp_path, "0.0.0.0/0")["etc/rules/0011-cicd_base_rules.xml"].decode()
    assert text.count("<srcip>") == 2
    root = (
        '<group name="r,"><rule id="1" level="0" noalert="1"><category>syslog</category><description/></rule></group>'
    )
    decoders = (
        '<decoder name="a"><program_name>^a$</program_name></decoder>'
        r'<decoder name="d"><prematch>^ip </prematch><regex type="pcre2" offset="after_prematch">^(\S+)</regex>'
        "<order>srcip</order></decoder>"
    )
    files = RulesetFiles(
        decoders=(("d.xml", decoders.encode()),), rules=(("0010-r.xml", root.encode()), ("0011-b.xml", text.encode()))
    )
    session = load_ruleset(files=files, cache=False).session()
    assert session.process("ip 198.51.100.7").rule_id == 119899
    assert session.process("ip 203.0.113.7").rule_id == 119899
    assert session.process("ip 2001:db8::1").rule_id is None


@pytest.mark.parametrize("network", ['"::1/128"', '"::ffff:0:0/96"'])
def test_blocks_in_which_a_manager_finds_ipv4_addresses_are_refused(tmp_path, network):
    with pytest.raises(SpecError, match="M312 a manager takes IPv4 addresses for some of"):
        render(tmp_path, network)


@pytest.mark.parametrize("network", ['"2001:db8::/32"', '"fc00::/7"', "10.0.0.0/8"])
def test_ordinary_blocks_are_written_as_they_are(tmp_path, network):
    text = render(tmp_path, network)["etc/rules/0011-cicd_base_rules.xml"].decode()
    assert f"<srcip>{network.strip(chr(34))}</srcip>" in text
