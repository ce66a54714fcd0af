"""The site (`make site`): pages by MyST, tutorials that run, the reference from docstrings."""

import os
from importlib.metadata import version as installed

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

# Small matrices: one thread is faster than several that wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

project = "matganip"
author = "The matganip founders"
project_copyright = author
version = release = installed("matganip")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
]

# Pages. A link names a file, so that it works on a code host too; a heading is an anchor.
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

# Tutorials are text; they run at every build, and an error in one fails it.
nb_execution_mode = "auto"
nb_execution_raise_on_error = True
nb_execution_timeout = 900  # seconds a cell; far above what one takes, on a machine that does other things too
nb_merge_streams = True

# Reference, from numpydoc docstrings. A single backtick in them is a name or a value.
default_role = "code"
autosummary_generate = True
autosummary_imported_members = True
autodoc_typehints = "none"
autodoc_member_order = "groupwise"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

templates_path = ["_templates"]

html_theme = "furo"
html_title = "matganip"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False

# Formulas as MathML, which browsers draw by themselves: MathJax would be fetched from a network.
html_math_renderer = "mathml"


def _formula(translator, node):
    text = tex2mathml(node.astext(), as_block=isinstance(node, nodes.math_block))
    translator.body.append(text)
    raise nodes.SkipNode


def setup(app):
    """Register the renderer of formulas."""
    app.add_html_math_renderer("mathml", (_formula, None), (_formula, None))
