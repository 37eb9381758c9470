"""``kyso kbnn``: from a workbook to the treasury and back. Each command is a thin layer over the library."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kyso.cli import output
from kyso.plugin import InputRefused, WrongUse
from kyso_kbnn.command_context import (
    ask_password,
    certificate_judges,
    context,
    give,
    load_source,
    open_gateway,
    present,
    read_file,
    sign_role,
    sign_xml,
    state_json,
    tell_state,
    write_file,
)

if TYPE_CHECKING:
    from kyso_kbnn.envelope import Role

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

Out = Annotated[Path | None, typer.Option("--out", help="Tệp kết quả / the file to write")]
Force = Annotated[bool, typer.Option("--force", help="Ghi đè / overwrite")]
Format = Annotated[str, typer.Option("--format", help="text | json")]
DossierPath = Annotated[Path, typer.Argument(help="Thư mục hồ sơ / the dossier's folder")]
PasswordEnv = Annotated[str | None, typer.Option(help="Biến môi trường chứa mật khẩu DVC / variable with the password")]


@app.command()
def template(ctx: typer.Context, form: str, out: Path, force: Force = False) -> None:
    """Tạo mẫu Excel của một chứng từ. / Make the workbook of a voucher: 16a1 16a2 16c1 16c3 07 05a 06."""
    from kyso_kbnn.workbook import write_template

    common, settings = context(ctx)
    write_file(out, write_template(form, settings.profile, settings.unit), force)
    output.say("kbnn.written", common.language, {"path": out})


@app.command()
def schema(
    ctx: typer.Context, form: Annotated[str | None, typer.Argument()] = None, out: Out = None, force: Force = False
) -> None:
    """In JSON Schema của hồ sơ, hoặc XSD của một mẫu. / JSON Schema of a dossier, or the XSD of one form."""
    import json

    from kyso_kbnn.json_schema import dossier_schema
    from kyso_kbnn.xml_schema import schema_of

    _, settings = context(ctx)
    if form is not None:
        give(out, schema_of(form, settings.profile), force)
    else:
        give(out, json.dumps(dossier_schema(settings.profile), ensure_ascii=False, indent=2).encode() + b"\n", force)


@app.command()
def xml(ctx: typer.Context, source: Path, out: Out = None, force: Force = False) -> None:
    """Sinh dữ liệu xác thực (XML) từ JSON hoặc Excel. / Authentication data from JSON or a workbook."""
    from kyso_kbnn.authentication_data import write_authentication_data
    from kyso_kbnn.xml_schema import validate

    common, settings = context(ctx)
    dossier = load_source(common, settings, source)
    content = write_authentication_data(dossier, settings.profile)
    validate(content, settings.profile, source.name)
    give(out, content, force)
    output.say("kbnn.coded", common.language, {"code": dossier.code})


@app.command()
def envelope(
    ctx: typer.Context,
    source: Annotated[Path, typer.Argument(help="JSON, Excel hoặc thư mục hồ sơ / JSON, workbook or dossier folder")],
    out: Annotated[Path | None, typer.Option("--out", help="Thư mục hồ sơ mới / the new dossier's folder")] = None,
    accountant: Annotated[str | None, typer.Option(help="Khóa kế toán trưởng / the chief accountant's key")] = None,
    holder: Annotated[str | None, typer.Option(help="Khóa chủ tài khoản / the account holder's key")] = None,
    accountant_secret_env: Annotated[
        str | None, typer.Option(help="Biến chứa mật khẩu khóa / variable with its secret")
    ] = None,
    holder_secret_env: Annotated[
        str | None, typer.Option(help="Biến chứa mật khẩu khóa / variable with its secret")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Ký lại khi lần trước không rõ kết quả / sign again")] = False,
    report_format: Format = "text",
) -> int:
    """Ký hồ sơ: kế toán trưởng rồi chủ tài khoản. / Sign a dossier: the chief accountant, then the account holder."""
    from kyso_kbnn.authentication_data import write_authentication_data
    from kyso_kbnn.folder import DossierFolder
    from kyso_kbnn.signing import EnvelopePending
    from kyso_kbnn.xml_schema import validate

    common, settings = context(ctx)
    if source.is_dir():
        if out is not None:
            raise WrongUse("kbnn.out_not_needed", path=source)
        folder = DossierFolder(source, settings.profile)
    else:
        dossier = load_source(common, settings, source)
        content = write_authentication_data(dossier, settings.profile)
        validate(content, settings.profile, source.name)
        target = out or settings.dossiers / dossier.code
        folder = DossierFolder.create(target, dossier, content, settings.profile, present())
    waiting = False
    people: list[tuple[Role, str | None, str | None]] = [
        ("accountant", accountant, accountant_secret_env),
        ("holder", holder, holder_secret_env),
    ]
    for role, key, secret_env in people:
        if key is None or waiting:
            continue
        answer = sign_role(common, settings, folder, role, key, secret_env, again)
        if isinstance(answer, EnvelopePending):
            waiting = True
            output.say("kbnn.waiting", common.language, {"role": role, "path": folder.path})
            output.say(answer.pending.instruction, common.language, dict(answer.pending.parameters))
    tell_state(common, folder, report_format)
    return 8 if waiting else 0


@app.command(name="xml-signature")
def xml_signature(
    ctx: typer.Context,
    source: Annotated[Path, typer.Argument(help="JSON, Excel hoặc thư mục hồ sơ / JSON, workbook or dossier folder")],
    key: Annotated[str, typer.Option(help="Khóa ký / the key")],
    out: Annotated[Path, typer.Option("--out", help="Tệp XML / the XML to write")],
    role: Annotated[str, typer.Option(help="accountant | holder")] = "accountant",
    form: Annotated[str, typer.Option(help="xades | xmldsig")] = "xades",
    secret_env: Annotated[str | None, typer.Option(help="Biến chứa mật khẩu khóa / variable with its secret")] = None,
    force: Force = False,
) -> None:
    """Ký thêm dạng XAdES hoặc XML-DSig cho hệ thống có yêu cầu. / An additional XAdES or XML-DSig signature."""
    from kyso_kbnn.authentication_data import write_authentication_data
    from kyso_kbnn.folder import CONTENT_FILE, DossierFolder

    common, settings = context(ctx)
    if source.is_dir():
        content = DossierFolder(source, settings.profile).read(CONTENT_FILE)
    else:
        content = write_authentication_data(load_source(common, settings, source), settings.profile)
    write_file(out, sign_xml(common, settings, content, role, key, form, secret_env), force)
    output.say("kbnn.written", common.language, {"path": out})


@app.command()
def check(
    ctx: typer.Context,
    source: Annotated[Path, typer.Argument(help="Thư mục hồ sơ, JSON hoặc XML / folder, JSON or XML")],
    accountant: Annotated[
        Path | None, typer.Option(help="Phong bì kế toán trưởng, với XML / envelope, with XML")
    ] = None,
    holder: Annotated[Path | None, typer.Option(help="Phong bì chủ tài khoản, với XML / envelope, with XML")] = None,
    trust: Annotated[list[Path] | None, typer.Option(help="Chứng thư gốc / roots")] = None,
    crl: Annotated[list[Path] | None, typer.Option(help="Danh sách thu hồi / revocation lists")] = None,
    at: Annotated[str | None, typer.Option(help="Thời điểm kiểm tra, ISO 8601 / judge at this time")] = None,
    report_format: Format = "text",
) -> int:
    """Kiểm tra chữ ký và nội dung hồ sơ. / Check a dossier's signatures and content. Exit code 0 valid, 1, 2, 3."""
    from kyso.cli.verify import time_from
    from kyso_kbnn.check import CheckInput, check_input, input_of_body, input_of_folder
    from kyso_kbnn.folder import DossierFolder

    common, settings = context(ctx)
    moment = time_from(at) or present()
    if source.is_dir():
        given = input_of_folder(DossierFolder(source, settings.profile))
    else:
        data = read_file(source)
        if data.lstrip()[:1] == b"<":
            named: dict[Role, Path | None] = {"accountant": accountant, "holder": holder}
            envelopes: dict[Role, bytes] = {role: read_file(path) for role, path in named.items() if path is not None}
            given = CheckInput(source.name, data, envelopes)
        else:
            given = input_of_body(data, source.name, settings.profile)
    with common.engine() as engine:

        def verify_pdf(path: Path) -> tuple[str, int]:
            report = engine.verify(path, trust=trust, crls=crl, at=moment)
            return report.verdict, len(report.signatures)

        judge = certificate_judges(common, trust, crl, moment)
        report = check_input(given, settings.profile, judge, moment, rules=settings.house_rules, verify_pdf=verify_pdf)
    if report_format == "json":
        output.put_json(report.as_json())
    else:
        from kyso_kbnn.wording import check_lines

        for line in check_lines(report, common.language):
            output.put(line)
    return report.exit_code


