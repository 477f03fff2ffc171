"""Frames over TLS on TCP (protocol.md section 6)."""

import datetime
import os
import socket
import ssl
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID, ObjectIdentifier

from . import wire
from .keys import cert_is_good, raw

EXTENSION = ObjectIdentifier("1.3.6.1.4.1.32473.67.83.1")
TOLERANCE = 300  # seconds, for certificates' dates


def leaf(key, cert):
    """A self-signed X.509 certificate with the 131 bytes inside, and the key, as PEM."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "csa1")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.UnrecognizedExtension(EXTENSION, cert), critical=False).sign(key, None))
    pem = serialization.Encoding.PEM
    return made.public_bytes(pem) + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


class Link:
    """One connection to the coordinator, who has proved who it is."""

    def __init__(self, address, key, cert, authority, coordinator, now):
        host, port = address.rsplit(":", 1)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # no chain is built: checked below
        context.set_alpn_protocols(["cinesync/2"])
        with tempfile.NamedTemporaryFile(delete=False) as f:
            f.write(leaf(key, cert))
        try:
            context.load_cert_chain(f.name)
        finally:
            os.unlink(f.name)
        self.socket = context.wrap_socket(socket.create_connection((host, int(port)), 6))
        self.socket.settimeout(120)
        self.check(authority, coordinator, now)

    def check(self, authority, coordinator, now):
        """Section 6: the leaf's key is the pinned one, and its certificate is good."""
        shown = x509.load_der_x509_certificate(self.socket.getpeercert(binary_form=True))
        inside = [e.value.value for e in shown.extensions if e.oid == EXTENSION]
        if self.socket.selected_alpn_protocol() != "cinesync/2" or len(inside) != 1:
            raise ConnectionError("the server does not speak cinesync/2, or shows no certificate")
        cert = wire.decode(wire.CERT, inside[0])
        if cert["idpk"] != coordinator or raw(shown.public_key()) != coordinator:
            raise ConnectionError("the server has another key than the pinned one")
        if not any(cert_is_good(cert, authority, 2, now + shift) for shift in (0, -TOLERANCE, TOLERANCE)):
            raise ConnectionError("the server's certificate is not good")

    def send(self, name, message):
        """Sends one frame."""
        self.socket.sendall(wire.frame(name, message))

    def read(self, n):
        """Exactly n bytes."""
        parts = b""
        while len(parts) < n:
            more = self.socket.recv(n - len(parts))
            if not more:
                raise ConnectionError("the connection ended")
            parts += more
        return parts

    def receive(self):
        """The next frame, as (name, message)."""
        return wire.read_frame(self.read)

    def close(self):
        """Ends the connection."""
        self.socket.close()
