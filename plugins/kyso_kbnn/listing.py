"""The dossiers in a folder, found by code, title, state and time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kyso.plugin import InputRefused
from kyso_kbnn.folder import STATE_FILE, DossierFolder, FolderState
from kyso_kbnn.profile import Profile

_GREATEST_FOLDERS = 5000


@dataclass(frozen=True, slots=True)
class Listed:
    """One dossier of the folder, as lists show it."""

    path: Path
    state: FolderState
    title: str
    total: int | None
    cash: bool
    changed_at: str


def list_dossiers(
    root: Path,
    profile: Profile,
    *,
    code: str = "",
    title: str = "",
    state: str = "",
    since: datetime | None = None,
) -> list[Listed]:
    """Return the dossiers below `root` that match, the last changed first. A folder that cannot be read is left out."""
    found: list[Listed] = []
    for path in _folders(root):
        folder = DossierFolder(path, profile)
        try:
            current, dossier = folder.state(), folder.dossier()
        except InputRefused:
            continue
        changed_at = str(current.history[-1].get("time", "")) if current.history else ""
        totals = [
            voucher.header.get("v_tong_so_tien", voucher.header.get("v_chungtu_tong_so_tien"))
            for voucher in dossier.vouchers
        ]
        total = sum(value for value in totals if isinstance(value, int)) if totals else None
        cash = any(voucher.header.get("v_chuyenkhoan_tienmat") == "1" for voucher in dossier.vouchers)
        if code and code.casefold() not in current.code.casefold():
            continue
        if title and title.casefold() not in dossier.title.casefold():
            continue
        if state and state != current.state:
            continue
        if since is not None and (not changed_at or datetime.fromisoformat(changed_at) < since):
            continue
        found.append(Listed(path, current, dossier.title, total, cash, changed_at))
    return sorted(found, key=lambda one: one.changed_at, reverse=True)


def _folders(root: Path) -> list[Path]:
    if (root / STATE_FILE).is_file():
        return [root]
    if not root.is_dir():
        return []
    return sorted(path.parent for path in root.glob(f"*/{STATE_FILE}"))[:_GREATEST_FOLDERS]
