"""Keys at Vietnamese remote CAs, and simulators of them: MySign, SmartCA, CA2, NEAC, MISA, CSC, RSSP."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from kyso.plugin import AVAILABLE, Availability, Contribution, Diagnostic, KeySource, Setting, Text, hookimpl

if TYPE_CHECKING:
    from kyso.contracts import Simulator

_SOURCES = {
    "smartca": Text("VNPT SmartCA (SP769)", "VNPT SmartCA (SP769)"),
    "nacencomm": Text("CA2 ký số từ xa (Nacencomm)", "CA2 remote signing (Nacencomm)"),
    "neac": Text("Cổng eSign quốc gia (NEAC)", "State eSign gateway (NEAC)"),
    "mysign": Text("Viettel MySign", "Viettel MySign"),
    "smartca-csc": Text("VNPT SmartCA (giao diện kiểu CSC)", "VNPT SmartCA (CSC-like interface)"),
    "misa": Text("MISA eSign", "MISA eSign"),
    "csc": Text("Cloud Signature Consortium v1, v2", "Cloud Signature Consortium v1, v2"),
    "rssp": Text("Mobile-ID RSSP (FPT-CA, VGCA MPKI)", "Mobile-ID RSSP (FPT-CA, VGCA MPKI)"),
}

_SETTINGS = (
    Setting("base_url", "text", Text("Địa chỉ dịch vụ", "Address of the service")),
    Setting("environment", "text", Text("Môi trường: production, uat ...", "Environment: production, uat ...")),
    Setting("client_id", "text", Text("Mã bên tích hợp do nhà cung cấp cấp", "Client id issued by the provider")),
    Setting("user_id", "text", Text("Người ký, nếu địa chỉ khóa không ghi", "The signer where the URI names none")),
    *(
        Setting(
            f"{kind}_env",
            "text",
            Text(f"Tên biến môi trường chứa {vi}", f"Name of the environment variable with {en}"),
        )
        for kind, vi, en in (
            ("client_secret", "mật khẩu của bên tích hợp", "the client's secret"),
            ("password", "mật khẩu của người ký", "the signer's password"),
            ("pin", "mã PIN của khóa", "the key's PIN"),
            ("otp", "mã OTP", "the one-time code"),
            ("totp_secret", "khóa TOTP của người ký (Base64)", "the signer's TOTP key (Base64)"),
            ("signature", "chữ ký của bên tích hợp (RSSP)", "the relying party's signature (RSSP)"),
            ("keystore_password", "mật khẩu tệp khóa của bên tích hợp (RSSP)", "the key file's password (RSSP)"),
        )
    ),
    Setting("allow_private", "flag", Text("Cho phép máy chủ nội bộ", "Permit a server on a private address")),
    Setting("ca_file", "text", Text("Tệp PEM chứa gốc TLS được chấp nhận", "PEM file with the accepted TLS roots")),
    Setting("client_certificate", "text", Text("Tệp PEM để xác thực TLS hai chiều", "PEM file for TLS client auth")),
    Setting("deadline_s", "number", Text("Thời hạn một lời gọi, giây", "Deadline of one call, seconds"), default="30"),
)

_FAMILY = (
    "flow",
    "certificate_path",
    "sign_path",
    "status_path",
    "sign_without_phone_path",
    "confirm_path",
    "status_body",
    "status_by",
    "hash_encoding",
    "file_type",
    "send_time",
    "ca_name",
    "active_status",
    "pending_codes",
    "rejected_words",
    "expired_words",
    "quota_words",
)
# Options of the provider profiles. They stand here by name because registering must not read eight files; a test
# holds them to the profiles.
_OPTIONS = {
    "smartca": _FAMILY,
    "nacencomm": _FAMILY,
    "neac": _FAMILY,
    "mysign": ("profile_id", "service_path", "async_mode", "name_cap", "waiting_statuses"),
    "smartca-csc": ("scope", "name_cap", "waiting_statuses"),
    "misa": (
        "login_path",
        "second_factor_path",
        "second_factor_kind",
        "certificates_path",
        "sign_path",
        "status_path",
        "hash_encoding",
        "name_cap",
    ),
    "csc": ("version", "service_path", "auth", "token_path", "login_path", "scope"),
    "rssp": (
        "relying_party",
        "keystore",
        "protocol_profile",
        "flow",
        "user_kind",
        "waiting_errors",
        "rejected_words",
        "expired_words",
        "quota_words",
    ),
}


def _settings(name: str) -> tuple[Setting, ...]:
    options = (
        Setting(option, "text", Text(f"Tùy chọn {option} của hồ sơ nhà cung cấp", f"Option {option} of the profile"))
        for option in _OPTIONS[name]
    )
    return (*_SETTINGS, *options)


def _source(name: str) -> KeySource:
    from kyso_remote.source import RemoteSource

    return RemoteSource(name)


def _simulator(name: str) -> Simulator:
    from kyso_remote.simulators.registry import make_simulator

    return make_simulator(name)


def _diagnostic() -> Diagnostic:
    from kyso_remote.diagnostic import RemoteDiagnostic

    return RemoteDiagnostic()


def _callback() -> Any:
    from kyso_remote.callback import make_router

    return make_router()


def _receivable() -> Availability:
    from importlib.util import find_spec

    return AVAILABLE if find_spec("fastapi") is not None else _servers_missing()


def _servable() -> Availability:
    from importlib.util import find_spec

    if find_spec("uvicorn") is not None and find_spec("starlette") is not None:
        return AVAILABLE
    return _servers_missing()


def _servers_missing() -> Availability:
    return Availability(
        False,
        Text("Chưa cài phần máy chủ.", "The server parts are not installed."),
        Text("Chạy: pip install 'kyso[serve]'", "Run: pip install 'kyso[serve]'"),
    )


@hookimpl
def register_catalogues(register: Callable[[str], None]) -> None:
    """Name this package's catalogues."""
    register("kyso_remote")


@hookimpl
def register_key_sources(register: Callable[[Contribution[KeySource]], None]) -> None:
    """Contribute one URI scheme for each provider."""
    for name, summary in _SOURCES.items():
        register(Contribution(name, summary, load=partial(_source, name), settings=_settings(name)))


@hookimpl
def register_simulators(register: Callable[[Contribution[Simulator]], None]) -> None:
    """Contribute a simulator for each provider: ``kyso simulate NAME``."""
    for name, summary in _SOURCES.items():
        register(Contribution(name, summary, load=partial(_simulator, name), availability=_servable))


@hookimpl
def register_diagnostics(register: Callable[[Contribution[Diagnostic]], None]) -> None:
    """Contribute the examination of the providers in use."""
    register(Contribution("remote", Text("Ký số từ xa", "Remote signing"), load=_diagnostic))


@hookimpl
def register_routes(register: Callable[[Contribution[Any]], None]) -> None:
    """Contribute the address that providers call, to `kyso serve`."""
    register(
        Contribution(
            "remote.callback",
            Text("Địa chỉ nhận báo của nhà cung cấp ký số từ xa", "The address that remote CAs call"),
            load=_callback,
            availability=_receivable,
            settings=(
                Setting(
                    "callback_secret_env",
                    "text",
                    Text(
                        "Tên biến môi trường chứa phần bí mật của địa chỉ nhận báo (ít nhất 32 ký tự)",
                        "Name of the environment variable with the secret part of the callback's address (32 or more)",
                    ),
                ),
            ),
        )
    )
