"""Applies, reads and compares by the client that was generated (tests/tools/api_clients)."""

import importlib
import json
import os
import pkgutil
import ssl
import urllib.request
from datetime import datetime

import python as generated
from python import AuthenticatedClient
from python.api.applications import get_application, list_applications, put_application
from python.api.builds import notify_build
from python.models import Application, ApplicationList, BuildSpec, DeliveryAnswers, Release, Score

for module in pkgutil.walk_packages(generated.__path__, "python."):
    importlib.import_module(module.name)

url, ca, token = (os.environ[name] for name in ("QLEET_URL", "QLEET_CA", "QLEET_TOKEN"))
context = ssl.create_default_context(cafile=ca)


def raw(path):
    request = urllib.request.Request(url + path, headers={"Authorization": "Bearer " + token})
    with urllib.request.urlopen(request, context=context) as answer:
        return json.load(answer)


def same(given, sent, at=""):
    """Equal but for how a time is written (Z, or +00:00)."""
    if isinstance(given, dict) and isinstance(sent, dict):
        assert given.keys() == sent.keys(), f"{at}: {given.keys() ^ sent.keys()}"
        for key, value in given.items():
            same(value, sent[key], f"{at}.{key}")
    elif isinstance(given, list) and isinstance(sent, list):
        assert len(given) == len(sent), at
        for index, value in enumerate(given):
            same(value, sent[index], f"{at}[{index}]")
    elif at.endswith(("Timestamp", "Time")):
        assert datetime.fromisoformat(given) == datetime.fromisoformat(sent), f"{at}: {given} {sent}"
    else:
        assert given == sent, f"{at}: {given} {sent}"


shop = {
    "apiVersion": "qleet.io/v1",
    "kind": "Application",
    "metadata": {"name": "shop", "labels": {"team": "a"}},
    "spec": {
        "workloads": {
            "web": {
                "replicas": 2,
                "builds": {"image": "registry.example/shop/web", "tags": "main-*"},
                "score": {
                    "containers": {
                        "web": {"image": ".", "variables": {"A": "b"}, "resources": {"requests": {"memory": "64M"}}}
                    },
                    "service": {"ports": {"http": {"port": 80, "targetPort": 8080}}},
                    "resources": {"db": {"type": "postgres", "params": {"size": "1Gi"}}},
                },
            }
        }
    },
}
client = AuthenticatedClient(base_url=url, token=token, verify_ssl=context)
given = Application.from_dict(shop)
assert given.to_dict() == shop, given.to_dict()
written = put_application.sync(name="shop", client=client, body=given)
assert isinstance(written, Application), written
read = get_application.sync(name="shop", client=client)
assert isinstance(read, Application) and isinstance(read.spec.workloads["web"].score, Score), read
stored = raw("/v1/applications/shop")  # the hub may have written its status meanwhile
same(Application.from_dict(stored).to_dict(), stored)
listed = list_applications.sync(client=client)
assert isinstance(listed, ApplicationList) and len(listed.items) == 1, listed
release = raw("/v1/releases/shop.1")
same(Release.from_dict(release).to_dict(), release)
answer = notify_build.sync(
    client=client,
    body=BuildSpec(image="registry.example/shop/web", tag="main-1", digest="sha256:" + "a" * 64, number="7"),
)
assert isinstance(answer, DeliveryAnswers) and answer.state == "Delivered", answer
print(f"{len(list(pkgutil.iter_modules(importlib.import_module('python.models').__path__)))} models, round trips are whole")
