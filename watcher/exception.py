"""The one tree of errors, each with a sentence and an HTTP status.

Errors cross the message bus, and outside plugins catch them by the module path
``watcher.common.exception``: classes therefore carry that ``__module__`` and keep the
published names. A class states its sentence in ``msg_fmt`` (percent format on the keyword
arguments) and its status in ``code``.
"""

from typing import Any, ClassVar

from watcher._i18n import _

MODULE = "watcher.common.exception"


class WatcherException(Exception):
    """Base of every error that this program raises on purpose"""

    msg_fmt: ClassVar[str] = _("An unknown exception occurred")
    code: ClassVar[int] = 500
    headers: ClassVar[dict[str, str]] = {}
    safe = False

    def __init__(self, message: str | None = None, **kwargs: Any) -> None:
        self.kwargs = kwargs
        self.kwargs.setdefault("code", self.code)
        if not message:
            try:
                message = self.msg_fmt % kwargs
            except (KeyError, TypeError, ValueError):
                # A sentence with a hole is better than hiding the error behind another.
                message = self.msg_fmt
        super().__init__(message)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.__module__ == __name__:
            cls.__module__ = MODULE

    @property
    def status(self) -> int:
        """HTTP status that the API answers with"""
        return self.code

    def format_message(self) -> str:
        """Return the sentence alone"""
        return str(self.args[0]) if self.args else ""


WatcherException.__module__ = MODULE


# Families -----------------------------------------------------------------------------


class Invalid(WatcherException):
    """The request makes no sense"""

    msg_fmt = _("Unacceptable parameters")
    code = 400


class Conflict(WatcherException):
    """The row is not, or no longer, as the request expects it"""

    msg_fmt = _("Conflict")
    code = 409


class ObjectNotFound(WatcherException):
    """A lookup found nothing"""

    msg_fmt = _("The %(name)s %(id)s could not be found")
    code = 404


class ResourceNotFound(ObjectNotFound):
    """A row of ours does not exist"""

    msg_fmt = _("The %(name)s resource %(id)s could not be found")


class NotAuthorized(WatcherException):
    """The caller may not do this"""

    msg_fmt = _("Not authorized")
    code = 403


class PolicyNotAuthorized(NotAuthorized):
    """A policy rule refused"""

    msg_fmt = _("Policy doesn't allow %(action)s to be performed.")


class NotAcceptable(WatcherException):
    """The feature needs another microversion"""

    msg_fmt = _("Request not acceptable.")
    code = 406


class UnsupportedError(WatcherException):
    """This does not exist here"""

    msg_fmt = _("Unsupported error")


class IllegalArgumentException(WatcherException):
    """A caller inside the program passed the wrong kind of value"""

    msg_fmt = _("Illegal argument")


class InvalidParameter(Invalid):
    """A parameter has the wrong type"""

    msg_fmt = _("%(parameter)s has to be of type %(parameter_type)s")


class MissingParameter(Invalid):
    """A mandatory parameter is not there"""

    msg_fmt = _("%(parameter)s is required but missing. Check your input")


class InvalidUUID(Invalid):
    """Not a UUID"""

    msg_fmt = _("Expected a uuid but received %(uuid)s")


class InvalidIdentity(Invalid):
    """Neither a UUID nor an integer"""

    msg_fmt = _("Expected a uuid or int but received %(identity)s")


class InvalidName(Invalid):
    """Not a name"""

    msg_fmt = _("Expected a logical name but received %(name)s")


class InvalidUuidOrName(Invalid):
    """Neither a UUID nor a name"""

    msg_fmt = _("Expected a logical name or uuid but received %(name)s")


class InvalidOperator(Invalid):
    """A filter uses an operator that does not exist"""

    msg_fmt = _("Filter operator is not valid: %(operator)s not in %(valid_operators)s")


class InvalidFilter(Invalid):
    """A filter names a field that the noun does not have"""

    msg_fmt = _("Unknown filter %(name)s; allowed: %(allowed)s")


class InvalidSortKey(Invalid):
    """A list cannot be sorted by this"""

    msg_fmt = _("Invalid sort key: %(sort_key)s")


class PatchError(Invalid):
    """A JSON patch cannot be applied"""

    msg_fmt = _("Couldn't apply patch '%(patch)s'. Reason: %(reason)s")


class DeleteError(Invalid):
    """The row's state forbids deleting it"""

    msg_fmt = _("Couldn't delete when state is '%(state)s'.")


class StartError(Invalid):
    """The plan's state forbids starting it"""

    msg_fmt = _("Couldn't start when state is '%(state)s'.")


class RollbackRefused(Conflict):
    """There is nothing to take back, or it is not the time"""

    msg_fmt = _("Action plan %(uuid)s cannot be rolled back: %(reason)s")


