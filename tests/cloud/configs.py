"""Configuration files of the control plane, as functions of its folder and ports."""

from collections.abc import Mapping

PASSWORD = "cloud-tests"  # noqa: S105  of accounts that live for one run
# Backends of Cinder and the kind of volume that each keeps.
BACKENDS = {"fast1": "fast", "fast2": "fast", "slow": "slow"}


def _token(ports: Mapping[str, int], user: str, section: str) -> str:
    identity = f"http://127.0.0.1:{ports['keystone']}/v3"
    return f"""
[{section}]
auth_type = password
auth_url = {identity}
username = {user}
password = {PASSWORD}
project_name = service
user_domain_id = default
project_domain_id = default
"""


def _common(folder: str, ports: Mapping[str, int], user: str) -> str:
    return f"""
[oslo_messaging_rabbit]
rabbit_retry_interval = 1
[oslo_messaging_notifications]
driver = messagingv2
[oslo_concurrency]
lock_path = {folder}/lock
{_token(ports, user, "keystone_authtoken")}
www_authenticate_uri = http://127.0.0.1:{ports["keystone"]}/v3
memcached_servers = 127.0.0.1:{ports["memcached"]}
service_token_roles = service
service_token_roles_required = true
interface = internal
"""


def files(folder: str, prefix: str, ports: Mapping[str, int]) -> dict[str, str]:
    """Return name and text of every file; ``prefix`` is the services' virtualenv"""
    broker = f"rabbit://guest:guest@127.0.0.1:{ports['rabbitmq']}/"
    sql = f"mysql+pymysql://root@127.0.0.1:{ports['mariadb']}"
    region = "region_name = RegionOne\n"
    return {
        "keystone.conf": f"""
[DEFAULT]
transport_url = {broker}
[database]
connection = {sql}/keystone
[cache]
enabled = true
backend = dogpile.cache.pymemcache
memcache_servers = 127.0.0.1:{ports["memcached"]}
[fernet_tokens]
key_repository = {folder}/keys/fernet
[fernet_receipts]
key_repository = {folder}/keys/fernet
[credential]
key_repository = {folder}/keys/credential
[token]
expiration = 86400
[identity]
password_hash_rounds = 4
""",
        "placement.conf": f"""
[api]
auth_strategy = keystone
[placement_database]
connection = {sql}/placement
{_common(folder, ports, "placement")}
""",
        "glance-api.conf": f"""
[DEFAULT]
transport_url = {broker}
enabled_backends = file:file
enabled_import_methods = [glance-direct]
image_cache_dir = {folder}/state/glance/cache
[database]
connection = {sql}/glance
[glance_store]
default_backend = file
[file]
filesystem_store_datadir = {folder}/state/glance/images
[os_glance_staging_store]
filesystem_store_datadir = {folder}/state/glance/staging
[os_glance_tasks_store]
filesystem_store_datadir = {folder}/state/glance/tasks
[paste_deploy]
flavor = keystone
config_file = {prefix}/etc/glance/glance-api-paste.ini
{_common(folder, ports, "glance")}
""",
        "cinder.conf": f"""
[DEFAULT]
host = controller
my_ip = 127.0.0.1
transport_url = {broker}
state_path = {folder}/state/cinder
api_paste_config = {prefix}/etc/cinder/api-paste.ini
resource_query_filters_file = {prefix}/etc/cinder/resource_filters.json
rootwrap_config = {prefix}/etc/cinder/rootwrap.conf
glance_api_servers = http://127.0.0.1:{ports["glance"]}
enabled_backends = {",".join(BACKENDS)}
default_volume_type = fast
report_interval = 10
backend_stats_polling_interval = 10
periodic_interval = 5
periodic_fuzzy_delay = 0
[backend_defaults]
volume_driver = cinder.volume.drivers.simulated.SimulatedVolumes
{
            "".join(
                f'''[{name}]
volume_backend_name = {kind}
'''
                for name, kind in BACKENDS.items()
            )
        }
[database]
connection = {sql}/cinder
[coordination]
backend_url = file://{folder}/state/cinder
{_token(ports, "nova", "nova")}
[service_user]
send_service_user_token = true
{_token(ports, "cinder", "service_user").replace("[service_user]", "")}
{_common(folder, ports, "cinder")}
""",
        "nova-db.conf": f"""
# Not for nova-compute, which must not see a database.
[api_database]
connection = {sql}/nova_api
[database]
connection = {sql}/nova
""",
        "nova.conf": f"""
[DEFAULT]
host = controller
my_ip = 127.0.0.1
transport_url = {broker}
state_path = {folder}/state/nova
compute_driver = simulated.SimulatedDriver
enabled_apis = osapi_compute
report_interval = 10
service_down_time = 60
# A report that a restarted broker lost is waited for that long: less than what makes the
# host look dead.
rpc_response_timeout = 30
# What would talk to a network or to real guests.
sync_power_state_interval = -1
running_deleted_instance_action = noop
running_deleted_instance_poll_interval = 0
instance_delete_interval = 0
shelved_poll_interval = -1
heal_instance_info_cache_interval = -1
update_resources_interval = 30
reserved_host_memory_mb = 512
initial_cpu_allocation_ratio = 2.0
initial_ram_allocation_ratio = 1.0
initial_disk_allocation_ratio = 1.0
max_concurrent_live_migrations = 2
[api]
auth_strategy = keystone
[conductor]
workers = 1
[scheduler]
workers = 1
[filter_scheduler]
enabled_filters = ComputeFilter,ImagePropertiesFilter,ServerGroupAntiAffinityFilter,\
ServerGroupAffinityFilter
[notifications]
notification_format = both
notify_on_state_change = vm_and_task_state
[vnc]
enabled = false
[glance]
api_servers = http://127.0.0.1:{ports["glance"]}
[wsgi]
api_paste_config = {prefix}/etc/nova/api-paste.ini
{_token(ports, "placement", "placement")}{region}
{_token(ports, "neutron", "neutron")}{region}
endpoint_override = http://127.0.0.1:{ports["network"]}
http_retries = 1
extension_sync_interval = 86400
{_token(ports, "cinder", "cinder")}
catalog_info = block-storage::publicURL
os_region_name = RegionOne
[service_user]
send_service_user_token = true
{_token(ports, "nova", "service_user").replace("[service_user]", "")}
{_common(folder, ports, "nova")}
""",
    }
