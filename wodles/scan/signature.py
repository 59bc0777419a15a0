"""Whether an image is signed, as cosign sees it."""

import fnmatch
import re
from typing import Any, Dict, List, Optional

from wodles.scan.errors import Problem, ScanError
from wodles.scan.process import Outcome
from wodles.scan.targets import Target, matches
from wodles.scan.toolbox import Toolbox


def verify_signature(toolbox: Toolbox, target: Target, seconds: float) -> Optional[Problem]:
    """Verify an image's signature where a rule asks for it. None: signed, or no rule."""
    rule = next((r for r in toolbox.config.signatures if matches(target, r["images"])), None)
    if rule is None:
        return None
    if not toolbox.config.cosign:
        raise ScanError("config", "signatures are wanted, but cosign is not configured")
    reference = target.reference
    if target.kind == "image":
        if not target.digests:  # built or loaded here: there is no place where its signature could be
            return Problem("unsigned_image", "not_in_registry")
        named = [d for d in target.digests if any(fnmatch.fnmatchcase(d, p) for p in rule["images"])]
        reference = (named or list(target.digests))[0]
    outcome = toolbox.run("cosign", cosign_arguments("verify", rule) + ["--", reference], seconds)
    if outcome.code == 0 and not outcome.ended_by:
        return None
    reason = signature_reason(outcome)
    if reason and not outcome.ended_by:
        return Problem("unsigned_image", reason)
    return Problem("scan_error", "signature_unverifiable", "cosign, exit code %d" % outcome.code)


def cosign_arguments(verb: str, rule: Dict[str, Any]) -> List[str]:
    """Return cosign's command line, without the image: who must have signed, and which trust root says so."""
    arguments = [verb, "--output", "json"]
    for option, key in (
        ("--key", "key"),
        ("--certificate-identity", "identity"),
        ("--certificate-identity-regexp", "identity_regexp"),
        ("--certificate-oidc-issuer", "issuer"),
        ("--certificate-oidc-issuer-regexp", "issuer_regexp"),
        ("--trusted-root", "trusted_root"),
    ):
        if rule.get(key):
            arguments += [option, str(rule[key])]
    if rule.get("transparency_log") is False:
        arguments.append("--insecure-ignore-tlog=true")
    if rule.get("certificate_log") is False:
        arguments.append("--insecure-ignore-sct=true")
    return arguments


_COSIGN_REASONS = {10: "no_signature", 11: "not_in_registry", 12: "no_matching_signature", 13: "no_certificate"}


def signature_reason(outcome: Outcome) -> str:
    """Name what cosign found wrong, from its exit code or its log; empty: it could not tell."""
    if re.search(r"none of the expected identities matched|no matching CertificateIdentity found", outcome.log):
        return "wrong_identity"
    reason = _COSIGN_REASONS.get(outcome.code, "")
    if not reason and re.search(r"no signatures found", outcome.log):
        reason = "no_signature"
    elif not reason and re.search(
        r"no matching (?:signatures|attestations)|invalid signature when validating", outcome.log
    ):
        reason = "no_matching_signature"
    return reason
