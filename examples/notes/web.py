"""The page of the notes: asks the API for them."""

import http.server
import os
import signal
import threading
import urllib.request


def ask(method, body=None):
    request = urllib.request.Request(os.environ["API_URL"] + "/notes", data=body, method=method)
    request.add_header("X-Key", os.environ["API_KEY"])
    with urllib.request.urlopen(request, timeout=5) as answer:
        return answer.read().decode()


class Web(http.server.BaseHTTPRequestHandler):
    def answer(self, status, text):
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        if self.path == "/healthz":
            return self.answer(200, "ok\n")
        if self.path != "/":
            return self.answer(404, "not here\n")
        self.answer(200, os.environ.get("TITLE", "Notes") + "\n" + ask("GET"))

    def do_POST(self):
        self.answer(200, ask("POST", self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 1000))))


def main():
    server = http.server.ThreadingHTTPServer(("", 8080), Web)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print("listening", flush=True)
    server.serve_forever()


main()
