"""Chooses native threads for oslo.service before anybody else can choose.

oslo.messaging imports oslo.service, which settles on eventlet when it has not been told.
Whatever may import oslo.messaging therefore imports this module first. Nothing is ever
monkey-patched; this is the one module whose import has an effect.
"""

import warnings

# Libraries still import eventlet when it is installed; that is no concern of operators.
warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")

from oslo_service import backend  # noqa: E402

backend.init_backend(backend.BackendType.THREADING)
