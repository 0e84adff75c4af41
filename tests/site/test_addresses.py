"""The site's addresses come from the service that builds it, and are left out where unknown."""

import datetime
import os
import runpy
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
READ_THE_DOCS = {
    "READTHEDOCS": "True",
    "READTHEDOCS_CANONICAL_URL": "https://guides.example/en/latest/",
    "READTHEDOCS_GIT_CLONE_URL": "https://github.com/owner/guides.git",
    "READTHEDOCS_GIT_COMMIT_HASH": "c0ffee",
    "READTHEDOCS_GIT_IDENTIFIER": "main",
    "READTHEDOCS_VERSION_TYPE": "branch",
}
GITHUB = {
    "GITHUB_EVENT_NAME": "push",
    "GITHUB_REF_NAME": "main",
    "GITHUB_REF_TYPE": "branch",
    "GITHUB_REPOSITORY": "owner/guides",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_SHA": "c0ffee",
}
Configure = Callable[[dict[str, str]], dict[str, Any]]


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Configure:
    """Return a function that reads conf.py as a machine with this environment does."""
    for name in os.environ:
        if name.startswith(("READTHEDOCS", "GITHUB_")):
            monkeypatch.delenv(name)
    monkeypatch.setattr(sys, "path", sys.path.copy())

    def read(environment: dict[str, str]) -> dict[str, Any]:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(str(ROOT / "conf.py"))

    return read


def source_links(conf: dict[str, Any]) -> dict[str, Any]:
    options = conf["html_theme_options"]
    return {key: options[key] for key in options if key.startswith(("source_", "top_of_page"))}


def test_nothing_needs_an_address_on_a_writers_machine(configure: Configure):
    conf = configure({})

    assert conf["html_baseurl"] == ""
    assert not {"sphinx_sitemap", "sphinxext.opengraph"} & set(conf["extensions"])
    assert conf["notfound_urls_prefix"] == "/"
    assert source_links(conf) == {"top_of_page_buttons": []}


def test_read_the_docs_says_where_the_site_is(configure: Configure):
    conf = configure(READ_THE_DOCS)

    assert conf["html_baseurl"] == conf["ogp_site_url"] == "https://guides.example/en/latest/"
    assert {"sphinx_sitemap", "sphinxext.opengraph"} <= set(conf["extensions"])
    assert conf["notfound_urls_prefix"] == "/en/latest/"
    assert '<a href="/en/latest/">' in conf["notfound_context"]["body"]


@pytest.mark.parametrize(
    "environment",
    [
        pytest.param(READ_THE_DOCS, id="readthedocs-https"),
        pytest.param(
            READ_THE_DOCS | {"READTHEDOCS_GIT_CLONE_URL": "git@github.com:owner/guides.git"},
            id="readthedocs-ssh",
        ),
        pytest.param(
            READ_THE_DOCS | {"READTHEDOCS_GIT_CLONE_URL": "ssh://git@github.com/owner/guides"},
            id="readthedocs-ssh-url",
        ),
        pytest.param(GITHUB, id="github-push"),
    ],
)
def test_pages_of_a_branch_can_be_edited(configure: Configure, environment: dict[str, str]):
    assert source_links(configure(environment)) == {
        "top_of_page_buttons": ["view", "edit"],
        "source_repository": "https://github.com/owner/guides",
        "source_branch": "main",
        "source_directory": "docs/",
    }


@pytest.mark.parametrize(
    "environment",
    [
        pytest.param(
            READ_THE_DOCS
            | {"READTHEDOCS_VERSION_TYPE": "tag", "READTHEDOCS_GIT_IDENTIFIER": "v1.0"},
            id="readthedocs-tag",
        ),
        pytest.param(
            READ_THE_DOCS
            | {"READTHEDOCS_VERSION_TYPE": "external", "READTHEDOCS_GIT_IDENTIFIER": "7"},
            id="readthedocs-pull-request",
        ),
        pytest.param(
            GITHUB | {"GITHUB_REF_TYPE": "tag", "GITHUB_REF_NAME": "v1.0"}, id="github-tag"
        ),
        pytest.param(
            GITHUB | {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_REF_NAME": "7/merge"},
            id="github-pull-request",
        ),
    ],
)
def test_other_pages_link_to_the_source_of_their_commit(
    configure: Configure, environment: dict[str, str]
):
    assert source_links(configure(environment)) == {
        "top_of_page_buttons": ["view"],
        "source_repository": "https://github.com/owner/guides",
        "source_branch": "c0ffee",
        "source_directory": "docs/",
    }


def test_no_source_link_to_a_host_that_the_theme_does_not_know(configure: Configure):
    conf = configure(
        READ_THE_DOCS | {"READTHEDOCS_GIT_CLONE_URL": "https://git.example/owner/guides"}
    )

    assert source_links(conf) == {"top_of_page_buttons": []}


@pytest.mark.parametrize(
    ("address", "page"), tomllib.loads((ROOT / "docs/redirects.toml").read_text()).items()
)
def test_redirect_leads_from_a_free_address_to_a_page(
    configure: Configure, address: str, page: str
):
    assert not (ROOT / f"docs/{address}.md").exists()
    assert (ROOT / f"docs/{page}.md").is_file()
    assert configure({})["redirects"][f"{address}/"] == f"/{page}/"


def test_an_integration_test_says_when_it_last_ran(configure: Configure):
    conf = configure({})
    note = conf["integration_note"]

    here = "Run here with a stand-in for juju. Last recorded run on a real Juju:"
    assert note(None) == f"{here} none."
    run = {"date": datetime.date(2026, 1, 31), "juju": "3.6.14"}
    assert note(run) == f"{here} 2026-01-31, on Juju 3.6.14."
    assert set(conf["_runs"]) <= {path.name for path in (ROOT / "examples").iterdir()}
