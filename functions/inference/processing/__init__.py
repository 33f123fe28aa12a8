"""Steps before and after a model: text or images in, labels or vectors out.

Each step has a module of its name with a function `make(options, files)`. It is imported only for
an artifact that has the step, and so are the libraries that it needs.
"""
