#!/bin/bash
# Joins the nodes when a cluster key was made: the manager becomes the master, the others its workers.
set -eu
conf=/var/ossec/etc/ossec.conf
[ -n "${CICD_CLUSTER_KEY:-}" ] || exit 0
type=${CICD_NODE_TYPE:-master}
awk -v type="$type" -v key="$CICD_CLUSTER_KEY" -v name="$(hostname)" '
  /<cluster>/ { inside = 1 }
  inside && /<node_name>/ { sub(/>[^<]*</, ">" name "<") }
  inside && /<node_type>/ { sub(/>[^<]*</, ">" type "<") }
  inside && /<key>/ { sub(/>[^<]*</, ">" key "<") }
  inside && /<bind_addr>/ { sub(/>[^<]*</, ">0.0.0.0<") }
  inside && /<node>/ { sub(/>[^<]*</, ">manager<") }
  inside && /<disabled>/ { sub(/>[^<]*</, ">no<") }
  /<\/cluster>/ { inside = 0 }
  { print }' "$conf" > "$conf.cicd"
cat "$conf.cicd" > "$conf"
rm "$conf.cicd"
