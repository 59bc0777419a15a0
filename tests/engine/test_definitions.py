"""What the XML states is apart from what is made of it, and names in both rooms agree."""

import pytest
from ruleset_kit import OPTIONS, files, judge, rule

from wazuh_cicd.engine import load_ruleset
from wazuh_cicd.engine.decode.plugins import PLUGINS
from wazuh_cicd.engine.judge.compiledrules import COMPILED_RULES
from wazuh_cicd.engine.load import ruletags
from wazuh_cicd.engine.load.decoderdefinition import PLUGIN_NAMES


def test_the_loader_takes_the_names_that_the_engine_has_as_code():
    assert set(COMPILED_RULES) == ruletags.COMPILED_RULES
    assert set(PLUGINS) == PLUGIN_NAMES


def test_judging_an_event_leaves_the_definitions_as_they_were():
    ruleset = load_ruleset(files=files(rule(100000, "<match>a</match>")), options=OPTIONS)
    loaded = ruleset.rules[100000]
    before = loaded.definition
    texts = dict(before.texts)
    assert not loaded.compiled
    judge(ruleset, "a")
    assert loaded.compiled
    assert loaded.definition is before
    assert before.texts == texts
    with pytest.raises(AttributeError):
        before.level = 3
