"""Where and from what an image was built, as a SLSA provenance attestation says that cosign has verified."""

from __future__ import annotations

import base64
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from wodles.scan.errors import Problem, ScanError
from wodles.scan.signature import cosign_arguments, signature_reason
from wodles.scan.text import clean
from wodles.scan.values import as_dict, as_list

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wodles.scan.toolbox import Toolbox

TYPES = ("slsaprovenance1", "slsaprovenance", "slsaprovenance02")
_PREDICATES = {
    "slsaprovenance1": ("https://slsa.dev/provenance/v1",),
    "slsaprovenance02": ("https://slsa.dev/provenance/v0.2",),
    "slsaprovenance": ("https://slsa.dev/provenance/v0.2",),  # cosign's name for 0.2
}
_PAYLOAD_TYPE = "application/vnd.in-toto+json"
_LARGEST = 16 << 20  # of what cosign prints


class Origin(NamedTuple):
    """What one attestation says: the builder's id, and the repository that was built."""

    builder: str
    source: str


def verify_provenance(toolbox: Toolbox, reference: str, rule: dict[str, Any], seconds: float) -> Problem | None:
    """Verify that an image was built by a builder from a repository. None: one attestation says so.

    Args:
        toolbox: the scanners.
        reference: the image, with its digest.
        rule: ``builder``, ``source``, ``type``, and how cosign verifies who signed, as for a signature.
        seconds: how long cosign may take.
    """
    if not toolbox.config.cosign:
        raise ScanError("config", "provenance is wanted, but cosign is not configured")
    kind = rule.get("type", TYPES[0])
    output = Path(toolbox.work, "attestations-" + os.urandom(8).hex())
    try:
        arguments = [*cosign_arguments("verify-attestation", rule), "--type", kind, "--", reference]
        outcome = toolbox.run("cosign", arguments, seconds, stdout=str(output))
        if outcome.code or outcome.ended_by:
            reason = "" if outcome.ended_by else signature_reason(outcome)
            if reason:
                return Problem("unsigned_image", "no_provenance", f"cosign: {reason}")
            return Problem("scan_error", "signature_unverifiable", f"cosign, exit code {outcome.code}")
        with output.open("rb") as stream:
            printed = stream.read(_LARGEST + 1)
    finally:
        output.unlink(missing_ok=True)
    if len(printed) > _LARGEST:
        return Problem("scan_error", "signature_unverifiable", "cosign printed too much")
    digest = reference.rsplit("@", 1)[-1]
    origins = list(_origins(printed, digest, _PREDICATES[kind]))
    if not origins:
        return Problem("unsigned_image", "no_provenance", "no attestation is about this digest")
    if any(_same(origin, rule) for origin in origins):
        return None
    shown = origins[0]
    return Problem("unsigned_image", "wrong_provenance", f"built by {shown.builder or '?'} from {shown.source or '?'}")


def _same(origin: Origin, rule: dict[str, Any]) -> bool:
    source = not rule.get("source") or origin.source == repository_address(rule["source"])
    return source and (not rule.get("builder") or origin.builder == rule["builder"])


def _origins(printed: bytes, digest: str, predicates: tuple[str, ...]) -> Iterator[Origin]:
    """Read what cosign prints: one envelope a line. What cannot be read proves nothing, and is left out."""
    for line in printed.splitlines():
        try:
            envelope = json.loads(line.decode("utf-8"))
            if not isinstance(envelope, dict) or envelope.get("payloadType") != _PAYLOAD_TYPE:
                continue
            statement = as_dict(json.loads(base64.b64decode(envelope["payload"], validate=True).decode("utf-8")))
            if statement.get("predicateType") in predicates and digest in _subjects(statement):
                yield _origin(as_dict(statement.get("predicate")))
        except (ValueError, KeyError, TypeError, RecursionError, ScanError):
            continue


def _subjects(statement: dict[str, Any]) -> list[str]:
    digests = [as_dict(as_dict(subject).get("digest")) for subject in as_list(statement.get("subject"))]
    return ["sha256:" + digest["sha256"] for digest in digests if isinstance(digest.get("sha256"), str)]


def _origin(predicate: dict[str, Any]) -> Origin:
    """Read a predicate of SLSA 1.0, or of 0.2."""
    definition = as_dict(predicate.get("buildDefinition"))
    if definition:
        builder = as_dict(as_dict(predicate.get("runDetails")).get("builder")).get("id")
        external = as_dict(definition.get("externalParameters"))
        workflow = external.get("workflow")
        source = workflow.get("repository") if isinstance(workflow, dict) else external.get("source")
        source = source.get("uri") if isinstance(source, dict) else source
        return Origin(clean(builder), repository_address(source))
    invocation = as_dict(as_dict(predicate.get("invocation")).get("configSource"))
    return Origin(clean(as_dict(predicate.get("builder")).get("id")), repository_address(invocation.get("uri")))


def repository_address(value: object) -> str:
    """Write a repository's address one way: host and path, without scheme, revision and ``.git``."""
    text = re.sub(r"\Agit\+", "", clean(value))
    scheme, mark, rest = text.partition("://")
    if mark and scheme not in ("https", "ssh", "git"):
        return ""
    place = re.sub(r"(?:\.git)?/*\Z", "", re.split("[@#?]", rest if mark else text)[0])
    host, slash, path = place.partition("/")
    return host.lower() + slash + path
