#!/bin/sh
# What the Lambda Web Adapter starts: the handler of a function whose answers stream.
exec python3 -m lading.functions.inference.entry.web_adapter
