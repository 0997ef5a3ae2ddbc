"""A simulator of one's own from a Python file or module that the user names: its code runs, as any program's would."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from simopt.apps.planning_simulator import NAME as PLANNING
from simopt.apps.planning_simulator import PlanningModel
from simopt.simulation.user_simulator import Outcome, Replication, UserSimulator, UserSimulatorError, as_simulator

EXPECTED = "expected FILE.py, FILE.py:NAME or module:NAME"


@dataclass(frozen=True)
class NamedSimulator:
    """A simulator known by where it stands, so that other processes load it anew.

    Parameters
    ----------
    source
        File or module, and the name in it where one was given.
    folder
        Working folder that a relative path counts from.
    """

    source: str
    folder: str

    @property
    def name(self) -> str:
        """As the user wrote it."""
        return self.source

    @property
    def has_gradient(self) -> bool:
        """Whether outcomes carry derivatives where they are wanted."""
        return _loaded(self.source, self.folder).has_gradient

    def simulate(self, replication: Replication) -> Outcome:
        """Run one replication."""
        return _loaded(self.source, self.folder).simulate(replication)


def load_simulator(source: str) -> UserSimulator:
    """The simulator that a file or module holds.

    Parameters
    ----------
    source
        "FILE.py:NAME" or "module:NAME", the name of a class that is made without arguments, of an object with
        `simulate`, or of a function of a replication. A file with a single class that has `simulate`, or without such a
        class but with a function `simulate`, needs no name. "planning": the planning simulator.

    Raises
    ------
    UserSimulatorError
        If there is no such file, module or name, its code fails, or what it names is no simulator.
    """
    if source == PLANNING:
        return PlanningModel()
    found = NamedSimulator(source, str(Path.cwd()))
    _loaded(found.source, found.folder)
    return found


@cache
def _loaded(source: str, folder: str) -> UserSimulator:
    place, _, name = source.partition(":") if ".py" not in source else _split_file(source)
    try:
        module = _module_of_file(Path(folder) / place) if place.endswith(".py") else import_module(place)
    except ModuleNotFoundError as error:
        raise UserSimulatorError(f"simulator {source}: there is no module {error.name!r}; {EXPECTED}") from error
    except Exception as error:
        raise UserSimulatorError(f"simulator {source}: {type(error).__name__}: {error}; {EXPECTED}") from error
    found = _named(module, name or _only_name(module, source), source)
    if not isinstance(found, type):
        return as_simulator(found, source)
    try:
        return as_simulator(found(), source)
    except TypeError as error:
        raise UserSimulatorError(f"simulator {source}: {error}; expected a class made without arguments") from error


def _split_file(source: str) -> tuple[str, str, str]:
    """Path, separator and name; a path may hold colons itself."""
    end = source.rindex(".py") + len(".py")
    return source[:end], source[end : end + 1], source[end + 1 :]


def _module_of_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise FileNotFoundError(f"no such file: {path.name}")
    name = f"simopt_simulator_{path.stem}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"not a Python file: {path.name}")
    module = module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def _only_name(module: ModuleType, source: str) -> str:
    """The name that is meant where none is given."""
    own = [one for one in vars(module).values() if isinstance(one, type) and one.__module__ == module.__name__]
    names = [one.__name__ for one in own if callable(getattr(one, "simulate", None))]
    if not names and callable(getattr(module, "simulate", None)):
        return "simulate"
    if len(names) != 1:
        held = f"{len(names)} classes with simulate ({', '.join(names)})" if names else "no simulator"
        raise UserSimulatorError(f"simulator {source}: holds {held}; expected one, or a name after a colon")
    return names[0]


def _named(module: ModuleType, name: str, source: str) -> object:
    if not hasattr(module, name):
        raise UserSimulatorError(f"simulator {source}: holds no {name!r}; {EXPECTED}")
    return getattr(module, name)
