"""Raw servers on loopback for tests of the way out, and certificates of their own."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Reply = Callable[[socket.socket], None]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Listener:
    """A raw server on loopback that answers every connection with one function; `seen` is what came in."""

    def __init__(self, reply: Reply, context: ssl.SSLContext | None = None) -> None:
        self.seen: list[bytes] = []
        self._reply, self._context = reply, context
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                taken, _ = self._socket.accept()
            except OSError:
                return
            with taken:
                try:
                    taken.settimeout(5)
                    talking = self._context.wrap_socket(taken, server_side=True) if self._context else taken
                    with talking:
                        self.seen.append(talking.recv(65_536))
                        self._reply(talking)
                except OSError:
                    self.seen.append(b"")

    def close(self) -> None:
        self.stopping.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(timeout=5)


class Canary(Listener):
    """Somewhere inside that nobody may reach. Speaks to nobody, and counts whoever comes."""

    def __init__(self) -> None:
        super().__init__(lambda connection: None)

    def hits(self) -> int:
        """How many have come so far: connections are taken in their order, so ours is the last."""
        mine = f"mine {len(self.seen)}".encode()
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as last:
            last.sendall(mine)
            last.settimeout(5)
            assert last.recv(1) == b""  # closed once it was counted
        return len([one for one in self.seen if not one.startswith(b"mine ")])


def certificate(folder: Path, name: str, *, days_old: int = 1) -> tuple[ssl.SSLContext, str]:
    """A server's TLS context and its own certificate, good for two days, as a bundle."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begins = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=days_old)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begins)
        .not_valid_after(begins + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    both = folder / f"{name}.pem"
    plain = serialization.NoEncryption()
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    public = signed.public_bytes(serialization.Encoding.PEM)
    both.write_bytes(secret + public)
    bundle = folder / f"{name}.crt"
    bundle.write_bytes(public)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return context, str(bundle)
