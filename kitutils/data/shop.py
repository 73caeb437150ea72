"""A mail-order shop, generated from a fixed seed: who will send the order back?

Two years of orders with their customers and products, and with what only the maker can know: how likely each order was
to come back. The returns are made so that a good model learns them and a careless evaluation is fooled by them:

* Customers have habits. Postcode and date of joining name a customer almost exactly, so rows of one customer in both
  training and test set let a flexible model recognise people.
* Time passes. From ``FREE_RETURNS`` on returns cost nothing; weeks have their own campaigns; the app grows.
* ``parcel_scans`` counts how often a parcel was scanned until the day of the export. What comes back is scanned again:
  the column knows the answer, and nobody has it when the order is placed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

ORDERS = 12_000
FIRST_DAY, LAST_DAY = np.datetime64("2024-01-01"), np.datetime64("2025-12-31")
FREE_RETURNS = np.datetime64("2025-08-15")
TARGET = "returned"
KEYS = ("order_id", "customer_id", "product_id", TARGET)  # what the corruptor leaves alone

# Category: share of the products, median price in EUR, median weight in grams, log-odds of a return.
CATEGORIES = {
    "dress": (0.16, 60, 350, 0.75),
    "shoes": (0.18, 80, 900, 0.55),
    "trousers": (0.14, 55, 500, 0.35),
    "jacket": (0.10, 120, 1100, 0.25),
    "blouse": (0.16, 35, 220, -0.10),
    "bag": (0.10, 70, 700, -0.60),
    "jewellery": (0.08, 45, 60, -0.90),
    "homeware": (0.08, 30, 1500, -1.30),
}
CLOTHES = ("dress", "trousers", "jacket", "blouse")
SIZES = {"clothes": ("XS", "S", "M", "L", "XL"), "shoes": tuple(str(size) for size in range(36, 46)), "other": ("one",)}
# Country: share of the customers, log-odds of a return, the first two digits that its postcodes begin with.
COUNTRIES = {"DE": (0.55, 0.15), "AT": (0.15, 0.0), "CH": (0.12, -0.25), "PL": (0.18, -0.10)}
CHANNELS = ("web", "app", "phone", "marketplace")
PAYMENTS = {"card": (0.40, -0.15), "invoice": (0.33, 0.45), "wallet": (0.20, 0.0), "prepaid": (0.07, -0.60)}


@dataclass(frozen=True, eq=False)
class Shop:
    """The shop's records.

    Attributes:
        customers: ``customer_id, born, customer_since`` (ISO dates), ``country, postcode, city``.
        products: ``product_id, category, list_price_eur, weight_g``.
        orders: one row an order, by time: ``order_id, ordered_at`` (UTC), ``customer_id, product_id, channel, size,
            discount_pct, quantity, payment, promised_days, parcel_scans, returned``.
        chance: float64 of shape (orders,), the true probability of a return. No model can do better than these.
        habit: float64 of shape (customers,), each customer's leaning in log-odds.
    """

    customers: pd.DataFrame
    products: pd.DataFrame
    orders: pd.DataFrame
    chance: np.ndarray
    habit: np.ndarray

    def table(self) -> pd.DataFrame:
        """One row an order with what the three tables know of it, clean; the form of ``data.load("shop")``.

        ``age`` is in whole years on the day of the order, ``price_eur`` the price of one piece after the discount,
        ``weight_g`` that of one piece. ``earlier_orders`` counts what the same customer had ordered before.
        """
        frame = self.orders.merge(self.customers, on="customer_id", how="left", validate="many_to_one")
        frame = frame.merge(self.products, on="product_id", how="left", validate="many_to_one")
        day = frame["ordered_at"].dt.tz_localize(None).dt.normalize()
        frame = frame.assign(
            ordered_on=day.dt.strftime("%Y-%m-%d"),
            age=((day - pd.to_datetime(frame["born"])).dt.days // 365.25).astype("int64"),
            price_eur=(frame["list_price_eur"] * (1 - frame["discount_pct"] / 100)).round(2),
            earlier_orders=frame.groupby("customer_id").cumcount(),
        )
        return frame[list(COLUMNS)].astype(COLUMNS)


COLUMNS = {
    "order_id": "str",
    "ordered_on": "str",
    "customer_id": "str",
    "customer_since": "str",
    "age": "int64",
    "country": "str",
    "postcode": "str",
    "channel": "str",
    "product_id": "str",
    "category": "str",
    "size": "str",
    "price_eur": "float64",
    "discount_pct": "int64",
    "quantity": "int64",
    "weight_g": "float64",
    "payment": "str",
    "promised_days": "int64",
    "earlier_orders": "int64",
    "parcel_scans": "int64",
    TARGET: "int64",
}


def generate(orders: int = ORDERS, seed: int = 0) -> Shop:
    """Draws a shop. The same numbers give the same shop.

    Args:
        orders: how many orders in the two years. Customers are about an eighth of that, products a fortieth.
        seed: another seed is another shop of the same kind.

    Raises:
        ValueError: fewer than 100 orders were asked for; a shop that small has whole categories missing.
    """
    if orders < 100:
        raise ValueError(f"a shop needs 100 orders or more, {orders} were asked for")
    rng = np.random.default_rng(seed)
    customers, habit = _customers(max(orders // 8, 20), rng)
    products, fit = _products(max(orders // 40, 40), rng)
    table, chance = _orders(orders, customers, habit, products, fit, rng)
    return Shop(customers, products, table, chance, habit)


def _customers(count: int, rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    country = _draw(COUNTRIES, count, rng)
    cities = np.array([_CITIES[c][i] for c, i in zip(country, rng.integers(5, size=count), strict=True)], dtype=object)
    born = np.datetime64("2006-12-31") - (rng.gamma(4, 6, count) * 365.25).astype("timedelta64[D]")
    born = np.maximum(born, np.datetime64("1934-01-01"))
    since = FIRST_DAY + rng.integers(-1500, 700, count)
    habit = rng.normal(0, 1.4, count)
    frame = pd.DataFrame(
        {
            "customer_id": _numbered("C", count, 5),
            "born": born.astype(str),
            "customer_since": since.astype(str),
            "country": country,
            "postcode": [_postcode(c, n) for c, n in zip(country, rng.random(count), strict=True)],
            "city": cities,
        }
    )
    return frame, habit


# Real places, with the letters that a wrong encoding spoils.
_CITIES = {
    "DE": ("Köln", "München", "Düsseldorf", "Hamburg", "Görlitz"),
    "AT": ("Wien", "Graz", "Mödling", "Klagenfurt am Wörthersee", "Linz"),
    "CH": ("Zürich", "Genève", "Neuchâtel", "Basel", "Küsnacht"),
    "PL": ("Warszawa", "Poznań", "Kraków", "Gdańsk", "Łódź"),
}


def _postcode(country: str, share: float) -> str:
    if country == "PL":
        number = int(share * 99_999)
        return f"{number // 1000:02d}-{number % 1000:03d}"
    return f"{1067 + int(share * 97_930):05d}" if country == "DE" else str(1000 + int(share * 8_990))


def _products(count: int, rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    category = _draw(CATEGORIES, count, rng)
    price, weight = (np.array([CATEGORIES[c][place] for c in category]) for place in (1, 2))
    frame = pd.DataFrame(
        {
            "product_id": _numbered("P", count, 4),
            "category": category,
            "list_price_eur": np.round(price * rng.lognormal(0, 0.35, count)) - 0.05,
            "weight_g": np.round(weight * rng.lognormal(0, 0.25, count) / 5) * 5.0 + 5,
        }
    )
    # How well it fits and looks as in the photograph, in log-odds.
    return frame, rng.normal(0, 0.5, count)


def _orders(count, customers, habit, products, fit, rng) -> tuple[pd.DataFrame, np.ndarray]:
    when = _times(count, rng)
    who = _who(when, customers, rng)
    what = rng.choice(len(products), count, p=_popularity(len(products), rng))
    category = products["category"].to_numpy()[what]
    year = (when - FIRST_DAY.astype(when.dtype)) / np.timedelta64(365, "D")
    channel = _channels(year, rng)
    payment = _draw(PAYMENTS, count, rng)
    discount = rng.choice([0, 0, 0, 0, 10, 20, 30, 50], count)
    quantity = 1 + rng.poisson(0.25, count)
    size = _sizes(category, rng)
    promised = 1 + rng.poisson(2.2, count) + (customers["country"].to_numpy()[who] != "DE")
    price = products["list_price_eur"].to_numpy()[what] * (1 - discount / 100)
    free = when >= FREE_RETURNS.astype(when.dtype)

    leaning = (
        -1.05
        + habit[who]
        + fit[what]
        + _looked_up(CATEGORIES, category, 3)
        + _looked_up(COUNTRIES, customers["country"].to_numpy()[who], 1)
        + 0.35 * (quantity > 1) * np.isin(category, CLOTHES)  # two sizes to choose from
        + 0.6 * np.isin(size, ["XS", "XL", "36", "37", "44", "45"])
        + 0.55 * (channel == "marketplace")
        # What a return costs makes people think twice. Once it is free, bargains are bought by the armful.
        + np.where(free, 0, _looked_up(PAYMENTS, payment, 1))
        + np.where(free, 0.1, 0.5) * np.log(price / 50)
        + np.where(free, 0.02, -0.02) * (discount - 13)
        + np.where(free, 0, 0.12) * (promised - 3)
        + free * 0.7 * np.isin(category, [*CLOTHES, "shoes"])
        + free * 0.5 * (channel == "app")
        + _campaigns(when, rng)
    )
    chance = 1 / (1 + np.exp(-leaning))
    returned = (rng.random(count) < chance).astype(np.int64)
    scans = 3 + rng.poisson(1.0, count) + returned * (1 + rng.poisson(1.6, count))
    frame = pd.DataFrame(
        {
            "order_id": _numbered("O", count, 6),
            "ordered_at": pd.to_datetime(when, utc=True),
            "customer_id": customers["customer_id"].to_numpy()[who],
            "product_id": products["product_id"].to_numpy()[what],
            "channel": channel,
            "size": size,
            "discount_pct": discount,
            "quantity": quantity,
            "payment": payment,
            "promised_days": promised,
            "parcel_scans": scans,
            TARGET: returned,
        }
    )
    return frame, chance


def _times(count: int, rng: np.random.Generator) -> np.ndarray:
    """Seconds in UTC, in order: more orders each year, most of them before Christmas and in the evening."""
    days = np.arange(FIRST_DAY, LAST_DAY + 1)
    month = days.astype("datetime64[M]").astype(int) % 12
    weight = (1 + 0.35 * np.linspace(0, 1, len(days))) * np.array([8, 7, 8, 8, 9, 8, 7, 7, 9, 10, 14, 16])[month]
    day = rng.choice(days, count, p=weight / weight.sum()).astype("datetime64[s]")
    second = np.clip(rng.normal(17.5, 4, count) % 24 * 3600, 0, 86_399).astype("timedelta64[s]")
    return np.sort(day + second)


def _who(when: np.ndarray, customers: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """The customer of each order: one who has joined by then. Some order far more often than others."""
    since = customers["customer_since"].to_numpy(dtype="datetime64[s]")
    by_joining = np.argsort(since, kind="stable")
    # A customer's share of the orders among those who have joined, by inverting the running sum of eagerness.
    eager = np.cumsum(rng.gamma(0.7, 1, len(since))[by_joining] + 0.05)
    joined = np.searchsorted(since[by_joining], when, side="right")
    return by_joining[np.searchsorted(eager, rng.random(len(when)) * eager[np.maximum(joined, 1) - 1])]


def _popularity(count: int, rng: np.random.Generator) -> np.ndarray:
    weight = rng.gamma(1.2, 1, count) + 0.1
    return weight / weight.sum()


def _channels(year: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The app grows from a fifth to more than half, at the cost of web and phone."""
    app = 0.2 + 0.18 * year
    borders = np.stack([(1 - app) * 0.62, (1 - app) * 0.62 + app, (1 - app) * 0.8 + app], axis=1)
    return np.array(CHANNELS, dtype=object)[(rng.random(len(year))[:, None] > borders).sum(axis=1)]


def _sizes(category: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    clothes, shoes = np.isin(category, CLOTHES), category == "shoes"
    size = np.full(len(category), SIZES["other"][0], dtype=object)
    size[clothes] = rng.choice(SIZES["clothes"], clothes.sum(), p=[0.1, 0.25, 0.3, 0.23, 0.12])
    size[shoes] = rng.choice(SIZES["shoes"], shoes.sum())
    return size


def _campaigns(when: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each week has its own campaign, which brings its own buyers."""
    week = ((when - FIRST_DAY.astype(when.dtype)) // np.timedelta64(7, "D")).astype(int)
    return rng.normal(0, 0.6, 106)[week]


def _draw(choices: dict[str, tuple], count: int, rng: np.random.Generator) -> np.ndarray:
    shares = np.array([choice[0] for choice in choices.values()])
    return rng.choice(np.array(list(choices), dtype=object), count, p=shares / shares.sum())


def _looked_up(choices: dict[str, tuple], values: np.ndarray, place: int) -> np.ndarray:
    return np.array([choices[value][place] for value in values])


def _numbered(letter: str, count: int, digits: int) -> list[str]:
    return [f"{letter}-{number:0{digits}d}" for number in range(1, count + 1)]
