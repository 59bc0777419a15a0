"""Findings about specs and about any Wazuh ruleset."""
