"""What the page asks for and what it gets: path and query in, a reply out. Nothing here opens a file by its name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import numpy as np

from matganip.configurations.io.cif_text import cif_text
from matganip.errors import InputError, require
from matganip.features.powder.diffraction import PowderDiffraction
from matganip.features.powder.instrument import Instrument
from matganip.plots.arrangements import Drawing
from matganip.report.explore.table import RowChoice, Texts
from matganip.report.page import template
from matganip.report.viewer import figure_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from matganip.report.explore.source import Explored

MOST_A_SLICE = 500
MOST_POINTS = 20_000
LONGEST_QUERY = 4_000


@dataclass(frozen=True)
class Reply:
    """An answer.

    Attributes
    ----------
    body : bytes
    kind : str
        Its media type.
    status : int
    headers : dict of str to str
        Beside type and length.
    """

    body: bytes
    kind: str = "application/json"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class App:
    """Answers for one screen.

    Parameters
    ----------
    source : Explored

    Examples
    --------
    >>> import matganip as mg
    >>> from matganip.report.explore.source import explored
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
    >>> app = App(explored(mg.screen(mg.train(space, "cspbi3_br/gpaw_mp4_fixed"), space, top=5)))
    >>> json.loads(app.reply("/rows", "sort=rank&limit=2").body)["total"]
    5
    >>> app.reply("/rows", "sort=nothing").status
    400
    """

    def __init__(self, source: Explored) -> None:
        self.source = source
        self._instrument = Instrument(step=0.04, w=0.03)
        self._routes: dict[str, Callable[[Query], Reply]] = {
            "/": self._page,
            "/scene.js": self._scene,
            "/explore.js": self._script,
            "/explore.css": self._style,
            "/plotly.js": self._plotly,
            "/columns": self._columns,
            "/rows": self._rows,
            "/points": self._points,
            "/one": self._one,
            "/structure": self._structure,
            "/pattern": self._pattern,
            "/cif": self._cif,
        }

    def reply(self, path: str, query: str = "") -> Reply:
        """Answer a request; what is wrong with it is said in one line, status 400 or 404."""
        route = self._routes.get(path)
        if route is None:
            return _refusal(404, "there is no such page")
        try:
            asked = Query(query)
            answer = route(asked)
            asked.done()
        except InputError as error:
            return _refusal(400, str(error))
        return answer

    # -- the page ---------------------------------------------------------------------------------------------------

    def _page(self, _: Query) -> Reply:
        jinja2 = require("jinja2", "report")
        environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
        text = environment.from_string(template("explore.html.j2")).render(source=self.source)
        return Reply(text.encode(), "text/html; charset=utf-8")

    def _script(self, _: Query) -> Reply:
        return Reply(template("explore.js").encode(), "text/javascript; charset=utf-8")

    def _scene(self, _: Query) -> Reply:
        return Reply(template("scene.js").encode(), "text/javascript; charset=utf-8")

    def _style(self, _: Query) -> Reply:
        return Reply(template("explore.css").encode(), "text/css; charset=utf-8")

    def _plotly(self, _: Query) -> Reply:
        library: str = require("plotly.offline", "report").get_plotlyjs()
        return Reply(library.encode(), "text/javascript; charset=utf-8", headers={"Cache-Control": "max-age=86400"})

    # -- rows -------------------------------------------------------------------------------------------------------

    def _columns(self, _: Query) -> Reply:
        table = self.source.table
        columns = []
        for name, column in table.columns.items():
            words = list(column.words) if isinstance(column, Texts) else None
            whole = words is None and np.asarray(column).dtype.kind in "iu"
            columns.append({"name": name, "words": words, "whole": whole})
        if "point_group" not in table.columns:  # found row by row, when it is shown
            columns.append({"name": "point_group", "words": None, "whole": False, "late": True})
        return _json({"columns": columns, "rows": len(table), "descriptor": self.source.descriptor})

    def _rows(self, asked: Query) -> Reply:
        offset = asked.whole("offset", 0, most=10**9)
        limit = asked.whole("limit", 50, most=MOST_A_SLICE)
        chosen = self.source.table.rows(asked.choice())
        shown = chosen[offset : offset + limit]
        return _json({"total": len(chosen), "offset": offset, "row": shown.tolist(), "columns": self._cells(shown)})

    def _cells(self, rows: NDArray[np.int64]) -> dict[str, list[Any]]:
        columns = {name: self.source.table.cells(name, rows) for name in self.source.table.columns}
        if "point_group" not in columns:
            columns["point_group"] = list(self.source.batch[rows].point_groups().labels) if len(rows) else []
        return columns

    def _one(self, asked: Query) -> Reply:
        """All columns of a row."""
        row = np.array([self._row(asked)])
        return _json({name: values[0] for name, values in self._cells(row).items()})

    def _points(self, asked: Query) -> Reply:
        """Two columns of the chosen rows; of very many a uniform sample, the same each time."""
        x, y = asked.text("x"), asked.text("y")
        chosen = self.source.table.rows(asked.choice())
        shown = chosen
        if len(chosen) > MOST_POINTS:
            shown = np.sort(np.random.default_rng(0).choice(chosen, MOST_POINTS, replace=False))
        self.source.table.numbers(x), self.source.table.numbers(y)  # words have no place on an axis
        return _json(
            {
                "total": len(chosen),
                "row": shown.tolist(),
                "x": self.source.table.cells(x, shown),
                "y": self.source.table.cells(y, shown),
            }
        )

    # -- one arrangement --------------------------------------------------------------------------------------------

    def _structure(self, asked: Query) -> Reply:
        figure = figure_of(Drawing.of_configuration(self.source.batch.space, self._occupation(asked)))
        return Reply(figure.to_json().encode())

    def _pattern(self, asked: Query) -> Reply:
        structure = self.source.batch.space.structure(self._occupation(asked))
        (lines,) = PowderDiffraction(self._instrument.beam).patterns([structure], self._instrument.two_theta)
        counts = self._instrument.profile(lines)
        return _json(
            {
                "radiation": str(self._instrument.radiation),
                "two_theta": self._instrument.grid.round(4).tolist(),
                "profile": (100 * counts / counts.max()).round(4).tolist(),
                "lines": lines.two_theta.round(4).tolist(),
            }
        )

    def _cif(self, asked: Query) -> Reply:
        row = self._row(asked)
        text = cif_text(self.source.batch.space.structure(self.source.batch.occupations[row]))
        rank = int(self.source.table.numbers("rank")[row])
        energy = float(self.source.table.numbers("prediction_eV")[row])
        return Reply(
            f"# rank {rank}, {energy!r} eV, {self.source.title}\n{text}".encode(),
            "chemical/x-cif",
            headers={"Content-Disposition": f'attachment; filename="rank_{rank:06d}.cif"'},
        )

    def _row(self, asked: Query) -> int:
        row = asked.whole("row", None, most=10**9)
        if row >= len(self.source.table):
            raise InputError(f"row: there are {len(self.source.table):,} rows, counted from 0")
        return row

    def _occupation(self, asked: Query) -> NDArray[np.uint8]:
        row: NDArray[np.uint8] = self.source.batch.occupations[self._row(asked)]
        return row


class Query:
    """The query of a request, taken apart; what nobody asked for is refused.

    Examples
    --------
    >>> asked = Query("sort=energy&least.energy=-1")
    >>> asked.choice().least
    {'energy': -1.0}
    >>> Query("row=1e3").whole("row", None, most=9)
    Traceback (most recent call last):
        ...
    matganip.errors.InputError: row: must be a whole number from 0 to 9
    """

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST_QUERY:
            raise InputError(f"a query has at most {LONGEST_QUERY:,} characters")
        try:
            pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), errors="strict")
        except ValueError as error:
            raise InputError("the query is not one") from error
        self._left = dict(pairs)
        if len(self._left) != len(pairs):
            raise InputError("a key stands twice in the query")

    def text(self, key: str) -> str:
        """Take a word that must be there."""
        if key not in self._left:
            raise InputError(f"{key}: is missing")
        return self._left.pop(key)

    def whole(self, key: str, default: int | None, most: int) -> int:
        """Take a whole number from 0."""
        if default is not None and key not in self._left:
            return default
        text = self.text(key)
        if not re.fullmatch("[0-9]{1,10}", text, re.ASCII) or int(text) > most:
            raise InputError(f"{key}: must be a whole number from 0 to {most}")
        return int(text)

    def choice(self) -> RowChoice:
        """Take order and filters: ``sort``, ``descending``, ``least.COLUMN``, ``most.COLUMN``, ``is.COLUMN``."""
        sort = self._left.pop("sort", None)
        descending = self.whole("descending", 0, most=1)
        bounds: dict[str, dict[str, Any]] = {"least": {}, "most": {}, "is": {}}
        for key in list(self._left):
            kind, _, column = key.partition(".")
            if kind in bounds and column:
                value = self._left.pop(key)
                bounds[kind][column] = value if kind == "is" else _number(key, value)
        return RowChoice(sort, bool(descending), bounds["least"], bounds["most"], bounds["is"])

    def done(self) -> None:
        """Refuse what is left."""
        if self._left:
            raise InputError(f"{next(iter(self._left))[:40]!r} is no key of this query")


def _number(key: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise InputError(f"{key[:60]}: must be a number")
    return value


def _json(value: object) -> Reply:
    return Reply(json.dumps(value, separators=(",", ":"), allow_nan=False).encode())


def _refusal(status: int, words: str) -> Reply:
    return Reply(json.dumps({"error": words}).encode(), status=status)
