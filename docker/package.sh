#!/bin/bash
# Runs in the manager's container before Wazuh starts, at every start: the image has copied /wazuh-config-mount by then.
# The package's rules and decoders are put there at the first start and whenever the package is another one, lists only where
# they are missing; the lists and responses are declared again whenever ossec.conf lacks them. What was installed through the
# API is left as it is. CICD_RESPOND=block-ip,... names responses of the package. At last it is said what is not in place.
# The user wazuh may write the folders that are filled, and they outlive the container: a link that lies there would lead
# root anywhere. So root copies the input to a folder of its own, and what comes into these folders is read and written
# with the rights of that user. Only the programs are root's, in a folder where nobody else writes.
set -eu
root=/var/ossec
input=/cicd
user=wazuh
mounts=/proc/self/mountinfo
begin="<!-- wazuh-cicd begin: written by 'wazuh-cicd install', edits between the marks are lost -->"
export begin

as_user() { "$root/framework/python/bin/python3" -I /cicd/as_user.py "$user" "$@"; }

fill() { # fill STAGE ROOT: the part that is done as the manager's user
  set -eu
  failed=0
  say() { echo "wazuh-cicd: $*" >&2; failed=1; }
  # Else what cannot be seen would pass for what is not there.
  ls "$1/" "$2/etc/" > /dev/null || { say "this user cannot read $1 or $2/etc: nothing was put in place"; return 1; }
  if [ -e "$2/etc/lists/cicd_installed" ]; then
    echo "wazuh-cicd: installed through the server API, whose rules and lists stay as they are" >&2
  elif [ -d "$1/etc" ]; then
    if [ "$(cat "$2/etc/cicd-first-start" 2> /dev/null)" != "$(cat "$1/digest")" ]; then
      for old in "$2"/etc/rules/*-cicd_*_rules.xml "$2"/etc/decoders/*-cicd_*_decoders.xml; do
        [ -e "$1${old#"$2"}" ] || rm -f "$old" || failed=1
      done
      cp -r --remove-destination "$1/etc/rules" "$2/etc/" || failed=1
      if [ -d "$1/etc/decoders" ]; then cp -r --remove-destination "$1/etc/decoders" "$2/etc/" || failed=1; fi
      [ $failed = 1 ] || cat "$1/digest" > "$2/etc/cicd-first-start"
    fi
    for folder in lists shared; do
      [ -d "$1/etc/$folder" ] || continue
      (cd "$1/etc/$folder" && find . -type f) | while read -r file; do
        place=$2/etc/$folder/$file
        [ ! -e "$place" ] && [ ! -L "$place" ] || continue
        { mkdir -p "${place%/*}" && cp "$1/etc/$folder/$file" "$place"; } || exit 1
      done || say "not all files of $2/etc/$folder could be written"
    done
    (cd "$1/etc" && find rules decoders -type f -exec sha256sum {} + 2> /dev/null) |
      (cd "$2/etc" && sha256sum --check --status 2> /dev/null) ||
      say "$2/etc does not hold the rules and decoders of the package; a mount hides them, or they were edited"
  fi

  # What our rules name is what must be declared, whoever put it there.
  lists=$(grep -oh 'etc/lists/cicd[/_][A-Za-z0-9_-]*' "$2"/etc/rules/*-cicd_*_rules.xml 2> /dev/null | LC_ALL=C sort -u |
    while read -r list; do if [ -e "$2/$list" ]; then echo "    <list>$list</list>"; fi; done)
  if [ -n "$lists" ] && ! grep -q '<list>etc/lists/cicd[/_]' "$2/etc/ossec.conf"; then
    draft=$(mktemp "$2/etc/.ossec.conf.cicd-XXXXXXXX")
    if lists=$lists awk '
      { # What is left of the line without comments.
        rest = $0; seen = ""
        while (rest != "") {
          at = index(rest, comment ? "-->" : "<!--")
          if (!comment) seen = seen (at ? substr(rest, 1, at - 1) : rest)
          rest = at ? substr(rest, at + (comment ? 3 : 4)) : ""
          if (at) comment = !comment
        }
      }
      !done && seen ~ /^[ \t]*<\/ruleset>/ {
        print "    " ENVIRON["begin"]
        print ENVIRON["lists"]
        print "    <!-- wazuh-cicd end -->"
        done = 1
      }
      { print }
      END { exit !done }' "$2/etc/ossec.conf" > "$draft"; then
      cat "$draft" > "$2/etc/ossec.conf" || say "$2/etc/ossec.conf cannot be written: lists are not declared"
    else
      say "$2/etc/ossec.conf has no line </ruleset> of its own: lists are not declared, and rules that use them are silent"
    fi
    rm "$draft"
  fi
  if [ -f "$1/responses.xml" ] && ! grep -q '<name>cicd-' "$2/etc/ossec.conf"; then
    { echo "$begin"; cat "$1/responses.xml"; echo "<!-- wazuh-cicd end -->"; } >> "$2/etc/ossec.conf" ||
      say "$2/etc/ossec.conf cannot be written: responses are not declared"
  fi
  if [ -d "$1/ssl" ]; then
    mkdir -p "$2/api/configuration/ssl"
    cp --remove-destination "$1/ssl/server.crt" "$1/ssl/server.key" "$2/api/configuration/ssl/"
  fi
  return $failed
}

hidden() { # what a mount keeps from being filled, or a missing one from being kept
  awk -v root="$root" '
    $5 == root || $5 == root "/etc" { kept = 1 }
    $5 ~ "^" root "/etc/(rules|decoders|lists)(/|$)" || $5 == root "/etc/ossec.conf" {
      how = $6 ~ /(^|,)ro(,|$)/ ? "read-only: nothing of the package can be written there" : "and hides what the volume holds there"
      print "wazuh-cicd: " $5 " is a mount of its own, " how "; mount it below /wazuh-config-mount" substr($5, length(root) + 1)
    }
    END { if (!kept) print "wazuh-cicd: " root "/etc is on no volume: edited lists go with the container" }' "$mounts" >&2
}

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
if [ -d "$input/build/manager/etc" ]; then
  cp -r "$input/build/manager/etc" "$stage/etc"
  (cd "$stage/etc" && find . -type f | LC_ALL=C sort | xargs sha256sum | sha256sum | cut -c1-64) > "$stage/digest"
  # The groups that build hosts enrol in: an unknown one would be refused.
  if [ -d "$input/build/agent/etc/shared" ]; then
    mkdir -p "$stage/etc/shared"
    cp -r "$input/build/agent/etc/shared/." "$stage/etc/shared/"
  fi
  for name in $(echo "${CICD_RESPOND:-}" | tr ',' ' '); do
    block=$input/build/manager/ossec.conf.d/response-$name.xml
    case $name in
      *[!a-z-]*) echo "wazuh-cicd: CICD_RESPOND: no such response: $name" >&2 ;;
      *) if [ -f "$block" ]; then cat "$block" >> "$stage/responses.xml"; else echo "wazuh-cicd: $block: not there" >&2; fi ;;
    esac
  done
  if [ -d "$input/build/manager/wodles" ]; then
    cp -r --remove-destination "$input/build/manager/wodles/." "$root/wodles/"
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
find "$stage" -mindepth 1 -type d -exec chmod 770 {} +
find "$stage" -type f ! -name server.key -exec chmod 660 {} +
chown -R "$user:" "$stage"
hidden
as_user /bin/bash -c "$(declare -f fill); fill \"\$@\"" fill "$stage" "$root"
