"""Which technique ids a spec may name."""

from wazuh_cicd.spec.mitre import mitre_problem, techniques


def test_a_live_technique_is_known():
    assert mitre_problem("T1195.002") is None
    assert len(techniques()) == 607


def test_a_retired_technique_is_not_known_to_a_manager():
    what, mend = mitre_problem("T1086")
    assert "is retired" in what
    assert "attack.mitre.org" in mend
