"""What schemathesis has to know about Holm: its media types, what exists, and what not to end."""

import json
import os
import re
import zlib

import schemathesis

KNOWN = json.loads(os.environ["HOLM_CHECK_KNOWN"])
KEPT = set(os.environ["HOLM_CHECK_KEPT"].split())
SITE = os.environ["HOLM_CHECK_SITE"]


def is_one_of_four(value):
    """The same value is always in the same quarter, so that a run can be repeated."""
    return zlib.crc32(str(value).encode("utf-8", "surrogateescape")) % 4 == 0


@schemathesis.serializer("application/x-ndjson", "application/vnd.holm.blobs", "application/zip")
def raw(_context, value):
    """Bodies that are not JSON travel as they are."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")


@schemathesis.hook
def map_path_parameters(_context, path_parameters):
    """Three of four names are of something that exists."""
    for name, value in (path_parameters or {}).items():
        if name in KNOWN and not is_one_of_four(value):
            path_parameters[name] = KNOWN[name]
    return path_parameters


@schemathesis.hook
def map_query(_context, query):
    """Three of four URLs are of the site."""
    if query and "url" in query and not is_one_of_four(query["url"]):
        query["url"] = SITE + "/"
    return query


@schemathesis.hook
def filter_case(_context, case):
    """The run's own token, owner, project and deployment stay, and the owner stays one."""
    ends = case.method.upper() == "DELETE" or "/members/" in case.path
    # A call ends what the last parameter of its path names.
    names = re.findall(r"{(\w+)}", case.path)
    ended = (case.path_parameters or {}).get(names[-1]) if names else None
    return not (ends and str(ended) in KEPT)