@app.command()
def send(
    ctx: typer.Context,
    dossier: DossierPath,
    password_env: PasswordEnv = None,
    again: Annotated[bool, typer.Option("--again", help="Gửi lại khi lần trước không rõ kết quả / send again")] = False,
    report_format: Format = "text",
) -> None:
    """Gửi hồ sơ đã ký lên cổng KBNN. / Send a signed dossier to the gateway; never twice by itself."""
    from kyso_kbnn.folder import DossierFolder
    from kyso_kbnn.sending import send_folder

    common, settings = context(ctx)
    folder = DossierFolder(dossier, settings.profile)
    password = ask_password(common, settings, password_env)
    with common.engine() as engine, open_gateway(common, settings, password) as gateway:

        def verify_pdf(path: Path) -> tuple[str, int]:
            report = engine.verify(path)
            return report.verdict, len(report.signatures)

        def progress(what: str, number: int, count: int) -> None:
            output.say("kbnn.sending", common.language, {"what": what, "number": number, "count": count})

        send_folder(
            folder,
            gateway,
            password,
            settings.profile,
            present(),
            again=again,
            verify_pdf=verify_pdf,
            progress=progress,
        )
    tell_state(common, folder, report_format)


@app.command()
def status(
    ctx: typer.Context, dossiers: list[Path], password_env: PasswordEnv = None, report_format: Format = "text"
) -> None:
    """Hỏi trạng thái hồ sơ. / Ask for the state of dossiers."""
    from kyso_kbnn.folder import DossierFolder
    from kyso_kbnn.sending import refresh_folder

    common, settings = context(ctx)
    folders = [DossierFolder(path, settings.profile) for path in dossiers]
    with open_gateway(common, settings, ask_password(common, settings, password_env)) as gateway:
        for folder in folders:
            refresh_folder(folder, gateway, settings.profile, present())
            tell_state(common, folder, report_format)


