"""The shop's records as its departments keep them: two files, a database, and an API that answers in pages.

The web shop, the phone desk, the office and the parcel desk each have their own encoding, spelling, currency and clock.
A few records in each break the rules; which ones is known, so that a quarantine can be scored.

Lessons: 10.
"""

from __future__ import annotations

import json
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd

from kitutils.data.shop import Shop

WEB, PHONE, RATES, DATABASE = "orders_web.csv", "orders_phone.csv", "rates.csv", "shop.sqlite"
PHONE_ZONE = "Europe/Berlin"
CURRENCIES = {"CH": ("CHF", 0.95), "PL": ("PLN", 4.30)}  # the rest pay in EUR; units of it for one EUR, about
BROKEN = 8  # records of each kind, in each file; at most a hundredth of its rows
UNKNOWN_PRODUCT, UNKNOWN_CUSTOMER = "P-9999", "C-99999"
PER_PAGE = 1000

_PHONE_NAMES = {
    "order_id": "Order no",
    "ordered_at": "Taken at",
    "customer_id": "Customer",
    "product_id": "Article",
    "size": "Size",
    "discount_pct": "Discount",
    "quantity": "Pieces",
    "price": "Price",
    "currency": "Currency",
    "weight_kg": "Weight kg",
    "payment": "Payment",
    "promised_days": "Promised days",
    "city": "City",
    "remark": "Remark",
}


