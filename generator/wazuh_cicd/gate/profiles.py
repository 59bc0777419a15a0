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
            "threats": ["malware", "kev", "epss"],
            "grace": False,
        },
        "sla_days": {},
        "secrets": "UNKNOWN",
        "misconfiguration": "MEDIUM",
        "database_max_age_hours": 24,
        "require_proof": True,
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
