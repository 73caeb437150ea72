"""One clock, one currency, one spelling: what columns from several sources must share before they are joined.

What cannot be turned into the common form becomes missing, never a guess; a contract that forbids missing values then
sends the row into quarantine (``kitutils.data.contract``).

Lessons: 10.
"""

from __future__ import annotations

import pandas as pd


def to_utc(local: pd.Series, zone: str, form: str) -> pd.Series:
    """Local times, written without their zone, in UTC.

    Missing in the result: a text that is no time of this form, such as 30 February; a time in the hour that is skipped
    in spring; and a time in the hour that there is twice in autumn, where nobody can tell which one is meant.

    Args:
        local: texts.
        zone: the IANA name, "Europe/Berlin".
        form: as for ``strptime``, "%d.%m.%Y %H:%M:%S".

    Returns:
        Times in UTC with the index of ``local``.
    """
    parsed = pd.to_datetime(local, format=form, errors="coerce")
    return parsed.dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT").dt.tz_convert("UTC")


def to_eur(amounts: pd.Series, currencies: pd.Series, days: pd.Series, rates: pd.DataFrame) -> pd.Series:
    """Amounts in EUR, rounded to cents, at the latest rate that was in force on each row's day.

    Args:
        amounts: float64, one index with the next two.
        currencies: codes, such as "CHF".
        days: ISO dates as texts.
        rates: ``from_day`` (ISO date), ``currency``, ``per_eur`` (units of the currency for one EUR).

    Returns:
        float64; missing where the currency has no rate on or before that day.
    """
    wanted = pd.DataFrame({"day": pd.to_datetime(days, errors="coerce"), "currency": currencies.to_numpy()})
    wanted = (
        wanted.astype({"currency": "str"})
        .assign(place=range(len(wanted)))
        .dropna(subset="day")
        .sort_values("day", kind="stable")
    )
    table = rates.assign(
        day=pd.to_datetime(rates["from_day"]),
        currency=rates["currency"].astype("str"),
        per_eur=rates["per_eur"].astype(float),
    )
    table = table[["day", "currency", "per_eur"]].sort_values("day", kind="stable")
    unit = str(wanted["day"].dtype)
    found = pd.merge_asof(wanted, table.astype({"day": unit}), on="day", by="currency").set_index("place")["per_eur"]
    return (amounts / found.reindex(range(len(amounts))).set_axis(amounts.index)).round(2)


def one_spelling(keys: pd.Series, letter: str, digits: int) -> pd.Series:
    """Keys such as "123", " c-00123" and "C-00123" all as "C-00123"; what has another form stays as it is.

    Args:
        keys: texts or whole numbers.
        letter: before the dash.
        digits: of the number, filled up with zeros in front.
    """
    plain = keys.astype("str").str.strip()
    number = plain.str.extract(rf"^(?:{letter}-)?([0-9]{{1,{digits}}})$", flags=2)[0]
    return (f"{letter}-" + number.str.zfill(digits)).fillna(plain)
