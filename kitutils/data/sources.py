"""Databases and paged APIs, read so that nothing is lost, with where each row came from.

What could not be read whole is an error. Each row has ``source`` and ``source_row``. Text files are read in
``kitutils.data.text_tables``.

Lessons: 10.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pandas as pd

from kitutils.errors import KitError

SOURCE, SOURCE_ROW = "source", "source_row"


class SourceError(KitError):
    """A source that cannot be read whole: what was received, what was expected, what to do."""


def with_provenance(frame: pd.DataFrame, source: str, rows: Sequence[int]) -> pd.DataFrame:
    """The table with two columns more: ``source`` and ``source_row`` (int64).

    Raises:
        SourceError: the table has a column of that name already.
    """
    if clash := {SOURCE, SOURCE_ROW} & set(frame.columns):
        raise SourceError(
            f"{source} has a column {min(clash)!r} of its own, which would hide where its rows come from."
        )
    return frame.assign(**{SOURCE: source, SOURCE_ROW: pd.Series(rows, index=frame.index, dtype="int64")})


def read_sql(url: str, query: str, *, source: str | None = None) -> pd.DataFrame:
    """The result of a query, with ``source`` and ``source_row`` (its row in the result, from 1).

    Args:
        url: SQLAlchemy's, such as ``sqlite:///shop.sqlite``. An SQLite file is opened for reading only, so that a
            mistyped name does not make an empty database.
        query: in SQL; add ORDER BY if the row numbers should mean something.
        source: the name to put down; the database's if None.

    Raises:
        SourceError: there is no such database, or it refuses the query; in its words.
    """
    import sqlalchemy
    from sqlalchemy.exc import SQLAlchemyError

    address = sqlalchemy.make_url(url)
    name = Path(address.database).name if address.database else address.render_as_string(hide_password=True)
    if address.get_backend_name() == "sqlite" and address.database and not address.database.startswith("file:"):
        if not Path(address.database).is_file():
            raise SourceError(f"There is no database {name} in that folder. Is the path in {url!r} right?")
        address = address.set(database=f"file:{Path(address.database).as_posix()}", query={"mode": "ro", "uri": "true"})
    engine = sqlalchemy.create_engine(address)
    try:
        with engine.connect() as connection:
            result = connection.execute(sqlalchemy.text(query))
            frame = pd.DataFrame(result.fetchall(), columns=list(result.keys()))
    except SQLAlchemyError as error:
        raise SourceError(f"{name} refused the query: {getattr(error, 'orig', None) or error}.") from error
    finally:
        engine.dispose()
    return with_provenance(frame, source or name, range(1, len(frame) + 1))


def read_api(
    url: str,
    *,
    source: str | None = None,
    results: str = "results",
    following: str = "next",
    count: str = "count",
    retries: int = 4,
    wait: float = 0.2,
    timeout: tuple[float, float] = (3.0, 20.0),
) -> tuple[pd.DataFrame, int]:
    """All records of an API that answers in pages of JSON, page after page until there is no next one.

    A page that answers "too many requests" or with a server's error (429, 500, 502, 503, 504) or not at all is asked
    for again, after a wait that doubles each time, or as long as the server says.

    Args:
        url: of the first page.
        source: the name to put down; the address without its query if None.
        results, following, count: a page's keys for its records, the next page's address (null or absent on the last)
            and the number of records in all (may be absent).
        retries: how often a page is asked for again.
        wait: seconds before the second repetition.
        timeout: seconds to connect, and between two bytes.

    Returns:
        The records with ``source`` and ``source_row`` (their number, from 1), and how many requests were repeated.

    Raises:
        SourceError: the API cannot be reached or goes on failing; a page is not JSON or has no records; the next
            page is one that was read already, or lies on another server; there are fewer or more records than the
            API says, or it changes its mind about their number.
    """
    import requests

    records: list[dict] = []
    seen: set[str] = set()
    repeated, promised = 0, None
    with _patient_session(url, retries, wait) as session:
        page: str | None = url
        while page:
            if page in seen:
                raise SourceError(
                    f"{page} says that it follows itself: its pages go round in a circle. Tell its owner."
                )
            if urlsplit(page)[:2] != urlsplit(url)[:2]:
                raise SourceError(f"The next page is {page}, on another server than {url}; it was not asked.")
            seen.add(page)
            try:
                answer = session.get(page, timeout=timeout)
                answer.raise_for_status()
                content = answer.json()
            except requests.exceptions.JSONDecodeError as error:
                raise SourceError(f"{page} did not answer with JSON but with {answer.text[:60]!r}.") from error
            except requests.RequestException as error:
                raise SourceError(f"{page} could not be read, in {retries + 1} attempts: {error}.") from error
            if not isinstance(content, dict) or not isinstance(content.get(results), list):
                raise SourceError(f"{page} has no list {results!r}; its answer begins {str(content)[:60]!r}.")
            if promised is not None and content.get(count) != promised:
                raise SourceError(
                    f"{page} speaks of {content.get(count)} records, an earlier page of {promised}. Read again."
                )
            promised = content.get(count)
            repeated += len(answer.raw.retries.history) if answer.raw.retries else 0
            records += content[results]
            page = urljoin(page, content[following]) if content.get(following) else None
    if promised is not None and len(records) != promised:
        raise SourceError(f"{url} speaks of {promised} records and sent {len(records)}. Read again, or tell its owner.")
    name = source or url.partition("?")[0]
    return with_provenance(pd.DataFrame.from_records(records), name, range(1, len(records) + 1)), repeated


def _patient_session(url: str, retries: int, wait: float):
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    again = Retry(retries, backoff_factor=wait, status_forcelist=(429, 500, 502, 503, 504), allowed_methods=("GET",))
    session = requests.Session()
    session.trust_env = urlsplit(url).hostname not in ("127.0.0.1", "localhost")  # no proxy reaches this machine
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=again))
    return session
