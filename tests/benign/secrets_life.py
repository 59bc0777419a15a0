"""A week of normal life with secrets: a Vault cluster and an AWS account.

Pipelines log in with GitHub's tokens and AppRoles, services with their pods' and instances' identities; an operator copies secrets
into the cluster; Terraform administers both; people look at the user interfaces and mistype passwords; backups, rotation, renewals
and a restart happen. Each call to Vault is a request and an answer, as an audit device writes them. Always the same events.
"""

# ruff: noqa: E501 - an event is described in one line

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

from benign.normal_life import DEVELOPERS, MONDAY, Event

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DAYS = 5
SERVICES = ("cart", "search", "payments-api", "frontend", "worker")
ACCOUNT = "111122223333"
GITHUB = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"

#: What this site would enter in the package's lists.
SECRETS_LISTS: Mapping[str, Mapping[str, str]] = {
    "vault_administrators": {"token-terraform": "infrastructure as code", "oidc-platform@example.com": "platform team"},
    "vault_ci_networks": {"10.20.": "runners"},
    "vault_ci_identities": {"gha-build": "role for GitHub Actions", "ci-deploy": "AppRole of Jenkins"},
    "vault_snapshot_takers": {"approle-backup": "nightly backup"},
    "vault_crown_jewels": {"secret/data/signing/": "signing keys"},
    "vault_crown_jewel_readers": {"jwt-repo:acme/app:environment:release": "release"},
    "aws_administrators": {f"arn:aws:sts::{ACCOUNT}:assumed-role/terraform/ci": "infrastructure as code"},
    "aws_secret_readers": {f"arn:aws:iam::{ACCOUNT}:role/external-secrets": "External Secrets"},
    "aws_sensitive_secrets": {"prod/payments": "few may read it"},
    "aws_own_networks": {"10.": "VPC endpoints", "192.0.2.": "office and NAT gateways"},
    "aws_network_bound_roles": {f"arn:aws:iam::{ACCOUNT}:role/worker": "instances"},
    "aws_oidc_roles": {f"arn:aws:iam::{ACCOUNT}:role/deploy": "deployments"},
    "aws_oidc_subjects": {"repo:acme/app:environment:production": "deployments"},
    "aws_production_roles": {f"arn:aws:iam::{ACCOUNT}:role/deploy": "deployments"},
    "aws_allowed_regions": {"eu-central-1": "our region"},
}

# Who, from where, which operation, which path, type of the mount, data of the request, error, weight.
Call = tuple[str, str, str, str, str, Any, str, int]


def vault(count: int, seed: int = 21) -> tuple[Event, ...]:
    """Events of an audit device and lines of the server's log."""
    chance = random.Random(seed)  # noqa: S311 - the same events every time, no secrets
    times = sorted(MONDAY + chance.randrange(DAYS) * 86400 + chance.uniform(0, 10 * 3600) for _ in range(count))
    return tuple(event for time in times for event in _vault_call(chance, time))


def aws(count: int, seed: int = 22) -> tuple[Event, ...]:
    """CloudTrail events, as Wazuh's module sends them."""
    chance = random.Random(seed)  # noqa: S311 - as above
    times = sorted(MONDAY + chance.randrange(DAYS) * 86400 + chance.uniform(0, 10 * 3600) for _ in range(count))
    return tuple(_aws_call(chance, time) for time in times)


def secrets_events(count: int) -> Iterator[tuple[str, tuple[Event, ...]]]:
    """Each source with its events."""
    yield "vault", vault(count)
    yield "aws", aws(count)


# -- Vault -------------------------------------------------------------------------------------------------------------


