#!/usr/bin/python3
"""The manifests of deploy/kubernetes: rendered by kubectl, checked against the Kubernetes API, against
each other and against the program.

  kubernetes_test.py PROGRAM
"""

import functools
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import yaml
from kubernetes_schema import errors_of
from manifests import (
    KUBERNETES,
    Deployment,
    container_of,
    environment_of,
    kubectl_version,
    labels_of,
    matches,
    mount_at,
    pod_of,
)
from network_policies import Pod, may_receive, may_send

# The kubectl of Debian 12 is 1.20, whose kustomize can render the base only: it knows no `patches`.
_PATCHES_SINCE = (1, 21)
_UNPRIVILEGED = """
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [{overlay}]
components: [{component}]
"""
_PROGRAM = ""
_DEPLOYMENTS = {}


def _render_unprivileged():
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name).resolve()
        text = _UNPRIVILEGED.format(
            overlay=os.path.relpath(KUBERNETES / "overlays/example", directory),
            component=os.path.relpath(KUBERNETES / "components/unprivileged", directory),
        )
        (directory / "kustomization.yaml").write_text(text)
        return Deployment(directory)


def setUpModule():
    _DEPLOYMENTS["base"] = Deployment(KUBERNETES / "base")
    if kubectl_version() >= _PATCHES_SINCE:
        _DEPLOYMENTS["example"] = Deployment(KUBERNETES / "overlays/example")
        _DEPLOYMENTS["unprivileged"] = _render_unprivileged()


def _example_pod():
    return yaml.safe_load((KUBERNETES / "example-pod.yaml").read_text())


def _bytes(quantity):
    number, unit = re.fullmatch(r"(\d+)([KMGT]i)B?", quantity).groups()
    return int(number) << 10 * (" KMGT".index(unit[0]))


def for_each_deployment(test):
    """Runs a test of one deployment with each."""

    @functools.wraps(test)
    def run(self):
        for name, deployment in _DEPLOYMENTS.items():
            with self.subTest(deployment=name):
                test(self, deployment)

    return run


def for_each_workload(test):
    """Runs a test of one deployment and one workload in it with each."""

    @functools.wraps(test)
    def run(self):
        for name, deployment in _DEPLOYMENTS.items():
            for part, workload in deployment.workloads.items():
                with self.subTest(deployment=name, workload=part):
                    test(self, deployment, workload)

    return run


def _pods(deployment):
    return {
        name: Pod(
            labels_of(workload),
            {port["name"]: port["containerPort"] for port in container_of(workload)["ports"]},
        )
        for name, workload in deployment.workloads.items()
    }


class ObjectsTest(unittest.TestCase):
    @for_each_deployment
    def test_are_what_the_api_of_kubernetes_defines(self, deployment):
        for item in deployment.items:
            with self.subTest(kind=item["kind"], name=item["metadata"]["name"]):
                self.assertEqual(errors_of(item), [])

    def test_are_of_every_file(self):
        for kustomization in KUBERNETES.rglob("kustomization.yaml"):
            text = kustomization.read_text()
            for path in kustomization.parent.glob("*.yaml"):
                if path != kustomization:
                    self.assertRegex(text, rf"\b{re.escape(path.name)}", path)

    @for_each_deployment
    def test_are_in_one_namespace(self, deployment):
        (namespace,) = deployment.all("Namespace")
        for item in deployment.items:
            if item is not namespace:
                self.assertEqual(item["metadata"]["namespace"], namespace["metadata"]["name"])

    @for_each_deployment
    def test_are_selected_by_whom_they_are_meant_for(self, deployment):
        ring, client = labels_of(deployment.ring), labels_of(deployment.client)
        budget = deployment.one("PodDisruptionBudget", "reposfs-ring")
        of_ring = [
            deployment.ring["spec"]["selector"],
            budget["spec"]["selector"],
            {"matchLabels": deployment.service["spec"]["selector"]},
        ]
        for selector in of_ring:
            self.assertTrue(matches(selector, ring))
            self.assertFalse(matches(selector, client))
        self.assertTrue(matches(deployment.client["spec"]["selector"], client))
        self.assertFalse(matches(deployment.client["spec"]["selector"], ring))

    @for_each_deployment
    def test_use_the_same_image(self, deployment):
        images = {container_of(each)["image"] for each in deployment.workloads.values()}
        self.assertEqual(len(images), 1, images)
        self.assertRegex(images.pop(), r"reposfs:\d")


