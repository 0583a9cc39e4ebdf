"""The longest wait for something that must come.

Only a hang takes it: on a machine that is busy with other work anything else can take a hundred times its usual
time. It is below the limit of a test in `pyproject.toml`, so that a hang fails with its own message.
"""

PATIENCE_SECONDS = 400
