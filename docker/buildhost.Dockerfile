# A build host for tests and demonstrations: agent, sshd, Docker client, nftables, and the package's programs.
# BUILDHOST_BASE may name an image that has an agent already (and sshd, nft, python3): then nothing is fetched.
ARG BASE=debian:12-slim
FROM ${BASE}
ARG WAZUH_VERSION=4.14.7
RUN if [ ! -x /var/ossec/bin/wazuh-agentd ]; then \
    apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates curl docker.io gnupg nftables openssh-server procps python3 python3-docker \
 && curl -fsSL https://packages.wazuh.com/key/GPG-KEY-WAZUH | gpg --dearmor -o /usr/share/keyrings/wazuh.gpg \
 && echo "deb [signed-by=/usr/share/keyrings/wazuh.gpg] https://packages.wazuh.com/4.x/apt/ stable main" > /etc/apt/sources.list.d/wazuh.list \
 && apt-get update && apt-get install -y "wazuh-agent=${WAZUH_VERSION}-*" \
 && rm -rf /var/lib/apt/lists/*; fi \
 && { id runner > /dev/null 2>&1 || useradd -m runner; } && mkdir -p /run/sshd
COPY docker/as_user.py /usr/local/lib/as_user.py
COPY docker/buildhost.sh /usr/local/bin/buildhost
CMD ["/bin/sh", "/usr/local/bin/buildhost"]
