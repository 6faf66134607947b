"""Content Credentials for tests and demos: an authority of one's own, made in memory, and files signed by it.

Any test may ask where `cryptography` is installed (the `demo` and `dev` extras). Private keys live as long as the
`Authority` and are never written. Everything is offline: each signing gets a context that may reach no host.
The leaf follows what the C2PA SDK demands of a signing certificate (C2PA 2.2, 14.5.1).
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from PIL import Image, ImageDraw

from detection.intake.formats import sniff
from detection.testing.images import SOURCE_TYPES, decode, encode, jpeg_segments, png_chunks

_VALID_DAYS = 7_300
"""Long, since without a time stamp a file turns invalid on the day its signer's certificate ends."""
_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def offline_context(*, root_pem: str = "") -> c2pa.Context:
    """A context for `c2pa.Reader` and `c2pa.Builder` that reaches no host; signers under `root_pem` are trusted.

    Make it in the process that uses it: one made before a fork is unusable after it.
    """
    settings: dict[str, Any] = {
        "version": 1,
        "core": {"allowed_network_hosts": [], "allow_redirects": False, "decode_identity_assertions": False},
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": True},
        "builder": {"thumbnail": {"enabled": False}},
    }
    if root_pem:
        settings["trust"] = {"user_anchors": root_pem}
    return c2pa.Context.from_dict(settings)


@dataclass(frozen=True, kw_only=True, slots=True)
class Authority:
    """A root and one signer under it. `root_pem` is what a trust folder holds; `signer` the name a reader sees."""

    root_pem: str
    signer: str
    _chain: bytes = field(repr=False)
    _key: bytes = field(repr=False)

    @classmethod
    def new(
        cls, name: str = "Test authority", *, signer: str = "Test signer", valid_days: int = _VALID_DAYS
    ) -> Authority:
        """Make a root called `name` and a signer under it, both valid from yesterday for `valid_days`."""
        root_key, leaf_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        root = _root(name, root_key, valid_days)
        leaf = _leaf(signer, leaf_key, root, root_key, valid_days)
        pem = serialization.Encoding.PEM
        key = leaf_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        root_pem = root.public_bytes(pem)
        return cls(root_pem=root_pem.decode(), signer=signer, _chain=leaf.public_bytes(pem) + root_pem, _key=key)

    def sign(
        self,
        content: bytes,
        media_type: str,
        *,
        source_type: str | None,
        action: str = "c2pa.created",
        software: str = "Test software",
        parent: bytes | None = None,
        parent_type: str | None = None,
    ) -> bytes:
        """The file with a credential that says how it came about.

        `source_type` is a word of IPTC's vocabulary (`trainedAlgorithmicMedia`) or None; a file that was created
        needs one to be valid. With a `parent` (of media type `parent_type`, else `media_type`) the file was opened from
        it and then went through `action`, which is `c2pa.edited` unless another one than `c2pa.created` is given.
        Raises c2pa.C2paError for a format that cannot be signed.
        """
        with self._builder(_manifest(source_type, action, software, is_derived=parent is not None)) as builder:
            if parent is not None:
                builder.add_ingredient(
                    {"title": "Before the edit", "relationship": "parentOf", "instance_id": _PARENT},
                    parent_type or media_type,
                    io.BytesIO(parent),
                )
            return self._signed(builder, content, media_type)

    def sign_remote_only(
        self,
        content: bytes,
        media_type: str,
        *,
        source_type: str = "trainedAlgorithmicMedia",
        url: str = "https://credentials.invalid/manifest.c2pa",
    ) -> bytes:
        """The file with nothing but an address at which its credential would be; nobody should fetch it."""
        with self._builder(_manifest(source_type, "c2pa.created", "Test software", is_derived=False)) as builder:
            builder.set_no_embed()
            builder.set_remote_url(url)
            return self._signed(builder, content, media_type)

    def _builder(self, manifest: dict[str, Any]) -> Any:
        return c2pa.Builder(manifest, context=offline_context(root_pem=self.root_pem))

    def _signed(self, builder: Any, content: bytes, media_type: str) -> bytes:
        info = c2pa.C2paSignerInfo(alg=b"es256", sign_cert=self._chain, private_key=self._key, ta_url=None)
        target = io.BytesIO()
        with c2pa.Signer.from_info(info) as signer:
            builder.sign(signer, media_type, io.BytesIO(content), target)
        return target.getvalue()


def tampered(content: bytes, *, edit: Callable[[Image.Image], Image.Image] | None = None) -> bytes:
    """A signed JPEG or PNG whose picture was changed afterwards while its credential was kept.

    The picture opens; the credential no longer matches it. `edit` changes the picture (default: one corner is painted).
    Raises ValueError where the file carries no credential.
    """
    kind = sniff(content)
    image = decode(content).convert("RGB")
    changed = encode((edit or _painted)(image), format=kind)
    if kind == "JPEG":
        credential = b"".join(segment for marker, segment in jpeg_segments(content) if marker == 0xEB)
        changed = changed[:2] + credential + changed[2:]
    elif kind == "PNG":
        credential = b"".join(chunk for name, chunk in png_chunks(content) if name == b"caBX")
        after_header = 8 + 25
        changed = changed[:after_header] + credential + changed[after_header:]
    else:
        raise ValueError(f"only JPEG and PNG are tampered with here, not {kind}")
    if not credential:
        raise ValueError("there is no credential in this file to break")
    return changed


_PARENT = "xmp:iid:parent"


def _manifest(source_type: str | None, action: str, software: str, *, is_derived: bool) -> dict[str, Any]:
    if is_derived and action == "c2pa.created":
        action = "c2pa.edited"
    done: dict[str, Any] = {"action": action, "softwareAgent": {"name": software}}
    if source_type:
        done["digitalSourceType"] = source_type if ":" in source_type else SOURCE_TYPES + source_type
    opened = {"action": "c2pa.opened", "parameters": {"ingredientIds": [_PARENT]}}
    actions = [opened, done] if is_derived else [done]
    return {
        "claim_generator_info": [{"name": software, "version": "1.0"}],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": actions}}],
    }


def _painted(image: Image.Image) -> Image.Image:
    image = image.copy()
    width, height = image.size
    ImageDraw.Draw(image).rectangle((0, 0, width // 6, height // 6), fill=(20, 20, 20))
    return image


def _root(name: str, key: ec.EllipticCurvePrivateKey, days: int) -> x509.Certificate:
    subject = _name(name)
    return (
        _started(subject, subject, key, days)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_key_usage("key_cert_sign", "crl_sign"), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _leaf(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    root: x509.Certificate,
    root_key: ec.EllipticCurvePrivateKey,
    days: int,
) -> x509.Certificate:
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
    return (
        _started(_name(name), root.subject, key, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage("digital_signature"), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(issuer, critical=False)
        .sign(root_key, hashes.SHA256())
    )


def _started(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    start = datetime.now(UTC) - timedelta(days=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
    )


def _name(name: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name), x509.NameAttribute(NameOID.COMMON_NAME, name)]
    )


def _key_usage(*allowed: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{usage: usage in allowed for usage in _USAGES})
