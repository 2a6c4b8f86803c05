"""Whether NetworkPolicies of one namespace let a connection pass, as Kubernetes defines it.

Without a policy for a pod and a direction everything passes; with some, what any of them allows.
"""

import ipaddress
from dataclasses import dataclass

from manifests import matches


@dataclass(frozen=True)
class Pod:
    """A pod of the namespace."""

    labels: dict
    ports: dict  # Number by name.


def _is_peer(peer, other):
    if isinstance(other, Pod):
        # A selector of namespaces would be more than these manifests use.
        return peer.keys() == {"podSelector"} and matches(peer["podSelector"], other.labels)
    if peer.keys() != {"ipBlock"}:
        return False
    address = ipaddress.ip_address(other)
    inside = address in ipaddress.ip_network(peer["ipBlock"]["cidr"])
    return inside and not any(
        address in ipaddress.ip_network(block) for block in peer["ipBlock"].get("except", [])
    )


def _is_port(rule, protocol, port, named):
    number = named.get(rule["port"]) if isinstance(rule["port"], str) else rule["port"]
    return rule.get("protocol", "TCP") == protocol and number == port


def _allows(rule, key, other, protocol, port, named):
    peers, ports = rule.get(key), rule.get("ports")
    return (not peers or any(_is_peer(peer, other) for peer in peers)) and (
        not ports or any(_is_port(each, protocol, port, named) for each in ports)
    )


def _passes(policies, direction, pod, other, protocol, port, named):
    specs = [
        policy["spec"]
        for policy in policies
        if matches(policy["spec"]["podSelector"], pod.labels)
        and direction in policy["spec"]["policyTypes"]
    ]
    key = {"Ingress": "from", "Egress": "to"}[direction]
    return not specs or any(
        _allows(rule, key, other, protocol, port, named)
        for spec in specs
        for rule in spec.get(direction.lower(), [])
    )


def may_receive(policies, pod, other, port, protocol="TCP"):
    """Whether `other`, a Pod or an address, may connect to a port of `pod`."""
    return _passes(policies, "Ingress", pod, other, protocol, port, pod.ports)


def may_send(policies, pod, other, port, protocol="TCP"):
    """Whether `pod` may connect to a port of `other`, a Pod or an address."""
    named = other.ports if isinstance(other, Pod) else {}
    return _passes(policies, "Egress", pod, other, protocol, port, named)
