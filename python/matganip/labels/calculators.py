"""Calculators by name and settings: those with a short name, and any ASE calculator by its import path."""

from __future__ import annotations

import contextlib
import importlib
import io
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import Field, field_validator

from matganip.errors import InputError, MissingExtraError
from matganip.labels.calculation import canonical_json
from matganip.settings import Settings


@dataclass(frozen=True)
class Ready:
    """A calculator that is known by a short name.

    Attributes
    ----------
    package : str
        The distribution that provides it; its version is recorded with every label.
    install : str
        How to install it.
    build : callable
        Makes the calculator from settings and a folder for its files.
    defaults : mapping
        Settings that are recorded even where they were not given.
    title : str
        Its name in tables; filled with the settings and `version`.
    reusable : bool
        Whether one object computes many structures; else each gets a new one.
    reason : callable
        Reads the reason of a failure from the files in its folder, for programs whose exception does not give it.
    unrecorded : frozenset of str
        Settings that energies do not depend on, such as the device: labels with and without them compare.
    """

    package: str
    install: str
    build: Callable[[dict[str, Any], str], Any]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""
    reusable: bool = True
    reason: Callable[[str], str] = lambda _: ""
    unrecorded: frozenset[str] = frozenset()


def _imported(path: str) -> Any:
    """The object that ``module:name`` names; imported only when it is needed."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def _chgnet(settings: dict[str, Any], folder: str) -> Any:
    del folder
    device = settings.pop("device")
    load = _imported("chgnet.model:CHGNet").load
    model = load(model_name=settings.pop("model"), use_device=device, verbose=False)
    return _imported("chgnet.model.dynamics:CHGNetCalculator")(model=model, use_device=device, **settings)


def _sevennet(settings: dict[str, Any], folder: str) -> Any:
    del folder
    return _imported("sevenn.calculator:SevenNetCalculator")(**settings)


def _gpaw(settings: dict[str, Any], folder: str) -> Any:
    return _imported("gpaw:GPAW")(**{"txt": f"{folder}/gpaw.txt"} | settings)


def _espresso(settings: dict[str, Any], folder: str) -> Any:
    make_profile = _imported("ase.calculators.espresso:EspressoProfile")
    profile = make_profile(command=settings.pop("command"), pseudo_dir=settings.pop("pseudo_dir"))
    return _imported("ase.calculators.espresso:Espresso")(profile=profile, directory=folder, **settings)


def _espresso_reason(folder: str) -> str:
    """The complaint of pw.x, between two lines of percent signs, or that it did not converge."""
    output = Path(folder) / "espresso.pwo"
    text = output.read_text(errors="replace") if output.exists() else ""
    found = re.search(r"%{20,}\n(.*?)\n\s*%{20,}|(convergence NOT achieved[^\n]*)", text, re.DOTALL)
    return " ".join((found[1] or found[2]).split()) if found else ""


READY: dict[str, Ready] = {
    "chgnet": Ready(
        "chgnet",
        "pip install 'matganip[chgnet]'",
        _chgnet,
        {"model": "0.3.0", "device": "cpu"},
        "CHGNet {model} (chgnet {version})",
    ),
    "sevennet": Ready(
        "sevenn",
        "pip install sevenn",
        _sevennet,
        {"model": "7net-mf-0", "modal": "PBE", "device": "cpu"},
        "SevenNet {model} {modal} (sevenn {version})",
    ),
    "gpaw": Ready(
        "gpaw",
        "pip install gpaw gpaw-data (libxc, BLAS and FFTW are needed, see docs/labels.md)",
        _gpaw,
        {"xc": "PBE"},
        "GPAW {version} {xc}",
        reusable=False,
        unrecorded=frozenset({"parallel", "txt"}),
    ),
    "espresso": Ready(
        "ase",
        "install Quantum ESPRESSO and name its pw.x in the setting command",
        _espresso,
        {"command": "pw.x", "pseudo_dir": "."},
        "Quantum ESPRESSO (ase {version})",
        reusable=False,
        reason=_espresso_reason,
    ),
}
"""Calculators with a short name. Any other is ``module:Class``."""


class CalculatorChoice(Settings):
    """A calculator by its name, and its settings: the section ``[calculator]`` of a file.

    Raises
    ------
    InputError
        If the name is neither in `READY` nor an import path, or a setting is not a JSON value.

    Examples
    --------
    >>> choice = CalculatorChoice(name="ase.calculators.lj:LennardJones", settings={"sigma": 2.5})
    >>> sorted(choice.recorded), type(choice.build(".")).__name__
    (['program', 'sigma'], 'LennardJones')
    """

    name: str = Field(
        description="chgnet, sevennet, gpaw, espresso, or the import path of an ASE calculator, "
        '"ase.calculators.lj:LennardJones".'
    )
    settings: dict[str, Any] = Field(default={}, description="Its keyword arguments, JSON values.")

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        module, colon, attribute = name.partition(":")
        if name not in READY and not (colon and module and attribute):
            raise ValueError(
                f"{name!r} is no calculator: neither one of {', '.join(READY)} nor an import path like "
                "ase.calculators.lj:LennardJones"
            )
        return name

    @field_validator("settings")
    @classmethod
    def _json(cls, settings: dict[str, Any]) -> dict[str, Any]:
        canonical_json(settings)
        if "program" in settings:
            raise ValueError("program is recorded automatically, leave it out")
        return settings

    @property
    def recorded(self) -> dict[str, Any]:
        """What is stored with every label: the settings, defaults filled in, and the program with its version.

        Raises
        ------
        MissingExtraError
            If the calculator's package is not installed.
        """
        ready = READY.get(self.name)
        stated = {**(ready.defaults if ready else {}), **self.settings}
        for name in ready.unrecorded if ready else ():
            stated.pop(name, None)
        return {**stated, "program": f"{_package_of(self.name)} {_version_of(self.name)}"}

    @property
    def title(self) -> str:
        """Its name in tables: program, version and the settings that matter most."""
        return title_of(self.name, self.recorded)

    @property
    def reusable(self) -> bool:
        """Whether one object may compute many structures."""
        return self.name not in READY or READY[self.name].reusable

    def build(self, folder: str) -> Any:
        """Make the calculator.

        Parameters
        ----------
        folder : str
            Where it may write files of its own.

        Returns
        -------
        ase.calculators.calculator.Calculator

        Raises
        ------
        InputError
            If it cannot be imported or does not take the settings.
        """
        ready = READY.get(self.name)
        try:
            # What some of them print when they are made would break the progress bar.
            with contextlib.redirect_stdout(io.StringIO()):
                if ready:
                    return ready.build({**ready.defaults, **self.settings}, folder)
                return _imported(self.name)(**self.settings)
        except Exception as error:  # a foreign constructor may raise anything; the settings are what a user can correct
            raise InputError(f"calculator {self.name}: cannot be made: {one_line(error)}") from error

    def reason(self, folder: str) -> str:
        """The reason of a failure from the calculator's files, in one line; empty where its exception gives it."""
        return READY[self.name].reason(folder) if self.name in READY else ""


