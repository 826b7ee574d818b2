"""The bundle of roots that connections to AWS trust: small, because each new connection loads it."""

from __future__ import annotations

import re
import ssl
import subprocess
import sys
from pathlib import Path

import boto3
import botocore
import pytest

from tests.servers import Server, reply

ROOT = Path(__file__).parents[2]
SELECT = ROOT / "layers" / "dependencies" / "select-roots.py"
ALL_ROOTS = Path(botocore.__file__).parent / "cacert.pem"
AWS_ROOTS = {
    "Amazon Root CA 1",
    "Amazon Root CA 2",
    "Amazon Root CA 3",
    "Amazon Root CA 4",
    "Starfield Services Root Certificate Authority - G2",
}


def root_names(bundle: Path) -> set[str]:
    """What OpenSSL trusts when it is given this bundle."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(bundle)
    subjects = [str(root["subject"]) for root in context.get_ca_certs()]
    return {re.findall(r"'commonName', '([^']+)'", subject)[0] for subject in subjects}


def select(bundle: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SELECT, bundle], capture_output=True, text=True, check=False)


def test_exactly_the_roots_of_awss_endpoints_are_taken_from_botocores_bundle(tmp_path: Path) -> None:
    (tmp_path / "roots.pem").write_text(select(ALL_ROOTS).stdout)
    assert root_names(tmp_path / "roots.pem") == AWS_ROOTS


def test_a_bundle_that_lacks_one_of_them_fails_the_build_and_says_which(tmp_path: Path) -> None:
    roots = select(ALL_ROOTS).stdout
    (tmp_path / "roots.pem").write_text(roots[roots.index("-----BEGIN", 1) :])
    done = select(tmp_path / "roots.pem")
    assert done.returncode
    assert "lacks Amazon Root CA 1\n" in done.stderr
    assert not done.stdout


def test_a_local_run_needs_no_bundle_because_its_aws_speaks_plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", "/opt/is-not-there.pem")
    with Server(lambda _: reply(body=b'{"TableNames": ["tasks"]}')) as server:
        session = boto3.Session("key", "secret", region_name="us-east-1")
        client = session.client("dynamodb", endpoint_url=f"http://127.0.0.1:{server.port}")
        assert client.list_tables()["TableNames"] == ["tasks"]
        client.close()
