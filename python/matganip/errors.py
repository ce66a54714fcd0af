"""The errors that a person, not a programmer, is meant to read."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType


class InputError(ValueError):
    """Something the user gave is wrong; the message names it and says what to do.

    The command line prints the message alone, on one line, and exits with status 2.
    """


def mistakes(where: object, lines: Sequence[str]) -> str:
    """What is wrong in one file: a line; or where there are several mistakes, a line each, under one heading.

    Examples
    --------
    >>> print(mistakes("study.toml", ["seed: should be an integer"]))
    study.toml: seed: should be an integer
    >>> print(mistakes("study.toml", ["sed: unknown key", "labels: missing"]))
    study.toml: 2 mistakes
      sed: unknown key
      labels: missing
    """
    if len(lines) == 1:
        return f"{where}: {lines[0]}"
    return "\n".join([f"{where}: {len(lines)} mistakes", *(f"  {line}" for line in lines)])


class ReadingWarning(UserWarning):
    """Something in a file is read otherwise than it stands there, or left out; the message names the file and what.

    The command line prints it on one line of stderr.
    """


class MissingExtraError(ImportError):
    """A feature was asked for whose optional dependency is not installed."""


def require(module: str, extra: str) -> ModuleType:
    """Import an optional dependency, or say which extra brings it.

    Parameters
    ----------
    module : str
        Name of the module to import, ``"torch"``.
    extra : str
        The extra of matganip that installs it, ``"learn"``.

    Returns
    -------
    ModuleType
        The imported module.

    Raises
    ------
    MissingExtraError
        If the module is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:
            raise
        raise MissingExtraError(
            f"{module} is needed for this and is not installed: pip install 'matganip[{extra}]'"
        ) from error


@contextmanager
def damaged(where: object) -> Iterator[None]:
    """What goes wrong while a stored document is taken apart is told as damage of it, not as a fault of the program.

    Parameters
    ----------
    where : object
        The file, for the message.

    Raises
    ------
    InputError
        In place of what a value that is missing, of another type or out of range raises.

    Examples
    --------
    >>> with damaged("card.json"):
    ...     {"format": "card"}["version"]
    Traceback (most recent call last):
        ...
    matganip.errors.InputError: card.json: damaged: 'version' is missing
    """
    try:
        yield
    except InputError as error:
        raise error if str(where) in str(error) else InputError(f"{where}: damaged: {error}") from error
    except KeyError as error:
        raise InputError(f"{where}: damaged: {first_line(error)} is missing") from error
    except ValueError as error:
        raise InputError(f"{where}: damaged: {first_line(error)}") from error
    except (AttributeError, ArithmeticError, LookupError, TypeError, RecursionError) as error:
        raise InputError(f"{where}: damaged: {type(error).__name__}: {first_line(error)}") from error


def first_line(error: BaseException) -> str:
    r"""What an error of another library says in one line; its kind where it says nothing.

    >>> first_line(ValueError("no such key\nat line 3")), first_line(KeyError())
    ('no such key', 'KeyError')
    """
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