def _vault_call(chance: random.Random, time: float) -> tuple[Event, ...]:
    if chance.random() < 0.03:
        return (_server_line(chance, time),)
    service, person = chance.choice(SERVICES), f"oidc-{chance.choice(DEVELOPERS)}@example.com"
    pod, runner, office = f"10.244.1.{chance.randrange(2, 99)}", f"10.20.0.{chance.randrange(2, 99)}", "10.0.1.17"
    kube, gha = f"kubernetes-{service}-{service}", f"jwt-repo:acme/{service}:ref:refs/heads/main"
    hashed = f"hmac-sha256:{chance.getrandbits(64):016x}"
    calls: tuple[Call, ...] = (
        (kube, pod, "update", "auth/kubernetes/login", "kubernetes", {"jwt": hashed, "role": hashed}, "", 6),
        (kube, pod, "read", f"secret/data/{service}/config", "kv", None, "", 8),
        (kube, pod, "update", "auth/token/renew-self", "token", {"increment": 3600}, "", 6),
        (kube, pod, "update", "sys/leases/renew", "system", {"lease_id": hashed}, "", 4),
        (kube, pod, "read", f"database/creds/{service}", "database", None, "", 3),
        (kube, pod, "update", f"transit/encrypt/{service}", "transit", {"plaintext": hashed}, "", 3),
        (kube, pod, "update", f"transit/decrypt/{service}", "transit", {"ciphertext": hashed}, "", 3),
        (kube, pod, "update", f"pki/issue/{service}", "pki", {"common_name": hashed}, "", 2),
        (kube, pod, "read", f"secret/data/{service}/feature", "kv", None, "1 error occurred:\n\t* permission denied\n\n", 1),
        (gha, runner, "update", "auth/jwt/login", "jwt", {"jwt": hashed, "role": hashed}, "", 5),
        (gha, runner, "read", f"secret/data/ci/{service}", "kv", None, "", 5),
        (gha, runner, "read", f"aws/creds/{service}-deploy", "aws", None, "", 2),
        (gha, runner, "update", "auth/token/revoke-self", "token", None, "", 4),
        ("jwt-repo:acme/app:environment:release", runner, "read", "secret/data/signing/release", "kv", None, "", 1),
        ("approle", runner, "update", "auth/approle/login", "approle", {"role_id": hashed, "secret_id": hashed}, "", 3),
        ("approle", runner, "read", "secret/data/ci/jenkins", "kv", None, "", 3),
        ("approle", runner, "update", "auth/approle/login", "approle", {"role_id": hashed, "secret_id": hashed}, "invalid credentials", 1),
        ("token-jenkins-broker", runner, "update", "auth/approle/role/ci-deploy/secret-id", "approle", {"metadata": hashed}, "", 1),
        ("approle-backup", "10.0.0.9", "read", "sys/storage/raft/snapshot", "system", None, "", 1),
        ("kubernetes-external-secrets-external-secrets", "10.244.0.9", "read", f"secret/data/{service}/{chance.randrange(40)}", "kv", None, "", 9),
        ("kubernetes-external-secrets-external-secrets", "10.244.0.9", "read", "auth/token/lookup-self", "token", None, "", 2),
        (person, office, "read", "auth/oidc/oidc/callback", "oidc", {"code": hashed, "state": hashed}, "", 2),
        (person, office, "read", "sys/internal/ui/mounts", "system", None, "", 3),
        (person, office, "read", "sys/internal/ui/resultant-acl", "system", None, "", 2),
        (person, office, "list", f"secret/metadata/{service}/", "kv", None, "", 3),
        (person, office, "read", f"secret/data/{service}/config", "kv", None, "", 2),
        (person, office, "read", f"secret/metadata/{service}/config", "kv", None, "", 1),
        (person, office, "update", f"secret/data/{service}/config", "kv", {"data": {"a": hashed}, "options": {"cas": 3}}, "", 1),
        (person, office, "delete", f"secret/data/{service}/old", "kv", None, "", 1),
        (person, office, "update", "sys/capabilities-self", "system", {"paths": [hashed]}, "", 3),
        (person, office, "read", "sys/internal/ui/mounts/secret/signing", "system", None, "permission denied", 1),
        (f"ldap-{chance.choice(DEVELOPERS)}", office, "update", f"auth/ldap/login/{chance.choice(DEVELOPERS)}", "ldap", {"password": hashed}, "ldap operation failed", 1),
        ("oidc-platform@example.com", office, "read", "sys/policies/acl/ci", "system", None, "", 1),
        ("oidc-platform@example.com", office, "read", "sys/storage/raft/configuration", "system", None, "", 1),
        ("oidc-platform@example.com", office, "update", "sys/rotate", "system", None, "", 1),
        ("oidc-platform@example.com", office, "list", "auth/approle/role/", "approle", None, "", 1),
        ("oidc-platform@example.com", office, "delete", "secret/metadata/old/thing", "kv", None, "", 1),
        ("token-terraform", runner, "update", "auth/token/create", "token", {"explicit_max_ttl": "hmac-sha256:0", "period": "hmac-sha256:0", "ttl": "hmac-sha256:1"}, "", 2),
        ("token-terraform", runner, "update", f"sys/policies/acl/{service}", "system", {"policy": hashed}, "", 2),
        ("token-terraform", runner, "update", f"auth/jwt/role/gha-{service}", "jwt", {"bound_claims": {"sub": hashed}}, "", 1),
        ("token-terraform", runner, "update", f"auth/kubernetes/role/{service}", "kubernetes", {"bound_service_account_names": [hashed]}, "", 1),
        ("token-terraform", runner, "read", "sys/mounts", "system", None, "", 2),
        ("token-terraform", runner, "update", f"sys/mounts/{service}/tune", "system", {"max_lease_ttl": hashed}, "", 1),
        ("token-terraform", runner, "update", f"identity/group/name/{service}", "identity", {"policies": [hashed]}, "", 1),
        ("token-terraform", runner, "update", f"transit/keys/{service}", "transit", {"exportable": False, "type": hashed}, "", 1),
    )  # fmt: skip
    who, address, operation, path, mount, data, error, _ = chance.choices(calls, [call[-1] for call in calls])[0]
    role = {"approle": {"role_name": "ci-deploy"}, gha: {"role": "gha-build"}}.get(who)
    token = f"hmac-sha256:{chance.getrandbits(64):016x}"
    if error and path.startswith("auth/"):
        login: dict[str, Any] = {}
    else:
        login = {
            "auth": {
                "accessor": token,
                "client_token": token,
                "display_name": who,
                "entity_id": f"{sum(who.encode()):08x}-4e9e-41cf-09aa-54d3397961b8",
                **({"metadata": role} if role else {}),
                "policies": ["default", who.split("-")[0]],
                "token_type": "service",
            }
        }
    request = {
        "client_token": token,
        **({"data": data} if data is not None else {}),
        "id": f"{chance.getrandbits(128):032x}",
        "mount_class": "secret",
        "mount_point": path.split("/")[0] + "/",
        "mount_type": mount,
        "namespace": {"id": "root"},
        "operation": operation,
        "path": path,
        "remote_address": address,
        "remote_port": chance.randrange(32768, 60999),
    }
    answer = {"data": {"error": hashed}} if error else {"mount_type": mount, "data": {"value": hashed}}
    asked = {**login, "request": request, "time": "2026-01-05T10:00:00.1Z", "type": "request"}
    told = {**({"error": error} if error else {}), **login, "request": request, "response": answer}
    told |= {"time": "2026-01-05T10:00:00.2Z", "type": "response"}
    texts = [json.dumps(one, separators=(",", ":")) for one in (asked, told)]
    if chance.random() < 0.2:  # some nodes log to syslog
        texts = [f"Jan 05 10:00:00 vault-2 vault[812]: {text}" for text in texts]
    return tuple(Event(time, "/var/log/vault/audit.log", text) for text in texts)


