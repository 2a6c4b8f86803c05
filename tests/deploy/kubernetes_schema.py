"""JSON schemas of Kubernetes objects, made of the models in Debian's python3-kubernetes.

The models are generated from the API that Kubernetes publishes: each tells the names and types of
its fields, and refuses None where a field is required.  Nothing unknown is allowed, as with
`kubectl apply --validate=strict`.
"""

import re

import jsonschema
from kubernetes import client

_SCALARS = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "datetime": {"type": "string"},
    "object": {},  # A number or a string, as in maxUnavailable.
}


def _of_type(name, definitions):
    if name in _SCALARS:
        return _SCALARS[name]
    if match := re.fullmatch(r"list\[(.*)\]", name):
        return {"type": "array", "items": _of_type(match[1], definitions)}
    if match := re.fullmatch(r"dict\(str, (.*)\)", name):
        return {"type": "object", "additionalProperties": _of_type(match[1], definitions)}
    _define(name, definitions)
    return {"$ref": f"#/definitions/{name}"}


def _is_required(model, attribute):
    # Not by the constructor, which wants all that is required at once.
    instance = model.__new__(model)
    instance.local_vars_configuration = client.Configuration()
    try:
        setattr(instance, attribute, None)
    except ValueError:
        return True
    return False


def _define(name, definitions):
    if name in definitions:
        return
    model = getattr(client, name)
    schema = {"type": "object", "additionalProperties": False, "properties": {}, "required": []}
    definitions[name] = schema  # Before its fields: models can contain themselves.
    for attribute, field in model.attribute_map.items():
        schema["properties"][field] = _of_type(model.openapi_types[attribute], definitions)
        if _is_required(model, attribute):
            schema["required"].append(field)


def _model_of(item):
    """The name of the model; a LookupError if no API of that version has such a kind."""
    group, _, version = item["apiVersion"].rpartition("/")
    version = version.capitalize()
    group = group.split(".")[0].capitalize() or "Core"
    api = getattr(client, f"{group}{version}Api", None)
    kind = re.sub(r"(?<!^)([A-Z])", r"_\1", item["kind"]).lower()
    if api is None or not any(
        hasattr(api, f"create_{scope}{kind}") for scope in ("", "namespaced_")
    ):
        raise LookupError(f"{item['apiVersion']} has no {item['kind']}")
    return f"{version}{item['kind']}"


def errors_of(item):
    """What is wrong with a Kubernetes object, as texts that begin with its place."""
    definitions = {}
    name = _model_of(item)
    _define(name, definitions)
    schema = {"$ref": f"#/definitions/{name}", "definitions": definitions}
    return [
        f"{'.'.join(str(part) for part in error.absolute_path)}: {error.message}"
        for error in jsonschema.Draft7Validator(schema).iter_errors(item)
    ]
