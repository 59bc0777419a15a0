#!/bin/sh
# Enrols, installs the package's programs, lets the manager configure commands, and stays in the foreground.
set -eu
sed -i "s/<address>[^<]*</<address>${WAZUH_MANAGER_SERVER}</" /var/ossec/etc/ossec.conf
[ -s /var/ossec/etc/client.keys ] || /var/ossec/bin/agent-auth -m "$WAZUH_MANAGER_SERVER" -G "$WAZUH_AGENT_GROUP"
if [ -f /cicd/agent/cicd/install-agent.sh ]; then
  sh /cicd/agent/cicd/install-agent.sh
  grep -q remote_commands /var/ossec/etc/local_internal_options.conf ||
    cat /cicd/agent/cicd/local_internal_options.conf >> /var/ossec/etc/local_internal_options.conf
fi
/usr/sbin/sshd -E /var/log/auth.log
/var/ossec/bin/wazuh-control start
exec tail -F /var/ossec/logs/ossec.log