def write(folder: Path, shop: Shop, seed: int = 0) -> pd.DataFrame:
    """Writes what the departments hand in, and tells which orders in it are broken.

    ================ =================================================================================================
    file             what it is
    ================ =================================================================================================
    orders_web.csv   all but the phone orders: UTF-8, commas, UTC, EUR, grams
    orders_phone.csv phone orders: Windows-1252, semicolons, decimal commas, Berlin time without saying so, the
                     customer's currency, kilograms, customers by bare number or in small letters; Polish letters that
                     Windows-1252 lacks are written without their strokes
    rates.csv        units of a currency for one EUR, from a day on; invented, as is the shop
    shop.sqlite      tables ``customers`` and ``products``
    ================ =================================================================================================

    Args:
        folder: is made if it is not there; files of these names are replaced.
        shop: from ``kitutils.data.shop.generate``.
        seed: decides which records are broken.

    Returns:
        One row a broken order: ``order_id, source, why``, where ``why`` is "quantity", "product_id", "ordered_at",
        "customer_id", "currency" or "line" (a line with one field too many).
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    rates = _rates(shop, rng)
    people = shop.customers.set_index("customer_id")[["country", "city"]]
    orders = shop.table()[["order_id", "price_eur", "weight_g"]].merge(shop.orders, on="order_id")
    orders = orders.join(people, on="customer_id")
    by_phone = orders["channel"] == "phone"

    web, web_truth = _break(_web(orders[~by_phone]), WEB, ("quantity", "product_id", "ordered_at", "customer_id"), rng)
    web.to_csv(folder / WEB, index=False, encoding="utf-8", lineterminator="\n")
    phone = _phone(orders[by_phone], rates, rng)
    phone, phone_truth = _break(phone, PHONE, ("quantity", "product_id", "customer_id", "currency", "line"), rng)
    phone = phone.rename(columns=_PHONE_NAMES)
    text = phone.to_csv(sep=";", index=False, lineterminator="\r\n").replace("''", ";")
    (folder / PHONE).write_bytes(text.encode("cp1252"))
    rates.to_csv(folder / RATES, index=False, lineterminator="\n")
    _database(folder / DATABASE, shop)
    return pd.concat([web_truth, phone_truth], ignore_index=True)


def _web(orders: pd.DataFrame) -> pd.DataFrame:
    columns = ["order_id", "ordered_at", "customer_id", "product_id", "channel", "size", "discount_pct", "quantity"]
    columns += ["price_eur", "weight_g", "payment", "promised_days", "city"]
    when = orders["ordered_at"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    return orders.assign(ordered_at=when)[columns].astype(str).reset_index(drop=True)


def _phone(orders: pd.DataFrame, rates: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    currency = orders["country"].map({country: name for country, (name, _) in CURRENCIES.items()}).fillna("EUR")
    day = orders["ordered_at"].dt.strftime("%Y-%m-%d").to_numpy()
    table = rates.pivot(index="from_day", columns="currency", values="per_eur")
    row = np.searchsorted(table.index.to_numpy(dtype=str), day.astype(str), side="right") - 1
    price = orders["price_eur"] * table.to_numpy()[row, table.columns.get_indexer(currency)]
    bare = rng.random(len(orders)) < 0.7
    key = orders["customer_id"].where(~bare, orders["customer_id"].str[2:]).str.lower()
    frame = orders.assign(
        ordered_at=orders["ordered_at"].dt.tz_convert(PHONE_ZONE).dt.strftime("%d.%m.%Y %H:%M:%S"),
        customer_id=key,
        price=_decimal_comma(price, 2),
        currency=currency,
        weight_kg=_decimal_comma(orders["weight_g"] / 1000, 3),
        city=orders["city"].map(_without_strokes),
        remark=rng.choice(["", "", "", "", "gift", "ring twice"], len(orders)),
    )
    return frame[list(_PHONE_NAMES)].astype(str).reset_index(drop=True)


def _decimal_comma(values: pd.Series, digits: int) -> pd.Series:
    return values.map(lambda value: f"{value:.{digits}f}".replace(".", ","))


def _without_strokes(city: str) -> str:
    """A name as the phone desk can write it: its code page has no Ł, ń or ź."""
    try:
        city.encode("cp1252")
    except UnicodeEncodeError:
        plain = unicodedata.normalize("NFKD", city.replace("Ł", "L").replace("ł", "l"))
        return plain.encode("ascii", "ignore").decode()
    return city


def _rates(shop: Shop, rng: np.random.Generator) -> pd.DataFrame:
    first, last = shop.orders["ordered_at"].iloc[[0, -1]].dt.strftime("%Y-%m")
    months = [f"{month}-01" for month in pd.period_range(first, last, freq="M").astype(str)]
    parts = [pd.DataFrame({"from_day": months, "currency": "EUR", "per_eur": 1.0})]
    for name, about in CURRENCIES.values():
        walk = np.round(about * np.exp(np.cumsum(rng.normal(0, 0.01, len(months)))), 4)
        parts.append(pd.DataFrame({"from_day": months, "currency": name, "per_eur": walk}))
    return pd.concat(parts).sort_values(["from_day", "currency"], ignore_index=True)


def _break(
    frame: pd.DataFrame, source: str, kinds: tuple[str, ...], rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Breaks some rows, each in one way, and lists them."""
    size = max(1, min(BROKEN, len(frame) // 100))
    rows = rng.permutation(len(frame))[: size * len(kinds)]
    truth = pd.DataFrame({"row": rows, "why": np.repeat(kinds, size)[: len(rows)]}).sort_values("row")
    frame = frame.copy()
    for row, why in truth.itertuples(index=False):
        if why == "line":
            # Two single quotes: the writer leaves them alone, and they become a separator when the lines are joined.
            frame.at[row, "remark"] = "leave at no. 7'' 2nd floor"
        else:
            frame.at[row, why] = _wrong(why, row, rng)
    truth = truth.assign(order_id=frame["order_id"].to_numpy()[truth["row"]], source=source)
    return frame, truth[["order_id", "source", "why"]].reset_index(drop=True)


def _wrong(why: str, row: int, rng: np.random.Generator) -> str:
    if why == "ordered_at":
        return f"2025-02-{rng.integers(29, 32)}T10:00:00Z"
    return {
        "quantity": str(-int(rng.integers(1, 4))),
        "product_id": UNKNOWN_PRODUCT,
        "customer_id": ["", UNKNOWN_CUSTOMER][row % 2],
        "currency": "???",
    }[why]


def _database(path: Path, shop: Shop) -> None:
    import sqlite3

    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        shop.customers.to_sql("customers", connection, index=False)
        shop.products.to_sql("products", connection, index=False)


# --- the parcel desk --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Parcels:
    """The parcel desk's API while it runs.

    Attributes:
        url: of the first page.
        missing: orders that the desk has no record of.
        unknown: order numbers in its records that are no orders.
        asked: the path of every request so far.
    """

    url: str
    missing: tuple[str, ...]
    unknown: tuple[int, ...]
    asked: list[str]


@contextmanager
def serve_parcels(shop: Shop, seed: int = 0, failures: int = 1) -> Iterator[Parcels]:
    """A small web server on this machine that tells, page by page, what became of each order.

    A page is ``{"count": …, "next": address or null, "results": [{"order": 17, "scans": 5, "returned": true}, …]}``;
    the order's number is bare. The server stops when the ``with`` block ends.

    Args:
        shop: whose orders.
        seed: decides which records are missing.
        failures: how often the third page answers "500 Internal Server Error" before it works.
    """
    rng = np.random.default_rng(seed)
    orders = shop.orders
    missing = np.sort(rng.permutation(len(orders))[: max(1, min(BROKEN, len(orders) // 100))])
    kept = orders.drop(index=orders.index[missing])
    numbers = kept["order_id"].str[2:].astype(int)
    records = [
        {"order": number, "scans": scans, "returned": bool(returned)}
        for number, scans, returned in zip(
            numbers.tolist(), kept["parcel_scans"].tolist(), kept["returned"].tolist(), strict=True
        )
    ]
    unknown = (900_001, 900_002, 900_003)
    for place, number in zip(sorted(rng.integers(0, len(records), 3), reverse=True), unknown, strict=True):
        records.insert(int(place), {"order": number, "scans": 3, "returned": False})

    asked: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(records, asked, failures))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/parcels"
        yield Parcels(url, tuple(orders["order_id"].iloc[missing]), unknown, asked)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(records: list[dict], asked: list[str], failures: int) -> type[BaseHTTPRequestHandler]:
    pages = -(-len(records) // PER_PAGE)
    left = [failures]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            address = urlsplit(self.path)
            page = parse_qs(address.query).get("page", ["1"])[0]
            if address.path != "/parcels" or not page.isdigit() or not 1 <= int(page) <= pages:
                return self.answer(404, {"error": f"there is no page {self.path}"})
            number = int(page)
            if number == min(3, pages) and left[0] > 0:
                left[0] -= 1
                return self.answer(500, {"error": "try again"})
            following = f"http://{self.headers['Host']}/parcels?page={number + 1}" if number < pages else None
            part = records[(number - 1) * PER_PAGE : number * PER_PAGE]
            return self.answer(200, {"count": len(records), "next": following, "results": part})

        def answer(self, status: int, content: dict) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Silent: its log would end up in the notebook."""

    return Handler
