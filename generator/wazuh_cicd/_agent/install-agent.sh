#!/bin/sh
# Puts wazuh-cicd's programs on an agent: verifies every file against SHA256SUMS, then copies with owner and mode.
# Usage: ./install-agent.sh [--root /var/ossec]      as root, in the unpacked folder "agent" of a release.
# Verify SHA256SUMS itself first: it is in the release's checksum file, and that is signed.
# Only programs that SHA256SUMS lists are copied, and what is copied is what was verified: it lies in a folder of ours
# by then, whoever may write where the release was unpacked.
set -eu
export LC_ALL=C
umask 077
unset CDPATH
fail() { # what others have named reaches the terminal as plain text
  printf '%s\n' "install-agent.sh: $1; nothing was copied" | tr -c '[:print:]\n' '?' >&2
  exit "${2:-1}"
}
root=/var/ossec
case ${1:-} in
--root) root=${2:?install-agent.sh: --root needs a folder} ;;
'') ;;
*) fail "$1: unknown; usage: install-agent.sh [--root /var/ossec]" 2 ;;
esac
# What is checked here is used from another folder below.
case $root in /*) ;; *) root=$PWD/$root ;; esac
[ -d "$root/active-response/bin" ] || fail "no agent at $root" 2
here=$(cd -- "$(dirname -- "$0")/.." && pwd -P)

guarded() { # guarded FOLDER: a real one, which nobody but root may write
  if [ -L "$1" ] || [ ! -d "$1" ]; then fail "$1 is a link or no folder"; fi
  [ "$(id -u)" = 0 ] || return 0
  [ "$(stat -c %u "$1")" = 0 ] || fail "$1 does not belong to root"
  case $(stat -c %a "$1") in *[2367]? | *[2367]) fail "$1 may be written by others than root ('chmod go-w' it)" ;; esac
}
for folder in "" /active-response /active-response/bin; do guarded "$root$folder"; done
for folder in /wodles /wodles/cicd; do if [ -e "$root$folder" ] || [ -L "$root$folder" ]; then guarded "$root$folder"; fi; done

cd "$here"
odd=$(find . ! -type d ! -type f | head -n 3)
[ -z "$odd" ] || fail "the release holds what is no ordinary file: $(echo "$odd" | tr '\n' ' ')"
# Names are compared line by line from here on: one that holds a line end would look like two others.
odd=$(find . -name '*[!A-Za-z0-9._-]*' | head -n 3)
[ -z "$odd" ] || fail "the release holds names that no release has: $(echo "$odd" | tr '\n' ' ')"
work=$(mktemp -d "$root/.cicd-XXXXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cat cicd/SHA256SUMS > "$work/all" || fail "cicd/SHA256SUMS cannot be read"
if grep -Evq '^[0-9a-f]{64}  [A-Za-z0-9_][A-Za-z0-9_./-]*$' "$work/all" || grep -q '\.\.' "$work/all"; then
  fail "cicd/SHA256SUMS holds a line that is none of a checksum file"
fi
cut -c 67- "$work/all" | sort > "$work/listed"
find . -type f ! -path ./cicd/SHA256SUMS | sed 's|^\./||' | sort > "$work/there"
extra=$(comm -13 "$work/listed" "$work/there" | head -n 3)
[ -z "$extra" ] || fail "cicd/SHA256SUMS does not list $(echo "$extra" | tr '\n' ' ')"
sha256sum --quiet --strict --check "$work/all" || fail "a file is not what SHA256SUMS says"

grep -E '  (active-response/bin|wodles/cicd)/cicd-[A-Za-z0-9-]+$' "$work/all" > "$work/programs" || fail "no programs listed"
group=$(stat -c %g "$root/active-response/bin")
mkdir -p "$work/new/active-response/bin" "$work/new/wodles/cicd"
while read -r _ name; do
  cat "$name" > "$work/new/$name"
  if [ "$(id -u)" = 0 ]; then chown "0:$group" "$work/new/$name"; fi
  chmod 0750 "$work/new/$name"
done < "$work/programs"
(cd "$work/new" && sha256sum --quiet --strict --check ../programs) || fail "a file was exchanged while it was copied"

for folder in "$root/wodles" "$root/wodles/cicd"; do
  [ -d "$folder" ] && continue
  mkdir -m 0750 "$folder"
  if [ "$(id -u)" = 0 ]; then chown "0:$group" "$folder"; fi
done
while read -r _ name; do mv -f "$work/new/$name" "$root/$name"; done < "$work/programs"
echo "installed in $root; restart the agent, so that execd reads ar.conf anew"
