"""``check --manager``: what an upgrade of the manager's stock rules would change for ours."""

from __future__ import annotations

import re
import shutil

import pytest

from wazuh_cicd import cli
from wazuh_cicd.check.upgrade import stock_folder, upgrade_findings
from wazuh_cicd.content.paths import stock_root
from wazuh_cicd.errors import UsageError
from wazuh_cicd.proof.rulesets import ROOTS_FILE
from wazuh_cicd.render.package import select_sources
from wazuh_cicd.spec import load_specs

SPECS = select_sources(load_specs(), ["vault"])


def stock(folder):
    """The stand-ins, laid out as a manager's stock ruleset."""
    shutil.copytree(stock_root(), folder)
    (folder / "rules/0010-stand_ins_rules.xml").rename(folder / "rules" / ROOTS_FILE)
    return folder


@pytest.fixture
def old(tmp_path):
    return stock(tmp_path / "old")


@pytest.fixture
def new(tmp_path):
    return stock(tmp_path / "new")


def found(old, new):
    return {finding.code: finding for finding in upgrade_findings(SPECS, old, new)}


def test_the_same_rules_change_nothing(old, new):
    (new / "rules/0900-other_rules.xml").write_text(
        '<group name="other,">\n<rule id="99001" level="3"><match>never seen</match>'
        "<description>x</description></rule>\n</group>\n"
    )
    assert not found(old, new)


def test_new_stock_content_that_takes_our_events_is_told_by_the_test_that_breaks(old, new):
    (new / "decoders/0002-other_decoders.xml").write_text(
        '<decoder name="other">\n  <prematch>^{</prematch>\n</decoder>\n'
    )
    broken = found(old, new)["X840"]
    assert "passes with the old stock ruleset and not with the new" in broken.message
    assert broken.path.startswith("rules/vault/")
    assert broken.line


def test_an_id_of_ours_in_the_new_stock_rules_is_told(old, new):
    (new / "rules/0900-other_rules.xml").write_text(
        '<group name="other,">\n<rule id="117010" level="3"><match>never seen</match>'
        "<description>x</description></rule>\n</group>\n"
    )
    assert "117010" in found(old, new)["X841"].message


def test_a_parent_that_reads_otherwise_is_a_note(old, new):
    parents = {number for rule in load_specs().rules for number in rule.parents.stock}
    place = next(p for p in (new / "rules").glob("*.xml") if any(f'id="{n}"' in p.read_text() for n in parents))
    text = place.read_text()
    number = next(n for n in sorted(parents) if f'id="{n}"' in text)
    place.write_text(re.sub(rf'id="{number}" level="\d+"', f'id="{number}" level="6"', text))
    told = [f for f in upgrade_findings(load_specs(), old, new) if f.code == "X842"]
    assert [(f.rule, f.severity.value, "reads otherwise" in f.message) for f in told] == [(str(number), "note", True)]


def test_a_folder_without_a_stock_ruleset_is_refused(tmp_path, old):
    with pytest.raises(UsageError, match="no stock ruleset there"):
        stock_folder(tmp_path)
    assert stock_folder(old.parent / "old") == old


def test_the_command_says_it(old, new, capsys):
    assert cli.main(["check", "rules", "--manager", str(new), "--stock", str(old)]) == 2
    assert "it takes no PATH" in capsys.readouterr().err
