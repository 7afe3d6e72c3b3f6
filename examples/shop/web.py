"""A small shop: orders in PostgreSQL, sessions in Redis, one page from a file."""

import http.server
import os
import secrets
import signal
import sys
import threading
from http.cookies import SimpleCookie

import psycopg2
import redis

PAGE = open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "index.html"), encoding="utf-8").read()
DATABASE_URL = os.environ["DATABASE_URL"]
SESSION_SECONDS = 3600

sessions = redis.Redis(
    host=os.environ["REDIS_HOST"],
    port=int(os.environ["REDIS_PORT"]),
    password=os.environ.get("REDIS_PASSWORD"),
    socket_timeout=5,
)
connections = threading.local()


def database():
    """A connection of this thread; a broken one is replaced."""
    connection = getattr(connections, "connection", None)
    if connection is None or connection.closed:
        connection = psycopg2.connect(DATABASE_URL, connect_timeout=5)
        connection.autocommit = True
        connections.connection = connection
    return connection


def query(statement):
    try:
        with database().cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchone()[0] if cursor.description else None
    except psycopg2.Error:
        connections.connection = None
        raise


class Shop(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body, headers=()):
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def session(self):
        cookie = SimpleCookie(self.headers.get("Cookie", "")).get("session")
        return cookie.value if cookie and len(cookie.value) == 32 and cookie.value.isalnum() else secrets.token_hex(16)

    def do_GET(self):
        if self.path == "/healthz":
            query("select 1")
            sessions.ping()
            return self.answer(200, "ok\n")
        if self.path != "/":
            return self.answer(404, "not here\n")
        session = self.session()
        visits = sessions.incr("visits:" + session)
        sessions.expire("visits:" + session, SESSION_SECONDS)
        orders = query("select count(*) from orders")
        page = PAGE.replace("{{orders}}", str(orders)).replace("{{visits}}", str(visits))
        self.answer(200, page, [("Set-Cookie", f"session={session}; HttpOnly; SameSite=Lax")])

    def do_POST(self):
        if self.path != "/orders":
            return self.answer(404, "not here\n")
        self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 65536))
        query("insert into orders default values")
        self.answer(303, "", [("Location", "/")])

    def log_message(self, format, *arguments):
        if self.path != "/healthz":
            sys.stdout.write("%s %s\n" % (self.address_string(), format % arguments))
            sys.stdout.flush()


def main():
    query("create table if not exists orders (id bigserial primary key, made timestamptz not null default now())")
    server = http.server.ThreadingHTTPServer(("", int(os.environ.get("PORT", "8080"))), Shop)
    # Requests under way are finished before the process ends.
    server.daemon_threads = False
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print("listening", flush=True)
    server.serve_forever()
    server.server_close()


main()
