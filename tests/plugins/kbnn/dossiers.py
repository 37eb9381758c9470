"""Made-up dossiers, marked TEST: unit 1999999 at treasury 0099, neither of which is claimed to exist."""

from __future__ import annotations

import copy
from typing import Any

from kyso_kbnn.dossier import Dossier, completed
from kyso_kbnn.problems import Problem
from kyso_kbnn.profile import Profile, default_profile
from kyso_kbnn.reading import read_dossier
from kyso_kbnn.rules import Stage, check_dossier

UNIT: dict[str, Any] = {
    "name": "TRUNG TÂM LƯU TRỮ LỊCH SỬ MẪU (TEST)",
    "short_name": "TT LUU TRU LICH SU MAU (TEST)",
    "budget_code": "1999999",
    "treasury": "0099",
    "account": "9523.2.1999999",
    "budget_level": "2",
    "address": "Số 1 đường Thử Nghiệm, phường Mẫu, tỉnh Mẫu",
    "establishment_decision": "99/QĐ-TEST",
    "establishment_date": "02/01/2020",
}
DOSSIER_CODE = "T26_1999999_009900001"
VOUCHER_CODE = "T261120_1999999_0099001"

_TRANSFER: dict[str, Any] = {
    "v_chungtu_so_ct_giay": "RDT-TEST-0125",
    "v_ngay_chung_tu": "20/11/2026",
    "v_thucchi_tamung": 0,
    "v_chuyenkhoan_tienmat": 0,
    "v_dvqhns_namns": "2026",
    "v_dvqhns_ctmt_ma": "00000",
    "v_dv_nopthue_ten": "Công ty TNHH Xây dựng Hoa Sen (TEST)",
    "v_dv_nopthue_masothue": "0199999999",
    "v_dv_nopthue_ndkt_ma": "1701",
    "v_dv_nopthue_chuong_ma": "754",
    "v_dv_nopthue_cqthu_ma": "1099999",
    "v_dv_nopthue_kb_hachtoan": "0099",
    "v_dv_nopthue_kythue": "11/2026",
    "v_dv_nhantien_loai": 1,
    "v_dv_nhantien_ten": "Công ty TNHH Xây dựng Hoa Sen (TEST)",
    "v_dv_nhantien_diachi": "Số 1 đường Thử Nghiệm, phường Mẫu, tỉnh Mẫu",
    "v_dv_nhantien_sotk_so": "000199999999",
    "v_dv_nhantien_nganhang_ma": "99999001",
    "v_dv_nhantien_kbnn_ten": "Ngân hàng TMCP Thử Nghiệm - Chi nhánh Mẫu (TEST)",
}
_TRANSFER_LINES: list[dict[str, Any]] = [
    {
        "v_noi_dung": "TEST - Thanh toán sửa chữa nền, cửa phòng đọc theo Biên bản nghiệm thu ngày 18/11/2026",
        "v_dm_ndkt_ma": "6907",
        "v_dm_chuong_ma": "435",
        "v_dm_nganh_kt_ma": "341",
        "v_so_tien": 54000000,
        "v_dm_nguonchi_ma": "12",
        "v_dv_nopthue": "500000",
        "v_dv_nhantien": "53500000",
    },
    {
        "v_noi_dung": "TEST - Thanh toán sửa chữa đường điện phòng đọc theo Biên bản nghiệm thu ngày 18/11/2026",
        "v_dm_ndkt_ma": "6921",
        "v_dm_chuong_ma": "435",
        "v_dm_nganh_kt_ma": "341",
        "v_so_tien": 10800000,
        "v_dm_nguonchi_ma": "12",
        "v_dv_nopthue": "100000",
        "v_dv_nhantien": "10700000",
    },
]
_ORDER: dict[str, Any] = {
    "v_chungtu_so_ct_giay": "UNC-TEST-07",
    "v_ngay_chung_tu": "20/11/2026",
    "v_dvqhns_namns": "2026",
    "v_thucchi_tamung": 0,
    "v_chuyenkhoan_tienmat": 0,
    "v_dv_tratien_loai": 0,
    "v_dv_tratien_nganhang_ma": "0099",
    "v_dv_tratien_kbnn_nh_ten": "Kho bạc Nhà nước Mẫu (TEST)",
    "v_dv_nhantien_loai": 1,
    "v_dv_nhantien_ten": "Công ty TNHH Văn phòng phẩm Mẫu (TEST)",
    "v_dv_nhantien_diachi": "Số 2 đường Thử Nghiệm",
    "v_dv_nhantien_sotk_so": "000288888888",
    "v_dv_nhantien_kbnn_nh_ten": "Ngân hàng TMCP Thử Nghiệm",
}
_BY_FORM: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
    "16a1": (_TRANSFER, _TRANSFER_LINES),
    "16a2": (_TRANSFER, _TRANSFER_LINES),
    "16c1": (
        _ORDER,
        [{"v_noi_dung": "TEST - Mua văn phòng phẩm quý IV", "v_so_tien": 7500000, "v_thanh_toan": 7500000}],
    ),
    "16c3": (
        _ORDER,
        [{"v_noi_dung": "TEST - Mua văn phòng phẩm quý IV", "v_so_tien": 7500000, "v_thanh_toan": 7500000}],
    ),
    "07": (
        {
            "v_chungtu_so_ct_giay": "BK-TEST-03",
            "v_ngay_chung_tu": "20/11/2026",
            "v_dvqhns_nguon_ma": "12",
        },
        [
            {
                "v_so_hoa_don": "HD-TEST-9",
                "v_ngay_hoa_don": "18/11/2026",
                "v_dm_ndkt_ma": "6551",
                "v_noi_dung": "TEST - Giấy in A4",
                "v_so_tien": 3000000,
                "v_so_tien_sl": 50,
                "v_so_tien_dm": 60000,
            }
        ],
    ),
    "05a": (
        {
            "v_chungtu_so_ct_giay": "TT-TEST-11",
            "v_ngay_chung_tu": "20/11/2026",
            "v_tamung_ungtruoc": 0,
            "v_dvqhns_namns": "2026",
            "v_dvqhns_cancu_tu_ut": 0,
            "v_dvqhns_cancu_tu_ut_ngay": "01/10/2026",
            "v_dvqhns_cancu_tu_ut_kbnn_ma": "0099",
            "v_dvqhns_thanhtoan_tu_ut": 0,
            "v_dvqhns_thanhtoan_tc_ut": 0,
        },
        [
            {
                "v_noi_dung": "TEST - Thanh toán tạm ứng công tác phí",
                "v_dm_ndkt_ma": "6701",
                "v_dm_chuong_ma": "435",
                "v_dm_nganh_kt_ma": "341",
                "v_dm_nguonchi_ma": "12",
                "v_so_ung_truoc": 5000000,
                "v_so_de_nghi": 4500000,
            }
        ],
    ),
    "06": (
        {
            "v_chungtu_so_ct_giay": "NT-TEST-02",
            "v_ngay_chung_tu": "20/11/2026",
            "v_chuyenkhoan_tienmat": 0,
            "v_dvnop_sotk_so": "3713.0.1999999",
            "v_dvnop_nguoinop": "Lê Thị Mẫu (TEST)",
            "v_dvnop_kbnn_ma": "0099",
            "v_dvnop_tk": "0",
            "v_dvdutoan_ma": "1999999",
            "v_dvdutoan_sotk_so": "9523.2.1999999",
            "v_dvdutoan_kbnn_ma": "0099",
            "v_dvdutoan_capns": "2",
            "v_dvdutoan_namns": "2026",
        },
        [
            {
                "v_noi_dung": "TEST - Nộp trả kinh phí còn dư",
                "v_dm_ndkt_ma": "6701",
                "v_dm_chuong_ma": "435",
                "v_dm_nganh_kt_ma": "341",
                "v_dm_nguonchi_ma": "12",
                "v_so_tien": 1200000,
            }
        ],
    ),
}
FORMS = tuple(_BY_FORM)


