"""The dialects over gRPC, for servers only: API Gateway does not support gRPC.

A module for each protocol answers its calls with the catalog and the predictors of the dialects
over HTTP; `server` makes a gRPC server of them.
"""
