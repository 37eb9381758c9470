"""What must outlive the process: prepared signatures, counters. SQLAlchemy and Alembic over SQLite.

Opened only by what needs it; a plain signature and a verification never load it::

    from kyso.records.store import Records

    with Records.open() as records:
        number = records.next_value("letters", "2026")

Plugins add tables of their own (`register_tables`), each set with its own migrations.
"""