class GivenCalculator:
    """A calculator object of ASE's, or a function that makes one, and the settings that are recorded with its labels.

    Parameters
    ----------
    calculator : ase.calculators.calculator.Calculator or callable
        What computes. A function is called for each process, and again after a failure.
    settings : mapping
        JSON values: all that its energies depend on. They decide which labels may be compared, and an object does not
        say them.

    Raises
    ------
    InputError
        If a setting is not a JSON value.
    """

    def __init__(self, calculator: Any, settings: Mapping[str, Any]) -> None:
        canonical_json(settings)
        self._calculator = calculator
        made = calculator if callable(calculator) else type(calculator)
        self.name = f"{made.__module__}:{made.__qualname__}"
        self.settings = dict(settings)
        self.reusable = True

    @property
    def recorded(self) -> dict[str, Any]:
        """As `CalculatorChoice.recorded`."""
        return {**self.settings, "program": f"{_package_of(self.name)} {_version_of(self.name)}"}

    @property
    def title(self) -> str:
        """As `CalculatorChoice.title`."""
        return title_of(self.name, self.recorded)

    def build(self, folder: str) -> Any:
        """Give the object, without what it remembers, or call the function."""
        del folder
        if not callable(self._calculator):
            if hasattr(self._calculator, "reset"):
                self._calculator.reset()
            return self._calculator
        try:
            return self._calculator()
        except Exception as error:  # whatever a user's function raises
            raise InputError(f"calculator {self.name}: cannot be made: {one_line(error)}") from error

    def reason(self, folder: str) -> str:
        """Nothing: its exceptions give the reason."""
        del folder
        return ""


