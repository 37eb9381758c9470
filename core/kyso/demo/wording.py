"""The words of the demo's letter: made up, as every page says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from kyso.demo.pki import LEADER_NAME


@dataclass(frozen=True, slots=True)
class Letter:
    """The wording of one official letter (công văn), box by box of Decree 30/2020, annex I, part IV.

    :param issuer: box 2, one entry a line.
    :param number: the number within `number` / `symbol`, box 3; ``None`` leaves room for it.
    :param place: box 4, before the date.
    :param subject: box 5b, after ``V/v``.
    :param addressees: after ``Kính gửi:``.
    :param body: box 6; each paragraph may hold ``<b>`` and ``<i>``.
    :param authority: box 7a, one entry a line.
    :param name: box 7b.
    :param recipients: box 9b, without the dash before and the mark after each.
    :param superior: the body above the issuer, in box 2 too, one entry a line.
    """

    issuer: tuple[str, ...]
    number: int | None
    symbol: str
    place: str
    dated: date
    subject: str
    addressees: tuple[str, ...]
    body: tuple[str, ...]
    authority: tuple[str, ...]
    name: str
    recipients: tuple[str, ...]
    superior: tuple[str, ...] = ()

    @property
    def number_and_symbol(self) -> str:
        """``07/UBND-VP``: numbers below ten get a leading zero (annex I, II.3)."""
        number = "\N{NO-BREAK SPACE}" * 8 if self.number is None else f"{self.number:02d}"
        return f"{number}/{self.symbol}"

    @property
    def place_and_date(self) -> str:
        """``An Bình, ngày 05 tháng 01 năm 2026``: leading zeros for days below 10 and months 1 and 2 (II.4)."""
        month = f"{self.dated.month:02d}" if self.dated.month < 3 else str(self.dated.month)
        return f"{self.place}, ngày {self.dated.day:02d} tháng {month} năm {self.dated.year}"


_BODY = (
    "Thực hiện quy định của Chính phủ về công tác văn thư và Kế hoạch chuyển đổi số năm {year} của xã, Ủy ban nhân "
    "dân xã An Bình Thử Nghiệm yêu cầu các cơ quan, đơn vị trực thuộc và đề nghị Ban Thường trực Ủy ban Mặt trận "
    "Tổ quốc Việt Nam xã phối hợp thực hiện thống nhất việc ký số, phát hành và kiểm tra chữ ký số trên văn bản "
    "điện tử như sau:",
    "<b>1. Ký số văn bản đi</b>",
    "a) Người có thẩm quyền ký số trên bản điện tử bằng chứng thư chữ ký số còn hiệu lực. Hình ảnh chữ ký số là "
    "hình ảnh chữ ký của người có thẩm quyền trên văn bản giấy, màu xanh, nền trong suốt, đặt canh giữa chức vụ và "
    "họ tên của người ký.",
    "b) Văn thư cơ quan chỉ ký số của cơ quan, tổ chức sau khi văn bản đã có chữ ký số của người có thẩm quyền, đã "
    "được cấp số và ghi thời gian ban hành. Hình ảnh con dấu có màu đỏ, bằng kích thước thực tế của dấu, trùm lên "
    "khoảng một phần ba hình ảnh chữ ký số của người có thẩm quyền về bên trái.",
    "c) Phụ lục không cùng tệp tin với văn bản chính phải được ký số của cơ quan, tổ chức trên từng tệp tin tại "
    "góc trên, bên phải, trang đầu; nội dung hiển thị gồm số và ký hiệu văn bản, thời gian ký, không hiển thị hình "
    "ảnh con dấu.",
    "d) Không sửa, chèn thêm trang hoặc chuyển đổi định dạng tệp tin sau khi văn bản đã được ký số. Trường hợp "
    "phát hiện sai sót, đơn vị soạn thảo trình ban hành văn bản mới để thay thế hoặc đính chính theo quy định.",
    "<b>2. Kiểm tra văn bản đến</b>",
    "a) Khi tiếp nhận văn bản điện tử, Văn thư cơ quan kiểm tra tính xác thực và tính toàn vẹn của văn bản trước "
    "khi đăng ký. Việc kiểm tra gồm: chữ ký số của người có thẩm quyền và của cơ quan, tổ chức; thời hạn và tình "
    "trạng thu hồi của chứng thư chữ ký số; những thay đổi của tệp tin sau khi ký.",
    "b) Trường hợp văn bản không bảo đảm tính toàn vẹn hoặc gửi sai nơi nhận, Văn thư cơ quan trả lại cơ quan, tổ "
    "chức gửi văn bản và báo cáo người có trách nhiệm. Trường hợp chưa kiểm tra được tình trạng thu hồi, phải ghi "
    "rõ là chưa xác định, không được coi là hợp lệ.",
    "c) Kết quả kiểm tra được lưu cùng văn bản trong Hệ thống quản lý tài liệu điện tử và là căn cứ để giải quyết "
    "công việc, đối chiếu với Kho bạc Nhà nước khi lập hồ sơ thanh toán.",
    "<b>3. Quản lý thiết bị lưu khóa bí mật</b>",
    "Thiết bị lưu khóa bí mật của cơ quan giao cho Văn thư cơ quan quản lý bằng văn bản và chỉ được dùng tại trụ "
    "sở. Cá nhân không giao thiết bị, mật khẩu của mình cho người khác; khi mất hoặc nghi ngờ lộ khóa phải báo "
    "ngay để tạm dừng hoặc thu hồi chứng thư chữ ký số.",
    "<b>4. Tổ chức thực hiện</b>",
    "a) Văn phòng Hội đồng nhân dân và Ủy ban nhân dân xã chủ trì hướng dẫn, kiểm tra; tổng hợp khó khăn, vướng "
    "mắc và báo cáo Ủy ban nhân dân xã trước ngày 25 hằng tháng.",
    "b) Phòng Kinh tế bố trí kinh phí mua sắm, gia hạn chứng thư chữ ký số theo dự toán được giao; lập bảng kê "
    "thanh toán có chữ ký số của Kế toán trưởng và Chủ tài khoản.",
    "c) Thời gian thí điểm từ ngày ký công văn này đến hết ngày 31 tháng 12 năm {year}. Danh sách đơn vị tham gia "
    "nêu tại Phụ lục gửi kèm thành tệp tin riêng.",
    "Trong quá trình thực hiện, nếu có vướng mắc, đề nghị các cơ quan, đơn vị phản ánh về Văn phòng Hội đồng nhân "
    "dân và Ủy ban nhân dân xã để được hướng dẫn, giải quyết./.",
)


def sample_letter(dated: date, number: int = 7) -> Letter:
    """Return the demo's letter, dated `dated`."""
    return Letter(
        issuer=("ỦY BAN NHÂN DÂN", "XÃ AN BÌNH THỬ NGHIỆM"),
        number=number,
        symbol="UBND-VP",
        place="An Bình",
        dated=dated,
        subject="ký số và kiểm tra chữ ký số trên văn bản điện tử",
        addressees=(
            "Các cơ quan, đơn vị trực thuộc Ủy ban nhân dân xã;",
            "Ban Thường trực Ủy ban Mặt trận Tổ quốc Việt Nam xã;",
            "Trưởng các thôn trên địa bàn xã.",
        ),
        body=tuple(paragraph.format(year=dated.year) for paragraph in _BODY),
        authority=("KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH"),
        name=LEADER_NAME,
        recipients=(
            "Như trên",
            "Thường trực Đảng ủy xã (để báo cáo)",
            "Chủ tịch, các Phó Chủ tịch UBND xã",
            "Cổng thông tin điện tử xã",
            "Lưu: VT, VP",
        ),
    )
