"""Officially released weights, as they were downloaded, become one bundle of our own. Nothing in them is ever run."""
