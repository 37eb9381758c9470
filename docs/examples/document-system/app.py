"""A demonstration document system: letters that are signed by kyso's agent in the user's browser.

::

    python app.py --port 8090 unsigned/letter.pdf

It keeps everything in memory, knows no users, and exists to be read.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from kyso import Engine

PAGES = Path(__file__).parent / "page"
TOKEN_S = 300
GREATEST_LETTER = 50 << 20


@dataclass
class Letter:
    """One letter as it stands, and what happened to it."""

    name: str
    data: bytes
    history: list[str] = field(default_factory=list)


class DocumentSystem:
    """Letters, and the tokens that open them for the agent.

    :param engine: checks what is delivered.
    """

    def __init__(self, letters: list[Letter], engine: Engine) -> None:
        self.letters = letters
        self.engine = engine
        self._key = secrets.token_bytes(32)
        self._used: set[str] = set()

    def token(self, purpose: str, number: int) -> str:
        """Return a token for one purpose and one letter that holds for a few minutes."""
        claim = f"{purpose}.{number}.{int(time.time()) + TOKEN_S}.{secrets.token_urlsafe(9)}"
        return f"{claim}.{self._mark(claim)}"

    def opens(self, token: str, purpose: str, number: int) -> bool:
        """Tell whether a token is ours, for this, and still holds."""
        claim, _, mark = token.rpartition(".")
        if not hmac.compare_digest(mark, self._mark(claim)):
            return False
        asked, which, until, _ = claim.split(".")
        return asked == purpose and which == str(number) and time.time() < int(until)

    def spend(self, token: str) -> bool:
        """Use a token up; tell whether it was unused."""
        fresh = token not in self._used
        self._used.add(token)
        return fresh

    def _mark(self, claim: str) -> str:
        return hmac.new(self._key, claim.encode(), hashlib.sha256).hexdigest()

    # ---------------------------------------------------------------------------------------------------- routes

    async def list(self, request: Request) -> Response:
        """The letters, with the addresses that the agent is given."""
        base = str(request.base_url).rstrip("/")
        return JSONResponse([self._entry(number, base) for number in range(len(self.letters))])

    def _entry(self, number: int, base: str) -> dict[str, object]:
        letter = self.letters[number]
        name = quote(letter.name)
        return {
            "number": number,
            "name": letter.name,
            "size": len(letter.data),
            "history": letter.history,
            "file": f"{base}/letters/{number}/{name}?token={self.token('fetch', number)}",
            "upload": f"{base}/letters/{number}/signed?token={self.token('deliver', number)}",
        }

    async def file(self, request: Request) -> Response:
        """Hand a letter to whoever holds its token."""
        number = request.path_params["number"]
        if not self._known(number) or not self.opens(request.query_params.get("token", ""), "fetch", number):
            return Response(status_code=403)
        return Response(self.letters[number].data, media_type="application/pdf")

    async def signed(self, request: Request) -> Response:
        """Take a signed letter: the FileUploadHandler. Status must be a boolean."""
        number = request.path_params["number"]
        token = request.query_params.get("token", "")
        if not self._known(number) or not self.opens(token, "deliver", number) or not self.spend(token):
            return Response(status_code=403)
        if int(request.headers.get("content-length", GREATEST_LETTER)) >= GREATEST_LETTER:
            return _answer("Văn bản quá lớn.")
        async with request.form(max_files=1) as form:
            upload = form.get("uploadfile")
            if upload is None or isinstance(upload, str):
                return _answer("Không có tệp uploadfile.")
            data = await upload.read()
        letter = self.letters[number]
        if not data.startswith(letter.data) or len(data) == len(letter.data):
            return _answer("Đây không phải là văn bản đã giao cùng với chữ ký.")
        report = self.engine.verify(data, name=letter.name)
        last = report.signatures[-1] if report.signatures else None
        if report.integrity != "intact" or report.changes == "forbidden" or last is None:
            return _answer("Chữ ký số không đúng.")
        letter.data = data
        letter.history.append(f"{last.signer.name}: {report.verdict}")
        return JSONResponse(
            {"Status": True, "Message": "Đã nhận.", "FileName": letter.name, "FileServer": f"/letters/{number}"}
        )

    def _known(self, number: int) -> bool:
        return 0 <= number < len(self.letters)


def _answer(message: str) -> Response:
    return JSONResponse({"Status": False, "Message": message, "FileName": "", "FileServer": ""})


async def _index(_: Request) -> Response:
    return FileResponse(PAGES / "index.html")


def application(system: DocumentSystem) -> Starlette:
    """Return the ASGI application."""
    return Starlette(
        routes=[
            Route("/", _index),
            Route("/letters", system.list),
            Route("/letters/{number:int}/signed", system.signed, methods=["POST"]),
            Route("/letters/{number:int}/{name}", system.file),
            Mount("/page", StaticFiles(directory=PAGES)),
        ]
    )


def main() -> None:
    """Serve the letters named on the command line, on loopback."""
    parser = argparse.ArgumentParser()
    parser.add_argument("letters", nargs="+", type=Path)
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--config", type=Path)
    given = parser.parse_args()
    letters = [Letter(path.name, path.read_bytes()) for path in given.letters]
    with Engine.from_config(given.config) as engine:
        uvicorn.run(application(DocumentSystem(letters, engine)), host="127.0.0.1", port=given.port)


if __name__ == "__main__":
    main()
