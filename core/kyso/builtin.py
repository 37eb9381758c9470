"""What kyso itself contributes, through the same door as every plugin: report formats, plain policies, examinations."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from kyso.contracts import AVAILABLE, Availability, Contribution, Diagnostic, PlacementPolicy, ReportFormat
from kyso.hookspecs import hookimpl
from kyso.text import Text


def _text_report() -> ReportFormat:
    from kyso.reports.text import TextReport

    return TextReport()


def _json_report() -> ReportFormat:
    from kyso.reports.json import JsonReport

    return JsonReport()


def _html_report() -> ReportFormat:
    from kyso.reports.html import HtmlReport

    return HtmlReport()


def _pdf_report() -> ReportFormat:
    from kyso.reports.pdf import PdfReport

    return PdfReport()


def _pdf_availability() -> Availability:
    from importlib.util import find_spec

    if find_spec("reportlab") is not None:
        return AVAILABLE
    missing = Text("chưa cài đặt thư viện reportlab", "reportlab is not installed")
    return Availability(False, missing, Text("Chạy: pip install 'kyso[demo]'", "Run: pip install 'kyso[demo]'"))


@hookimpl
def register_report_formats(register: Callable[[Contribution[ReportFormat]], None]) -> None:
    """Contribute the formats ``text``, ``json``, ``html`` and ``pdf``."""
    register(Contribution("text", Text("Văn bản để đọc", "Text to read"), load=_text_report))
    register(Contribution("json", Text("JSON kyso.report/1", "JSON kyso.report/1"), load=_json_report))
    register(Contribution("html", Text("Trang HTML trong một tệp", "One self-contained HTML file"), load=_html_report))
    register(
        Contribution(
            "pdf",
            Text("PDF để in và lưu hồ sơ", "PDF to print and file"),
            load=_pdf_report,
            availability=_pdf_availability,
        )
    )


@hookimpl
def register_placement_policies(register: Callable[[Contribution[PlacementPolicy]], None]) -> None:
    """Contribute the policies ``fixed`` and ``invisible``."""
    from kyso.placement import fixed, invisible

    register(fixed.contribution())
    register(invisible.contribution())


_DIAGNOSTICS = {
    "installation": ("InstallationDiagnostic", Text("Phần mềm", "Software")),
    "configuration": ("ConfigurationDiagnostic", Text("Cấu hình", "Configuration")),
    "keys": ("KeysDiagnostic", Text("Khóa", "Keys")),
    "trust": ("TrustDiagnostic", Text("Kho tin cậy", "Trust store")),
    "fonts": ("FontsDiagnostic", Text("Phông chữ", "Fonts")),
    "records": ("RecordsDiagnostic", Text("Sổ lưu trữ", "Records")),
    "disk": ("DiskDiagnostic", Text("Đĩa", "Disk")),
    "clock": ("ClockDiagnostic", Text("Đồng hồ", "Clock")),
    "network": ("NetworkDiagnostic", Text("Dấu thời gian", "Timestamps")),
}


def _diagnostic(name: str) -> Diagnostic:
    from importlib import import_module

    made: Diagnostic = getattr(import_module(f"kyso.diagnosing.{name}"), _DIAGNOSTICS[name][0])()
    return made


@hookimpl
def register_diagnostics(register: Callable[[Contribution[Diagnostic]], None]) -> None:
    """Contribute the examinations of kyso's own rooms, in the order in which they are told."""
    for name, (_, title) in _DIAGNOSTICS.items():
        register(Contribution(name, title, load=partial(_diagnostic, name)))
