"""The dialects over gRPC, for servers that listen: API Gateway carries no gRPC.

A module for each protocol answers its calls with the same catalog and the same predictors as the
dialects over HTTP; `server` makes a gRPC server of them.
"""
