# ruff: noqa: INP001 - Sphinx reads this file by path; docs/ is no package
"""How the pages are built: `make docs`. Warnings are errors, so a dead link never ships."""

project = "podyard"
copyright = "the podyard authors, Apache-2.0"  # noqa: A001 - Sphinx's own name for it
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "podyard"
html_copy_source = False
html_show_sphinx = False
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nitpicky = True
