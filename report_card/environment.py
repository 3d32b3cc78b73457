"""The virtual environments of the report card: one a trainer, kept until its requirements change."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from conformance.environment import NoInterpreterError, find_python
from tests.support.environment import ROOT, Environment, Step

HERE = Path(__file__).resolve().parent
PYTHON = "3.12"
TRAINERS = ("trl", "llamafactory", "ms-swift", "unsloth_zoo", "nemo_automodel")


@dataclass(frozen=True)
class Place:
    """The environment of one trainer."""

    trainer: str

    @property
    def requirements(self) -> Path:
        """The exact packages; compiled from the `.in` file beside it."""
        return HERE / "requirements" / f"{self.trainer}.txt"

    def ensure(self) -> Path:
        """Make the environment, or keep it; returns its interpreter.

        Raises:
            NoInterpreterError: this machine has no such Python. subprocess.CalledProcessError: a package cannot be
                installed.
        """
        python = find_python(PYTHON)
        if python is None:
            raise NoInterpreterError(f"{self.trainer} needs Python {PYTHON}: none was found")
        home = ROOT / ".trainers" / self.trainer
        environment = Environment(home, "requirements.sha256", (self.requirements,), python)

        def install(pip: Step) -> None:
            pip("install", "--no-deps", "--requirement", self.requirements)

        return environment.ensure(install)
