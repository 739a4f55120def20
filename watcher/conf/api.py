"""Options of [api] and [ssl]."""

from oslo_config import cfg

GROUP = "api"
OPTS = [
    cfg.HostAddressOpt(
        "host",
        default="127.0.0.1",
        help="Address that watcher-api listens on; other WSGI servers ignore it.",
    ),
    cfg.PortOpt(
        "port",
        default=9322,
        help="TCP port that watcher-api listens on; other WSGI servers ignore it.",
    ),
    cfg.IntOpt(
        "workers",
        min=1,
        help="Processes of watcher-api; unset: one for each CPU.",
    ),
    cfg.BoolOpt(
        "enable_ssl_api",
        default=False,
        help="Let watcher-api speak HTTPS with the files of [ssl].",
    ),
    cfg.IntOpt(
        "max_limit",
        default=1000,
        min=0,
        help="Rows of a page when the client names no limit, and the most it may ask "
        "for; 0: no upper bound.",
    ),
    cfg.BoolOpt(
        "enable_webhooks_auth",
        default=True,
        help="Demand a token, and the policy webhook:trigger, of callers of "
        "/v1/webhooks. When false anybody who reaches the API may trigger EVENT audits.",
    ),
    cfg.ListOpt(
        "no_auth_roles",
        default=[],
        help="Roles of callers that send no X-Roles header while enable_authentication "
        "is false, e.g. admin. Whoever reaches the port then has these roles, programs "
        "and web pages on the same machine included: only for trials. Empty: such "
        "callers have no role.",
    ),
    cfg.IntOpt(
        "ready_model_age",
        default=7200,
        min=0,
        help="/readyz answers 503 when no running decision engine has read the whole "
        "cluster within this many seconds. More than the period of the collectors, "
        "which is 3600; 0: the age of the model does not matter.",
    ),
    cfg.IntOpt(
        "max_body_bytes",
        default=1048576,
        min=1024,
        help="Largest body in bytes that a request may have; larger ones get 413.",
    ),
]

SSL_GROUP = "ssl"
SSL_OPTS = [
    cfg.StrOpt("ca_file", help="File with the CA that clients are checked against."),
    cfg.StrOpt("cert_file", help="File with the server's certificate."),
    cfg.StrOpt("key_file", help="File with the server's private key."),
    cfg.StrOpt(
        "version", help="TLS version; accepted, Python's secure default is used."
    ),
    cfg.StrOpt("ciphers", help="Ciphers in OpenSSL's list format."),
]


def register(conf: cfg.ConfigOpts) -> None:
    """Register the options on ``conf``"""
    conf.register_opts(OPTS, GROUP)
    conf.register_opts(SSL_OPTS, SSL_GROUP)