class ConfigurationTest(unittest.TestCase):
    def check(self, text, workload, **variables):
        pod_name = workload["metadata"]["name"] + "-0"
        environment = {"PATH": os.environ["PATH"], **environment_of(workload, pod_name), **variables}
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(text)
            file.flush()
            return subprocess.run(
                [_PROGRAM, "config", "check", "--config", file.name],
                check=False, capture_output=True, text=True, env=environment,
            )

    @for_each_workload
    def test_is_right_in_every_key(self, deployment, workload):
        # What is wrong is told one by one: the ring must not hide the rest.
        text = deployment.config_text(workload).replace("enabled: true", "enabled: false")
        result = self.check(text, workload)
        self.assertEqual(result.returncode, 0, result.stderr)

    @for_each_workload
    def test_is_right_as_a_whole(self, deployment, workload):
        result = self.check(deployment.config_text(workload), workload)
        self.assertEqual(result.returncode, 0, result.stderr)

    @for_each_workload
    def test_finds_the_members_by_the_service(self, deployment, workload):
        dns = deployment.config(workload)["ring"]["dns"]
        service = deployment.service
        (port,) = service["spec"]["ports"]
        place = f"{service['metadata']['name']}.{service['metadata']['namespace']}"
        self.assertEqual(dns["type"], "SRV")
        self.assertEqual(dns["name"], f"_{port['name']}._tcp.{place}.svc.cluster.local")
        self.assertEqual(service["spec"]["clusterIP"], "None")
        self.assertEqual(deployment.ring["spec"]["serviceName"], service["metadata"]["name"])

    @for_each_workload
    def test_listens_where_the_ports_say(self, deployment, workload):
        address, _, port = deployment.config(workload)["http"]["listen"].rpartition(":")
        self.assertEqual(address, "0.0.0.0")
        (declared,) = container_of(workload)["ports"]
        self.assertEqual(declared, {"name": "http", "containerPort": int(port)})
        (served,) = deployment.service["spec"]["ports"]
        self.assertEqual((served["targetPort"], served["port"]), ("http", int(port)))

    @for_each_workload
    def test_names_each_node_as_its_pod(self, _, workload):
        environment = environment_of(workload, "the-pod")
        self.assertEqual(environment["REPOSFS_RING_NODE_ID"], "the-pod")

    @for_each_deployment
    def test_is_the_same_for_all_nodes(self, deployment):
        texts = {deployment.config_text(each) for each in deployment.workloads.values()}
        self.assertEqual(len(texts), 1)

    @for_each_deployment
    def test_wants_no_more_owners_than_there_are_nodes(self, deployment):
        ring = deployment.config(deployment.ring)["ring"]
        self.assertLess(1, ring["replicationCount"])
        self.assertLessEqual(ring["replicationCount"], deployment.ring["spec"]["replicas"])

    @for_each_workload
    def test_leaves_room_for_git_in_the_memory(self, deployment, workload):
        limit = container_of(workload)["resources"]["limits"]["memory"]
        git = deployment.config(workload)["fetch"]["memory"]
        self.assertGreaterEqual(_bytes(limit), 2 * _bytes(git))


