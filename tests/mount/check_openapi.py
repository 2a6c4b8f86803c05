"""Checks answers of a daemon against its OpenAPI document.

usage: check_openapi.py DOCUMENT EXCHANGES

EXCHANGES is a JSON array of {method, path, status, type, body}.  Every answer must be one that the
document describes, field by field, and every operation of the document must have been asked and
have succeeded once.  Prints what is wrong, a line each; exits 1 if anything is.
"""

import json
import re
import sys

import jsonschema

problems = []


def inherited(node, found):
    """The schemas that others extend by allOf."""
    if isinstance(node, dict):
        found.update(part["$ref"] for part in node.get("allOf", []) if "$ref" in part)
        for child in node.values():
            inherited(child, found)
    elif isinstance(node, list):
        for child in node:
            inherited(child, found)
    return found


def close(node, open_ones, place="#"):
    """Has every object of the schemas refuse fields that are not described."""
    if isinstance(node, list):
        return [close(child, open_ones, f"{place}/{i}") for i, child in enumerate(node)]
    if not isinstance(node, dict):
        return node
    closed = {}
    for name, child in node.items():
        if name == "allOf":
            closed[name] = child
        else:
            closed[name] = close(child, open_ones, f"{place}/{name}")
    if node.get("$ref") in open_ones:
        return {"allOf": [{"$ref": closed["$ref"]}], "unevaluatedProperties": False}
    if "object" in (node.get("type") or "") and "properties" in node and place not in open_ones:
        closed.setdefault("unevaluatedProperties", False)
    return closed


def resolve(document, node):
    while "$ref" in node:
        target = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def operation_of(document, method, path):
    path = path.partition("?")[0]
    for pattern, item in document["paths"].items():
        if re.fullmatch(re.sub(r"\{[^/}]*\}", "[^/]+", pattern), path):
            if method in item:
                return pattern, item[method]
    return None, None


def check(document, closed, exchange, succeeded):
    method, status = exchange["method"].lower(), str(exchange["status"])
    what = f"{exchange['method']} {exchange['path']} -> {status}"
    pattern, operation = operation_of(document, method, exchange["path"])
    if operation is None:
        # Nothing but a failure is known of what is not described.
        response = document["components"]["responses"]["Failure"]
        if int(status) < 400:
            problems.append(f"{what}: not in the document")
            return
    else:
        responses = operation["responses"]
        if status not in responses and ("default" not in responses or int(status) < 400):
            problems.append(f"{what}: no such status is described")
            return
        response = resolve(document, responses.get(status) or responses["default"])
        if int(status) < 400:
            succeeded.add((method, pattern))
    content = response["content"]
    media = exchange["type"].partition(";")[0]
    if media not in content:
        problems.append(f"{what}: sent as {media}, not as {', '.join(content)}")
        return
    if media != "application/json":
        return
    # References begin at the root, so the components go with the schema.
    schema = close(content[media]["schema"], inherited(document, set()))
    validator = jsonschema.Draft202012Validator(schema | {"components": closed["components"]})
    for error in validator.iter_errors(json.loads(exchange["body"])):
        at = "/".join(str(part) for part in error.absolute_path)
        problems.append(f"{what}: {at}: {error.message}")


def main():
    document, exchanges = (json.load(open(path, encoding="utf-8")) for path in sys.argv[1:3])
    open_ones = inherited(document, set())
    closed = dict(document)
    closed["components"] = dict(document["components"])
    closed["components"]["schemas"] = close(document["components"]["schemas"], open_ones,
                                            "#/components/schemas")
    succeeded = set()
    for exchange in exchanges:
        check(document, closed, exchange, succeeded)
    for pattern, item in document["paths"].items():
        for method in item:
            if method != "parameters" and (method, pattern) not in succeeded:
                problems.append(f"{method.upper()} {pattern}: never asked with success")
    print("\n".join(problems))
    sys.exit(1 if problems else 0)


main()
