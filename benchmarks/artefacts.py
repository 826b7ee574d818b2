"""The functions as Lambda lays them out, built for a Python of this machine: ours, the naive ones, an empty one."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from local.deployment import STEPS, resource_name

ROOT: Final = Path(__file__).parents[1]
_KEPT: Final = ROOT / ".local" / "benchmarks"
_NAIVE: Final = Path(__file__).parent / "naive"
_RUNTIME: Final = ("awslambdaric", "simplejson", "snapshot-restore-py")


@dataclass(frozen=True)
class Deployed:
    """One function's code and what else it may import from."""

    task: Path  # /var/task
    handler: str
    opt: Path | None  # /opt/python
    runtime: Path  # /var/runtime
    python: Path

    @property
    def command(self) -> list[str | Path]:
        """Without site-packages, and writing no bytecode: /var/task and /opt are read-only."""
        return [self.python, "-S", "-B", "-m", "awslambdaric", self.handler]

    @property
    def import_path(self) -> str:
        return os.pathsep.join(str(folder) for folder in (self.opt, self.runtime) if folder)


@dataclass(frozen=True)
class Artefacts:
    empty: Deployed
    ours: dict[str, Deployed]
    naive: dict[str, Deployed]  # without bytecode, as pip and sam leave it
    naive_compiled: dict[str, Deployed]
    roots: Path  # the bundle that the dependencies' layer has for connections to AWS


def runtime() -> str:
    """The version of Python in Lambda, such as 3.13."""
    (found,) = re.findall(r"^RUNTIME := (\S+)$", (ROOT / "layers" / "build.mk").read_text(), re.M)
    return str(found)


def pythons() -> list[Path]:
    """The Python that runs this, and the runtime's if this machine has it."""
    found = [Path(sys.executable)]
    if runtime() != f"{sys.version_info.major}.{sys.version_info.minor}":
        command = [str(ROOT / "layers" / "find-python"), runtime()]
        path = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        found += [Path(path)] if path else []
    return found


def version_of(python: Path) -> str:
    command = [str(python), "-c", "import platform; print('Python', platform.python_version())"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def build(python: Path, folder: Path) -> Artefacts:
    """In `folder`, all but the packages of others: those are kept from run to run."""
    dependencies, naive_packages = _dependencies(python), _naive_packages(python)
    runtime, compiled_packages = _runtime(python), _compiled(python, naive_packages)
    opt = folder / "opt"
    shutil.copytree(dependencies, opt, symlinks=True)
    _make(python, ROOT / "layers" / "reelkeep", "ReelkeepLayer", folder / "layer")
    shutil.copytree(folder / "layer" / "python", opt / "python", dirs_exist_ok=True)
    ours = {}
    for step in STEPS:
        _make(python, ROOT / "functions" / step, resource_name(step), folder / step, "-f", "../Makefile")
        ours[step] = Deployed(folder / step, "app.handler", opt / "python", runtime, python)
    (folder / "empty").mkdir()
    (folder / "empty" / "app.py").write_text("def handler(event, context):\n    return {}\n")
    package = Path("benchmarks", "naive")
    (folder / "naive" / package).mkdir(parents=True)
    for module in _NAIVE.glob("*.py"):
        shutil.copy(module, folder / "naive" / package)
    shutil.copytree(folder / "naive", folder / "naive-compiled")
    _compile(python, folder / "naive-compiled")
    return Artefacts(
        empty=Deployed(folder / "empty", "app.handler", None, runtime, python),
        ours=ours,
        naive=_naive(folder / "naive", naive_packages, runtime, python),
        naive_compiled=_naive(folder / "naive-compiled", compiled_packages, runtime, python),
        roots=opt / "aws-roots.pem",
    )


def _naive(task: Path, opt: Path, runtime: Path, python: Path) -> dict[str, Deployed]:
    return {
        step: Deployed(task, f"benchmarks.naive.{step}.handler", opt, runtime, python) for step in ("submit", "poll")
    }


def _dependencies(python: Path) -> Path:
    layer = ROOT / "layers" / "dependencies"
    inputs = [*(path for path in sorted(layer.iterdir()) if path.is_file()), ROOT / "layers" / "build.mk"]
    folder, made = _kept("dependencies", python, (path.read_text() for path in inputs))
    if not made:
        _make(python, layer, "DependenciesLayer", folder)
        _finish(folder)
    return folder


def _naive_packages(python: Path) -> Path:
    requirements = (_NAIVE / "requirements.txt").read_text()
    folder, made = _kept("naive", python, [requirements])
    if not made:
        _install(python, requirements, folder, "--no-compile")
        _finish(folder)
    return folder


def _compiled(python: Path, packages: Path) -> Path:
    folder, made = _kept(f"{packages.name}-compiled", python, [])
    if not made:
        shutil.copytree(packages, folder, dirs_exist_ok=True)
        _compile(python, folder)
        _finish(folder)
    return folder


def _runtime(python: Path) -> Path:
    """The runtime interface client, of the version that the developers' requirements pin."""
    pinned = re.findall(r"^\S.*\n(?:[ #].*\n)*", (ROOT / "requirements-dev.txt").read_text(), re.M)
    requirements = "".join(each for each in pinned if each.split("==")[0] in _RUNTIME)
    folder, made = _kept("runtime", python, [requirements])
    if not made:
        _install(python, requirements, folder)
        _finish(folder)
    return folder


def _kept(name: str, python: Path, inputs: Iterable[str]) -> tuple[Path, bool]:
    """Where it lies, and whether it does already."""
    digest = hashlib.sha256("\n".join([version_of(python), *inputs]).encode()).hexdigest()[:12]
    folder = _KEPT / f"{name}-{digest}"
    if (folder / ".whole").exists():
        return folder, True
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder, False


def _finish(folder: Path) -> None:
    (folder / ".whole").touch()


def _make(python: Path, where: Path, resource: str, into: Path, *more: str) -> None:
    into.mkdir(parents=True, exist_ok=True)
    variables = [f"ARTIFACTS_DIR={into}", "BUILD_FOR=this-machine", f"PYTHON={python}"]
    _run(["make", "--silent", "-C", where, *more, f"build-{resource}", *variables])


def _install(python: Path, requirements: str, into: Path, *more: str) -> None:
    listed = into / "requirements.txt"
    listed.write_text(requirements)
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
    _run([*pip, "--require-hashes", "--no-deps", *more, "--requirement", listed, "--target", into])


def _compile(python: Path, folder: Path) -> None:
    _run([python, "-I", "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash", folder])


def _run(command: Sequence[str | Path]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
