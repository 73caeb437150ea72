"""A contract for a table, and a quarantine for the rows that break it: no row is lost between the two.

Lessons: 10.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    import pandera.pandas as pa

WHY = "why"


def screen(frame: pd.DataFrame, schema: pa.DataFrameSchema) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Part a table into the rows that keep the contract and those that break it.

    Args:
        frame: any index; it may hold columns that the schema does not speak of.
        schema: pandera's. Columns and checks that look at one row at a time (checks of whole columns cannot say which
            row is to blame).

    Returns:
        The good rows, with the types that the schema asks for; and the others as they came, with a column ``why``:
        every broken promise, "quantity: greater_than_or_equal_to(1)", joined by "; ". Together they have all rows, each
        once, in their order.

    Raises:
        ValueError: something is wrong with the table as a whole, such as a missing column, or with no row in
            particular; nothing can be parted then.
    """
    numbered = frame.reset_index(drop=True)  # so that a row has one name
    why = pd.Series(dtype="str")
    while True:
        good = numbered.drop(index=why.index)
        found = _broken(good, schema)
        if not isinstance(found, pd.Series):
            return found.set_axis(frame.index[good.index]), frame.iloc[why.index].assign(**{WHY: why.to_numpy()})
        # Once more: a text among numbers keeps the other checks of its column from looking at any row.
        why = pd.concat([why, found]).sort_index()


def _broken(frame: pd.DataFrame, schema: pa.DataFrameSchema) -> pd.Series | pd.DataFrame:
    """The validated table, or what is wrong, by row."""
    from pandera.errors import SchemaErrors

    try:
        return schema.validate(frame, lazy=True)
    except SchemaErrors as errors:
        cases = errors.failure_cases
    of_rows = cases.dropna(subset="index")
    whole = cases[cases["index"].isna() & ~cases["column"].isin(of_rows["column"])]
    if len(whole):
        case = whole.iloc[0]
        raise ValueError(
            f"The table as a whole breaks the contract: {case['check']}, {case['failure_case']}. No row is to blame; "
            "mend the table or the contract."
        )
    words = of_rows["column"] + ": " + of_rows["check"].astype("str")
    broken = pd.DataFrame({"row": of_rows["index"].astype("int64"), "words": words}).drop_duplicates()
    own_type = broken["words"].str.contains(": dtype(", regex=False)  # said once more of a text that is no number
    broken = broken[~own_type | ~broken["row"].isin(broken.loc[~own_type, "row"])]
    return broken.sort_values(["row", "words"]).groupby("row")["words"].agg("; ".join)
