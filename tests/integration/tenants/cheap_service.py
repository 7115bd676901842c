"""`podyard`, whose hosts are configured in no time: playbooks are not what is tested here.

python -m tests.integration.tenants.cheap_service serve …
"""

from __future__ import annotations

import runtime.app.hosts
from runtime.cli import main
from tests.integration.crashes.nursery import Converging

if __name__ == "__main__":
    runtime.app.hosts.AnsiblePlayer = Converging  # type: ignore[misc,assignment]
    main()
