#!/bin/bash
# Joins the nodes when a cluster key was made: the manager becomes the master, the others its workers.
# With the rights of the user wazuh, who may write the folder: a link that lies there would lead root anywhere.
set -eu
root=/var/ossec
user=wazuh
[ -n "${CICD_CLUSTER_KEY:-}" ] || exit 0

as_user() { "$root/framework/python/bin/python3" -I /cicd/as_user.py "$user" "$@"; }

join() { # join ROOT TYPE NAME: the key is in the environment, where other users do not see it
  set -eu
  draft=$(mktemp "$1/etc/.ossec.conf.cicd-XXXXXXXX")
  awk -v type="$2" -v name="$3" '
    /<cluster>/ { inside = 1 }
    inside && /<node_name>/ { sub(/>[^<]*</, ">" name "<") }
    inside && /<node_type>/ { sub(/>[^<]*</, ">" type "<") }
    inside && /<key>/ { sub(/>[^<]*</, ">" ENVIRON["CICD_CLUSTER_KEY"] "<") }
    inside && /<bind_addr>/ { sub(/>[^<]*</, ">0.0.0.0<") }
    inside && /<node>/ { sub(/>[^<]*</, ">manager<") }
    inside && /<disabled>/ { sub(/>[^<]*</, ">no<") }
    /<\/cluster>/ { inside = 0 }
    { print }' "$1/etc/ossec.conf" > "$draft"
  cat "$draft" > "$1/etc/ossec.conf"
  rm "$draft"
}

export CICD_CLUSTER_KEY
as_user /bin/bash -c "$(declare -f join); join \"\$@\"" join "$root" "${CICD_NODE_TYPE:-master}" "$(hostname)"