class TransitionRefused(Invalid):
    """The table of states has no such step"""

    msg_fmt = _("State transition not allowed: (%(old)s -> %(new)s)")


class StateChanged(Conflict):
    """Another process changed the row first"""

    msg_fmt = _("The %(kind)s %(ident)s is not in state %(expected)s any more")


class LeaseLost(WatcherException):
    """This process may no longer write what it claimed"""

    msg_fmt = _("%(owner)s lost its lease (epoch %(epoch)s) on %(kind)s %(ident)s")


# Rows ---------------------------------------------------------------------------------


class GoalNotFound(ResourceNotFound):
    """No such goal"""

    msg_fmt = _("Goal %(goal)s could not be found")


class GoalAlreadyExists(Conflict):
    """The goal's name is taken"""

    msg_fmt = _("A goal with UUID %(uuid)s already exists")


class StrategyNotFound(ResourceNotFound):
    """No such strategy"""

    msg_fmt = _("Strategy %(strategy)s could not be found")


class StrategyAlreadyExists(Conflict):
    """The strategy's name is taken"""

    msg_fmt = _("A strategy with UUID %(uuid)s already exists")


class AuditTemplateNotFound(ResourceNotFound):
    """No such template"""

    msg_fmt = _("AuditTemplate %(audit_template)s could not be found")


class AuditTemplateAlreadyExists(Conflict):
    """The template's name is taken"""

    msg_fmt = _("An audit_template with UUID or name %(audit_template)s already exists")


class AuditTemplateReferenced(Invalid):
    """Something still needs the template"""

    msg_fmt = _(
        "AuditTemplate %(audit_template)s is referenced by one or multiple audits"
    )


class AuditNotFound(ResourceNotFound):
    """No such audit"""

    msg_fmt = _("Audit %(audit)s could not be found")


class AuditAlreadyExists(Conflict):
    """The audit's name is taken"""

    msg_fmt = _("An audit with UUID or name %(audit)s already exists")


class AuditReferenced(Invalid):
    """Plans still hang on the audit"""

    msg_fmt = _("Audit %(audit)s is referenced by one or multiple action plans")


class AuditTypeNotFound(Invalid):
    """No such audit type"""

    msg_fmt = _("Audit type %(audit_type)s could not be found")


class TriggerRefused(Invalid):
    """The audit is none that can be triggered now"""

    msg_fmt = _("The audit cannot be triggered: %(reason)s")


class AuditTypeNotAllowed(Invalid):
    """The audit's type does not allow this"""

    msg_fmt = _("Audit type %(audit_type)s is disallowed.")


class AuditStateNotAllowed(Invalid):
    """The audit's state does not allow this"""

    msg_fmt = _("Audit state %(state)s is disallowed.")


class AuditParameterNotAllowed(Invalid):
    """The strategy has no such parameter"""

    msg_fmt = _("Audit parameter %(parameter)s are not allowed")


class AuditIntervalNotSpecified(Invalid):
    """A continuous audit needs an interval"""

    msg_fmt = _("Interval of audit must be specified for %(audit_type)s.")


class AuditIntervalNotAllowed(Invalid):
    """A one-shot audit has no interval"""

    msg_fmt = _("Interval of audit must not be set for %(audit_type)s.")


class AuditStartEndTimeNotAllowed(Invalid):
    """A one-shot audit has no window"""

    msg_fmt = _("Start or End time of audit must not be set for %(audit_type)s.")


class ActionPlanNotFound(ResourceNotFound):
    """No such plan"""

    msg_fmt = _("ActionPlan %(action_plan)s could not be found")


class ActionPlanAlreadyExists(Conflict):
    """The plan's UUID is taken"""

    msg_fmt = _("An action plan with UUID %(uuid)s already exists")


class ActionPlanReferenced(Invalid):
    """Actions still hang on the plan"""

    msg_fmt = _("Action Plan %(action_plan)s is referenced by one or multiple actions")


class ActionPlanIsOngoing(Conflict):
    """A plan is running"""

    msg_fmt = _("Action Plan %(action_plan)s is currently running.")


class ActionNotFound(ResourceNotFound):
    """No such action"""

    msg_fmt = _("Action %(action)s could not be found")


class ActionAlreadyExists(Conflict):
    """The action's UUID is taken"""

    msg_fmt = _("An action with UUID %(uuid)s already exists")


class ActionReferenced(Invalid):
    """The action is needed by another"""

    msg_fmt = _("Action plan %(action_plan)s is referenced by one or multiple goals")


class ActionFilterCombinationProhibited(Invalid):
    """Two filters that exclude each other"""

    msg_fmt = _("Filtering actions on both audit and action-plan is prohibited")


