#!/bin/bash
# Runs in the manager's container before Wazuh starts: the package's files, the lists declared in the one ruleset block,
# and the API's own certificate. The package is put there once; a running manager gets new versions of it from
# 'wazuh-cicd install', and lists that were edited stay as they are.
set -eu
root=/var/ossec
once=$root/etc/cicd-first-start
if [ -d /cicd/build/manager/etc ] && [ ! -e "$once" ]; then
  cp -r /cicd/build/manager/etc/. "$root/etc/"
  chown -R wazuh:wazuh "$root/etc/rules" "$root/etc/decoders" "$root/etc/lists"
  find "$root/etc/rules" "$root/etc/decoders" "$root/etc/lists" -type f -exec chmod 660 {} +
  # The groups that build hosts enrol in: an unknown one would be refused.
  if [ -d /cicd/build/agent/etc/shared ]; then
    cp -r /cicd/build/agent/etc/shared/. "$root/etc/shared/"
    chown -R wazuh:wazuh "$root/etc/shared"
    find "$root/etc/shared" -type d -exec chmod 770 {} +
    find "$root/etc/shared" -type f -exec chmod 660 {} +
  fi
  if [ -d /cicd/build/manager/wodles ]; then
    cp -r /cicd/build/manager/wodles/. "$root/wodles/"
    chown -R root:wazuh "$root/wodles/cicd"
    chmod -R 750 "$root/wodles/cicd"
  fi
  if [ -f /cicd/build/manager/ossec.conf.d/ruleset.xml ] && ! grep -q 'wazuh-cicd begin' "$root/etc/ossec.conf"; then
    lists=$(grep '<list>' /cicd/build/manager/ossec.conf.d/ruleset.xml | sed 's/^ */    /')
    awk -v lists="$lists" '
      /<\/ruleset>/ && !done {
        print "    <!-- wazuh-cicd begin: written by '"'"'wazuh-cicd install'"'"', edits between the marks are lost -->"
        print lists
        print "    <!-- wazuh-cicd end -->"
        done = 1
      }
      { print }' "$root/etc/ossec.conf" > "$root/etc/ossec.conf.cicd"
    cat "$root/etc/ossec.conf.cicd" > "$root/etc/ossec.conf"
    rm "$root/etc/ossec.conf.cicd"
  fi
  touch "$once"
fi
if [ -f /cicd/tls/api.pem ]; then
  mkdir -p "$root/api/configuration/ssl"
  cp /cicd/tls/api.pem "$root/api/configuration/ssl/server.crt"
  cp /cicd/tls/api-key.pem "$root/api/configuration/ssl/server.key"
  chown -R wazuh:wazuh "$root/api/configuration/ssl"
  chmod 400 "$root/api/configuration/ssl/server.key"
fi
