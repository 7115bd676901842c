"""What a job's environment holds that others must not read: the values of its variables.

Tokens stand in them. So a job's record has their names alone, and what everybody who may see the
job is shown is the record; the values are sealed beside it until the job has ended.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

ENV_VARS = "env_vars"
"""Ray's word for them, and the name of the secret."""
HIDDEN = "***"


def hidden(runtime_env: Mapping[str, Any]) -> dict[str, Any]:
    """The environment as everybody may see it."""
    values = runtime_env.get(ENV_VARS)
    return {**runtime_env, ENV_VARS: dict.fromkeys(values, HIDDEN)} if values else {**runtime_env}


def values_of(runtime_env: Mapping[str, Any]) -> SecretStr | None:
    """What is to be sealed; None when there is nothing."""
    values = runtime_env.get(ENV_VARS)
    return SecretStr(json.dumps(values)) if values else None


def together(runtime_env: Mapping[str, Any], values: SecretStr) -> dict[str, Any]:
    """The environment as it was handed over."""
    return {**runtime_env, ENV_VARS: json.loads(values.get_secret_value())}
