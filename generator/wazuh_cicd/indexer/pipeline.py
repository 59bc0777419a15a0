"""The ingest pipeline: what no mapping can do. It runs last, for every document of the indices of the template.

A mapping says what a field is, and refuses the document where an event has something else there: an object where a
value is mapped, a text (``"null"`` above all) where an object is, a name that is a dot. The script of this pipeline
knows the mapped fields and moves aside what does not fit, so that the rest of the document is indexed; the document
keeps what was moved, and names it in a field of its own. In alerts of our rules it also notes source, actor and
repository under one name each, whatever the source calls them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from wazuh_cicd.indexer.fields import OBJECT, STORED, WAZUH_OBJECTS
from wazuh_cicd.spec.model import SOURCES

if TYPE_CHECKING:
    from wazuh_cicd.indexer.fields import Node

#: The name under which the indexer keeps it.
PIPELINE = "wazuh-cicd"
#: The object of a document that says what was moved aside.
NOTE = "wazuh_cicd"
#: Who did it, the first that an event has: each source says it in a field of its own.
ACTORS = (
    "github.actor", "webhook.sender.login", "job.actor", "cicd_scan.actor", "impersonatedUser.username",
    "user.username",
    "aws.userIdentity.userName", "aws.userIdentity.arn", "auth.display_name", "jenkins.audit.starter", "dstuser",
    "srcuser", "sshd.name", "cicd.by", "audit.auid",
)  # fmt: skip
#: What it was done to: a repository, else an image, a job, or a path of Vault.
REPOSITORIES = (
    "github.repo", "webhook.repository.full_name", "job.repository", "cicd_scan.repository", "cicd_scan.artifact",
    "kubernetes.image", "docker.Actor.Attributes.image", "cicd.image", "aws.requestParameters.repositoryName",
    "jenkins.audit.job", "request.path",
)  # fmt: skip
_SCRIPT = Path(__file__).with_name("fit.painless")


def pipeline(data: Node, longest: int) -> dict[str, Any]:
    """The pipeline as it is sent: ``PUT _ingest/pipeline/wazuh-cicd``.

    Args:
        data: the members of an alert's ``data``.
        longest: texts of more characters are moved aside where the mapping may have no limit.
    """
    shape: dict[str, Any] = {name: {"members": {}} for name in sorted(WAZUH_OBJECTS)}
    shape.update(_shapes(data))
    return {
        "description": "wazuh-cicd: moves aside what does not fit the mapping, so that every alert is indexed",
        "processors": [
            {
                "script": {
                    "lang": "painless",
                    "source": _SCRIPT.read_text(encoding="utf-8"),
                    "params": {
                        "shape": shape,
                        "longest": longest,
                        "sources": list(SOURCES),
                        "actors": [name.split(".") for name in ACTORS],
                        "repositories": [name.split(".") for name in REPOSITORIES],
                    },
                    # A document that it cannot handle goes on as it is.
                    "ignore_failure": True,
                }
            }
        ],
    }


def _shapes(node: Node) -> dict[str, Any]:
    return {name: _shape(child) for name, child in sorted(node.children.items())}


def _shape(node: Node) -> Any:  # noqa: ANN401 - JSON
    if node.kind == STORED:
        return "stored"
    if node.kind != OBJECT:
        return "value"
    closed = {"closed": True} if node.closed else {}
    return {"members": _shapes(node), **closed}
