"""What deploy/kubernetes renders to, and how its objects are found."""

import json
import subprocess
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
KUBERNETES = ROOT / "deploy/kubernetes"


def kubectl_version():
    """Of the client, as (major, minor)."""
    output = subprocess.run(
        ["kubectl", "version", "--client", "-o", "json"],
        check=True, capture_output=True, text=True,
    ).stdout
    version = json.loads(output)["clientVersion"]
    return int(version["major"]), int(version["minor"].rstrip("+"))


def render(directory):
    """The objects of a kustomization.  Whatever kubectl warns of is an error."""
    result = subprocess.run(
        ["kubectl", "kustomize", str(directory)], check=False, capture_output=True, text=True
    )
    if result.returncode != 0 or result.stderr:
        raise AssertionError(f"kubectl kustomize {directory}: {result.stderr}")
    return [item for item in yaml.safe_load_all(result.stdout) if item]


def matches(selector, labels):
    """Whether a selector of matchLabels takes a pod with these labels; an empty one takes all."""
    assert not selector.keys() - {"matchLabels"}, selector
    return selector.get("matchLabels", {}).items() <= labels.items()


class Deployment:
    """One rendering, and the places in it that the tests ask for."""

    def __init__(self, directory):
        self.items = render(directory)
        self.ring = self.one("StatefulSet", "reposfs")
        self.client = self.one("DaemonSet", "reposfs-client")
        self.service = self.one("Service", "reposfs-ring")
        self.workloads = {"ring": self.ring, "client": self.client}

    def all(self, kind):
        return [item for item in self.items if item["kind"] == kind]

    def one(self, kind, name):
        found = [item for item in self.all(kind) if item["metadata"]["name"] == name]
        assert len(found) == 1, f"{len(found)} of {kind} {name}"
        return found[0]

    def config_text(self, workload):
        """The reposfs.yaml that a workload's pods see."""
        volumes = {volume["name"]: volume for volume in pod_of(workload)["volumes"]}
        mount = mount_at(workload, "/etc/reposfs")
        config_map = self.one("ConfigMap", volumes[mount["name"]]["configMap"]["name"])
        return config_map["data"]["reposfs.yaml"]

    def config(self, workload):
        return yaml.safe_load(self.config_text(workload))


def pod_of(workload):
    return workload["spec"]["template"]["spec"]


def labels_of(workload):
    return workload["spec"]["template"]["metadata"]["labels"]


def container_of(workload):
    (container,) = pod_of(workload)["containers"]
    return container


def environment_of(workload, pod_name):
    """The environment of a workload's container in the pod of that name."""
    variables = {}
    for variable in container_of(workload).get("env", []):
        if "valueFrom" in variable:
            assert variable["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name", variable
            variables[variable["name"]] = pod_name
        else:
            variables[variable["name"]] = variable["value"]
    return variables


def mount_at(workload, path):
    """The volume mount that holds `path`."""
    holders = [
        mount
        for mount in container_of(workload)["volumeMounts"]
        if Path(path).is_relative_to(mount["mountPath"])
    ]
    assert holders, f"nothing is mounted at {path}"
    return max(holders, key=lambda mount: len(mount["mountPath"]))
