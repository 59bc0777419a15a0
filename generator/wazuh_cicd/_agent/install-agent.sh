#!/bin/sh
# Puts wazuh-cicd's programs on an agent: verifies every file against SHA256SUMS, then copies with owner and mode.
# Usage: ./install-agent.sh [--root /var/ossec]      as root, in the unpacked folder "agent" of a release.
# Verify SHA256SUMS itself first: it is in the release's checksum file, and that is signed.
set -eu
root=/var/ossec
if [ "${1:-}" = --root ]; then root=$2; fi
here=$(cd "$(dirname "$0")/.." && pwd)
[ -d "$root/active-response/bin" ] || { echo "install-agent.sh: no agent at $root" >&2; exit 2; }
cd "$here"
sha256sum --quiet --strict --check cicd/SHA256SUMS || { echo "install-agent.sh: nothing was copied" >&2; exit 1; }
group=$(stat -c %g "$root/active-response/bin")
put() { # put FILE FOLDER MODE: a copy beside its place, then one rename
  mkdir -p "$root/$2"
  draft=$root/$2/.$(basename "$1").$$
  cp "$1" "$draft"
  if [ "$(id -u)" = 0 ]; then chown "0:$group" "$draft"; fi
  chmod "$3" "$draft"
  mv -f "$draft" "$root/$2/$(basename "$1")"
}
for file in active-response/bin/cicd-*; do if [ -f "$file" ]; then put "$file" active-response/bin 0750; fi; done
for file in wodles/cicd/cicd-*; do if [ -f "$file" ]; then put "$file" wodles/cicd 0750; fi; done
echo "installed in $root; restart the agent, so that execd reads ar.conf anew"
