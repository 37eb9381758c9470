"""The settings of the decree's policies: ``--set NAME=VALUE``."""

from __future__ import annotations

from kyso.placement.templates import template_setting
from kyso.plugin import Setting, Text

_TIME_PATTERN = Setting(
    "time_pattern",
    "text",
    Text("Mẫu thời gian hiển thị (strftime, giờ Việt Nam)", "Pattern of the shown time (strftime, Vietnam's zone)"),
    default="%d/%m/%Y; %H:%M:%S +07:00",
)


def _show(choices: tuple[str, ...], summary: Text) -> Setting:
    return Setting("show", "choice", summary, default=choices[0], choices=choices)


_SEAL_SIZE = (
    Setting("diameter_mm", "mm", Text("Đường kính thật của con dấu tròn", "True diameter of a round seal")),
    Setting("width_mm", "mm", Text("Chiều rộng thật của con dấu không tròn", "True width of a seal that is not round")),
    Setting(
        "height_mm", "mm", Text("Chiều cao thật của con dấu không tròn", "True height of a seal that is not round")
    ),
)

_ISSUE = (
    Setting(
        "number",
        "text",
        Text(
            "Số và ký hiệu văn bản, khi văn bản chưa có, ví dụ 12/QĐ-ABC",
            "Number and symbol, where the letter does not carry them yet, such as 12/QĐ-ABC",
        ),
    ),
    Setting(
        "date",
        "date",
        Text(
            "Ngày, tháng, năm ban hành, khi văn bản chưa có, ví dụ 22/11/2026",
            "Date of issue, where the letter does not carry it yet, such as 22/11/2026",
        ),
    ),
)

_CONFIRM_DATE = Setting(
    "confirm_date",
    "flag",
    Text(
        "Xác nhận ngày của văn bản khác ngày hôm nay là đúng",
        "Confirms that a date of the letter other than today's is right",
    ),
    default="no",
)

_CANDIDATE = Setting(
    "candidate",
    "number",
    Text(
        "Số thứ tự của vị trí ký trong danh sách khi văn bản có nhiều vị trí (xem bằng kyso preview)",
        "Number of the place in the ranked list where a letter has several (kyso preview draws them)",
    ),
)

LEADER_SETTINGS = (
    _CANDIDATE,
    Setting(
        "max_width_mm",
        "mm",
        Text("Chiều rộng tối đa của hình chữ ký", "Greatest width of the signature's picture"),
        default="40",
    ),
    Setting(
        "max_height_mm",
        "mm",
        Text("Chiều cao tối đa của hình chữ ký", "Greatest height of the signature's picture"),
        default="22",
    ),
    _show(
        ("image", "image-name-time"),
        Text(
            "Hình chữ ký; hoặc thêm họ tên và thời gian ký (Nghị định 30 không yêu cầu)",
            "The picture; or with name and time below it, which Decree 30 does not ask for",
        ),
    ),
    template_setting("max_width_mm", "max_height_mm", "show"),
)

SEAL_SETTINGS = (
    *_SEAL_SIZE,
    Setting(
        "ratio",
        "number",
        Text(
            "Phần chữ ký của người có thẩm quyền được dấu trùm lên, tính từ bên trái",
            "Part of the authorised person's signature that the seal covers, from the left",
        ),
        default="1/3",
    ),
    *_ISSUE,
    Setting(
        "confirm_number",
        "flag",
        Text(
            "Xác nhận văn bản đã có số và ngày, tháng, năm dù phần mềm không đọc được",
            "Confirms that the letter carries number and date although they cannot be read",
        ),
        default="no",
    ),
    _CONFIRM_DATE,
    _show(
        ("image", "image-organisation-time"),
        Text(
            "Hình dấu; hoặc thêm tên cơ quan và thời gian ký (theo thông tư trước đây, khác Nghị định 30)",
            "The seal; or with organisation and time beside it (the earlier circular, not Decree 30)",
        ),
    ),
    template_setting("show"),
)

NUMBER_SETTINGS = (*_ISSUE, _CONFIRM_DATE)

INITIAL_SETTINGS = (
    _CANDIDATE,
    Setting(
        "beside",
        "choice",
        Text(
            "Cạnh dòng cuối của nội dung (./.) hoặc cạnh chức vụ người ký",
            "Beside the last line of the text (./.), or beside the signer's title",
        ),
        default="text",
        choices=("text", "title"),
    ),
    Setting(
        "initials",
        "text",
        Text(
            "Chữ ký tắt khi không có hình (mặc định: các chữ cái đầu của họ tên)",
            "Letters shown without a picture (by default the first letters of the name)",
        ),
    ),
    Setting("max_width_mm", "mm", Text("Chiều rộng tối đa của chữ ký tắt", "Greatest width"), default="16"),
    Setting("max_height_mm", "mm", Text("Chiều cao tối đa của chữ ký tắt", "Greatest height"), default="8"),
    template_setting("initials", "max_width_mm", "max_height_mm"),
)

ATTACHMENT_SETTINGS = (
    Setting(
        "number",
        "text",
        Text("Số và ký hiệu văn bản, ví dụ 12/QĐ-ABC", "Number and symbol of the letter, such as 12/QĐ-ABC"),
        required=True,
    ),
    _TIME_PATTERN,
    template_setting(),
)

COPY_SETTINGS = (
    Setting(
        "copy_form",
        "choice",
        Text("Hình thức sao", "Form of the copy"),
        choices=("SAO Y", "SAO LỤC", "TRÍCH SAO"),
        required=True,
    ),
    Setting(
        "organisation",
        "text",
        Text(
            "Tên cơ quan, tổ chức sao văn bản (mặc định: theo cấu hình hoặc chứng thư)",
            "Name of the copying organisation (by default from the configuration or the certificate)",
        ),
    ),
    _TIME_PATTERN,
    _show(
        ("text", "text-seal"),
        Text(
            "Chỉ dòng chữ theo Nghị định 30; hoặc thêm hình dấu theo thông lệ của một số nơi",
            "The text alone as Decree 30 says; or with the seal below it, as some practise",
        ),
    ),
    *_SEAL_SIZE,
    template_setting("show"),
)

URGENCY_SETTINGS = (
    Setting(
        "urgency",
        "choice",
        Text("Mức độ khẩn", "Degree of urgency"),
        choices=("HỎA TỐC", "THƯỢNG KHẨN", "KHẨN"),
        required=True,
    ),
    template_setting(),
)

INCOMING_SETTINGS = (
    Setting("number", "text", Text("Số đến", "Number of receipt"), required=True),
    Setting(
        "date",
        "date",
        Text("Ngày đến (mặc định: hôm nay, giờ Việt Nam)", "Date of receipt (by default today in Vietnam)"),
    ),
    Setting("forward_to", "text", Text("Chuyển cho đơn vị, người xử lý", "Who deals with it")),
    Setting("file_symbol", "text", Text("Số và ký hiệu hồ sơ", "Number and symbol of the file")),
    Setting(
        "organisation",
        "text",
        Text(
            "Tên cơ quan, tổ chức nhận (mặc định: theo cấu hình hoặc chứng thư)",
            "Name of the receiving organisation (by default from the configuration or the certificate)",
        ),
    ),
    template_setting(),
)
