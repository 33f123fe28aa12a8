"""What `lading drift` writes: a page, and the files that readers of Model Monitor expect."""
