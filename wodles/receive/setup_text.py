"""What ``--check`` prints: how each sender is to be configured for this receiver."""

from typing import List

from wodles.receive.config import Endpoint, Settings

GITHUB_EVENTS = (
    "push create delete repository public fork member deploy_key meta pull_request issues issue_comment discussion "
    "discussion_comment commit_comment gollum milestone label pull_request_review pull_request_review_comment "
    "workflow_run workflow_job check_run release branch_protection_rule branch_protection_configuration "
    "repository_ruleset secret_scanning_alert dependabot_alert code_scanning_alert"
)


def setup_text(settings: Settings) -> str:
    """Return the text; it names no secret."""
    scheme = "https" if settings.certificate else "http"
    lines = ["listens on: %s (%s)" % (", ".join(settings.listen), scheme)]
    if scheme == "http":
        proxies = ", ".join(map(str, settings.proxies)) or "none: every delivery seems to come from the proxy"
        lines.append("  senders reach it through a proxy with TLS; trusted proxies: " + proxies)
    most = settings.rotate_bytes * (settings.kept_files + 1) >> 20
    lines.append(
        "writes: %s/events.json, at most %d MiB with %d older files" % (settings.output, most, settings.kept_files)
    )
    lines += ["", "in the agent's ossec.conf:"]
    lines += [
        "  <localfile>",
        "    <log_format>syslog</log_format>",
        "    <location>%s/events.json</location>" % settings.output,
        "    <only-future-events>no</only-future-events>",
        "  </localfile>",
    ]
    for endpoint in settings.endpoints:
        lines += [""] + _lines_of(endpoint, scheme)
    return "\n".join(lines) + "\n"


def _lines_of(endpoint: Endpoint, scheme: str) -> List[str]:
    address = "%s://RECEIVER%s" % (scheme, endpoint.path)
    count = len(endpoint.secrets)
    head = "%s  (%s)" % (
        endpoint.path,
        "%d secret%s" % (count, "s" if count > 1 else "") if count else "certificate only",
    )
    lines = [head]
    kind = endpoint.kind
    if kind == "github":
        lines += ["  organisation > Settings > Webhooks: payload URL %s," % address]
        lines += ["  content type application/json, the secret of the file's first line, TLS verification on, events:"]
        lines += ["  " + GITHUB_EVENTS]
    elif kind == "gitea":
        lines += ["  organisation or site > Webhooks > Gitea (Forgejo, Gogs): target URL %s," % address]
        lines += ["  POST, application/json, the secret; and receiver's host in [webhook] ALLOWED_HOST_LIST"]
    elif kind == "harbor":
        lines += ["  project > Webhooks: HTTP, payload format Default, endpoint %s," % address]
        lines += ["  auth header: the secret"]
    elif kind == "registry":
        lines += ["  notifications.endpoints: url: %s, headers: Authorization: [Bearer SECRET]," % address]
        lines += ["  threshold: 5, backoff: 10s, ignoredmediatypes: [application/octet-stream]"]
    elif kind == "kubernetes":
        lines += ["  kube-apiserver --audit-webhook-config-file=FILE --audit-webhook-batch-max-size=100"]
        lines += [
            "  --audit-webhook-truncate-enabled=true --audit-webhook-truncate-max-event-size=60000; the kubeconfig:"
        ]
        lines += [
            "  clusters: [{cluster: {server: %s, certificate-authority: CA}}], users: [{user: {token: SECRET}}]"
            % address
        ]
        if endpoint.clients:
            lines += ["  or a client certificate with the common name %s" % " or ".join(endpoint.clients)]
    elif kind == "pubsub":
        lines += ["  gcloud logging sinks create … --log-filter='protoPayload.serviceName=\"k8s.io\"';"]
        lines += ["  gcloud pubsub subscriptions create … --push-endpoint='%s?token=SECRET'" % address]
    else:
        lines += ["  POST %s, JSON; " % address + (
            "header X-Signature-256: sha256=HEX, the HMAC-SHA256 of the body" if endpoint.signed
            else "header Authorization: Bearer SECRET")]  # fmt: skip
    if endpoint.silent_minutes:
        lines += ["  an event says so when nothing came for %d minutes" % endpoint.silent_minutes]
    return lines
