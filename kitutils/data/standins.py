"""Small generated stand-ins for the downloads: a lesson runs on them where there is no network.

Each has the real set's shapes per row, dtypes, columns and number of labels, and something to be learned; its rows are
fewer and its numbers say nothing about the real data. Each card says in one line what its stand-in is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from kitutils.data import formats, garments, phrases, shapes
from kitutils.data.cards import Card
from kitutils.data.formats import ARRAYS, Content

if TYPE_CHECKING:
    import pandas as pd

SEED = 20


def make(card: Card) -> Content:
    """The stand-in of a download; the same rows at each call, in fresh arrays or a fresh frame."""
    return MAKERS[card.name](np.random.default_rng(SEED))


def _cifar10(_rng: np.random.Generator) -> Content:
    drawn = shapes.dataset()
    return {name: drawn[name] for name in ARRAYS}


def _mnist(rng: np.random.Generator) -> Content:
    """scikit-learn's 8 × 8 digits, enlarged to 20 × 20 in a frame of 28 × 28, which is how MNIST was made as well."""
    from scipy import ndimage
    from sklearn.datasets import load_digits

    raw = load_digits()
    large = ndimage.zoom(raw.images, (1, 2.5, 2.5), order=1) * (255 / 16)
    x = np.pad(np.rint(large).astype(np.uint8), ((0, 0), (4, 4), (4, 4)))
    order = rng.permutation(len(x))
    train, test = order[:1500], order[1500:]
    return formats.images(
        {"x_train": x[train], "y_train": raw.target[train], "x_test": x[test], "y_test": raw.target[test]}
    )


