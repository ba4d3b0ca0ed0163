"""The version of add-on and core; the extension's manifest carries the same (a test compares them)."""

VERSION = "0.1.0"
