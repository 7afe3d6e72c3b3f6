"""What schemathesis is told about the hub: who asks, and which requests have no end."""

import os

import schemathesis


@schemathesis.auth()
class Administrator:
    def get(self, case, context):
        with open(os.environ["QLEET_TOKEN_FILE"]) as file:
            return file.read().strip()

    def set(self, case, data, context):
        if os.environ.get("QLEET_NOBODY") != "1":
            case.headers = case.headers or {}
            case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def filter_query(context, query):
    """Watches and followed logs go on until the client leaves: they have tests of their own."""
    return not any((query or {}).get(name) not in (None, False, "false") for name in ("watch", "follow"))
