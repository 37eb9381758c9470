"""The incoming desk: receive a letter, decide, register it, keep the evidence (Decree 30/2020, Điều 20 to 22).

::

    from pathlib import Path
    from kyso import Engine
    from kyso.receiving.desk import IncomingDesk
    from kyso.receiving.values import Arrival

    with Engine.from_config(Path("kyso.toml")) as engine, IncomingDesk.open(engine) as desk:
        reception = desk.receive(Arrival(Path("letter.pdf")))
        print(reception.entry.number, reception.decision.kind, reception.folder)

Every front end calls the same functions; what goes in and out are frozen values (:mod:`kyso.receiving.values`).

What this does not protect against: whoever can write the database and the folder of letters can change both. A row is
proof of existence to ourselves, as a paper register is; a timestamp is proof to everybody.
"""
