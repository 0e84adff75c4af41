"""Sphinx configuration. The sources are in `docs/`; paths here are from this folder."""

import os
import re
import sys
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT / "docs/_ext"))

project = "Evergreen charm guides"
author = "the authors of the Evergreen charm guides"
project_copyright = f"2026, {author}"

extensions = [
    "myst_parser",
    "sphinx_design",
    "sphinx_copybutton",
    "notfound.extension",
    "sphinx_reredirects",
    "evergreen",
    "works_with",
]
exclude_patterns = ["_ext", "_static", "_templates"]
nitpicky = True
language = "en_GB"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4

# How every page is proven: docs/_ext/evergreen.
evergreen_commands = "docs/commands.toml"
evergreen_libraries = ["ops", "scenario", "jubilant"]
evergreen_inventories = {
    "ops": {
        "url": "https://canonical.com/juju/docs/ops/latest/",
        "pages": {
            "reference/ops/": ["ops"],
            "reference/ops-main-entrypoint/": ["ops.main"],
            "reference/ops-testing/": [
                "ops.testing",
                "ops.testing.errors.InconsistentScenarioError",
                "ops.testing.errors.UncaughtCharmError",
            ],
            "reference/ops-testing-harness/": ["ops.testing.Harness"],
            "reference/pebble/": ["ops.pebble"],
        },
        # The testing package gives this one a second name.
        "exclude": ["ops.testing.CharmBase"],
    },
    "jubilant": {
        "url": "https://canonical.com/juju/docs/jubilant/",
        "pages": {
            "reference/jubilant/": ["jubilant"],
            "reference/statustypes/": ["jubilant.statustypes"],
            "reference/unittypes/": ["jubilant.unittypes"],
        },
    },
}
evergreen_mutants = "docs/mutants.json"
evergreen_proofs = {
    "tests/proofs/test_charmcraft_yaml.py": ["examples/*/charmcraft.yaml"],
    "tests/proofs/test_tools.py": [
        "docs/commands.toml",
        "examples/*/README.md",
        "examples/*/pyproject.toml",
        "examples/*/tox.ini",
    ],
    "tests/proofs/test_dispatch.py": [
        "examples/*/charmcraft.yaml",
        "examples/*/src/*",
        "tests/juju/hook_environment/*",
    ],
    "tests/proofs/test_integration.py": [
        "examples/*/charmcraft.yaml",
        "examples/*/src/*",
        "examples/*/tests/integration/*.py",
        "tests/juju/hook_environment/*",
        "tests/juju/juju_command/*",
    ],
    "tests/proofs/test_measured.py": [
        "docs/explanation/stored-state-uses-limitations.md",
        "docs/howto/manage-stored-state.md",
        "tests/juju/measured.py",
    ],
    **{
        f"tests/juju/{name}": [
            "tests/juju/conftest.py",
            "tests/juju/hook_environment/*",
            "tests/juju/keeper/charmcraft.yaml",
            "tests/juju/keeper/src/*",
            "tests/juju/measured.py",
            "tests/juju/stored.py",
            "tests/juju/traced.py",
            "tests/juju/twins.py",
        ]
        for name in ("test_differences.py", "test_faults.py", "test_lifetimes.py")
    },
}


def integration_note(run: dict[str, object] | None) -> str:
    """Return what to say below an integration test, given its last recorded run on a Juju."""
    last = f"{run['date']}, on Juju {run['juju']}" if run else "none"
    return f"Run here with a stand-in for juju. Last recorded run on a real Juju: {last}."


_runs = tomllib.loads((ROOT / "docs/integration-runs.toml").read_text())
evergreen_stand_ins = {
    f"examples/{path.parts[-3]}/tests/integration/*.py": integration_note(
        _runs.get(path.parts[-3])
    )
    for path in ROOT.glob("examples/*/tests/integration")
}

# Where the site and its sources live is known only to the service that builds them. What needs
# an address is left out where there is none.
html_baseurl = os.environ.get("READTHEDOCS_CANONICAL_URL", "")
if html_baseurl:
    extensions += ["sphinx_sitemap", "sphinxext.opengraph"]
    ogp_site_url = html_baseurl
    sitemap_url_scheme = "{link}"
    sitemap_excludes = ["404/", "genindex/", "search/"]
notfound_urls_prefix = urlsplit(html_baseurl).path or "/"
notfound_context = {
    "title": "Page not found",
    "body": (
        "<h1>Page not found</h1>"
        "<p>There is no page at this address. It may have moved, or the link may be mistyped.</p>"
        f'<p>Start from <a href="{notfound_urls_prefix}">the home page</a>, which leads to every '
        "guide, or type what you look for into the search box.</p>"
    ),
}


def source_links(env: dict[str, str]) -> dict[str, object]:
    """Return Furo's options for the links to a page's source.

    Read the Docs and GitHub name the repository in `env`. A page can be edited on a branch only;
    built from a tag or a pull request, it links to the source at that very commit.
    """
    repository = env.get("READTHEDOCS_GIT_CLONE_URL", "")
    branch = env.get("READTHEDOCS_GIT_IDENTIFIER", "")
    commit = env.get("READTHEDOCS_GIT_COMMIT_HASH", "")
    on_branch = env.get("READTHEDOCS_VERSION_TYPE") == "branch"
    if "GITHUB_REPOSITORY" in env:
        repository = f"{env['GITHUB_SERVER_URL']}/{env['GITHUB_REPOSITORY']}"
        branch, commit = env["GITHUB_REF_NAME"], env["GITHUB_SHA"]
        on_branch = (
            env["GITHUB_EVENT_NAME"] != "pull_request" and env["GITHUB_REF_TYPE"] == "branch"
        )
    repository = re.sub(r"^(ssh://)?git@([^:/]+)[:/]", r"https://\2/", repository)
    # The hosts whose addresses Furo can make.
    if not re.match(r"https://(github\.com|gitlab\.com|bitbucket\.org)/", repository):
        return {"top_of_page_buttons": []}
    return {
        "top_of_page_buttons": ["view", "edit"] if on_branch else ["view"],
        "source_repository": repository.removesuffix(".git"),
        "source_branch": branch if on_branch else commit,
        "source_directory": "docs/",
    }


html_title = project
html_theme = "furo"
html_css_files = ["custom.css"]
html_js_files = [("scroll.js", {"defer": "defer"})]
html_theme_options = {
    **source_links(dict(os.environ)),
    "light_css_variables": {
        "color-brand-primary": "#1e7a49",
        "color-brand-content": "#1e7a49",
    },
    "dark_css_variables": {
        "color-brand-primary": "#5cc08d",
        "color-brand-content": "#5cc08d",
    },
}
html_static_path = ["docs/_static"]
templates_path = ["docs/_templates"]
html_logo = html_favicon = "docs/_static/evergreen.svg"
html_copy_source = False

# The trailing slashes make a redirect relative to the folder that the dirhtml builder puts it in.
redirects = {
    f"{address}/": f"/{page}/"
    for address, page in tomllib.loads((ROOT / "docs/redirects.toml").read_text()).items()
}

# Where a block has prompts, its button copies the commands alone.
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_line_continuation_character = "\\"
copybutton_here_doc_delimiter = "EOF"
