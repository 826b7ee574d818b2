"""select-roots.py cacert.pem: prints the root certificates that AWS's endpoints use, out of a bundle of all roots.

botocore loads its bundle for each new connection. The whole one takes tens of milliseconds to load, these a fraction
of one. Source of the fingerprints (SHA-256): https://www.amazontrust.com/repository/
"""

import hashlib
import re
import ssl
import sys
from pathlib import Path

ROOTS = {
    "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e": "Amazon Root CA 1",
    "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4": "Amazon Root CA 2",
    "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4": "Amazon Root CA 3",
    "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092": "Amazon Root CA 4",
    "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5": "Starfield Services Root CA - G2",
}
CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n", re.S)


def main() -> None:
    found = {}
    for pem in CERTIFICATE.findall(Path(sys.argv[1]).read_text()):
        found[hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()] = pem
    if missing := [name for fingerprint, name in ROOTS.items() if fingerprint not in found]:
        sys.exit(f"{sys.argv[1]} lacks {', '.join(missing)}")
    sys.stdout.write("".join(found[fingerprint] for fingerprint in ROOTS))


main()