def _server_line(chance: random.Random, time: float) -> Event:
    text = chance.choice(
        (
            "post-unseal setup complete",
            "vault is unsealed",
            "vault is sealed",
            "acquired lock, enabling active operation",
            "restoring leases",
            "lease restore complete",
            "successful mount",
            "entering standby mode",
        )
    )
    if chance.random() < 0.5:
        line = json.dumps({"@level": "info", "@message": text, "@module": "core", "@timestamp": "2026-01-05T10:00:00Z"})
        return Event(time, "/var/log/vault/vault.log", line)
    return Event(time, "journald", f"Jan 05 10:00:00 vault-1 vault[812]: 2026-01-05T10:00:00.000Z [INFO]  core: {text}")


# -- AWS ---------------------------------------------------------------------------------------------------------------


def _role(role: str, session: str, key: str, provider: str = "") -> dict[str, Any]:
    issuer = {"type": "Role", "arn": f"arn:aws:iam::{ACCOUNT}:role/{role}", "accountId": ACCOUNT, "userName": role}
    context: dict[str, Any] = {"sessionIssuer": issuer, "attributes": {"mfaAuthenticated": "false"}}
    if provider:
        context["webIdFederationData"] = {"federatedProvider": provider, "attributes": {}}
    return {
        "type": "AssumedRole",
        "principalId": f"AROAEXAMPLE:{session}",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{session}",
        "accountId": ACCOUNT,
        "accessKeyId": key,
        "sessionContext": context,
    }


