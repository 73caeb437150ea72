"""A database and a paged API: all rows, or an error that says what is missing."""

import json
import sqlite3
from contextlib import closing

import pytest

from kitutils.data.sources import SourceError, read_api, read_sql


@pytest.fixture
def database(tmp_path):
    with closing(sqlite3.connect(tmp_path / "shop.sqlite")) as connection, connection:
        connection.execute("CREATE TABLE customers (id TEXT, born TEXT)")
        connection.executemany("INSERT INTO customers VALUES (?, ?)", [("C-2", "1980"), ("C-1", "Köln"), ("C-3", None)])
    return tmp_path / "shop.sqlite"


def test_a_query_comes_with_its_source(database):
    frame = read_sql(f"sqlite:///{database}", "SELECT * FROM customers WHERE born IS NOT NULL ORDER BY id")
    assert frame.to_numpy().tolist() == [["C-1", "Köln", "shop.sqlite", 1], ["C-2", "1980", "shop.sqlite", 2]]
    assert read_sql(f"sqlite:///{database}", "SELECT * FROM customers", source="office")["source"].eq("office").all()


def test_a_database_is_read_and_never_made_or_written(database, tmp_path):
    with pytest.raises(SourceError, match=r"no database shopp\.sqlite"):
        read_sql(f"sqlite:///{tmp_path / 'shopp.sqlite'}", "SELECT 1")
    assert not (tmp_path / "shopp.sqlite").exists()
    with pytest.raises(SourceError, match="refused the query: attempt to write a readonly database"):
        read_sql(f"sqlite:///{database}", "DELETE FROM customers")
    with pytest.raises(SourceError, match="refused the query: no such table: orders"):
        read_sql(f"sqlite:///{database}", "SELECT * FROM orders")


# --- the API ----------------------------------------------------------------------------------------------------------


def serve(server, pages):
    """Offers each page under its path; a page is a dict, or a list of answers for one request after the other."""
    for path, page in pages.items():
        server.files[path] = _answerer(page if isinstance(page, list) else [page])


def _answerer(answers):
    left = list(answers)

    def answer(handler):
        content = left.pop(0) if len(left) > 1 else left[0]
        status, body = (content, b"no") if isinstance(content, int) else (200, content)
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def page(*numbers, following=None, count=3):
    return {"count": count, "next": following, "results": [{"n": number} for number in numbers]}


def test_pages_are_followed_to_the_end(server):
    serve(server, {"/a": page(1, 2, following="/b"), "/b": page(3)})
    frame, repeated = read_api(f"{server.url}/a")
    assert frame.to_numpy().tolist() == [[n, f"{server.url}/a", n] for n in (1, 2, 3)]
    assert repeated == 0


def test_a_page_that_fails_is_asked_for_again(server):
    serve(server, {"/a": page(1, 2, following="/b"), "/b": [500, 429, page(3)]})
    frame, repeated = read_api(f"{server.url}/a", wait=0)
    assert frame["n"].tolist() == [1, 2, 3]
    assert repeated == 2


def test_without_a_count_the_last_page_is_the_end(server):
    serve(server, {"/a": {"results": [{"n": 1}]}})
    assert read_api(f"{server.url}/a")[0]["n"].tolist() == [1]


@pytest.mark.parametrize(
    ("pages", "words"),
    [
        ({"/a": page(1, 2)}, "speaks of 3 records and sent 2"),
        ({"/a": page(1, 2, 3, 4)}, "speaks of 3 records and sent 4"),
        ({"/a": page(1, following="/b"), "/b": page(2, following="/a")}, "round in a circle"),
        ({"/a": page(1, following="/b"), "/b": page(2, 3, count=4)}, "of 4 records, an earlier page of 3"),
        ({"/a": page(1, following="http://127.0.0.2:9/b")}, "on another server"),
        ({"/a": [500]}, "could not be read, in 3 attempts"),
        ({"/a": b"<html>Please log in</html>"}, "did not answer with JSON but with '<html>Please"),
        ({"/a": {"items": []}}, "has no list 'results'"),
        ({"/a": [404]}, "404"),
    ],
)
def test_nothing_is_silently_short(server, pages, words):
    serve(server, pages)
    with pytest.raises(SourceError, match=words):
        read_api(f"{server.url}/a", wait=0, retries=2)


def test_a_server_that_is_not_there_is_an_error(server):
    server.down()
    with pytest.raises(SourceError, match="could not be read"):
        read_api(f"{server.url}/a", wait=0, retries=1)
