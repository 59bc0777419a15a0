"""What Kubernetes adds to the managers: the kustomize component, and the same as values of a Helm chart."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

FOLDER = Path(__file__).parents[2] / "deploy/kubernetes"
KUSTOMIZE = shutil.which("kustomize")
STATEFUL_SET = {
    "apiVersion": "apps/v1",
    "kind": "StatefulSet",
    "spec": {
        "serviceName": "wazuh-cluster",
        "selector": {"matchLabels": {"app": "wazuh-manager"}},
        "template": {
            "metadata": {"labels": {"app": "wazuh-manager"}},
            "spec": {
                "volumes": [{"name": "config", "configMap": {"name": "wazuh-conf"}}],
                "containers": [
                    {
                        "name": "wazuh-manager",
                        "image": "wazuh/wazuh-manager:4.14.7",
                        "volumeMounts": [
                            {"name": "config", "mountPath": "/wazuh-config-mount/etc/ossec.conf", "subPath": "x.conf"},
                            {"name": "data", "mountPath": "/var/ossec/etc", "subPath": "wazuh/var/ossec/etc"},
                        ],
                    }
                ],
            },
        },
    },
}


def by_name(items):
    return {item["name"]: item for item in items}


@pytest.mark.skipif(not KUSTOMIZE, reason="needs kustomize (go install sigs.k8s.io/kustomize/kustomize/v5@latest)")
def test_kustomize_adds_the_package_to_both_managers_and_to_nothing_else(tmp_path):
    shutil.copytree(FOLDER, tmp_path / "component")
    site = tmp_path / "site"
    site.mkdir()
    names = ("wazuh-manager-master", "wazuh-manager-worker", "wazuh-indexer")
    for name in names:
        (site / f"{name}.yaml").write_text(json.dumps({**STATEFUL_SET, "metadata": {"name": name}}))
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": "wazuh",
        "resources": [f"{name}.yaml" for name in names],
        "components": ["../component"],
        "images": [{"name": "wazuh-cicd-package", "newName": "registry.example.com/package", "newTag": "1"}],
    }
    (site / "kustomization.yaml").write_text(json.dumps(kustomization))
    ran = subprocess.run([KUSTOMIZE, "build", str(site)], capture_output=True, text=True, check=False, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")
    sets = {one["metadata"]["name"]: one["spec"]["template"]["spec"] for one in yaml.safe_load_all(ran.stdout)}
    assert sets["wazuh-indexer"] == STATEFUL_SET["spec"]["template"]["spec"]
    for name in names[:2]:
        spec = sets[name]
        assert spec["initContainers"][0]["image"] == "registry.example.com/package:1"
        mounts = {mount["mountPath"]: mount for mount in by_name(spec["containers"])["wazuh-manager"]["volumeMounts"]}
        assert {"/cicd", "/entrypoint-scripts/10-cicd-package.sh", "/var/ossec/etc"} <= set(mounts)
        assert mounts["/wazuh-config-mount/etc/ossec.conf"]["subPath"] == "x.conf"
        assert set(by_name(spec["volumes"])) == {"config", "wazuh-cicd"}


def test_the_helm_values_say_what_the_component_says():
    patch = yaml.safe_load((FOLDER / "managers.yaml").read_text())["spec"]["template"]["spec"]
    values = yaml.safe_load((FOLDER / "helm-values.yaml").read_text())["wazuh"]
    (copies,) = patch["initContainers"]
    (also,) = values["extraInitContainers"]
    assert {**copies, "image": ""} == {**also, "image": ""}
    for kind in ("master", "worker"):
        assert values[kind]["additionalVolumes"] == patch["volumes"]
        assert values[kind]["additionalVolumeMounts"] == patch["containers"][0]["volumeMounts"]


def test_the_init_container_copies_what_the_image_holds_and_the_script_reads():
    dockerfile = (FOLDER.parents[1] / "docker/package.Dockerfile").read_text()
    script = (FOLDER.parents[1] / "docker/package.sh").read_text()
    (copies,) = yaml.safe_load((FOLDER / "managers.yaml").read_text())["spec"]["template"]["spec"]["initContainers"]
    assert f"CMD {json.dumps(copies['command'])}" in dockerfile
    assert "build/manager /cicd/build/manager" in dockerfile
    assert "input=/cicd\n" in script
    assert "/cicd/as_user.py" in script
