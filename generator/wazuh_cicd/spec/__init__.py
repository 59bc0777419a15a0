"""YAML specs of rules, decoders and lists: text to located nodes to a validated model."""

from wazuh_cicd.spec.load import load_specs, read_specs
from wazuh_cicd.spec.model import (
    SOURCES,
    Condition,
    Correlate,
    DecoderSpec,
    DecoderTest,
    ListSpec,
    Parents,
    Response,
    RuleSpec,
    Source,
    SpecSet,
    TestEvent,
    TestSpec,
)

__all__ = [
    "SOURCES",
    "Condition",
    "Correlate",
    "DecoderSpec",
    "DecoderTest",
    "ListSpec",
    "Parents",
    "Response",
    "RuleSpec",
    "Source",
    "SpecSet",
    "TestEvent",
    "TestSpec",
    "load_specs",
    "read_specs",
]
