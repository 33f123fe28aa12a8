"""Why a model answered as it did: Shapley values of rows, occlusion of images and texts.

It needs numpy and a predictor, and is imported when an explanation is first asked for.
"""
