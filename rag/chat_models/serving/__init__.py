"""Requests to an in-process model: queue, scheduler and sampling."""