Calculator: TypeAlias = CalculatorChoice | GivenCalculator


def calculator_of(calculator: Any, settings: Mapping[str, Any] | None = None) -> Calculator:
    """What a public call takes as its calculator.

    Parameters
    ----------
    calculator : str, CalculatorChoice, class, function or ase.calculators.calculator.Calculator
        A name that `CalculatorChoice` takes; a class or function that can be imported, which stands for its import
        path; or an object, or a function within another one, which only `settings` can describe.
    settings : mapping, optional
        Keyword arguments of a calculator that is made from them, or what describes an object.

    Returns
    -------
    CalculatorChoice or GivenCalculator

    Raises
    ------
    InputError
        If there is no such calculator, or nothing describes it.

    Examples
    --------
    >>> from ase.calculators.lj import LennardJones
    >>> calculator_of(LennardJones, {"sigma": 2.5}).name
    'ase.calculators.lj:LennardJones'
    >>> calculator_of(LennardJones(sigma=2.5), {"sigma": 2.5}).recorded["sigma"]
    2.5
    """
    if isinstance(calculator, CalculatorChoice | GivenCalculator):
        return calculator if settings is None else CalculatorChoice(name=calculator.name, settings=dict(settings))
    if isinstance(calculator, str):
        return CalculatorChoice(name=calculator, settings=dict(settings or {}))
    module, name = getattr(calculator, "__module__", None), getattr(calculator, "__qualname__", "")
    if callable(calculator) and getattr(sys.modules.get(module or ""), name, None) is calculator:
        return CalculatorChoice(name=f"{module}:{name}", settings=dict(settings or {}))
    if settings is None:
        raise InputError(
            "calculator: an object does not say what its energies depend on; give settings={...}, which are recorded "
            "with its labels and decide which may be compared"
        )
    return GivenCalculator(calculator, settings)


def _package_of(name: str) -> str:
    """The distribution that brings a calculator; of one that is given by its path, the top module."""
    return READY[name].package if name in READY else name.partition(":")[0].partition(".")[0]


def _version_of(name: str) -> str:
    try:
        return version(_package_of(name))
    except PackageNotFoundError:
        if name in READY:
            ready = READY[name]
            raise MissingExtraError(f"calculator {name}: {ready.package} is not installed: {ready.install}") from None
        return "of no package"


def title_of(name: str, recorded: Mapping[str, Any]) -> str:
    """The name of a calculator in tables, from the settings that were recorded with a label.

    Examples
    --------
    >>> waves = {"mode": {"name": "pw", "ecut": 200}, "kpts": [4, 4, 4]}
    >>> title_of("gpaw", {"xc": "PBE", **waves, "program": "gpaw 26.7.0"})
    'GPAW 26.7.0 PBE PW 200 eV, MP 4x4x4'
    >>> title_of("vasp", {})
    'vasp'
    """
    program = str(recorded.get("program", ""))
    ready = READY.get(name)
    if ready is None or not program:
        return name.rpartition(":")[2] + (f" ({program})" if program else "")
    title = ready.title.format(**{**ready.defaults, **recorded, "version": program.rpartition(" ")[2]})
    return title + (_plane_waves(recorded) if name == "gpaw" else "")


def _plane_waves(settings: Mapping[str, Any]) -> str:
    """Cut-off and mesh of GPAW's settings, where they are given as plain numbers."""
    mode, mesh = settings.get("mode"), settings.get("kpts")
    waves = f" PW {mode['ecut']:g} eV" if isinstance(mode, Mapping) and "ecut" in mode else ""
    plain = isinstance(mesh, Sequence) and not isinstance(mesh, str) and all(isinstance(n, int) for n in mesh)
    return waves + (f", MP {'x'.join(map(str, mesh))}" if plain and mesh else "")


def one_line(error: BaseException) -> str:
    r"""An exception in one line, its type first.

    Examples
    --------
    >>> one_line(ValueError("no\n  energy"))
    'ValueError: no energy'
    """
    text = " ".join(str(error).split())[:300]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
