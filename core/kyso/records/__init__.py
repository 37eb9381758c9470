"""What must outlive the process: prepared signatures, counters. SQLAlchemy and Alembic over SQLite."""
