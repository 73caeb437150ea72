"""What the departments hand in is the shop, but for the records that are listed as broken."""

import pandas as pd
import pytest

from kitutils.data.shop import generate
from kitutils.data.shop_sources import (
    DATABASE,
    PHONE,
    RATES,
    UNKNOWN_CUSTOMER,
    UNKNOWN_PRODUCT,
    WEB,
    serve_parcels,
    write,
)
from kitutils.data.sources import read_api, read_sql
from kitutils.data.text_tables import read_text_table
from kitutils.data.units import one_spelling, to_eur, to_utc


@pytest.fixture(scope="module")
def shop():
    return generate(orders=3000, seed=4)


@pytest.fixture(scope="module")
def handed_in(shop, tmp_path_factory):
    folder = tmp_path_factory.mktemp("departments")
    return folder, write(folder, shop)


def truth_of(shop, orders):
    return shop.orders.set_index("order_id").loc[orders], shop.table().set_index("order_id").loc[orders]


def test_every_order_is_in_one_of_the_two_files(shop, handed_in):
    folder, _ = handed_in
    web, _ = read_text_table(folder / WEB)
    phone, report = read_text_table(folder / PHONE)
    lines = report.bad_lines["text"].str.partition(";")[0].tolist()
    assert sorted([*web["order_id"], *phone["Order no"], *lines]) == shop.orders["order_id"].tolist()
    assert not (web["channel"] == "phone").any()


def test_good_web_orders_are_the_shops(shop, handed_in):
    folder, broken = handed_in
    web, report = read_text_table(folder / WEB)
    assert report.encoding == "utf-8"
    web = web[~web["order_id"].isin(broken["order_id"])]
    orders, table = truth_of(shop, web["order_id"])
    assert web["customer_id"].tolist() == orders["customer_id"].tolist()
    assert pd.to_datetime(web["ordered_at"]).tolist() == orders["ordered_at"].tolist()
    assert web["price_eur"].astype(float).tolist() == table["price_eur"].tolist()
    assert web["quantity"].astype(int).tolist() == table["quantity"].tolist()


def test_good_phone_orders_are_the_shops_once_they_are_translated(shop, handed_in):
    folder, broken = handed_in
    phone, _ = read_text_table(folder / PHONE, known=shop.customers["city"])
    rates, _ = read_text_table(folder / RATES)
    phone = phone[~phone["Order no"].isin(broken["order_id"])]
    orders, table = truth_of(shop, phone["Order no"])
    when = to_utc(phone["Taken at"], "Europe/Berlin", "%d.%m.%Y %H:%M:%S")
    assert when.tolist() == orders["ordered_at"].tolist()
    assert one_spelling(phone["Customer"], "C", 5).tolist() == orders["customer_id"].tolist()
    price = phone["Price"].str.replace(",", ".").astype(float)
    euros = to_eur(price, phone["Currency"], when.dt.strftime("%Y-%m-%d"), rates)
    assert euros.to_numpy() == pytest.approx(table["price_eur"].to_numpy(), abs=0.0101)  # a cent, from rounding twice
    grams = phone["Weight kg"].str.replace(",", ".").astype(float) * 1000
    assert grams.to_numpy() == pytest.approx(table["weight_g"].to_numpy())
    assert set(phone["Currency"]) == {"EUR", "CHF", "PLN"}


def test_no_customer_of_the_phone_file_is_spelled_as_in_the_database(handed_in):
    folder, broken = handed_in
    phone, _ = read_text_table(folder / PHONE)
    assert not phone["Customer"].str.startswith("C-")[~phone["Order no"].isin(broken["order_id"])].any()


def test_broken_records_are_broken_as_listed_and_no_others_are(shop, handed_in):
    folder, broken = handed_in
    web, _ = read_text_table(folder / WEB)
    phone, report = read_text_table(folder / PHONE)
    phone = phone.rename(columns={"Order no": "order_id", "Pieces": "quantity", "Article": "product_id"})
    for source, frame in ((WEB, web), (PHONE, phone)):
        listed = broken[broken["source"] == source].set_index("order_id")["why"]
        frame = frame.set_index("order_id")
        key = frame["customer_id"] if source == WEB else frame["Customer"]
        found = {
            "quantity": frame["quantity"].astype(int) < 1,
            "product_id": frame["product_id"] == UNKNOWN_PRODUCT,
            "customer_id": key.isin(["", UNKNOWN_CUSTOMER]),
        }
        if source == WEB:
            found["ordered_at"] = pd.to_datetime(frame["ordered_at"], errors="coerce").isna()
        else:
            found["currency"] = frame["Currency"] == "???"
        for why, is_so in found.items():
            assert sorted(frame.index[is_so]) == sorted(listed.index[listed == why]) != []
    lines = report.bad_lines["text"].str.partition(";")[0]
    assert sorted(lines) == sorted(broken.loc[broken["why"] == "line", "order_id"]) != []


def test_the_database_holds_customers_and_products(shop, handed_in):
    folder, _ = handed_in
    for table, wanted in (("customers", shop.customers), ("products", shop.products)):
        found = read_sql(f"sqlite:///{folder / DATABASE}", f"SELECT * FROM {table} ORDER BY 1")
        assert found[list(wanted)].to_numpy().tolist() == wanted.to_numpy().tolist()


def test_the_parcel_desk_knows_all_orders_but_the_listed_and_some_that_are_none(shop):
    with serve_parcels(shop, failures=2) as desk:
        parcels, repeated = read_api(desk.url, wait=0)
    assert repeated == 2
    order = one_spelling(parcels["order"], "O", 6)
    table = shop.table().set_index("order_id")
    assert set(order) - set(table.index) == {f"O-{number}" for number in desk.unknown}
    assert set(table.index) - set(order) == set(desk.missing)
    known = order.isin(table.index)
    wanted = table.loc[order[known]]
    assert parcels["returned"][known].astype(int).tolist() == wanted["returned"].tolist()
    assert parcels["scans"][known].tolist() == wanted["parcel_scans"].tolist()


def test_the_same_shop_is_handed_in_the_same_way(shop, handed_in, tmp_path):
    folder, broken = handed_in
    assert write(tmp_path, shop).equals(broken)
    assert all((tmp_path / name).read_bytes() == (folder / name).read_bytes() for name in (WEB, PHONE, RATES))
