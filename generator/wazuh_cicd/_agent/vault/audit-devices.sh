#!/bin/sh
# What Vault must log for the rules; run once, by an administrator with a token that may do it (sudo on sys/audit).
# Nothing here makes Vault log a secret in the clear.
set -eu

# Two devices: Vault stops serving when no device can write, and whoever switches one off is still seen by the other. Let Wazuh
# read one of them only, or every call counts twice.
install -d -o vault -g vault -m 0750 /var/log/vault
vault audit enable -path=file file file_path=/var/log/vault/audit.log mode=0640 elide_list_responses=true
vault audit enable -path=syslog syslog tag=vault facility=AUTH elide_list_responses=true

# Names of subjects, service accounts and hosts are no secrets; without these the rules see hashes only:
#   vault-jwt-role-open                  needs bound_subject and bound_claims in the clear
#   vault-kubernetes-role-for-everybody  needs the bound service accounts
#   vault-wildcard-certificate-issued    needs the names of certificates
# Name your mounts; a mount that does not exist is passed over.
tune_auth() {
  mount=$1
  shift
  if ! vault auth list -format=json | grep -q "\"$mount/\""; then
    echo "no auth method at $mount/"
    return
  fi
  # shellcheck disable=SC2046 # one option a word
  vault auth tune $(printf ' -audit-non-hmac-request-keys=%s' "$@") "$mount/"
}
tune_auth jwt bound_subject bound_claims bound_audiences role
tune_auth kubernetes bound_service_account_names bound_service_account_namespaces role
if vault secrets list -format=json | grep -q '"pki/"'; then
  vault secrets tune -audit-non-hmac-request-keys=common_name -audit-non-hmac-request-keys=alt_names pki/
else
  echo "no secrets engine at pki/"
fi