class EfficacyIndicatorNotFound(ResourceNotFound):
    """No such indicator"""

    msg_fmt = _("Efficacy indicator %(efficacy_indicator)s could not be found")


class EfficacyIndicatorAlreadyExists(Conflict):
    """The indicator's UUID is taken"""

    msg_fmt = _("An efficacy indicator with UUID %(uuid)s already exists")


class ScoringEngineNotFound(ResourceNotFound):
    """No such scoring engine"""

    msg_fmt = _("ScoringEngine %(scoring_engine)s could not be found")


class ScoringEngineAlreadyExists(Conflict):
    """The scoring engine's name is taken"""

    msg_fmt = _("A scoring engine with UUID %(uuid)s already exists")


class ServiceNotFound(ResourceNotFound):
    """No such service"""

    msg_fmt = _("The service %(service)s cannot be found.")


class ServiceAlreadyExists(Conflict):
    """Host and name are taken"""

    msg_fmt = _("A service with name %(name)s is already working on %(host)s.")


class ActionDescriptionNotFound(ResourceNotFound):
    """No such description"""

    msg_fmt = _("The action description %(action_id)s cannot be found.")


class ActionDescriptionAlreadyExists(Conflict):
    """The action type has a description"""

    msg_fmt = _("An action description with type %(action_type)s is already exist.")


# Deciding -----------------------------------------------------------------------------


class AuditCancelled(WatcherException):
    """The audit was cancelled while it ran"""

    msg_fmt = _("Audit %(uuid)s was cancelled")


class StrategyStopped(WatcherException):
    """The process of a strategy ended without an answer"""

    msg_fmt = _("The strategy '%(strategy)s' %(reason)s")


class NoAvailableStrategyForGoal(WatcherException):
    """No installed strategy pursues the goal"""

    msg_fmt = _("No strategy could be found to achieve the '%(goal)s' goal.")


class WildcardCharacterIsUsed(WatcherException):
    """A wildcard stands beside other values"""

    msg_fmt = _(
        "You shouldn't use any other IDs of %(resource)s if you use wildcard character."
    )


class CronFormatIsInvalid(Invalid):
    """Not a cron expression"""

    msg_fmt = _("Provided cron is invalid: %(message)s")


class InvalidIndicatorValue(WatcherException):
    """An indicator has a value that its schema forbids"""

    msg_fmt = _(
        "The indicator '%(name)s' with value '%(value)s' and spec type "
        "'%(spec_type)s' is invalid."
    )


class GlobalEfficacyComputationError(WatcherException):
    """The efficacy of a plan cannot be computed"""

    msg_fmt = _(
        "Could not compute the global efficacy for the '%(goal)s' goal using the "
        "'%(strategy)s' strategy."
    )


class ReservedWord(WatcherException):
    """A parameter uses a reserved name"""

    msg_fmt = _("%(name)s is a reserved word; pass it separately")


class ClusterEmpty(WatcherException):
    """The model has no node"""

    msg_fmt = _("The list of compute node(s) in the cluster is empty")


class ClusterStateNotDefined(WatcherException):
    """There is no model to reason on"""

    msg_fmt = _("The state of the cluster is not defined")


class ClusterStateStale(WatcherException):
    """The model is too old to reason on"""

    msg_fmt = _("The state of the cluster is stale")


class ClusterDataModelCollectionError(WatcherException):
    """The cloud could not be read"""

    msg_fmt = _("The cluster data model '%(cdm)s' could not be built")


class ComputeResourceNotFound(WatcherException):
    """A compute element is not in the model"""

    msg_fmt = _("The compute resource could not be found")


class InstanceNotFound(ComputeResourceNotFound):
    """No such server"""

    msg_fmt = _("The instance '%(name)s' could not be found")


class InstanceNotMapped(ComputeResourceNotFound):
    """The server is on no node"""

    msg_fmt = _("The mapped compute node for instance '%(uuid)s' could not be found.")


class ComputeNodeNotFound(ComputeResourceNotFound):
    """No such node"""

    msg_fmt = _("The compute node %(name)s could not be found")


class StorageResourceNotFound(WatcherException):
    """A storage element is not in the model"""

    msg_fmt = _("The storage resource could not be found")


class StorageNodeNotFound(StorageResourceNotFound):
    """No such storage node"""

    msg_fmt = _("The storage node %(name)s could not be found")


class PoolNotFound(StorageResourceNotFound):
    """No such pool"""

    msg_fmt = _("The pool %(name)s could not be found")


class VolumeNotFound(StorageResourceNotFound):
    """No such volume"""

    msg_fmt = _("The volume '%(name)s' could not be found")