def _fashion_mnist(rng: np.random.Generator) -> Content:
    x_train, y_train = garments.draw(4000, rng)
    x_test, y_test = garments.draw(1000, rng)
    return formats.images({"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test})


def _sst2(rng: np.random.Generator) -> Content:
    return formats.texts({"train": phrases.short(4000, rng), "test": phrases.short(800, rng)})


def _imdb(rng: np.random.Generator) -> Content:
    return formats.texts({"train": phrases.long(2000, rng), "test": phrases.long(1000, rng)})


def _penguins(rng: np.random.Generator) -> pd.DataFrame:
    import pandas as pd

    species = np.repeat(["Adelie", "Gentoo", "Chinstrap"], [152, 124, 68])
    kind = np.repeat([0, 1, 2], [152, 124, 68])
    n = len(species)
    male = rng.random(n) < 0.5
    centre = np.array([[38.8, 18.3, 190.0, 3700.0], [47.5, 15.0, 217.0, 5080.0], [48.8, 18.4, 196.0, 3730.0]])
    spread = np.array([2.3, 0.9, 6.0, 330.0])
    sizes = centre[kind] + spread * (rng.normal(size=(n, 4)) + np.where(male, 0.7, -0.7)[:, None])
    homes = [["Torgersen", "Biscoe", "Dream"], ["Biscoe"], ["Dream"]]
    frame = pd.DataFrame(
        {
            "species": species,
            "island": [rng.choice(homes[k]) for k in kind],
            "bill_length_mm": sizes[:, 0].round(1),
            "bill_depth_mm": sizes[:, 1].round(1),
            "flipper_length_mm": sizes[:, 2].round(),
            "body_mass_g": (sizes[:, 3] / 25).round() * 25,
            "sex": np.where(male, "male", "female"),
            "year": rng.integers(2007, 2010, n),
        }
    )
    frame.loc[rng.choice(n, 2, replace=False), list(frame.columns[2:6])] = np.nan
    frame.loc[rng.choice(n, 11, replace=False), "sex"] = None
    return frame


def _california_housing(rng: np.random.Generator) -> pd.DataFrame:
    import pandas as pd

    n = 2000
    longitude = rng.uniform(-124.3, -114.3, n)
    # The coast runs from north-west to south-east; inland is what lies to its right.
    coast = 32.5 + (-114.3 - longitude) * 0.75
    inland = np.abs(rng.normal(0, 1.2, n))
    latitude = np.clip(coast + inland, 32.5, 42.0)
    households = np.exp(rng.normal(6.0, 0.7, n)).round() + 1
    income = np.clip(rng.gamma(4.2, 0.92, n), 0.5, 15.0)
    near = np.select(
        [inland < 0.15, inland < 0.35, inland < 1.0], ["NEAR OCEAN", "NEAR BAY", "<1H OCEAN"], default="INLAND"
    )
    near[rng.choice(n, 3, replace=False)] = "ISLAND"
    price = 42_000 * income + 60_000 * np.exp(-inland) + rng.normal(0, 40_000, n)
    frame = pd.DataFrame(
        {
            "longitude": longitude.round(2),
            "latitude": latitude.round(2),
            "housing_median_age": np.clip(rng.normal(28.6, 12.6, n).round(), 1, 52),
            "total_rooms": (households * rng.normal(5.3, 1.0, n).clip(2)).round(),
            "total_bedrooms": (households * rng.normal(1.07, 0.06, n)).round(),
            "population": (households * rng.normal(2.9, 0.6, n).clip(1)).round(),
            "households": households,
            "median_income": income.round(4),
            "median_house_value": np.clip(price.round(-2), 15_000, 500_001),
            "ocean_proximity": near,
        }
    )
    frame.loc[rng.choice(n, n // 100, replace=False), "total_bedrooms"] = np.nan
    return frame


def _bike_sharing(rng: np.random.Generator) -> pd.DataFrame:
    import pandas as pd

    hours = pd.date_range("2011-01-01", periods=24 * 150, freq="h")
    hours = hours.delete(rng.choice(len(hours), 30, replace=False))  # the real table lacks some hours as well
    n, hour, weekday = len(hours), hours.hour.to_numpy(), (hours.day_of_week.to_numpy() + 1) % 7
    working = ((weekday > 0) & (weekday < 6)).astype(np.int64)
    warmth = 0.25 + 0.35 * hours.day_of_year.to_numpy() / 150 + 0.08 * np.sin((hour - 9) * np.pi / 12)
    temp = np.clip(warmth + rng.normal(0, 0.04, n), 0.02, 1.0)
    weather = rng.choice([1, 2, 3], n, p=[0.66, 0.26, 0.08])
    rush = np.exp(-((hour - 8) ** 2) / 3.0) + 1.2 * np.exp(-((hour - 17) ** 2) / 5.0)
    noon = np.exp(-((hour - 14) ** 2) / 18.0)
    pace = temp * np.array([1.0, 0.85, 0.45])[weather - 1]
    registered = rng.poisson(15 + 330 * pace * np.where(working == 1, rush, 0.6 * noon))
    casual = rng.poisson(2 + 130 * pace * noon * np.where(working == 1, 0.3, 1.0))
    return pd.DataFrame(
        {
            "instant": np.arange(1, n + 1),
            "dteday": hours.strftime("%Y-%m-%d"),
            "season": hours.month.to_numpy() % 12 // 3 + 1,
            "yr": np.zeros(n, np.int64),
            "mnth": hours.month.to_numpy(),
            "hr": hour,
            "holiday": np.zeros(n, np.int64),
            "weekday": weekday,
            "workingday": working,
            "weathersit": weather,
            "temp": temp.round(2),
            "atemp": (temp * 0.95).round(4),
            "hum": np.clip(rng.normal(0.63, 0.19, n), 0, 1).round(2),
            "windspeed": np.clip(rng.gamma(2.4, 0.08, n), 0, 0.85).round(4),
            "casual": casual,
            "registered": registered,
            "cnt": casual + registered,
        }
    ).astype({"season": "int64", "mnth": "int64", "hr": "int64", "weekday": "int64"})


MAKERS: dict[str, Callable[[np.random.Generator], Content]] = {
    "bike_sharing": _bike_sharing,
    "california_housing": _california_housing,
    "cifar10": _cifar10,
    "fashion_mnist": _fashion_mnist,
    "imdb": _imdb,
    "mnist": _mnist,
    "penguins": _penguins,
    "sst2": _sst2,
}
