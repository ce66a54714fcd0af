"""The page for exploring a screen: rows by the slice, one arrangement, and requests that mean harm."""

from __future__ import annotations

import contextlib
import http.client
import json
import math
import socket

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.core import Structure
from typer.testing import CliRunner

import matganip as mg
from matganip.cli.main import app as cli
from matganip.report.explore.app import MOST_POINTS, App
from matganip.report.explore.server import View
from matganip.report.explore.source import Explored, explored
from matganip.report.explore.table import RowChoice, RowTable, Texts


@pytest.fixture(scope="module")
def app(screened):
    return App(explored(screened))


def said(app, path, query=""):
    answer = app.reply(path, query)
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


# -- the table ------------------------------------------------------------------------------------------------------

VALUES = st.floats(-3, 3).map(lambda x: round(x, 1)) | st.just(math.nan)


@given(st.lists(st.tuples(VALUES, st.sampled_from("abc")), min_size=1, max_size=30), st.data())
def test_rows_are_those_of_a_plain_sort_and_filter(lines, data):
    numbers, words = zip(*lines, strict=True)
    table = RowTable({"number": np.array(numbers), "word": Texts.of(words)})
    sort = data.draw(st.sampled_from([None, "number", "word"]))
    descending = data.draw(st.booleans())
    least = data.draw(st.none() | st.floats(-3, 3))
    word = data.draw(st.none() | st.sampled_from("abcd"))
    choice = RowChoice(
        sort, descending, {} if least is None else {"number": least}, {}, {} if word is None else {"word": word}
    )
    kept = [k for k, (x, w) in enumerate(lines) if (least is None or x >= least) and (word is None or w == word)]
    if sort == "word":
        kept.sort(key=lambda k: words[k], reverse=False)
        if descending:
            kept.sort(key=lambda k: -ord(words[k]))
    if sort == "number":
        kept.sort(key=lambda k: (math.isnan(numbers[k]), -numbers[k] if descending else numbers[k]))
    assert table.rows(choice).tolist() == kept


def test_a_slice_has_what_the_frame_of_the_result_has(app, screened):
    found = said(app, "/rows", "sort=relative_meV_per_atom&descending=1&offset=3&limit=4")
    frame = screened.to_frame().sort_values("relative_meV_per_atom", ascending=False, kind="stable")[3:7]
    assert found["total"] == 19
    for name in ("rank", "prediction_eV", "multiplicity", "point_group", "probability_300K"):
        assert found["columns"][name] == frame[name].tolist()


def test_filters_bound_numbers_and_choose_words(app, screened):
    frame = screened.to_frame()
    group = frame["point_group"].iloc[-1]
    query = f"least.multiplicity=20&most.relative_meV_per_atom=0.2&is.point_group={group.replace(' ', '+')}"
    kept = frame[(frame.multiplicity >= 20) & (frame.relative_meV_per_atom <= 0.2) & (frame.point_group == group)]
    assert said(app, "/rows", query)["columns"]["rank"] == kept["rank"].tolist()
    assert said(app, "/points", f"x=multiplicity&y=rank&{query}")["row"] == (kept["rank"] - 1).tolist()


def test_a_cif_is_the_arrangement_of_the_row(app, screened):
    answer = app.reply("/cif", "row=7")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="rank_000008.cif"'
    read = Structure.from_str(answer.body.decode(), fmt="cif")
    assert screened.space.occupation_of(read).tolist() == screened.winners.occupations[7].tolist()


def test_a_row_is_drawn_and_scatters(app):
    figure = said(app, "/structure", "row=2")
    assert "Br" in {trace.get("name") for trace in figure["data"]}
    pattern = said(app, "/pattern", "row=2")
    assert max(pattern["profile"]) == 100
    assert len(pattern["two_theta"]) == len(pattern["profile"])
    assert said(app, "/one", "row=2")["rank"] == 3


