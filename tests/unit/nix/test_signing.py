"""Signatures of requests to a bucket are those that Amazon's own library makes."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from tests.support.modules import imported
from tests.support.tree import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

CODE = ROOT / "nix/python"
USERS = ("applications/hello/standalone", "applications/microblog/standalone", "state")
HOST = "10.0.2.100:3900"
MOMENT = 1769860800.0


@pytest.fixture(scope="module", autouse=True)
def signing() -> Iterator[Any]:
    with imported(CODE, ("signing",)) as found:
        yield found["signing"]


@given(
    method=st.sampled_from(["GET", "PUT", "DELETE"]),
    key=st.text(alphabet="abc/ ~-_.+*%ö", max_size=12).filter(lambda it: "//" not in it),
    query=st.dictionaries(
        st.sampled_from(["prefix", "max-keys", "list-type", "x"]),
        st.text("aZ09/ +=&é~", max_size=8),
    ),
    body=st.binary(max_size=8),
)
def test_a_signature_is_the_one_that_amazon_would_make(
    signing: Any,  # noqa: ANN401 - a module
    method: str,
    key: str,
    query: dict[str, str],
    body: bytes,
) -> None:
    path, encoded = signing.path_of("bucket", key.strip("/")), signing.query_string(query)
    signer = signing.Signer(("ID", "secret"), "eu-1", HOST)

    ours = signer.fields((method, path, encoded), signing.digest_of(body), MOMENT)

    url = f"http://{HOST}{path}" + (f"?{encoded}" if encoded else "")
    request = AWSRequest(method=method, url=url, data=body)
    for name in ("x-amz-content-sha256", "x-amz-date"):
        request.headers[name] = ours[name]
    request.context.update({"timestamp": ours["x-amz-date"]})
    theirs = S3SigV4Auth(Credentials("ID", "secret"), "s3", "eu-1")
    text = theirs.string_to_sign(request, theirs.canonical_request(request))
    assert ours["authorization"].endswith(theirs.signature(text, request))


@pytest.mark.parametrize("user", USERS)
def test_whoever_signs_has_a_link_to_the_one_module(user: str) -> None:
    link = ROOT / "nix" / user / "signing.py"

    assert link.is_symlink()
    assert link.resolve() == CODE / "signing.py"


def test_the_module_brings_along_nothing_that_starts_slowly() -> None:
    script = "import sys, signing; print(*sys.modules)"
    argv = (sys.executable, "-SE", "-c", script)

    done = subprocess.run(argv, cwd=CODE, capture_output=True, text=True, check=True)

    assert not {"typing", "urllib", "urllib.parse", "re", "datetime"} & {*done.stdout.split()}