def raw_dossier(form: str = "16a1", *, coded: bool = True) -> dict[str, Any]:
    """Return a dossier of one voucher in kyso's JSON form; it satisfies every rule."""
    header, lines = copy.deepcopy(_BY_FORM[form])
    document: dict[str, Any] = {
        "v_dm_hs_ksc_id": 2,
        "v_tieu_de": "TEST - Thanh toán sửa chữa phòng đọc theo Hợp đồng số 01/2026/HĐ-TEST",
    }
    if coded:
        document["v_ma_ho_so"] = DOSSIER_CODE
        header["v_so_chung_tu"] = VOUCHER_CODE
    return {
        "unit": dict(UNIT),
        "document": document,
        "vouchers": [{"form": form, "header": header, "lines": lines}],
    }


def cash_dossier() -> dict[str, Any]:
    """Return a 16a1 paid in cash: no payee account, no tax, one line."""
    raw = raw_dossier()
    header = raw["vouchers"][0]["header"]
    for name in [name for name in header if name.startswith(("v_dv_nopthue", "v_dv_nhantien"))]:
        del header[name]
    header |= {
        "v_dv_nhantien_loai": 1,
        "v_chuyenkhoan_tienmat": 1,
        "v_nguoinhan_hoten": "Trần Thị Thử (TEST)",
        "v_nguoinhan_so_cmnd": "099999999999",
        "v_nguoinhan_ngaycap_cmnd": "15/06/2021",
        "v_nguoinhan_noicap_cmnd": "Cục Cảnh sát QLHC về TTXH",
    }
    raw["vouchers"][0]["lines"] = [
        {
            "v_noi_dung": "TEST - Tạm ứng công tác phí",
            "v_dm_ndkt_ma": "6701",
            "v_dm_chuong_ma": "435",
            "v_dm_nganh_kt_ma": "341",
            "v_so_tien": 4500000,
            "v_dm_nguonchi_ma": "12",
            "v_dv_nhantien": 4500000,
        }
    ]
    return raw


def many_lines(count: int) -> dict[str, Any]:
    """Return a 16a1 with `count` lines whose totals fit."""
    raw = raw_dossier()
    voucher = raw["vouchers"][0]
    voucher["lines"] = [dict(voucher["lines"][number % 2]) for number in range(count)]
    return raw


def judged(
    raw: dict[str, Any], profile: Profile | None = None, *, stage: Stage = "coded"
) -> tuple[Dossier, list[Problem]]:
    """Read, complete and check `raw`; return the dossier and everything that was found."""
    used = profile or default_profile()
    draft = read_dossier(raw, used)
    dossier = completed(draft.dossier, used)
    return dossier, [*draft.problems, *check_dossier(dossier, used, stage=stage, wrong=draft.wrong)]


def dossier(form: str = "16a1") -> Dossier:
    """Return a completed dossier of one voucher."""
    return judged(raw_dossier(form))[0]
