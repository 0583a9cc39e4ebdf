"""Waiting times of the web app in real browsers."""
