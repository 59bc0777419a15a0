"""Every audit log action that GitHub documents, and some that it does not yet, as an event of its own."""

from __future__ import annotations

import json
from functools import cache

import pytest

from wazuh_cicd.content.documented.names import github_actions, harmless_actions
from wazuh_cicd.proof.rulesets import assemble
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import load_specs

EPOCH = 1_767_787_200.0
NET, NET_WITHOUT_ACTOR = 111540, 111041
ACTORS = ("mallory", "platform-team.example", "github-actions[bot]", "runner-manager.example")


@cache
def ruleset():
    return assemble(package=render_package(load_specs()).ruleset_files())


def verdict(action, **fields):
    event = {"action": action, "actor": "mallory", "org": "acme", "created_at": 1767225600000, **fields}
    event = {key: value for key, value in event.items() if value is not None}
    log = json.dumps({"integration": "github", "github": event})
    return ruleset().session().process(log, "github", time=EPOCH)


@pytest.mark.parametrize("actor", ACTORS)
def test_the_net_takes_nothing_that_a_rule_names(actor):
    caught = [
        action
        for action in sorted(github_actions().names)
        if verdict(action, actor=actor, repo="acme/app").rule_id == NET
    ]
    assert caught == []


def test_what_was_judged_harmless_is_not_loud():
    loud = {a: v.level for a in harmless_actions() if (v := verdict(a, repo="acme/app")).level >= 8}
    assert loud == {}


@pytest.mark.parametrize(
    ("action", "level"),
    [
        ("org.async_delete", 15),
        ("business.delete", 15),
        ("org.transfer", 12),
        ("user.promote", 12),
        ("business.remove_organization", 12),
        ("ip_allow_list.enable_skip_idp_ip_allowlist_app_access", 12),
        ("org.secret_scanning_custom_pattern_push_protection_disabled", 12),
        ("business_dependabot_alerts_new_repos.disable", 12),
        ("mcp_registry.settings_update", 10),
        ("personal_access_token.access_restriction_reset", 10),
        ("two_factor_account_recovery.complete", 10),
        ("repo.staff_unlock", 10),
        ("organization_custom_property_definition.destroy", 9),
        ("org.code_scanning_ai_findings_disabled", 9),
        ("copilot.swe_agent_repo_enabled", 8),
        ("user.correct_password_from_unrecognized_location", 8),
        ("pages_protected_domain.delete", 8),
        ("oauth_application.transfer", 8),
    ],
)
def test_grave_actions_are_loud(action, level):
    assert verdict(action).level >= level


@pytest.mark.parametrize(
    "action",
    [
        "future_guard.disabled",
        "org.future_policy_clear",
        "org.future.cleared",
        "repository_future.delete",
        "future.transfer",
        "user.future_promoted",
        "business.destroyed_future",
    ],
)
def test_the_net_takes_what_nobody_names_yet(action):
    assert verdict(action).rule_id == NET
    assert verdict(action, actor=None).rule_id == NET_WITHOUT_ACTOR


@pytest.mark.parametrize("action", ["project.future_delete", "issue.future_destroy", "future.enabled", "team.destroy"])
def test_everyday_work_passes_the_net(action):
    assert verdict(action).level < 8
