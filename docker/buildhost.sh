#!/bin/sh
# Enrols, installs the package's programs, lets the manager configure commands, and stays in the foreground.
# The user wazuh may write etc: what is changed there is read and written with that user's rights, so that no link that
# lies there leads root anywhere.
set -eu
root=/var/ossec
log=/var/log/auth.log
user=wazuh

as_user() { python3 -I /usr/local/lib/as_user.py "$user" "$@"; }

# No journal in a container: the agent reads sshd's lines from a file, written as syslog would.
touch $log
as_user /bin/sh -euc '
  draft=$(mktemp "$1/etc/.ossec.conf.cicd-XXXXXXXX")
  sed "s/<address>[^<]*</<address>$3</" "$1/etc/ossec.conf" > "$draft"
  grep -q "<location>$2" "$draft" || cat >> "$draft" <<END
<ossec_config>
  <localfile>
    <log_format>syslog</log_format>
    <location>$2</location>
  </localfile>
</ossec_config>
END
  cat "$draft" > "$1/etc/ossec.conf"
  rm "$draft"
' edit "$root" "$log" "$WAZUH_MANAGER_SERVER"
[ -s $root/etc/client.keys ] || $root/bin/agent-auth -m "$WAZUH_MANAGER_SERVER" -G "$WAZUH_AGENT_GROUP"
if [ -f /cicd/agent/cicd/install-agent.sh ]; then
  sh /cicd/agent/cicd/install-agent.sh
  # Root's own file in that folder; nobody else runs yet, so what is found here stays so.
  options=$root/etc/local_internal_options.conf
  [ -e "$options" ] || [ -L "$options" ] || (umask 037; : > "$options"; chgrp "$(id -gn "$user")" "$options")
  if [ -L "$options" ] || [ ! -f "$options" ] || [ "$(stat -c %h:%u "$options")" != 1:0 ]; then
    echo "buildhost: $options is a link or not root's own file; find out who put it there" >&2
    exit 1
  fi
  grep -q remote_commands "$options" || cat /cicd/agent/cicd/local_internal_options.conf >> "$options"
  mkdir -p $root/active-response/cicd
  chown root:wazuh $root/active-response/cicd && chmod 750 $root/active-response/cicd
  for program in block-ip quarantine-container scan-image; do
    conf=$root/active-response/cicd/$program.conf
    [ -e "$conf" ] || $root/active-response/bin/cicd-$program --example-config > "$conf"
    chown root:wazuh "$conf" && chmod 640 "$conf"
  done
fi
ssh-keygen -A > /dev/null
/usr/sbin/sshd -D -e 2>&1 | while read -r line; do
  printf '%s %s sshd[%s]: %s\n' "$(date '+%b %e %H:%M:%S')" "$(hostname)" $$ "$(printf %s "$line" | tr -d '\r')" >> $log
done &
$root/bin/wazuh-control start
exec tail -F $root/logs/ossec.log
