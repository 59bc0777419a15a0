"""Named policies: what a standard asks of a build, as far as a scanner can see it.

A profile is a policy in the same form as a file's; keys of the file win over it. The sources name what each number
comes from; a profile is a starting point for talks with an auditor, not a certificate.
"""

from __future__ import annotations

from typing import Any

PROFILES: dict[str, dict[str, Any]] = {
    # Our own proposal: an exploited or critical vulnerability never ships, a high one may wait for its SLA.
    "default": {
        "vulnerabilities": {
            "severity": "HIGH",
            "unfixed": "warn",
            "threats": ["malware", "kev", "epss"],
            "grace": False,
        },
        "sla_days": {"KEV": 7, "CRITICAL": 7, "HIGH": 30, "MEDIUM": 90, "LOW": 180},
        "secrets": "LOW",
        "misconfiguration": "HIGH",
        "database_max_age_hours": 120,
    },
    # Everything that has a fix, every misconfiguration of note, proof of the operating system.
    "strict": {
        "vulnerabilities": {
            "severity": "MEDIUM",
            "unfixed": "fail",
            "unrated": "fail",
            "threats": ["malware", "kev", "epss"],
            "grace": False,
        },
        "sla_days": {},
        "secrets": "UNKNOWN",
        "misconfiguration": "MEDIUM",
        "database_max_age_hours": 24,
        "require_proof": True,
        "hidden": "fail",
    },
    # The GDPR names no numbers, only the "state of the art" and a process that tests it; the days are our proposal.
    "gdpr": {
        "vulnerabilities": {"severity": "HIGH", "unfixed": "warn", "threats": ["malware", "kev"], "grace": False},
        "sla_days": {"KEV": 7, "CRITICAL": 7, "HIGH": 30, "MEDIUM": 90},
        "secrets": "LOW",
        "misconfiguration": "HIGH",
        "database_max_age_hours": 72,
        "hidden": "fail",
    },
    # HIPAA's Security Rule (45 CFR 164) names no numbers either, and wants each accepted risk documented.
    "hipaa": {
        "vulnerabilities": {"severity": "HIGH", "unfixed": "warn", "threats": ["malware", "kev"], "grace": False},
        "sla_days": {"KEV": 14, "CRITICAL": 14, "HIGH": 30, "MEDIUM": 90},
        "secrets": "LOW",
        "misconfiguration": "HIGH",
        "database_max_age_hours": 72,
        "hidden": "fail",
    },
    # PCI DSS 4.0 requirement 6.3.3: critical and high-security patches within one month of release.
    "pci-dss": {
        "vulnerabilities": {"severity": "HIGH", "unfixed": "warn", "threats": ["malware", "kev"], "grace": True},
        "sla_days": {"KEV": 14, "CRITICAL": 30, "HIGH": 30},
        "secrets": "LOW",
        "misconfiguration": "HIGH",
        "database_max_age_hours": 120,
    },
    # FedRAMP continuous monitoring: high 30, moderate 90, low 180 days; KEV as in BOD 22-01.
    "fedramp": {
        "vulnerabilities": {"severity": "LOW", "unfixed": "warn", "threats": ["malware", "kev"], "grace": True},
        "sla_days": {"KEV": 14, "CRITICAL": 30, "HIGH": 30, "MEDIUM": 90, "LOW": 180},
        "secrets": "LOW",
        "misconfiguration": "HIGH",
        "database_max_age_hours": 72,
    },
    # CISA BOD 22-01: known exploited vulnerabilities, typically within 14 days; nothing else fails.
    "cisa-kev": {
        "vulnerabilities": {"severity": "NEVER", "unfixed": "warn", "threats": ["malware", "kev"], "grace": True},
        "sla_days": {"KEV": 14},
        "secrets": "NEVER",
        "misconfiguration": "NEVER",
        "database_max_age_hours": 120,
    },
}

# The control that each key of a profile serves, as an auditor calls it.
CONTROLS: dict[str, dict[str, str]] = {
    "pci-dss": {
        "vulnerabilities": "6.3.1 vulnerabilities are identified and ranked; 6.3.3 critical and high ones are fixed",
        "sla_days": "6.3.3 within one month of release",
        "secrets": "8.6.2 no passwords in scripts, configuration or source code",
        "misconfiguration": "2.2.1 components are configured to a standard",
        "database_max_age_hours": "6.3.1 new vulnerabilities are known",
    },
    "gdpr": {
        "vulnerabilities": "Art. 32(1)(b) ongoing confidentiality, integrity, availability and resilience",
        "sla_days": "Art. 32(1)(d) a process for regularly testing and evaluating the measures",
        "secrets": "Art. 5(1)(f) and 32(2) protection against unauthorised access and disclosure",
        "misconfiguration": "Art. 25(2) data protection by default",
        "database_max_age_hours": "Art. 32(1) the state of the art",
        "hidden": "Art. 5(2) accountability: what was accepted can be demonstrated",
    },
    "hipaa": {
        "vulnerabilities": "164.308(a)(1)(ii)(A) risk analysis; 164.308(a)(5)(ii)(B) malicious software",
        "sla_days": "164.308(a)(1)(ii)(B) risk management: reduced to a reasonable level",
        "secrets": "164.308(a)(5)(ii)(D) password management; 164.312(d) authentication",
        "misconfiguration": "164.312(a)(1) access control; 164.312(c)(1) integrity",
        "database_max_age_hours": "164.308(a)(8) evaluation in response to changes",
        "hidden": "164.316(b)(1)(ii) actions and assessments are documented",
    },
}
