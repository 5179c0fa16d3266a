#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The servers of scripts/make-capture.sh: HTTP on ports 80, 8080 and 9200, DNS on 53, on all addresses.

GET /N answers N bytes.  The DNS server answers every A question with 192.0.2.1.  Prints "ready" once all
of them listen.
"""
import http.server
import socket
import socketserver
import struct
import threading

HTTP_PORTS = (80, 8080, 9200)
BLOCK = bytes(range(256)) * 256


class Sized(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        size = int(self.path.strip("/") or 0)
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(size))
        self.end_headers()
        while size > 0:
            size -= self.wfile.write(BLOCK[:size])

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    address_family = socket.AF_INET6  # "::" takes IPv4 too
    daemon_threads = True
    request_queue_size = 256


class Dns(socketserver.BaseRequestHandler):
    def handle(self):
        query, sock = self.request
        if len(query) < 17:
            return
        head = query[:2] + struct.pack(">HHHHH", 0x8180, 1, 1, 0, 0)
        answer = struct.pack(">HHHIH4B", 0xC00C, 1, 1, 60, 4, 192, 0, 2, 1)
        sock.sendto(head + query[12:] + answer, self.client_address)


class DnsServer(socketserver.UDPServer):
    allow_reuse_address = True


class Dns6Server(DnsServer):
    address_family = socket.AF_INET6


def main():
    servers = [Server(("::", port), Sized) for port in HTTP_PORTS]
    # A UDP answer must come from the address that was asked: one socket for each asked address.
    servers += [DnsServer((f"192.168.0.{last}", 53), Dns) for last in range(53, 57)]
    servers += [Dns6Server(("2001:db8:5::53", 53), Dns)]
    threads = [threading.Thread(target=server.serve_forever) for server in servers]
    for thread in threads:
        thread.start()
    print("ready", flush=True)


if __name__ == "__main__":
    main()
