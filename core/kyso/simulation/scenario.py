"""The scenarios a simulator can play."""

from __future__ import annotations

from kyso.errors import WrongUse
from kyso.frozen import dataclass
from kyso.text import Text

SCENARIOS: dict[str, Text] = {
    "ask": Text("Chờ người dùng bấm trên trang điện thoại giả lập", "Wait for a person on the simulated phone page"),
    "approve": Text("Tự động đồng ý", "Approve by itself"),
    "reject": Text("Người dùng từ chối", "The person declines"),
    "expire": Text("Yêu cầu hết hạn", "The request expires"),
    "slow": Text("Trả lời chậm rồi đồng ý", "Answer slowly, then approve"),
    "drop": Text("Nhận yêu cầu ký rồi ngắt kết nối", "Take the signing request, then cut the connection"),
    "refuse-connection": Text(
        "Ngắt kết nối trước khi nhận yêu cầu ký", "Cut the connection before the signing request"
    ),
    "wrong-signature": Text("Trả về một chữ ký sai", "Return a wrong signature"),
    "wrong-order": Text("Trả chữ ký sai thứ tự", "Return the signatures in another order"),
    "wrong-count": Text("Trả thiếu chữ ký", "Return one signature too few"),
    "quota": Text("Hết lượt ký", "The quota is used up"),
    "expired-certificate": Text("Chứng thư đã hết hạn", "The certificate has expired"),
    "server-error": Text("Máy chủ báo lỗi nội bộ", "The server fails inside"),
    "garbage": Text("Trả về dữ liệu không đọc được", "Answer with what cannot be read"),
}
"""Every scenario by name, with what it plays."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things take in a scenario, in seconds, and who is told.

    :param lifetime_s: after which the provider forgets an unanswered request.
    :param pause_s: pause before each answer of the scenario ``slow``.
    :param waiting_polls: how often a status query is answered with "waiting" before the phone has approved.
    :param callback_url: called when a request was decided; where the scenario decides by itself, after `pause_s`.
    """

    lifetime_s: float = 300.0
    pause_s: float = 2.0
    waiting_polls: int = 1
    callback_url: str | None = None


def checked_scenario(name: str) -> str:
    """Return `name` if it is a scenario. :raises WrongUse: it is not; the names are in the error."""
    if name not in SCENARIOS:
        raise WrongUse("simulation.scenario_unknown", name=name, known=list(SCENARIOS))
    return name