class PodsTest(unittest.TestCase):
    @for_each_workload
    def test_find_their_volumes(self, _, workload):
        templates = workload["spec"].get("volumeClaimTemplates", [])
        volumes = [volume["name"] for volume in pod_of(workload)["volumes"]]
        volumes += [template["metadata"]["name"] for template in templates]
        mounts = [mount["name"] for mount in container_of(workload)["volumeMounts"]]
        self.assertCountEqual(mounts, volumes)

    @for_each_workload
    def test_find_the_token(self, deployment, workload):
        path = Path(deployment.config(workload)["ring"]["tokenFile"])
        mount = mount_at(workload, path)
        (secret,) = [
            each["secret"]
            for each in pod_of(workload)["volumes"]
            if each["name"] == mount["name"]
        ]
        (item,) = secret["items"]
        self.assertEqual(Path(mount["mountPath"]) / item["path"], path)
        self.assertEqual((secret["secretName"], item["key"]), ("reposfs-ring-token", "token"))
        self.assertEqual(secret["defaultMode"], 0o400)

    @for_each_workload
    def test_write_only_to_volumes(self, deployment, workload):
        self.assertTrue(container_of(workload)["securityContext"]["readOnlyRootFilesystem"])
        for path in (deployment.config(workload)["cache"]["directory"], "/tmp"):
            self.assertFalse(mount_at(workload, path).get("readOnly", False), path)

    @for_each_workload
    def test_are_probed(self, _, workload):
        container = container_of(workload)
        paths = {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}
        for kind, path in paths.items():
            self.assertEqual(container[f"{kind}Probe"]["httpGet"], {"path": path, "port": "http"})

    @for_each_workload
    def test_are_bounded(self, _, workload):
        resources = container_of(workload)["resources"]
        for what in ("cpu", "memory", "ephemeral-storage"):
            self.assertIn(what, resources["requests"])
            self.assertIn(what, resources["limits"])

    @for_each_workload
    def test_have_nothing_to_do_with_the_cluster(self, _, workload):
        pod = pod_of(workload)
        self.assertIs(pod["automountServiceAccountToken"], False)
        self.assertIs(pod["enableServiceLinks"], False)
        self.assertFalse(pod.keys() & {"hostNetwork", "hostPID", "hostIPC"})

    @for_each_workload
    def test_run_the_mount(self, _, workload):
        *words, mountpoint = container_of(workload)["args"]
        self.assertEqual(words, ["mount", "--foreground"])
        self.assertTrue(Path(mountpoint).is_absolute())

    @for_each_deployment
    def test_of_clients_pass_the_mount_on(self, deployment):
        mountpoint = container_of(deployment.client)["args"][-1]
        mount = mount_at(deployment.client, mountpoint)
        self.assertEqual(mount["mountPropagation"], "Bidirectional")
        # A mount on the volume itself would hide it, and be gone for who bound it before.
        self.assertNotEqual(mount["mountPath"], mountpoint)
        self.assertIs(container_of(deployment.client)["securityContext"]["privileged"], True)
        self.assertEqual(
            environment_of(deployment.client, "")["REPOSFS_MOUNT_ALLOW_OTHER"], "true"
        )

    @for_each_deployment
    def test_of_clients_are_replaced_by_hand(self, deployment):
        self.assertEqual(deployment.client["spec"]["updateStrategy"], {"type": "OnDelete"})


class NetworkTest(unittest.TestCase):
    @for_each_deployment
    def test_lets_only_the_ring_and_clients_in(self, deployment):
        policies = deployment.all("NetworkPolicy")
        pods = _pods(deployment)
        stranger = Pod(_example_pod()["metadata"]["labels"], {})
        self.assertTrue(may_receive(policies, pods["ring"], pods["ring"], 7420))
        self.assertTrue(may_receive(policies, pods["ring"], pods["client"], 7420))
        self.assertFalse(may_receive(policies, pods["ring"], pods["client"], 22))
        for other in (pods["ring"], pods["client"], stranger, "203.0.113.7"):
            self.assertFalse(may_receive(policies, pods["client"], other, 7420), other)
        for other in (stranger, "203.0.113.7", "10.1.2.3"):
            self.assertFalse(may_receive(policies, pods["ring"], other, 7420), other)

    @for_each_deployment
    def test_lets_the_nodes_out_to_each_other_and_to_git_hosts(self, deployment):
        policies = deployment.all("NetworkPolicy")
        pods = _pods(deployment)
        for name, pod in pods.items():
            with self.subTest(pod=name):
                self.assertTrue(may_send(policies, pod, pods["ring"], 7420))
                self.assertFalse(may_send(policies, pod, pods["client"], 7420))
                for port in (443, 80, 22, 9418):
                    self.assertTrue(may_send(policies, pod, "203.0.113.7", port))
                    self.assertTrue(may_send(policies, pod, "2001:db8::7", port))
                for protocol in ("UDP", "TCP"):
                    self.assertTrue(may_send(policies, pod, "10.96.0.10", 53, protocol))

    @for_each_deployment
    def test_keeps_the_nodes_from_everything_else(self, deployment):
        policies = deployment.all("NetworkPolicy")
        for pod in _pods(deployment).values():
            self.assertFalse(may_send(policies, pod, "203.0.113.7", 25))
            for inside in ("169.254.169.254", "10.96.0.1", "172.16.0.1", "192.168.1.1", "fd00::1"):
                self.assertFalse(may_send(policies, pod, inside, 443), inside)
                self.assertFalse(may_send(policies, pod, inside, 80), inside)


