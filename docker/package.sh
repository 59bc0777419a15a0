#!/bin/bash
# Runs in the manager's container before Wazuh starts: the package's files, the lists declared in the one ruleset block,
# and the API's own certificate. The package is put there once; a running manager gets new versions of it from
# 'wazuh-cicd install', and lists that were edited stay as they are.
# The user wazuh may write the folders that are filled, and they outlive the container: a link that lies there would lead
# root anywhere. So root copies the input to a folder of its own, and what comes into these folders is read and written
# with the rights of that user. Only the programs are root's, in a folder where nobody else writes.
set -eu
root=/var/ossec
input=/cicd
user=wazuh
once=$root/etc/cicd-first-start

as_user() { "$root/framework/python/bin/python3" -I /cicd/as_user.py "$user" "$@"; }

fill() { # fill STAGE ROOT: the part that is done as the manager's user
  set -eu
  if [ -d "$1/etc" ]; then
    cp -r --remove-destination "$1/etc/." "$2/etc/"
  fi
  if [ -f "$1/ruleset.xml" ] && ! grep -q 'wazuh-cicd begin' "$2/etc/ossec.conf"; then
    draft=$(mktemp "$2/etc/.ossec.conf.cicd-XXXXXXXX")
    awk -v lists="$(grep '<list>' "$1/ruleset.xml" | sed 's/^ */    /')" '
      /<\/ruleset>/ && !done {
        print "    <!-- wazuh-cicd begin: written by '"'"'wazuh-cicd install'"'"', edits between the marks are lost -->"
        print lists
        print "    <!-- wazuh-cicd end -->"
        done = 1
      }
      { print }' "$2/etc/ossec.conf" > "$draft"
    cat "$draft" > "$2/etc/ossec.conf"
    rm "$draft"
  fi
  if [ -d "$1/etc" ]; then touch "$2/etc/cicd-first-start"; fi
  if [ -d "$1/ssl" ]; then
    mkdir -p "$2/api/configuration/ssl"
    cp --remove-destination "$1/ssl/server.crt" "$1/ssl/server.key" "$2/api/configuration/ssl/"
  fi
}

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
if [ -d "$input/build/manager/etc" ] && [ ! -e "$once" ] && [ ! -L "$once" ]; then
  cp -r "$input/build/manager/etc" "$stage/etc"
  # The groups that build hosts enrol in: an unknown one would be refused.
  if [ -d "$input/build/agent/etc/shared" ]; then
    mkdir -p "$stage/etc/shared"
    cp -r "$input/build/agent/etc/shared/." "$stage/etc/shared/"
  fi
  find "$stage/etc" -type d -exec chmod 770 {} +
  find "$stage/etc" -type f -exec chmod 660 {} +
  if [ -f "$input/build/manager/ossec.conf.d/ruleset.xml" ]; then
    cp "$input/build/manager/ossec.conf.d/ruleset.xml" "$stage/ruleset.xml"
  fi
  if [ -d "$input/build/manager/wodles" ]; then
    cp -r "$input/build/manager/wodles/." "$root/wodles/"
    chown -R "root:$(id -gn "$user")" "$root/wodles/cicd"
    chmod -R 750 "$root/wodles/cicd"
  fi
fi
if [ -f "$input/tls/api.pem" ]; then
  mkdir "$stage/ssl"
  cp "$input/tls/api.pem" "$stage/ssl/server.crt"
  cp "$input/tls/api-key.pem" "$stage/ssl/server.key"
  chmod 400 "$stage/ssl/server.key"
fi
chown -R "$user:" "$stage"
as_user /bin/bash -c "$(declare -f fill); fill \"\$@\"" fill "$stage" "$root"