def test_all_orbits_are_shown_where_the_screen_kept_them(kept, screened):
    source = explored(kept)
    assert source.subtitle == "All 19 orbits, by their energy."
    assert source.table.numbers("prediction_eV").tolist() == screened.energy[:, 0].tolist()
    assert np.array_equal(source.batch.occupations, screened.winners.occupations)
    app = App(source)
    assert said(app, "/rows", "limit=3")["columns"]["point_group"] == list(screened.point_groups[:3])
    assert said(app, "/columns")["columns"][-1]["late"]


def test_a_file_of_all_rows_that_was_changed_is_refused(kept, tmp_path):
    import shutil

    folder = shutil.copytree(kept, tmp_path / "screen")
    path = next(folder.glob("all-*.parquet"))
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(mg.InputError, match="was changed after it was written"):
        explored(folder)


def test_a_million_rows_are_served_by_the_slice(space_6of24):
    n = 1_000_000
    few = space_6of24.sample_configurations(1000, seed=0)
    batch = mg.ConfigurationBatch(space_6of24, np.tile(few.occupations, (1000, 1)), np.tile(few.multiplicity, 1000))
    energy = np.random.default_rng(0).normal(size=n)
    table = RowTable({"rank": np.arange(1, n + 1), "prediction_eV": energy, "multiplicity": batch.multiplicity})
    app = App(Explored("a million", "", batch, table, "multiplicity"))
    last = said(app, "/rows", f"sort=prediction_eV&offset={n - 2}&limit=50")
    assert last["columns"]["prediction_eV"] == np.sort(energy)[-2:].tolist()
    assert len(last["columns"]["point_group"]) == 2
    few = said(app, "/rows", "sort=rank&least.prediction_eV=4.5&descending=1")
    assert few["columns"]["rank"] == (np.flatnonzero(energy >= 4.5)[::-1] + 1).tolist()
    points = app.reply("/points", "x=multiplicity&y=prediction_eV").body
    assert len(json.loads(points)["row"]) == MOST_POINTS
    assert len(points) < 1_500_000


# -- requests that mean harm ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "query", "status", "words"),
    [
        ("/../../etc/passwd", "", 404, "no such page"),
        ("/%2e%2e/%2e%2e/etc/passwd", "", 404, "no such page"),
        ("//etc/passwd", "", 404, "no such page"),
        ("/explore.js/../../server.py", "", 404, "no such page"),
        ("/rows", "sort=nothing", 400, "is none of the columns"),
        ("/rows", "sort=__class__", 400, "is none of the columns"),
        ("/rows", "limit=501", 400, "whole number from 0 to 500"),
        ("/rows", "limit=-1", 400, "whole number"),
        ("/rows", "offset=1e3", 400, "whole number"),
        ("/rows", "offset=%D9%A3", 400, "whole number"),
        ("/rows", "offset=" + "9" * 400, 400, "whole number"),
        ("/rows", "least.multiplicity=nan", 400, "must be a number"),
        ("/rows", "least.multiplicity=inf", 400, "must be a number"),
        ("/rows", "most.multiplicity=" + "9" * 400, 400, "must be a number"),
        ("/rows", "least.point_group=3", 400, "a column of words"),
        ("/rows", "is.multiplicity=3", 400, "has no word"),
        ("/rows", "descending=2", 400, "whole number from 0 to 1"),
        ("/rows", "limit=1&limit=2", 400, "twice"),
        ("/rows", "what=1", 400, "no key of this query"),
        ("/rows", "&&&", 400, "the query is not one"),
        ("/rows", "sort=%ff%fe", 400, "the query is not one"),
        ("/rows", "sort=" + "x" * 5000, 400, "at most"),
        ("/points", "x=rank", 400, "y: is missing"),
        ("/points", "x=rank&y=point_group", 400, "a column of words"),
        ("/structure", "", 400, "row: is missing"),
        ("/structure", "row=19", 400, "there are 19 rows"),
        ("/pattern", "row=-1", 400, "whole number"),
        ("/cif", "row=..%2f..%2fetc%2fpasswd", 400, "whole number"),
        ("/cif", "row=0&x=1", 400, "no key of this query"),
    ],
)  # fmt: skip
def test_a_bad_request_gets_one_line(app, path, query, status, words):
    answer = app.reply(path, query)
    assert answer.status == status
    assert words in json.loads(answer.body)["error"]


