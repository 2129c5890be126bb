"""A certificate for a server that only lives in a test."""

import ssl
from pathlib import Path

import trustme


def self_signed(folder: Path, *names: str) -> tuple[Path, ssl.SSLContext]:
    """Return the file that a client must trust, and what the server uses; ``names`` are its names and addresses."""
    authority = trustme.CA()
    trusted = folder / "certificate.pem"
    authority.cert_pem.write_to_path(str(trusted))
    pair = folder / "certificate-and-key.pem"
    authority.issue_cert(*(names or ("127.0.0.1",))).private_key_and_cert_chain_pem.write_to_path(str(pair))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair)
    return trusted, context
