"""How long the agent takes besides the person: ``python -m tests.plugins.desk_agent.measure``.

A page asks for a letter to be signed; the person's clicks take no time. Opening the key file is measured by itself,
because its password's derivation is slow on purpose; the demand on the round trip (150 ms) is about the rest.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from datetime import date
from pathlib import Path

from kyso.config import Config
from kyso.demo.letter import draw_letter
from kyso.demo.pictures import seal_png, signature_png
from kyso.demo.pki import DEMO_PASSWORD, write_pki
from kyso.engine import Engine
from kyso.secret import Secret
from kyso_desk.agent.server import AgentPlan, BackgroundAgent
from kyso_desk.agent.settings import AgentSettings
from tests.cli.conftest import CONFIG
from tests.plugins.desk_agent.actors import Page, Person
from tests.plugins.desk_agent.test_security import Place

ROUNDS = 15


def measure(folder: Path) -> dict[str, list[float]]:
    """Return the parts of each round in milliseconds."""
    pki = write_pki(folder / "pki")
    (folder / "signature.png").write_bytes(signature_png())
    (folder / "seal.png").write_bytes(seal_png())
    places = {"leader": pki.pfx("leader"), "seal": pki.pfx("seal"), "root": pki.root_pem, "crl": pki.crl_folder}
    (folder / "kyso.toml").write_text(CONFIG.format(**places), encoding="utf-8")
    config = Config.load(folder / "kyso.toml")
    person = Person()
    settings = AgentSettings(0, 20 << 20, deadline_s=10, decision_s=30, ca_file=None, workers=2)
    plan = AgentPlan(
        config, settings, folder / "agent", online=False, language="en", open_window=None, told=person.told
    )
    place = Place(draw_letter(date(2026, 11, 20)))
    found: dict[str, list[float]] = {"until shown": [], "until answered": [], "opening the key": []}
    with BackgroundAgent(plan) as agent:
        agent.service.store.permit(place.origin, private=(place.origin,))
        page = Page(agent, place.origin)
        for _ in range(ROUNDS):
            began = time.perf_counter()
            answer = page.ask("SignApproved", {"FileName": f"{place.origin}/a.pdf", "FileUploadHandler": ""})
            window = person.window()
            window.until("sign")
            shown = time.perf_counter()
            window.decide("approve", DEMO_PASSWORD)
            assert answer.result(30)["Status"] == 0
            answered = time.perf_counter()
            found["until shown"].append((shown - began) * 1000)
            found["until answered"].append((answered - shown) * 1000)
            with Engine.from_config(config, ask_secret=lambda code, about: Secret(DEMO_PASSWORD)) as engine:
                opening = time.perf_counter()
                engine.key("leader")
                found["opening the key"].append((time.perf_counter() - opening) * 1000)
    place.server.shutdown()
    return found


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder))
    for name, values in found.items():
        warm = values[2:]
        print(f"{name:18} median {statistics.median(warm):7.1f} ms   least {min(warm):7.1f} ms")
    rest = [
        shown + answered - opening
        for shown, answered, opening in zip(*(values[2:] for values in found.values()), strict=True)
    ]
    print(f"{'besides the person':18} median {statistics.median(rest):7.1f} ms   least {min(rest):7.1f} ms")


if __name__ == "__main__":
    main()
