"""The engine: the worker process and the environment that it runs in."""
