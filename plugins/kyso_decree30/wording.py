"""Telling titles from names: the words of Vietnamese signature blocks.

A title line is written in capitals (annex I, II.7.b), often after ``TM.``, ``KT.``, ``TL.``, ``TUQ.`` or ``Q.``; the
full name below is in ordinary letters (II.7.c), in some branches after a rank or a degree. What is read here decides
where to look for a place, never who signs.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Literal

TitleKind = Literal["prefixed", "known", "capitals", "ordinary"]
NameKind = Literal["known_surname", "ordinary", "capitals"]

_PREFIX = re.compile(r"(?:T/?M|K/?T|T/?L|TUQ|TUN|Q|PHỤ TRÁCH)(?:\.|\s|$)", re.IGNORECASE)
_TITLE_WORDS = (
    "CHỦ TỊCH|GIÁM ĐỐC|TRƯỞNG|THỦ TƯỚNG|TỔNG BÍ THƯ|BÍ THƯ|CHÁNH VĂN PHÒNG|CHÁNH THANH TRA|CHÁNH ÁN|CHÁNH|"
    "TỔNG THANH TRA|TỔNG KIỂM TOÁN|KIỂM TOÁN VIÊN|THỐNG ĐỐC|TƯ LỆNH|CHÍNH ỦY|CHÍNH UỶ|CHÍNH TRỊ VIÊN|CHỈ HUY|"
    "CHỦ NHIỆM|KẾ TOÁN|CHỦ TÀI KHOẢN|ĐẠI DIỆN|THƯ KÝ|CHỦ TỌA|CHỦ TOẠ|CHỦ TRÌ|TỔNG BIÊN TẬP|ĐẠI SỨ|"
    "TỔNG LÃNH SỰ|VIỆN SĨ|THỦ QUỸ|NGƯỜI LẬP|NGƯỜI KÝ|NGƯỜI ĐỀ NGHỊ|NGƯỜI BÁO CÁO|NGƯỜI VIẾT|PHÓ|ỦY VIÊN|"
    "UỶ VIÊN|HỘI ĐỒNG|CHẤP HÀNH VIÊN|ĐIỀU TRA VIÊN|KIỂM SÁT VIÊN|THẨM PHÁN|CÔNG CHỨNG VIÊN|CHUYÊN VIÊN|"
    "GIÁM THỊ|QUẢN ĐỐC|CỤC|NGƯỜI ĐỨNG ĐẦU|NGƯỜI ĐẠI DIỆN|NGƯỜI PHỤ TRÁCH|THỦ TRƯỞNG|TỔNG GIÁM ĐỐC|TỔNG CỤC TRƯỞNG|"
    "HIỆU TRƯỞNG|VIỆN TRƯỞNG|VỤ TRƯỞNG|BỘ TRƯỞNG|THỨ TRƯỞNG|TRẠM TRƯỞNG|ĐỘI TRƯỞNG|TỔ TRƯỞNG|CHỦ HỘ|CHỦ ĐẦU TƯ"
)
_KNOWN_TITLE = re.compile(rf"(?<!\w)(?:{_TITLE_WORDS})(?!\w)")
_ORDINARY_TITLE = re.compile(rf"(?:{_TITLE_WORDS})(?!\w)")
_MAX_TITLE_LENGTH = 90
_MAX_ORDINARY_TITLE_WORDS = 9

# "(Ký, ghi rõ họ tên)", "(Chữ ký, dấu)" under a title: what to do, not who.
_HINT = re.compile(r"[(\[].*[)\]]|(?:Ký|ký)[ ,].*")

_DEGREE = (
    r"(?:GS|PGS|TSKH|TS|Th\.?S|ThS|CN|KS|KTS|BS|BSCK[12I]*|BSNT|CK[12I]+|DS|DSCK[12I]*|LS|ĐD|NGND|NGƯT|NSND|NSƯT|TTND|TTƯT|"
    r"NGUT|NSUT|TTUT|Dr|MBA|CPA)"
)
_RANK = (
    r"(?:(?:Đại|Thượng|Trung|Thiếu) (?:tướng|tá|úy|uý)|Chuẩn (?:đô đốc|tướng)|(?:Phó )?[Gg]iáo sư|"
    r"Tiến s[ĩỹ](?: khoa học)?|"
    r"Thạc s[ĩỹ]|[Bb]ác s[ĩỹ](?: chuyên khoa (?:I{1,2}|[12]))?|[Dd]ược s[ĩỹ]|Kỹ sư|Kiến trúc sư|Luật sư|Cử nhân|"
    r"Nhà giáo (?:nhân dân|ưu tú)|Thầy thuốc (?:nhân dân|ưu tú)|Ông|Bà|Linh mục|Mục sư|Hòa thượng|Thượng tọa|Đại đức)"
)
_BEFORE_NAME = re.compile(rf"(?:(?:{_DEGREE}(?:\.|,|(?=\s))|{_RANK})[\s.,-]*)+", re.IGNORECASE)
RANK_LINE = re.compile(rf"(?:(?:{_DEGREE}\.?|{_RANK})[\s.,-]*)+", re.IGNORECASE)

# Certificate authorities add remarks: "Nguyễn Văn A (Giám đốc)".
_REMARK = re.compile(r"\s*\([^()]*\)\s*$")

_PARTICLES = {"de", "da", "van", "von", "bin", "binti", "al", "la", "le", "y"}
_MIN_NAME_WORDS, _MAX_NAME_WORDS = 2, 7

# The surnames of nearly everybody, and frequent ones of the smaller peoples; others make a name less certain, no less
# possible.
_SURNAMES = frozenset(
    """
    nguyễn trần lê phạm hoàng huỳnh phan vũ võ đặng bùi đỗ hồ ngô dương lý đào đoàn vương trịnh trương đinh lâm
    phùng mai tô hà tạ cao lương lưu thái châu chu tôn quách thạch kiều hứa nghiêm mạc tống văn la kim từ tăng
    triệu quan diệp doãn khổng vi nông bế ma lò lường quàng cầm sùng giàng vàng lầu thào hờ mùa ksor siu rơ kpă
    rmah niê ayun bàn phàn tẩn lù hạng cà tòng điểu danh sơn trà âu ông viên giáp thân khương đồng phí đàm ninh
    lại cung bạch cù mẫn nhâm tiêu ứng phó thiều uông lục lữ trang tào mã liễu hàn phương đường nhan thi lã nhữ
    hán ngụy tưởng vưu cái chử chế hầu khuất thẩm tiết công y k h a thị hoa chung đái lăng bành lộ điêu đèo
    giang khúc kha mông phù quản sầm sử tất thang thịnh tiền trác ung vạn viêm yên ân bồ cam cấn cồ đậu điền
    đổng đới kỷ lạc lèng lều long lo lỗ mậu mộc nghê ô ôn phú phúc quế sái thiệu thôi trầm trưng tường vòng vừ
    ya
    """.split()  # noqa: SIM905  # two hundred quoted words would fill a page
)

_TONES = {"\N{COMBINING GRAVE ACCENT}", "\N{COMBINING ACUTE ACCENT}", "\N{COMBINING HOOK ABOVE}"} | {
    "\N{COMBINING TILDE}",
    "\N{COMBINING DOT BELOW}",
}


@lru_cache(maxsize=4096)
def title_kind(text: str) -> TitleKind | None:
    """Tell what kind of title line `text` is, ``None`` for anything else.

    ``prefixed`` begins with TM., KT., TL., TUQ. or Q.; ``known`` is in capitals and names an office; ``capitals`` is in
    capitals; ``ordinary`` names an office in ordinary letters.
    """
    letters = [character for character in text if character.isalpha()]
    if len(letters) < 3 or len(text) > _MAX_TITLE_LENGTH or text.endswith((":", ";", ".", ",")):
        return None
    if sum(character.isdigit() for character in text) > 4:
        return None
    if all(character.isupper() for character in letters):
        if _PREFIX.match(text):
            return "prefixed"
        return "known" if _KNOWN_TITLE.search(text) else "capitals"
    if _PREFIX.match(text) and text[:2].isupper() and _KNOWN_TITLE.search(text.upper()):
        return "prefixed"
    if (
        text[0].isupper()
        and _ORDINARY_TITLE.match(text.upper())
        and len(text.split()) <= _MAX_ORDINARY_TITLE_WORDS
        and not any(character in text for character in ",;:()0123456789")
    ):
        return "ordinary"
    return None


def is_hint(text: str) -> bool:
    """Tell whether the line says how to sign: ``(Ký, ghi rõ họ tên)``."""
    return _HINT.fullmatch(text) is not None


@lru_cache(maxsize=4096)
def name_kind(text: str) -> NameKind | None:
    """Tell what kind of personal name `text` is, rank and degree aside; ``None`` for anything else."""
    name = bare_name(text)
    words = name.split()
    if not _MIN_NAME_WORDS <= len(words) <= _MAX_NAME_WORDS or len(name) > 60:
        return None
    if all(_is_capitalised(word) or word in _PARTICLES for word in words) and _is_capitalised(words[0]):
        if len("".join(words)) <= len(words):
            return None
        return "known_surname" if _surname(words) else "ordinary"
    if all(word.replace("'", "").replace("-", "").isalpha() and word.isupper() for word in words):
        return "capitals" if _surname(words) and len(words) <= 5 and not _KNOWN_TITLE.search(name) else None
    return None


def _is_capitalised(word: str) -> bool:
    """Tell whether a word is written as part of a name: ``Văn``, ``A``, ``K'Dung``, ``Ma-ri-a``, ``A.``."""
    plain = word.removesuffix(".") if len(word) == 2 else word
    parts = [part for part in re.split(r"['’-]", plain) if part]
    if not parts or not all(part.isalpha() for part in parts):
        return False
    return parts[0][0].isupper() and all(part[1:] == part[1:].lower() for part in parts)


def _surname(words: list[str]) -> bool:
    first = words[0].lower()
    return first in _SURNAMES or first[:2] in ("k'", "h'", "k’", "h’")


def bare_name(text: str) -> str:
    """Return a name without rank, degree and form of address before it."""
    return _BEFORE_NAME.sub("", text, count=1) if _BEFORE_NAME.match(text) else text


@lru_cache(maxsize=1024)
def folded_name(text: str) -> str:
    """Return a name for comparison: no rank, no remark behind it, no case, wherever the tone is put (Hòa, Hoà)."""
    folded = []
    bare = bare_name(_REMARK.sub("", unicodedata.normalize("NFC", text)))
    for word in bare.casefold().split():
        decomposed = unicodedata.normalize("NFD", word)
        tones = [character for character in decomposed if character in _TONES]
        folded.append("".join(character for character in decomposed if character not in _TONES) + "".join(tones))
    return " ".join(folded)


def same_name(one: str, other: str) -> bool:
    """Tell whether two texts name the same person, as far as names can."""
    return bool(one.strip()) and folded_name(one) == folded_name(other)
