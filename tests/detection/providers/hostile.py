"""The 54 hostile outbound cases by their numbers: addresses, shapes, names, redirects, bodies, TLS."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Mapping, Sequence

from .listening import Reply

SPELLINGS: Mapping[int, Sequence[str]] = {
    1: ["127.0.0.1"],
    2: ["localhost"],
    3: ["LOCALHOST.", "localhost."],
    4: ["2130706433"],
    5: ["0x7f000001"],
    6: ["0177.0.0.1"],
    7: ["127.1"],
    8: ["0", "0.0.0.0"],
    9: ["[::1]"],
    10: ["[::]"],
    11: ["[::ffff:127.0.0.1]"],
    12: ["[0:0:0:0:0:ffff:7f00:1]"],
    13: ["[::127.0.0.1]", "[::169.254.169.254]"],
    14: ["[::ffff:0:127.0.0.1]"],
    15: ["[64:ff9b::7f00:1]", "[64:ff9b:1::1]"],
    16: ["[2002:7f00:1::]"],
    17: ["[2001:0:4136:e378:8000:63bf:80ff:fffe]"],
    18: ["[fe80::1%25lo]", "[fe80::1]"],
    19: ["[fec0::1]", "[fd00:ec2::254]"],
    20: ["169.254.169.254", "169.254.170.2"],
    21: ["100.64.0.1", "100.100.100.200"],
    22: ["168.63.129.16", "192.0.0.192"],
    23: ["10.0.0.1", "172.16.0.1", "192.168.0.1", "198.18.0.1"],
    24: ["224.0.0.1", "240.0.0.1", "255.255.255.255"],
    25: ["①②⑦.⓪.⓪.①", "127。0。0。1"],
    26: ["127.0.0.1%00.good.example"],
}
"""Hosts; each is asked for over https, and over http at the canary's own port, though it stands on the list."""

SHAPES: Mapping[int, Sequence[str]] = {
    27: ["http://good.example@127.0.0.1/", "https://good.example@127.0.0.1/"],
    28: ["http://user:pw@good.example/", "https://user:pw@good.example/"],
    29: ["http://127.0.0.1\\@good.example/", "http://good.example\\@127.0.0.1/", "https://127.0.0.1\\@good.example/"],
    30: ["http://good.example#@127.0.0.1/", "https://good.example#@127.0.0.1/"],
    31: ["file:///etc/passwd", "ftp://good.example/", "gopher://good.example/", "data:,x", "javascript:alert(1)"],
    32: ["good.example/x", "//good.example/x", "http:///x", "https://", ""],
    33: [f"https://good.example:{port}/" for port in (22, 25, 6379, 0, 65536)],
    34: [
        "https://good.example/a\r\nX: y",
        "https://good.example\t/",
        "https://good.example /",
        "https://good.example/a b",
    ],
    35: ["https://good.example/" + "a" * 2000, "https://" + "a." * 300 + "example/"],
    36: ["https://gооd.example/", "https://xn--zzzz.example/"],
    37: ["https://good.example.evil.test/", "https://evilgood.example/", "https://good.example./"],
}
"""Whole addresses; good.example alone is listed, and would lead to the canary."""

ANSWERS: Mapping[int, Sequence[str]] = {
    38: ["127.0.0.1"],
    39: ["1.1.1.1", "127.0.0.1"],
    40: ["1.1.1.1 127.0.0.1"],
    41: ["fd00::1"],
    42: ["169.254.169.254"],  # what a resolver gives at the end of a chain of names
    43: ["hangs"],
}
"""What good.example resolves to, one look-up after another."""

JSON_ERROR = b'{"error": {"code": "gone", "message": "no"}}'


def answer(body: bytes = b"", *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    """A whole answer; `length`: what its Content-Length claims."""
    claimed = [f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join([f"HTTP/1.1 {status}", *claimed, "", ""]).encode() + body


def redirects(canary: int) -> Mapping[int, Sequence[bytes]]:
    """What the vendor answers; `canary`: the port to lure to."""

    def to(location: str, status: str = "302 Found", *more: str) -> bytes:
        return answer(b"", f"Location: {location}", *more, status=status)

    inside = f"http://localhost:{canary}/"
    meta = f'<html><meta http-equiv="refresh" content="0; url={inside}"></html>'.encode()
    return {
        44: [to("http://169.254.169.254/latest/meta-data/"), to(inside)],
        45: [to(inside, "301 Moved Permanently")],
        46: [to(inside, "307 Temporary Redirect"), to(inside, "308 Permanent Redirect")],
        47: [to("/again"), to("?again=1", "303 See Other")],
        48: [to(f"http://127.0.0.2:{canary}/", "302 Found", "X-Api-Key: give")],
        49: [answer(meta, "Content-Type: text/html", f"Refresh: 0; url={inside}")],
    }


def bodies(png: bytes, bomb: bytes) -> Mapping[int, Sequence[bytes | Reply]]:
    """What the vendor answers in place of a picture or an analysis. `png`: a good picture; `bomb`: one of 169 MP."""
    zipped = gzip.compress(b"\0" * 1_000_000)
    kinds = [
        b"<html></html>",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        JSON_ERROR,
        b"%!PS-Adobe-3.0 EPSF-3.0",
        bomb,
        b"",
    ]
    return {
        50: [
            answer(b"x" * 200_000, "Content-Type: image/png", length=100_000_000),
            _chunked_without_end,
            answer(png, "Content-Type: image/png", length=len(png) + 10),
        ],
        51: [
            answer(zipped, "Content-Type: image/png", f"Content-Encoding: {name}")
            for name in ("gzip", "br", "zstd", "gzip, gzip")
        ],
        52: [
            _drip(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n\r\n"),
            _drip(b"HTTP/1.1 200 OK\r\n"),
            answer(b"ok", *(f"X-{number}: a" for number in range(120))),
            answer(b"ok", "X: " + "a" * 70_000),
        ],
        53: [
            *(answer(one, "Content-Type: image/png") for one in kinds),
            answer(png, "Content-Type: image/png", status="206 Partial Content"),
            answer(png, "Content-Type: multipart/mixed; boundary=x"),
        ],
    }


def _chunked_without_end(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(25_000):  # 100 MB
        connection.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")


def _drip(first: bytes) -> Reply:
    def drip(connection: socket.socket) -> None:
        connection.sendall(first)
        for _ in range(100):
            threading.Event().wait(0.02)
            connection.sendall(b"X")

    return drip


ALL = sorted({*SPELLINGS, *SHAPES, *ANSWERS, *redirects(0), *bodies(b"", b""), 54})
