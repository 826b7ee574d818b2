"""What `make build` makes, whatever machine made it."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.test_aws_roots import AWS_ROOTS, root_names

ROOT = Path(__file__).parents[3]
FUNCTIONS = ("Submit", "Query", "Poll", "Finalize", "Sweep", "Announce", "Deliver")
AARCH64 = 183  # in the header of an ELF file
PYTHON_3_13 = struct.pack("<H", 3571) + b"\r\n"  # how its bytecode begins
UNCHECKED_HASH = struct.pack("<I", 1)
MOST_BYTES = 40_000_000  # Lambda takes 250 MB, and every one of them makes a cold start slower


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("build")
    environ = {name: value for name, value in os.environ.items() if name != "BUILD_FOR"}
    subprocess.run(
        [ROOT / ".venv-cloud" / "bin" / "sam", "build", "--build-dir", folder],
        cwd=ROOT,
        env={**environ, "PYTHON": sys.executable, "AWS_DEFAULT_REGION": "us-east-1", "SAM_CLI_TELEMETRY": "0"},
        check=True,
        capture_output=True,
    )
    return folder


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_all_machine_code_is_for_the_processor_it_will_run_on(built: Path) -> None:
    libraries = [path for path in files(built) if path.suffix == ".so"]
    assert libraries
    for path in libraries:
        assert struct.unpack_from("<H", path.read_bytes(), 18) == (AARCH64,)
        assert "cpython-313-" in path.name


def test_every_module_has_bytecode_that_the_runtime_loads_without_looking_at_the_source(built: Path) -> None:
    found = subprocess.run([ROOT / "layers" / "find-python", "3.13"], capture_output=True, text=True, check=True)
    if not found.stdout:
        pytest.skip("there is no Python 3.13 on this machine to compile with")
    for path in files(built):
        if path.suffix == ".py":
            compiled = path.parent / "__pycache__" / f"{path.stem}.cpython-313.pyc"
            assert compiled.read_bytes()[:8] == PYTHON_3_13 + UNCHECKED_HASH, path


def test_a_function_is_its_handler_and_nothing_else(built: Path) -> None:
    for name in FUNCTIONS:
        sources = {path.name for path in files(built / f"{name}Function") if path.suffix != ".pyc"}
        assert sources == {"app.py"}


def test_our_layer_is_our_package_and_nothing_else(built: Path) -> None:
    assert [path.name for path in (built / "ReelkeepLayer" / "python").iterdir()] == ["reelkeep"]
    assert {path.suffix for path in files(built / "ReelkeepLayer")} <= {
        ".py",
        ".pyc",
        ".css",
        ".html",
        ".js",
        ".json",
    }


def test_the_dependencies_describe_only_the_services_that_are_used(built: Path) -> None:
    data = built / "DependenciesLayer" / "python" / "botocore" / "data"
    platform = (ROOT / "layers/reelkeep/reelkeep/wiring/platform.py").read_text()
    called = set(re.findall(r'_client\("(\w+)"', platform))
    assert len(called) > 5
    assert {path.name for path in data.iterdir() if path.is_dir()} == called
    assert (data / "endpoints.json").is_file()
    assert (data / "partitions.json").is_file()


def test_the_roots_are_those_of_awss_endpoints_and_lie_where_the_template_says(built: Path) -> None:
    bundle = built / "DependenciesLayer" / "aws-roots.pem"
    assert root_names(bundle) == AWS_ROOTS
    globals_ = (built / "template.yaml").read_text().partition("Globals:")[2].partition("Resources:")[0]
    assert f"/opt/{bundle.name}" in globals_


def test_licences_come_along_and_tests_do_not(built: Path) -> None:
    names = {str(path.relative_to(built)) for path in files(built)}
    assert any("boto3" in name and "LICENSE" in name for name in names)
    assert not [name for name in names if "/tests/" in name or name.endswith((".pyi", "/RECORD"))]


def test_the_layers_are_small(built: Path) -> None:
    assert sum(path.stat().st_size for path in files(built / "DependenciesLayer")) < MOST_BYTES
    assert sum(path.stat().st_size for path in files(built / "ReelkeepLayer")) < MOST_BYTES / 10