def _aws_call(chance: random.Random, time: float) -> Event:
    service = chance.choice(SERVICES)
    number = chance.randrange(250)
    runner, key = f"198.51.100.{number}", f"ASIAEXAMPLE{number:09d}"
    job = _role("build", "GitHubActions", key, GITHUB)
    instance = _role("worker", "i-0abcdef0123456789", "ASIAEXAMPLEWORKER0000")
    copier = _role("external-secrets", f"aws-sdk-go-{number}", "ASIAEXAMPLESECRETS000")
    terraform = _role("terraform", "ci", "ASIAEXAMPLETERRAFORM0", GITHUB)
    developer = chance.choice(DEVELOPERS)
    person = _role("AWSReservedSSO_Developer_0123456789abcdef", f"{developer}@example.com", f"ASIA{developer.upper()}")
    subjects = ("repo:acme/app:ref:refs/heads/main", "repo:acme/app:pull_request", "repo:acme/app:environment:staging")
    web = {"type": "WebIdentityUser", "identityProvider": GITHUB}
    trust = json.dumps(
        {
            "Statement": [
                {
                    "Principal": {"Federated": GITHUB},
                    "Condition": {
                        "StringEquals": {
                            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                            "token.actions.githubusercontent.com:sub": "repo:acme/app:environment:staging",
                        }
                    },
                }
            ]
        }
    )
    lambdas = json.dumps({"Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}}]})
    name = f"arn:aws:secretsmanager:eu-central-1:{ACCOUNT}:secret:{service}/db-a1b2c3"
    calls: tuple[tuple[int, dict[str, Any], str, str, str, Any, str], ...] = (
        (5, {**web, "userName": chance.choice(subjects)}, "sts", "AssumeRoleWithWebIdentity", runner, {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/build", "roleSessionName": "GitHubActions"}, ""),
        (2, {**web, "userName": "repo:acme/app:environment:production"}, "sts", "AssumeRoleWithWebIdentity", runner, {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/deploy"}, ""),
        (2, {"type": "WebIdentityUser", "userName": f"system:serviceaccount:{service}:{service}", "identityProvider": "oidc.eks"}, "sts", "AssumeRoleWithWebIdentity", "192.0.2.7", {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/{service}"}, ""),
        (1, {**web, "userName": "repo:acme/new:ref:refs/heads/main"}, "sts", "AssumeRoleWithWebIdentity", runner, {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/build"}, "AccessDenied"),
        (4, job, "sts", "GetCallerIdentity", runner, None, ""),
        (4, job, "secretsmanager", "GetSecretValue", runner, {"secretId": f"ci/{service}"}, ""),
        (4, job, "ecr", "GetAuthorizationToken", runner, {}, ""),
        (4, job, "ecr", "PutImage", runner, {"repositoryName": service, "imageTag": f"1.{number}"}, ""),
        (3, job, "ecr", "InitiateLayerUpload", runner, {"repositoryName": service}, ""),
        (1, job, "lambda", "UpdateFunctionCode20150331v2", runner, {"functionName": service}, ""),
        (1, job, "ecs", "RegisterTaskDefinition", runner, {"family": service, "containerDefinitions": [{"name": service, "command": ["serve"]}]}, ""),
        (1, job, "codebuild", "StartBuild", runner, {"projectName": service}, ""),
        (5, instance, "secretsmanager", "GetSecretValue", "10.1.2.3", {"secretId": f"{service}/db"}, ""),
        (3, instance, "ssm", "GetParameter", "10.1.2.3", {"name": f"/{service}/db", "withDecryption": True}, ""),
        (3, instance, "ssm", "UpdateInstanceInformation", "10.1.2.3", {"instanceId": "i-0abcdef0123456789"}, ""),
        (1, instance, "secretsmanager", "GetSecretValue", "10.1.2.3", {"secretId": f"{service}/new"}, "AccessDenied"),
        (1, instance, "secretsmanager", "GetSecretValue", "10.1.2.3", {"secretId": f"{service}/new"}, "ResourceNotFoundException"),
        (9, copier, "secretsmanager", "GetSecretValue", "10.1.2.4", {"secretId": f"{service}/{chance.randrange(50)}"}, ""),
        (6, copier, "kms", "Decrypt", "secretsmanager.amazonaws.com", {"encryptionContext": {"SecretARN": name + str(number), "SecretVersionId": "v"}}, ""),
        (2, copier, "secretsmanager", "ListSecrets", "10.1.2.4", None, ""),
        (2, _role("rotation", service, "ASIAEXAMPLEROTATION00"), "secretsmanager", "PutSecretValue", "10.1.2.5", {"secretId": name}, ""),
        (1, {"type": "AWSService", "invokedBy": "secretsmanager.amazonaws.com"}, "secretsmanager", "RotationSucceeded", "secretsmanager.amazonaws.com", None, ""),
        (2, {"type": "AWSService", "invokedBy": "rds.amazonaws.com"}, "sts", "AssumeRole", "rds.amazonaws.com", {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/rds"}, ""),
        (3, person, "sts", "GetCallerIdentity", "192.0.2.9", None, ""),
        (2, person, "secretsmanager", "ListSecrets", "192.0.2.9", {"maxResults": 100}, ""),
        (1, person, "secretsmanager", "GetSecretValue", "192.0.2.9", {"secretId": f"{service}/db"}, ""),
        (2, person, "secretsmanager", "DescribeSecret", "192.0.2.9", {"secretId": f"{service}/db"}, ""),
        (2, person, "ec2", "DescribeInstances", "192.0.2.9", {"maxResults": 50}, ""),
        (1, person, "ec2", "StartInstances", "192.0.2.9", {"instancesSet": {"items": {"instanceId": "i-0a"}}}, "Client.UnauthorizedOperation"),
        (1, {"type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/{developer}", "accountId": ACCOUNT, "userName": developer}, "signin", "ConsoleLogin", "192.0.2.9", None, ""),
        (2, terraform, "iam", "CreateRole", runner, {"roleName": service, "assumeRolePolicyDocument": lambdas}, ""),
        (2, terraform, "iam", "UpdateAssumeRolePolicy", runner, {"roleName": service, "policyDocument": trust}, ""),
        (1, terraform, "iam", "GetRole", runner, {"roleName": service}, "NoSuchEntityException"),
        (1, terraform, "secretsmanager", "CreateSecret", runner, {"name": f"{service}/db"}, ""),
        (1, terraform, "secretsmanager", "DeleteSecret", runner, {"secretId": name, "recoveryWindowInDays": 30}, ""),
        (1, terraform, "secretsmanager", "PutResourcePolicy", runner, {"secretId": name, "resourcePolicy": lambdas}, ""),
        (1, terraform, "secretsmanager", "ReplicateSecretToRegions", runner, {"secretId": name, "addReplicaRegions": {"region": "eu-central-1"}}, ""),
        (1, terraform, "kms", "PutKeyPolicy", runner, {"keyId": "a", "policyName": "default"}, ""),
        (1, terraform, "ecr", "SetRepositoryPolicy", runner, {"repositoryName": service, "policyText": lambdas}, ""),
        (1, terraform, "codebuild", "UpdateProject", runner, {"name": service, "environment": {"environmentVariables": {"name": "STAGE", "value": "test", "type": "PLAINTEXT"}}}, ""),
        (1, terraform, "cloudtrail", "DescribeTrails", runner, None, ""),
        (1, terraform, "eks", "DescribeCluster", runner, {"name": "main"}, ""),
    )  # fmt: skip
    _, identity, source, event, address, parameters, error = chance.choices(calls, [call[0] for call in calls])[0]
    record: dict[str, Any] = {
        "log_info": {"aws_account_alias": "", "log_file": "a.json.gz", "s3bucket": "example-trail"},
        "eventVersion": "1.10",
        "userIdentity": identity,
        "eventTime": "2026-01-05T10:00:00Z",
        "eventSource": f"{source}.amazonaws.com",
        "eventName": event,
        "awsRegion": "eu-central-1",
        "sourceIPAddress": address,
        "userAgent": chance.choice(
            ("aws-cli/2.22.0 os/linux", "Boto3/1.35 Python/3.12", "APN/1.0 HashiCorp/1.0 Terraform/1.9")
        ),
        **({"errorCode": error, "errorMessage": "not allowed"} if error else {}),
        **({"requestParameters": parameters} if parameters is not None else {}),
        "requestID": f"{chance.getrandbits(128):032x}",
        "eventID": f"{chance.getrandbits(128):032x}",
        "eventType": "AwsApiCall",
        "recipientAccountId": ACCOUNT,
        "source": "cloudtrail",
        "aws_account_id": ACCOUNT,
    }
    return Event(time, "Wazuh-AWS", json.dumps({"integration": "aws", "aws": record}))
