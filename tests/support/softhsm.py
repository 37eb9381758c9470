"""SoftHSM 2 for tests and the bench: where it is, and tokens with keys and certificates in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kyso.demo.pki import Identity

PIN = "246810"
SO_PIN = "13579135"
_PLACES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)
_PROVISION = Path(__file__).with_name("softhsm_provision.py")


def softhsm_module() -> Path | None:
    """Return the module of SoftHSM 2, ``None`` where it or its tool is not installed."""
    found = next((Path(place) for place in _PLACES if Path(place).exists()), None)
    return found if shutil.which("softhsm2-util") is not None else None


def make_tokens(folder: Path, module: Path, tokens: dict[str, list[dict[str, Any]]]) -> Path:
    """Make tokens in `folder` and fill them; return the configuration for ``SOFTHSM2_CONF``.

    :param tokens: by label, the entries that :func:`entry` makes.
    """
    (folder / "tokens").mkdir(parents=True)
    configuration = folder / "softhsm2.conf"
    configuration.write_text(
        f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n"
    )
    environment = {**os.environ, "SOFTHSM2_CONF": str(configuration)}
    for label in tokens:
        command = ["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", SO_PIN]
        subprocess.run(command, env=environment, check=True, capture_output=True)
    order = {
        "module": str(module),
        "tokens": [{"label": label, "pin": PIN, "objects": objects} for label, objects in tokens.items()],
    }
    subprocess.run([sys.executable, str(_PROVISION)], input=json.dumps(order).encode(), env=environment, check=True)
    return configuration


def entry(identifier: str, label: str, identity: Identity, *authorities: Identity) -> dict[str, Any]:
    """Return a key with its certificate, and the CA certificates beside it, for :func:`make_tokens`."""
    key = identity.key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    certificates = [identity.certificate, *(authority.certificate for authority in authorities)]
    return {
        "id": identifier,
        "label": label,
        "kind": "RSA" if type(identity.key).__name__.startswith("RSA") else "EC",
        "key": key.hex(),
        "certificates": [certificate.public_bytes(Encoding.DER).hex() for certificate in certificates],
    }
