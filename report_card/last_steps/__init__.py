"""Training by each trainer's own code up to the model, which the answers of the bench's scripts are held against.

Each script runs in the Python of its trainer and shares nothing with the scripts in `workbench/consumers`.
"""
