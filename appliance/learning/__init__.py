"""
Owns ONNX models: features, scoring, drift. The only importer of ONNX Runtime. Nothing is built here
yet.
"""