class VolumeTypeNotFound(StorageResourceNotFound):
    """No such volume type"""

    msg_fmt = _("The volume type '%(name)s' could not be found")


class BaremetalResourceNotFound(WatcherException):
    """A bare-metal element is not in the model"""

    msg_fmt = _("The baremetal resource could not be found")


class IronicNodeNotFound(BaremetalResourceNotFound):
    """No such bare-metal node"""

    msg_fmt = _("The ironic node %(uuid)s could not be found")


class InvalidPoolAttributeValue(Invalid):
    """A pool reports a number that is none"""

    msg_fmt = _("The %(name)s pool %(attribute)s is not integer")


class MetricNotAvailable(WatcherException):
    """No datasource has the metric"""

    msg_fmt = _("Metric: %(metric)s not available")


class NoDatasourceAvailable(WatcherException):
    """No datasource is configured"""

    msg_fmt = _("No datasources have been configured")


class DataSourceNotAvailable(WatcherException):
    """The datasource does not answer"""

    msg_fmt = _("Datasource %(datasource)s is not available.")


class NoSuchMetricForHost(WatcherException):
    """The host has no such metric"""

    msg_fmt = _("No %(metric)s metric for %(host)s found.")


class DataSourceConfigConflict(WatcherException):
    """Two datasources exclude each other"""

    msg_fmt = _(
        "Datasource configuration conflict: %(datasource_one)s and "
        "%(datasource_two)s cannot be used together"
    )


# Acting -------------------------------------------------------------------------------


class ActionSkipped(WatcherException):
    """The action need not, or must not, be done; the text says why"""

    msg_fmt = _("The action was skipped")


class ActionExecutionFailure(WatcherException):
    """The action could not be done; the text says why"""

    msg_fmt = _("The action %(action_id)s execution failed.")


class ActionPlanCancelled(WatcherException):
    """The plan was cancelled while it ran"""

    msg_fmt = _("Action Plan %(uuid)s was cancelled")


class WorkflowExecutionException(WatcherException):
    """The workflow engine broke"""

    msg_fmt = _("Workflow execution error: %(error)s")


class LiveMigrationFailed(WatcherException):
    """A live migration did not move the server"""

    msg_fmt = _(
        "Live migration execution and abort both failed for the instance %(name)s."
    )


class UnsupportedActionType(UnsupportedError):
    """The planner or applier does not know the action"""

    msg_fmt = _("Provided %(action_type)s is not supported yet")


class LoadingError(WatcherException):
    """A plugin cannot be loaded"""

    msg_fmt = _("Error loading plugin '%(name)s'")


class AuthorizationFailure(WatcherException):
    """Keystone does not let us in"""

    msg_fmt = _("%(client)s connection failed. Reason: %(reason)s")


class ClientError(WatcherException):
    """A call to another service failed; ``unknown`` means that it may have been done"""

    msg_fmt = _("%(service)s: %(reason)s")

    def __init__(self, message: str | None = None, **kwargs: Any) -> None:
        self.http_status: int | None = kwargs.get("http_status")
        self.unknown: bool = bool(kwargs.get("unknown", False))
        super().__init__(message, **kwargs)


class NovaClientError(ClientError):
    """Nova refused or failed"""

    msg_fmt = _("Nova: %(reason)s")


class CinderClientError(ClientError):
    """Cinder refused or failed"""

    msg_fmt = _("Cinder: %(reason)s")


class IronicClientError(ClientError):
    """Ironic refused or failed"""

    msg_fmt = _("Ironic: %(reason)s")


class PlacementClientError(ClientError):
    """Placement refused or failed"""

    msg_fmt = _("Placement: %(reason)s")


class NotReady(WatcherException):
    """The service is up but cannot answer this yet"""

    msg_fmt = _("Not ready: %(reason)s")
    code = 503


class DatabaseUnavailable(WatcherException):
    """The database does not answer, or not in time"""

    msg_fmt = _("The database cannot be used: %(reason)s")
    code = 503


class ConfigInvalid(WatcherException):
    """The configuration cannot work; the text names group, option and allowed values"""

    msg_fmt = _("[%(group)s] %(option)s: %(reason)s")


class SchemaMismatch(WatcherException):
    """The database is at another revision than this program needs"""

    msg_fmt = _(
        "The database is at revision %(found)s, this release needs %(wanted)s; run "
        "watcher-db-manage upgrade"
    )


class MigrationRefused(WatcherException):
    """The schema cannot be changed as asked; the text says why in one line"""

    msg_fmt = _("%(reason)s")


class StartRefused(WatcherException):
    """This process must not run here, or not now; the text says what to do"""

    msg_fmt = _("Not started: %(reason)s")
