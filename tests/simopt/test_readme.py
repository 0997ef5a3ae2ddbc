"""What the README shows in Python runs as it stands there."""

import re
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def test_the_simulator_of_the_readme_solves_its_case(capsys):
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (own,) = [block for block in blocks if "check_simulator" in block]
    known: dict[str, object] = {}
    exec(compile(own, str(README), "exec"), known)
    result = known["result"]
    assert result.status == "solved"
    assert result.content["simulator"] == "late_suppliers"
    assert result.warnings == ()
    assert "passed=False" not in capsys.readouterr().out
