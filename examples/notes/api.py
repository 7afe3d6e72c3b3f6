"""Keeps notes in PostgreSQL. Whoever wants to read or write them must know the key."""

import http.server
import os
import signal
import threading

import psycopg2

KEY = os.environ["API_KEY"]


def query(statement, *values):
    connection = psycopg2.connect(os.environ["DATABASE_URL"], connect_timeout=5)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


class Api(http.server.BaseHTTPRequestHandler):
    def answer(self, status, text):
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        if self.path == "/healthz":
            query("select 1")
            return self.answer(200, "ok\n")
        if self.headers.get("X-Key") != KEY:
            return self.answer(403, "wrong key\n")
        self.answer(200, "".join(f"- {text}\n" for (text,) in query("select text from note order by id")))

    def do_POST(self):
        if self.headers.get("X-Key") != KEY:
            return self.answer(403, "wrong key\n")
        text = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 1000)).decode(errors="replace")
        query("insert into note (text) values (%s)", text)
        self.answer(200, "noted\n")


def main():
    query("create table if not exists note (id bigserial primary key, text text not null)")
    server = http.server.ThreadingHTTPServer(("", 8080), Api)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print("listening", flush=True)
    server.serve_forever()


main()
