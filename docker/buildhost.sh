#!/bin/sh
# Enrols, installs the package's programs, lets the manager configure commands, and stays in the foreground.
set -eu
root=/var/ossec
log=/var/log/auth.log
sed -i "s/<address>[^<]*</<address>${WAZUH_MANAGER_SERVER}</" $root/etc/ossec.conf
# No journal in a container: the agent reads sshd's lines from a file, written as syslog would.
touch $log
grep -q "<location>$log" $root/etc/ossec.conf || cat >> $root/etc/ossec.conf <<END
<ossec_config>
  <localfile>
    <log_format>syslog</log_format>
    <location>$log</location>
  </localfile>
</ossec_config>
END
[ -s $root/etc/client.keys ] || $root/bin/agent-auth -m "$WAZUH_MANAGER_SERVER" -G "$WAZUH_AGENT_GROUP"
if [ -f /cicd/agent/cicd/install-agent.sh ]; then
  sh /cicd/agent/cicd/install-agent.sh
  grep -q remote_commands $root/etc/local_internal_options.conf ||
    cat /cicd/agent/cicd/local_internal_options.conf >> $root/etc/local_internal_options.conf
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
