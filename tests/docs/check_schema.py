"""The schema for editors against the examples and the pages, which it must take, and against mistakes, which it must
refuse at the right place.

usage: check_schema.py TOP
"""

import glob
import json
import re
import sys

import jsonschema_rs
import yaml

TOP = sys.argv[1]
VALIDATOR = jsonschema_rs.validator_for(json.load(open(TOP + "/docs/reference/schema.json", encoding="utf-8")))


class Loader(yaml.SafeLoader):
    """Of YAML 1.2: no times, and only true and false are not texts."""


Loader.yaml_implicit_resolvers = {
    key: [(tag, regexp) for tag, regexp in resolvers if tag not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool")]
    for key, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(true|false)$"), list("tf"))


def documents(text):
    return [document for document in yaml.load_all(text, Loader) if document is not None]


def right():
    for path in sorted(glob.glob(TOP + "/examples/**/*.yaml", recursive=True) + glob.glob(TOP + "/profiles/*.yaml")):
        for document in documents(open(path, encoding="utf-8").read()):
            yield path, document
    for path in sorted(glob.glob(TOP + "/docs/**/*.md", recursive=True)):
        for block in re.findall(r"^```yaml\n(.*?)^```", open(path, encoding="utf-8").read(), re.M | re.S):
            if block.startswith("apiVersion:"):
                for document in documents(block):
                    yield path, document


APPLICATION = """
apiVersion: qleet.io/v1
kind: Application
metadata: {name: shop}
spec:
  workloads:
    web:
      score:
        containers: {web: {image: "a:1", resources: {limits: {cpu: 2, memory: 1Gi}}}}
      replicas: 2
"""
# (what is replaced, by what, where the error is)
WRONG = [
    ("image:", "imege:", "/spec/workloads/web/score/containers/web"),
    ("replicas: 2", "replicas: two", "/spec/workloads/web/replicas"),
    ("replicas: 2", "replicas: -1", "/spec/workloads/web/replicas"),
    ("kind: Application", "kind: Aplication", "/kind"),
    ("kind: Application\n", "", ""),
    ("qleet.io/v1", "qleet.io/v2", "/apiVersion"),
    ("metadata: {name: shop}\n", "", ""),
    ("metadata: {name: shop}", "metadata: {labels: {a: b}}", "/metadata"),
    ("workloads:", "workload:", "/spec"),
    ("limits:", "limit:", "/spec/workloads/web/score/containers/web/resources"),
    ("containers: {web: ", "containers: {web: [], more: ", "/spec/workloads/web/score/containers/web"),
    ("kind: Application", "kind: Release", "/kind"),
]


def main():
    failures = 0
    seen = 0
    for path, document in right():
        seen += 1
        for error in VALIDATOR.iter_errors(document):
            failures += 1
            print(f"{path}: {'/'.join(map(str, error.instance_path))}: {error.message}")
    for old, new, place in WRONG:
        assert old in APPLICATION, old
        text = APPLICATION.replace(old, new)
        places = {"".join(f"/{part}" for part in error.instance_path) for document in documents(text)
                  for error in VALIDATOR.iter_errors(document)}
        if place not in places:
            failures += 1
            print(f"{old!r} -> {new!r}: should be refused at {place!r}, and is at {sorted(places)}")
    print(f"{seen} documents, {len(WRONG)} mistakes, {failures} failures")
    return 1 if failures or seen < 20 else 0


sys.exit(main())
