"""The self-check passes what keeps its rules and fails what breaks one; files are loaded as they are named."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import simopt as package
from cases.simpy_tree import SimpyTree
from simopt.apps.options import OptionError
from simopt.apps.simulator_file import load_simulator
from tests.simopt.command import assert_refused, read_json
from tests.simopt.own_simulators import BuiltIn, Forgetful, Negative, Noisy, Unshared, WrongGradient

CASE = "two-two-three"
GRADIENT = "gradient"
SHARED = "common random numbers"


def outcomes(simulator: object, **options: int) -> dict[str, tuple[bool | None, str]]:
    found = package.check_simulator(simulator, CASE, **options)
    assert found.passed == all(check.passed is not False for check in found.checks)
    return {check.what: (check.passed, check.found) for check in found.checks}


@pytest.mark.parametrize(
    "simulator", [SimpyTree(), BuiltIn(), BuiltIn(has_gradient=True), Noisy(), lambda r: BuiltIn().simulate(r).nodes]
)
def test_what_keeps_the_rules_passes(simulator):
    found = outcomes(simulator)
    assert False not in {passed for passed, _ in found.values()}
    assert found["deterministic per seed"][0] is True
    assert found[SHARED][0] is True


def test_figures_of_a_simulator_that_equals_the_built_in_one():
    found = outcomes(BuiltIn(has_gradient=True))
    assert found[GRADIENT][0] is True
    difference, half_width = (float(word) for word in found["against the built-in simulator"][1].split()[:3:2])
    assert abs(difference) <= 1e-6
    assert half_width <= 1e-6
    assert "none" in found["random numbers of its own"][1]
    assert outcomes(Noisy())["random numbers of its own"][1].startswith("yes")
    assert outcomes(BuiltIn())[GRADIENT] == (None, "declares none: levels are found on kriging surrogates")


BROKEN = {
    "forgets its seed": (Forgetful(), "deterministic per seed"),
    "other numbers at other levels": (Unshared(), SHARED),
    "a wrong derivative": (WrongGradient(has_gradient=True), GRADIENT),
    "negative costs": (Negative(), "holding and backorder costs"),
}


@pytest.mark.parametrize(("simulator", "what"), BROKEN.values(), ids=BROKEN)
def test_what_breaks_a_rule_fails_there(simulator, what):
    found = outcomes(simulator)
    assert found[what][0] is False
    assert next(name for name, (passed, _) in found.items() if passed is False) == what


def test_a_wrong_derivative_is_named():
    (passed, found) = outcomes(WrongGradient(has_gradient=True))[GRADIENT]
    assert passed is False
    assert found.startswith(("B is", "C is"))  # the last node of each component


def test_an_exception_ends_the_check():
    found = package.check_simulator(lambda _: 1 / 0, CASE)
    assert not found.passed
    assert [check.what for check in found.checks] == ["runs and answers"]
    assert "ZeroDivisionError" in found.checks[0].found


@pytest.mark.parametrize("replications", [3, 65])
def test_a_number_of_replications_out_of_range_is_refused(replications):
    with pytest.raises(OptionError, match=f"replications {replications}: expected 4 to 64"):
        package.check_simulator(BuiltIn(), CASE, replications)


ONE_CLASS = """
from dataclasses import dataclass
from simopt import NodeCosts, Outcome, Replication

@dataclass
class Flat:
    has_gradient: bool = False

    def simulate(self, replication: Replication) -> Outcome:
        return Outcome({name: NodeCosts(1.0 + replication.levels[name], 2.0) for name in replication.nodes})
"""
ONE_FUNCTION = """
from simopt import NodeCosts

def simulate(replication):
    return {name: NodeCosts(1.0 + replication.levels[name], 2.0) for name in replication.nodes}
