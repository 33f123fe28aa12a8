"""Steps before and after a model: text or images in, labels or vectors out.

One module per step, named as the step is, each with a `make(options, files)`; it is imported only
for an artifact that has the step, and so are the libraries that it needs.
"""