class ExamplePodTest(unittest.TestCase):
    def setUp(self):
        self.pod = _example_pod()
        (self.container,) = self.pod["spec"]["containers"]
        self.client = _DEPLOYMENTS["base"].client

    def test_is_what_the_api_of_kubernetes_defines(self):
        self.assertEqual(errors_of(self.pod), [])

    def test_sees_the_mount_of_its_machine_and_writes_nothing(self):
        mountpoint = Path(container_of(self.client)["args"][-1])
        theirs = mount_at(self.client, mountpoint)
        (ours,) = self.container["volumeMounts"]
        self.assertEqual(ours["mountPropagation"], "HostToContainer")
        self.assertIs(ours["readOnly"], True)
        volumes = pod_of(self.client)["volumes"]
        (host,) = [each["hostPath"] for each in volumes if each["name"] == theirs["name"]]
        (volume,) = self.pod["spec"]["volumes"]
        self.assertEqual(volume["hostPath"]["path"], host["path"])
        seen = Path(ours["mountPath"]) / mountpoint.relative_to(theirs["mountPath"])
        paths = re.findall(rf"{ours['mountPath']}/\S+", self.container["command"][-1])
        self.assertTrue(paths)
        for path in paths:
            self.assertTrue(Path(path).is_relative_to(seen), path)

    def test_may_do_nothing_special(self):
        security = self.container["securityContext"]
        self.assertIs(security["allowPrivilegeEscalation"], False)
        self.assertEqual(security["capabilities"], {"drop": ["ALL"]})
        self.assertIs(self.pod["spec"]["securityContext"]["runAsNonRoot"], True)


class OverlayTest(unittest.TestCase):
    def setUp(self):
        if "example" not in _DEPLOYMENTS:
            self.skipTest(f"kubectl {kubectl_version()} is too old for it")
        self.example = _DEPLOYMENTS["example"]

    def test_changes_what_it_says(self):
        self.assertEqual(self.example.ring["spec"]["replicas"], 5)
        (claim,) = self.example.ring["spec"]["volumeClaimTemplates"]
        self.assertEqual(claim["spec"]["resources"]["requests"]["storage"], "500Gi")
        hosts = self.example.config(self.example.ring)["hosts"]
        self.assertEqual(list(hosts), ["github.com", "git.example.org"])
        self.assertEqual(
            container_of(self.example.ring)["image"], "registry.example.org/reposfs:0.1.0"
        )
        environment = environment_of(self.example.client, "")
        self.assertEqual(environment["REPOSFS_CACHE_QUOTA"], "50GiB")
        self.assertIn("REPOSFS_RING_NODE_ID", environment)

    def test_without_privileges_leaves_what_fuse_needs(self):
        container = container_of(_DEPLOYMENTS["unprivileged"].ring)
        security = container["securityContext"]
        self.assertIs(security["privileged"], False)
        self.assertIs(security["allowPrivilegeEscalation"], False)
        self.assertEqual(security["capabilities"]["drop"], ["ALL"])
        self.assertIn("SYS_ADMIN", security["capabilities"]["add"])
        self.assertEqual(container["resources"]["limits"]["smarter-devices/fuse"], "1")
        self.assertEqual(container["resources"]["limits"]["memory"], "6Gi")


if __name__ == "__main__":
    _PROGRAM = sys.argv.pop(1)
    unittest.main()
