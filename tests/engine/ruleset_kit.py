"""Small rulesets for tests: the roots that every ruleset needs, a JSON decoder, and the rules in question."""

from wazuh_cicd.engine import EngineOptions, RulesetFiles, load_ruleset

DECODERS = b"""
<decoder name="json"><prematch>^{\\s*"</prematch><plugin_decoder>JSON_Decoder</plugin_decoder></decoder>
<decoder name="app"><program_name>^app$</program_name></decoder>
"""
ROOT = """
<group name="root,">
  <rule id="1" level="0" noalert="1"><category>syslog</category><description>Root</description></rule>
</group>
"""
OPTIONS = EngineOptions(manager="mgr", utc=True)


def group(rules, name="conf,"):
    return f'<group name="{name}">{rules}</group>'


def rule(number, body, *, level=5, **attributes):
    extra = "".join(f' {name}="{value}"' for name, value in attributes.items())
    description = "" if "<description>" in body else f"<description>Rule {number}</description>"
    return f'<rule id="{number}" level="{level}"{extra}>{body}{description}</rule>'


def files(*rules, lists=None, decoders=DECODERS, name="rules.xml"):
    text = ROOT + group("".join(rules)) if rules else ROOT
    return RulesetFiles((("decoders.xml", decoders),), ((name, text.encode()),), lists or {})


def load(*rules, lists=None, decoders=DECODERS):
    return load_ruleset(files=files(*rules, lists=lists, decoders=decoders), options=OPTIONS)


def judge(ruleset, *events):
    """Ids of the final rules of some events in one session, one a second at most."""
    session = ruleset.session()
    return [session.process(event, time=1000.0).rule_id for event in events]


def codes(ruleset):
    return [message.code for message in ruleset.messages]