@app.command()
def download(ctx: typer.Context, dossier: DossierPath, password_env: PasswordEnv = None) -> None:
    """Tải giấy báo nợ của hồ sơ. / Download a dossier's debit note."""
    from kyso_kbnn.folder import DossierFolder
    from kyso_kbnn.sending import download_folder

    common, settings = context(ctx)
    with open_gateway(common, settings, ask_password(common, settings, password_env)) as gateway:
        path = download_folder(DossierFolder(dossier, settings.profile), gateway, present())
    output.say("kbnn.written", common.language, {"path": path})


@app.command()
def logout(ctx: typer.Context, password_env: PasswordEnv = None) -> None:
    """Kết thúc phiên còn sót trên cổng. / End a session that the gateway may still keep for the account."""
    common, settings = context(ctx)
    with open_gateway(common, settings, ask_password(common, settings, password_env)) as gateway:
        gateway.login()
        gateway.logout()
    output.say("kbnn.logged_out", common.language)


@app.command(name="list")
def list_(
    ctx: typer.Context,
    root: Annotated[Path | None, typer.Argument()] = None,
    code: Annotated[str, typer.Option(help="Mã hồ sơ chứa / code contains")] = "",
    title: Annotated[str, typer.Option(help="Tiêu đề chứa / title contains")] = "",
    state: Annotated[str, typer.Option(help="Trạng thái / state")] = "",
    since: Annotated[str | None, typer.Option(help="Từ thời điểm, ISO 8601 / changed since")] = None,
    count: Annotated[int, typer.Option("--count", help="Số dòng / how many")] = 10,
    report_format: Format = "text",
) -> None:
    """Mười hồ sơ gần nhất, tra theo mã, tiêu đề, trạng thái, thời gian. / The last ten dossiers, or a search."""
    from kyso.cli.verify import time_from
    from kyso_kbnn.watch import list_dossiers
    from kyso_kbnn.wording import state_words

    common, settings = context(ctx)
    found = list_dossiers(
        root or settings.dossiers, settings.profile, code=code, title=title, state=state, since=time_from(since)
    )[:count]
    if report_format == "json":
        for one in found:
            output.put_json(
                state_json(one.path, one.state, title=one.title, total=one.total, changed_at=one.changed_at)
            )
        return
    rows = [
        [one.changed_at, one.state.code, one.title, state_words(one.state.state, common.language), str(one.path)]
        for one in found
    ]
    output.table(["Thời gian", "Mã hồ sơ", "Tiêu đề", "Trạng thái", "Thư mục"], rows)


