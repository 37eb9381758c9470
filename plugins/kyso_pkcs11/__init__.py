"""Keys on tokens, cards and HSMs through PKCS#11: ``pkcs11:token=...;object=...`` (RFC 7512)."""

from __future__ import annotations

from collections.abc import Callable

from kyso.plugin import AVAILABLE, Availability, Contribution, Diagnostic, KeySource, Setting, Text, hookimpl


def _availability() -> Availability:
    from importlib.util import find_spec

    if find_spec("pkcs11") is not None:
        return AVAILABLE
    return Availability(
        False,
        Text("Chưa cài thư viện python-pkcs11.", "The library python-pkcs11 is not installed."),
        Text("Chạy: pip install 'kyso[tokens]'", "Run: pip install 'kyso[tokens]'"),
    )


def _source() -> KeySource:
    from kyso_pkcs11.source import TokenSource

    return TokenSource()


def _diagnostic() -> Diagnostic:
    from kyso_pkcs11.diagnostic import TokenDiagnostic

    return TokenDiagnostic()


@hookimpl
def register_catalogues(register: Callable[[str], None]) -> None:
    """Name this package's catalogues."""
    register("kyso_pkcs11")


@hookimpl
def register_key_sources(register: Callable[[Contribution[KeySource]], None]) -> None:
    """Contribute the ``pkcs11:`` scheme."""
    register(
        Contribution(
            "pkcs11",
            Text("Khóa trong USB Token, thẻ hoặc HSM (PKCS#11)", "Key on a USB token, card or HSM (PKCS#11)"),
            load=_source,
            availability=_availability,
            settings=(
                Setting(
                    "modules",
                    "text",
                    Text(
                        "Danh sách thư viện PKCS#11 của nhà cung cấp; bỏ trống thì tìm ở những nơi đã biết",
                        "List of vendors' PKCS#11 modules; left out, the known places are searched",
                    ),
                ),
                Setting(
                    "deadline_s",
                    "number",
                    Text(
                        "Thời hạn cho một lời gọi đến thư viện, tính bằng giây",
                        "Deadline of one call to a module, in seconds",
                    ),
                    default="30",
                ),
                Setting(
                    "person_deadline_s",
                    "number",
                    Text(
                        "Thời hạn chờ người dùng nhập PIN trên bàn phím của thiết bị, tính bằng giây",
                        "Deadline for a person at the device's own PIN pad, in seconds",
                    ),
                    default="120",
                ),
                Setting(
                    "module",
                    "text",
                    Text("Thư viện PKCS#11 dành riêng cho khóa này", "The PKCS#11 module of this one key"),
                ),
                Setting(
                    "signing_pin",
                    "choice",
                    Text(
                        "PIN cho từng lần ký: dùng chung PIN đăng nhập (same) hoặc PIN riêng (separate)",
                        "PIN for each signature: the login PIN (same) or one of its own (separate)",
                    ),
                    default="same",
                    choices=("same", "separate"),
                ),
            ),
        )
    )


@hookimpl
def register_diagnostics(register: Callable[[Contribution[Diagnostic]], None]) -> None:
    """Contribute the examination of modules and tokens."""
    register(
        Contribution(
            "pkcs11",
            Text("USB Token, thẻ, HSM (PKCS#11)", "Tokens, cards, HSMs (PKCS#11)"),
            load=_diagnostic,
            availability=_availability,
        )
    )