@given(st.sampled_from(["/rows", "/points", "/one", "/cif", "/columns"]), st.text(max_size=60))
def test_no_text_is_too_strange(app, path, text):
    for query in (text, f"row={text}", f"sort={text}", f"least.rank={text}"):
        assert app.reply(path, query).status in (200, 400)


@pytest.fixture(scope="module")
def page(app):
    with View(app) as served:
        yield served


def asked(page, path="/columns", host=None, method="GET"):
    port = page._server.server_port
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.putrequest(method, path, skip_host=True)
    for one in [f"127.0.0.1:{port}"] if host is None else host:
        connection.putheader("Host", one.format(port=port))
    connection.endheaders()
    with contextlib.closing(connection), connection.getresponse() as answer:
        return answer, answer.read()


def test_only_the_names_of_this_machine_are_answered(page):
    assert asked(page)[0].status == 200
    assert asked(page, host=["localhost:{port}"])[0].status == 200
    for host in (["evil.example:{port}"], ["127.0.0.1"], ["evil.example"], [], ["127.0.0.1:{port}", "evil.example"]):
        answer, body = asked(page, host=host)
        assert answer.status == 403
        assert b"columns" not in body


def test_the_socket_is_on_loopback_alone(page):
    assert page._server.server_address[0] == "127.0.0.1"
    assert page._server.socket.family == socket.AF_INET


def test_every_answer_forbids_what_is_not_its_own(page):
    for path in ("/", "/explore.js", "/columns", "/nothing"):
        answer, _ = asked(page, path)
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_nothing_can_be_sent_and_a_head_has_no_body(page):
    assert asked(page, method="POST")[0].status == 501
    assert asked(page, method="DELETE")[0].status == 501
    answer, body = asked(page, "/", method="HEAD")
    assert answer.status == 200
    assert int(answer.headers["Content-Length"]) > 0
    assert body == b""


def test_what_is_not_http_does_not_end_it(page):
    for garbage in (b"\x00\xff\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET " + b"x" * 70_000 + b"\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", page._server.server_port), timeout=10) as wire:
            wire.sendall(garbage)
            assert b"400" in (head := wire.recv(200)) or b"414" in head or b"505" in head
    assert asked(page)[0].status == 200


def test_a_fault_is_logged_and_told_without_its_traceback(page, monkeypatch, caplog):
    monkeypatch.setattr(page.app, "reply", lambda *_: 1 / 0)
    answer, body = asked(page)
    assert answer.status == 500
    assert b"ZeroDivision" not in body
    assert "ZeroDivisionError" in caplog.text


def test_a_title_is_text_and_not_markup(app):
    source = Explored("<script>alert(1)</script>", "&", app.source.batch, app.source.table, "rank")
    text = App(source).reply("/").body.decode()
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


# -- the call and the command ---------------------------------------------------------------------------------------


def test_a_page_closes_and_frees_its_port(screened):
    with mg.view(screened) as page:
        port = page._server.server_port
        assert page.url in page._repr_html_()
        with pytest.raises(mg.InputError, match=f"port {port}"):
            mg.view(screened, port=port)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_what_is_no_screen_is_refused(tmp_path):
    with pytest.raises(mg.InputError, match="no screen is there"):
        mg.view(tmp_path)
    with pytest.raises(mg.InputError, match="port"):
        mg.view(tmp_path, port=70_000)


def test_the_command_says_where_the_page_is(kept, monkeypatch):
    seen = []
    monkeypatch.setattr(View, "wait", lambda page: seen.append(asked(page)[0].status))
    run = CliRunner().invoke(cli, ["view", str(kept), "--json"])
    assert run.exit_code == 0
    assert json.loads(run.stdout)["rows"] == 19
    assert seen == [200]
    assert "19 rows at http://127.0.0.1:" in CliRunner().invoke(cli, ["view", str(kept)]).stdout
    assert CliRunner().invoke(cli, ["view", str(kept / "models")]).exit_code == 2
