"""``kyso kbnn``: from a workbook to the treasury and back. Each command is a thin layer over the library.

The words of the help pages are in the catalogues (``help.kbnn_COMMAND``), so nothing here speaks to a person.
"""

from __future__ import annotations

import typer

from kyso_kbnn import gateway_commands, paper_commands, signing_commands, voucher_commands, watch_commands

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

app.command("template")(voucher_commands.template)
app.command("schema")(voucher_commands.schema)
app.command("xml")(voucher_commands.xml)
app.command("envelope")(signing_commands.envelope)
app.command("xml-signature")(signing_commands.xml_signature)
app.command("check")(signing_commands.check)
app.command("send")(gateway_commands.send)
app.command("status")(gateway_commands.status)
app.command("download")(gateway_commands.download)
app.command("logout")(gateway_commands.logout)
app.command("list")(watch_commands.list_found)
app.command("watch")(watch_commands.watch)
app.command("incident")(paper_commands.incident)
app.command("notice")(paper_commands.notice)