@app.command()
def watch(
    ctx: typer.Context,
    root: Annotated[Path | None, typer.Argument()] = None,
    once: Annotated[bool, typer.Option("--once", help="Một lần rồi thôi / ask once")] = False,
    password_env: PasswordEnv = None,
) -> None:
    """Theo dõi hồ sơ và báo bất thường. / Watch dossiers and tell what is unusual."""
    import time

    from kyso.plugin import RemoteFailed
    from kyso_kbnn.watch import draft_notice, note_failure, tell, watch_once

    common, settings = context(ctx)
    place = root or settings.dossiers
    if not place.is_dir():
        raise InputRefused("kbnn.folder_incomplete", name=str(place), file="")
    password = ask_password(common, settings, password_env)
    while True:
        try:
            with open_gateway(common, settings, password) as gateway:
                events = watch_once(place, gateway, settings.profile, settings.watch, present())
        except RemoteFailed as failed:
            note_failure(place, failed, present())
            if once:
                raise
            output.say_error(failed, common.language)
            events = []
        for event in events:
            if event.kind == "alarm":
                draft = place / f"thong-bao-{event.dossier}.txt"
                words = draft_notice(
                    event, str(settings.unit.get("name", "")), str(settings.unit.get("treasury", "")), present()
                )
                draft.write_text(words, encoding="utf-8")
        tell(events, common.language, settings.watch.notify, output.put)
        if once:
            return
        time.sleep(settings.watch.interval_s)


@app.command()
def incident(
    ctx: typer.Context,
    summary: Annotated[str, typer.Option(help="Tóm tắt sự cố / summary")],
    out: Annotated[Path, typer.Option("--out", help="Tệp .eml / the e-mail to write")],
    details: Annotated[str, typer.Option(help="Mô tả / details")] = "",
    dossier: Annotated[str, typer.Option(help="Mã hồ sơ / the dossier's code")] = "",
    force: Force = False,
) -> None:
    """Soạn báo cáo sự cố gửi hỗ trợ KBNN. / Draft the report of an incident for the treasury's support."""
    from kyso_kbnn.papers import Incident, incident_mail

    common, settings = context(ctx)
    write_file(
        out, incident_mail(Incident(summary, details, dossier), settings.unit, settings.profile, present()), force
    )
    output.say("kbnn.written", common.language, {"path": out})


@app.command()
def notice(
    ctx: typer.Context,
    treasury_name: Annotated[str, typer.Option(help="KBNN nơi giao dịch / the treasury's name")],
    out: Annotated[Path, typer.Option("--out", help="Tệp PDF / the PDF to write")],
    place: Annotated[str, typer.Option(help="Địa danh / the place")] = "......",
    force: Force = False,
) -> None:
    """Lập thông báo đăng ký theo Phụ lục, sẵn sàng để ký. / The registration notice of the annex, ready to sign."""
    from kyso_kbnn.papers import registration_notice

    common, settings = context(ctx)
    write_file(out, registration_notice(settings.unit, treasury_name, place, present()), force)
    output.say("kbnn.written", common.language, {"path": out})
