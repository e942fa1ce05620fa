"""The site's settings; `nox -f tests/noxfile.py -s docs` builds it. The reference is written anew from the program."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from reference_pages import write_reference

from zoocut import __version__

write_reference(Path(__file__).parent / "reference")

project = "zoocut"
author = "zoocut developers"
project_copyright = author
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc"]
exclude_patterns = ["_build"]
smartquotes = False  # they make one dash of the two before an option
myst_heading_anchors = 3
myst_heading_slug_func = "reference_pages.address_of"
myst_enable_extensions = ["deflist"]
numpydoc_show_class_members = False
autodoc_typehints = "signature"
autodoc_preserve_defaults = True

html_theme = "pydata_sphinx_theme"
html_title = "zoocut"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {"navbar_center": [], "show_toc_level": 2}
html_sidebars = {"**": ["globaltoc.html"]}
html_show_sourcelink = False
html_copy_source = False
