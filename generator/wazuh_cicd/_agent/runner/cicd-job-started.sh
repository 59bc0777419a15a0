#!/bin/sh
# Writes one line of JSON for every job that a self-hosted GitHub runner starts; rules of wazuh-cicd read it.
# Set it in the runner's .env:  ACTIONS_RUNNER_HOOK_JOB_STARTED=/opt/ci/cicd-job-started.sh
# It never makes a job fail. Jobs run as the same user and could write such lines themselves: they inform, they prove nothing.
set -u
file=${CICD_RUNNER_JOBS:-/var/log/cicd-runner-jobs.json}

# What GitHub or a stranger named, without anything that JSON or a shell would take for its own.
plain() { printf '%s' "${1:-}" | tr -c 'A-Za-z0-9_./@+:=-' '_' | cut -c1-200; }

head=
case ${GITHUB_EVENT_NAME:-} in
pull_request*)
  if [ -r "${GITHUB_EVENT_PATH:-}" ] && command -v python3 >/dev/null 2>&1; then
    head=$(python3 - "$GITHUB_EVENT_PATH" 2>/dev/null <<'PYTHON'
import json, sys
with open(sys.argv[1], encoding="utf-8") as event:
    print(((json.load(event).get("pull_request") or {}).get("head") or {}).get("repo", {}).get("full_name") or "")
PYTHON
    ) || head=
  fi
  ;;
esac
fork=false
if [ -n "$head" ] && [ "$head" != "${GITHUB_REPOSITORY:-}" ]; then fork=true; fi

{
  printf '{"integration":"cicd-runner-job","job":{"runner_name":"%s","repository":"%s","head_repository":"%s","fork":"%s",' \
    "$(plain "${RUNNER_NAME:-}")" "$(plain "${GITHUB_REPOSITORY:-}")" "$(plain "$head")" "$fork"
  printf '"event":"%s","workflow":"%s","ref":"%s","actor":"%s","run_id":"%s","sha":"%s"}}\n' \
    "$(plain "${GITHUB_EVENT_NAME:-}")" "$(plain "${GITHUB_WORKFLOW:-}")" "$(plain "${GITHUB_REF:-}")" \
    "$(plain "${GITHUB_ACTOR:-}")" "$(plain "${GITHUB_RUN_ID:-}")" "$(plain "${GITHUB_SHA:-}")"
} 2>/dev/null >>"$file" || :
exit 0