"""


@pytest.mark.parametrize(("text", "name"), [(ONE_CLASS, ":Flat"), (ONE_CLASS, ""), (ONE_FUNCTION, "")])
def test_a_file_is_loaded_by_name_or_as_the_only_simulator(tmp_path, monkeypatch, text, name):
    (tmp_path / "own.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    found = load_simulator(f"own.py{name}")
    monkeypatch.chdir("/")
    assert found.has_gradient is False
    assert found.name == f"own.py{name}"
    assert package.check_simulator(found, CASE, 4).checks[0].passed is True


BAD_FILES = {
    "no such file": ("nosuch.py", None, "no such file: nosuch.py"),
    "no such module": ("no.such:Thing", None, "there is no module 'no'"),
    "no such name": ("own.py:Other", ONE_CLASS, "holds no 'Other'; expected FILE.py"),
    "no simulator": ("own.py", "x = 1", "holds no simulator; expected one"),
    "two": ("own.py", ONE_CLASS + ONE_CLASS.replace("Flat", "Flatter"), "2 classes with simulate (Flat, Flatter)"),
    "a typo": ("own.py", "def simulate(:", "SyntaxError"),
    "code that fails": ("own.py", "1 / 0", "ZeroDivisionError: division by zero"),
    "arguments needed": (
        "own.py",
        ONE_CLASS.replace("bool = False", "bool"),
        "a class made without arguments",
    ),
    "a number": ("own.py:x", "x = 1", "expected an object with simulate"),
}


@pytest.mark.parametrize(("source", "text", "said"), BAD_FILES.values(), ids=BAD_FILES)
def test_what_cannot_be_loaded_is_one_line(simopt, tmp_path, monkeypatch, source, text, said):
    monkeypatch.chdir(tmp_path)
    if text is not None:
        (tmp_path / "own.py").write_text(text)
    done = simopt("check-simulator", source, "--case", CASE)
    assert_refused(done, f"error: simulator {source}: ", said)
    assert len(done.err.splitlines()) == 1


def test_the_command_prints_every_check(simopt, tmp_path):
    done = simopt("check-simulator", "cases.simpy_tree:SimpyTree", "--case", CASE, "--replications", "8")
    assert done.code == 0
    assert done.out.count("PASS") == 4
    assert done.out.splitlines()[-1] == f"cases.simpy_tree:SimpyTree on {CASE}: usable"
    (tmp_path / "own.py").write_text("def simulate(replication):\n    return {}\n")
    done = simopt("check-simulator", tmp_path / "own.py", "--case", CASE)
    assert done.code == 1
    assert "FAIL" in done.out
    assert "expected NodeCosts, got nothing" in done.out


def test_the_command_solves_with_a_file(simopt, tmp_path):
    out = tmp_path / "run"
    arguments = ["--budget", "600", "--fresh-replications", "64", "--out", out, "--jobs", "2"]
    done = simopt("solve", CASE, "--simulator", "cases.simpy_tree:SimpyTree", *arguments)
    assert done.code == 0
    assert "not certified: costs come from another simulator" in done.out
    found = read_json(out / "result.json")
    assert found["simulator"] == "cases.simpy_tree:SimpyTree"
    assert found["certified"] is False
    assert found["lower_bound"]["kind"] == "estimate"
    assert found["replications_used"] <= 600
    refused = simopt("alternatives", out)
    assert_refused(refused, "solved with simulator cases.simpy_tree:SimpyTree")
    refused = simopt("solve", CASE, "--simulator", "cases.simpy_tree:SimpyTree", "--baseline", out / "result.json")
    assert_refused(refused, "baseline with a simulator of one's own")


def test_everything_in_the_package_can_be_had_and_nothing_else():
    for name in package.__all__:
        assert getattr(package, name) is not None
    assert dir(package) == sorted(package.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = package.nothing


def test_importing_the_package_loads_nothing_heavy():
    program = "import simopt, sys; print(sorted({'numpy', 'numba', 'pyomo', 'joblib'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout == "[]\n"
