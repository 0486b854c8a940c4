/**
 * Predefined roles with those of their permissions that the local cloud's services ask for, as IAM's role reference
 * lists them (https://cloud.google.com/iam/docs/roles-permissions). Roles that are not here cannot be granted.
 */
const PROJECT_READ = ['resourcemanager.projects.get', 'resourcemanager.projects.list']

const PUBSUB_VIEWER = [
  'pubsub.snapshots.get',
  'pubsub.snapshots.list',
  'pubsub.subscriptions.get',
  'pubsub.subscriptions.list',
  'pubsub.topics.get',
  'pubsub.topics.list',
  'resourcemanager.projects.get',
]
const PUBSUB_SUBSCRIBER = [
  'pubsub.snapshots.seek',
  'pubsub.subscriptions.consume',
  'pubsub.topics.attachSubscription',
]
const PUBSUB_EDITOR = [
  ...PUBSUB_VIEWER,
  ...PUBSUB_SUBSCRIBER,
  'pubsub.snapshots.create',
  'pubsub.snapshots.delete',
  'pubsub.snapshots.update',
  'pubsub.subscriptions.create',
  'pubsub.subscriptions.delete',
  'pubsub.subscriptions.update',
  'pubsub.topics.create',
  'pubsub.topics.delete',
  'pubsub.topics.detachSubscription',
  'pubsub.topics.publish',
  'pubsub.topics.update',
]
const PUBSUB_ADMIN = [
  ...PUBSUB_EDITOR,
  'pubsub.snapshots.getIamPolicy',
  'pubsub.snapshots.setIamPolicy',
  'pubsub.subscriptions.getIamPolicy',
  'pubsub.subscriptions.setIamPolicy',
  'pubsub.topics.getIamPolicy',
  'pubsub.topics.setIamPolicy',
]

const OBJECT_VIEWER = [...PROJECT_READ, 'storage.objects.get', 'storage.objects.list']
const OBJECT_CREATOR = [
  ...PROJECT_READ,
  'storage.multipartUploads.abort',
  'storage.multipartUploads.create',
  'storage.multipartUploads.listParts',
  'storage.objects.create',
]
const OBJECT_USER = [
  ...OBJECT_VIEWER,
  ...OBJECT_CREATOR,
  'storage.multipartUploads.list',
  'storage.objects.delete',
  'storage.objects.move',
  'storage.objects.restore',
  'storage.objects.update',
]
const OBJECT_ADMIN = [...OBJECT_USER, 'storage.objects.getIamPolicy', 'storage.objects.setIamPolicy']
const STORAGE_ADMIN = [
  ...OBJECT_ADMIN,
  'storage.buckets.create',
  'storage.buckets.delete',
  'storage.buckets.get',
  'storage.buckets.getIamPolicy',
  'storage.buckets.list',
  'storage.buckets.setIamPolicy',
  'storage.buckets.update',
]
const LEGACY_BUCKET_READER = ['storage.buckets.get', 'storage.multipartUploads.list', 'storage.objects.list']
const LEGACY_BUCKET_WRITER = [
  ...LEGACY_BUCKET_READER,
  'storage.multipartUploads.abort',
  'storage.multipartUploads.create',
  'storage.multipartUploads.listParts',
  'storage.objects.create',
  'storage.objects.delete',
  'storage.objects.restore',
]
const LEGACY_BUCKET_OWNER = [
  ...LEGACY_BUCKET_WRITER,
  'storage.buckets.getIamPolicy',
  'storage.buckets.setIamPolicy',
  'storage.buckets.update',
]

const RUN_VIEWER = [
  ...PROJECT_READ,
  'run.executions.get',
  'run.executions.list',
  'run.jobs.get',
  'run.jobs.getIamPolicy',
  'run.jobs.list',
  'run.locations.list',
  'run.operations.get',
  'run.operations.list',
  'run.revisions.get',
  'run.revisions.list',
  'run.routes.get',
  'run.routes.list',
  'run.services.get',
  'run.services.getIamPolicy',
  'run.services.list',
  'run.tasks.get',
  'run.tasks.list',
]
const RUN_INVOKER = ['run.routes.invoke']
const RUN_JOBS_EXECUTOR = ['run.executions.cancel', 'run.jobs.run']
const RUN_DEVELOPER = [
  ...RUN_VIEWER,
  ...RUN_INVOKER,
  ...RUN_JOBS_EXECUTOR,
  'run.executions.delete',
  'run.jobs.create',
  'run.jobs.delete',
  'run.jobs.runWithOverrides',
  'run.jobs.update',
  'run.operations.delete',
  'run.revisions.delete',
  'run.services.create',
  'run.services.delete',
  'run.services.update',
]
const RUN_ADMIN = [...RUN_DEVELOPER, 'run.jobs.setIamPolicy', 'run.services.setIamPolicy']

const REGISTRY_READER = [
  'artifactregistry.dockerimages.get',
  'artifactregistry.dockerimages.list',
  'artifactregistry.packages.get',
  'artifactregistry.packages.list',
  'artifactregistry.repositories.downloadArtifacts',
  'artifactregistry.repositories.get',
  'artifactregistry.repositories.list',
  'artifactregistry.tags.get',
  'artifactregistry.tags.list',
  'artifactregistry.versions.get',
  'artifactregistry.versions.list',
]
const REGISTRY_WRITER = [
  ...REGISTRY_READER,
  'artifactregistry.repositories.uploadArtifacts',
  'artifactregistry.tags.create',
  'artifactregistry.tags.update',
]
const REGISTRY_ADMIN = [
  ...REGISTRY_WRITER,
  'artifactregistry.packages.delete',
  'artifactregistry.repositories.create',
  'artifactregistry.repositories.delete',
  'artifactregistry.repositories.deleteArtifacts',
  'artifactregistry.repositories.getIamPolicy',
  'artifactregistry.repositories.setIamPolicy',
  'artifactregistry.repositories.update',
  'artifactregistry.tags.delete',
  'artifactregistry.versions.delete',
]

const SECRET_ACCESSOR = [...PROJECT_READ, 'secretmanager.versions.access']
const SECRET_VERSION_ADDER = [...PROJECT_READ, 'secretmanager.versions.add']
const SECRET_VERSION_MANAGER = [
  ...SECRET_VERSION_ADDER,
  'secretmanager.versions.destroy',
  'secretmanager.versions.disable',
  'secretmanager.versions.enable',
  'secretmanager.versions.get',
  'secretmanager.versions.list',
]
const SECRET_VIEWER = [
  ...PROJECT_READ,
  'secretmanager.secrets.get',
  'secretmanager.secrets.getIamPolicy',
  'secretmanager.secrets.list',
  'secretmanager.versions.get',
  'secretmanager.versions.list',
]
/** Without the values, which the basic roles Viewer and Editor do not hold. */
const SECRET_EDITOR = [
  ...SECRET_VIEWER,
  ...SECRET_VERSION_MANAGER,
  'secretmanager.secrets.create',
  'secretmanager.secrets.delete',
  'secretmanager.secrets.update',
]
const SECRET_ADMIN = [...SECRET_EDITOR, ...SECRET_ACCESSOR, 'secretmanager.secrets.setIamPolicy']

const LOG_VIEWER = ['logging.logEntries.list', 'logging.logs.list', 'resourcemanager.projects.get']
const LOG_WRITER = ['logging.logEntries.create']
const LOG_ADMIN = [...LOG_VIEWER, ...LOG_WRITER, 'logging.logs.delete']

const USAGE_VIEWER = ['serviceusage.services.get', 'serviceusage.services.list']
const USAGE_ADMIN = [
  ...USAGE_VIEWER,
  'serviceusage.services.disable',
  'serviceusage.services.enable',
  'serviceusage.services.use',
]

const ACCOUNT_USER = [
  ...PROJECT_READ,
  'iam.serviceAccounts.actAs',
  'iam.serviceAccounts.get',
  'iam.serviceAccounts.list',
]
const TOKEN_CREATOR = [
  ...PROJECT_READ,
  'iam.serviceAccounts.get',
  'iam.serviceAccounts.getAccessToken',
  'iam.serviceAccounts.getOpenIdToken',
  'iam.serviceAccounts.list',
  'iam.serviceAccounts.signBlob',
  'iam.serviceAccounts.signJwt',
]
const ACCOUNT_ADMIN = [
  ...PROJECT_READ,
  'iam.serviceAccounts.create',
  'iam.serviceAccounts.delete',
  'iam.serviceAccounts.disable',
  'iam.serviceAccounts.enable',
  'iam.serviceAccounts.get',
  'iam.serviceAccounts.getIamPolicy',
  'iam.serviceAccounts.list',
  'iam.serviceAccounts.setIamPolicy',
  'iam.serviceAccounts.update',
]

const KEY_ADMIN = [
  ...PROJECT_READ,
  'iam.serviceAccountKeys.create',
  'iam.serviceAccountKeys.delete',
  'iam.serviceAccountKeys.disable',
  'iam.serviceAccountKeys.enable',
  'iam.serviceAccountKeys.get',
  'iam.serviceAccountKeys.list',
  'iam.serviceAccounts.get',
  'iam.serviceAccounts.list',
]
const HMAC_KEY_ADMIN = [
  ...PROJECT_READ,
  'storage.hmacKeys.create',
  'storage.hmacKeys.delete',
  'storage.hmacKeys.get',
  'storage.hmacKeys.list',
  'storage.hmacKeys.update',
]

const ALERT_POLICY_VIEWER = ['monitoring.alertPolicies.get', 'monitoring.alertPolicies.list']
const ALERT_POLICY_EDITOR = [
  ...ALERT_POLICY_VIEWER,
  'monitoring.alertPolicies.create',
  'monitoring.alertPolicies.delete',
  'monitoring.alertPolicies.update',
]
const CHANNEL_VIEWER = ['monitoring.notificationChannels.get', 'monitoring.notificationChannels.list']
const CHANNEL_EDITOR = [
  ...CHANNEL_VIEWER,
  'monitoring.notificationChannels.create',
  'monitoring.notificationChannels.delete',
  'monitoring.notificationChannels.update',
]
const MONITORING_VIEWER = [...PROJECT_READ, ...ALERT_POLICY_VIEWER, ...CHANNEL_VIEWER]
const MONITORING_EDITOR = [...PROJECT_READ, ...ALERT_POLICY_EDITOR, ...CHANNEL_EDITOR]

const BASIC_VIEWER = [
  ...PUBSUB_VIEWER,
  ...RUN_VIEWER,
  ...REGISTRY_READER,
  ...SECRET_VIEWER,
  ...LOG_VIEWER,
  ...MONITORING_VIEWER,
  ...USAGE_VIEWER,
  'iam.serviceAccounts.get',
  'iam.serviceAccounts.list',
  'storage.buckets.list',
]
const BASIC_EDITOR = [
  ...BASIC_VIEWER,
  ...PUBSUB_EDITOR,
  ...RUN_DEVELOPER,
  ...REGISTRY_WRITER,
  ...SECRET_EDITOR,
  ...LOG_ADMIN,
  ...MONITORING_EDITOR,
  ...USAGE_ADMIN,
  'artifactregistry.repositories.create',
  'artifactregistry.repositories.delete',
  'artifactregistry.repositories.deleteArtifacts',
  'artifactregistry.repositories.update',
  'iam.serviceAccounts.actAs',
  'iam.serviceAccounts.create',
  'iam.serviceAccounts.delete',
  'iam.serviceAccounts.update',
  'storage.buckets.create',
  'storage.buckets.delete',
]
const BASIC_OWNER = [
  ...BASIC_EDITOR,
  ...PUBSUB_ADMIN,
  ...RUN_ADMIN,
  ...REGISTRY_ADMIN,
  ...SECRET_ADMIN,
  ...ACCOUNT_ADMIN,
  ...KEY_ADMIN,
  ...HMAC_KEY_ADMIN,
  'resourcemanager.projects.getIamPolicy',
  'resourcemanager.projects.setIamPolicy',
]

const BASIC_ROLES = new Set(['roles/viewer', 'roles/editor', 'roles/owner'])

const ROLES: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries({
    'roles/artifactregistry.reader': REGISTRY_READER,
    'roles/artifactregistry.writer': REGISTRY_WRITER,
    'roles/artifactregistry.admin': REGISTRY_ADMIN,
    'roles/iam.serviceAccountUser': ACCOUNT_USER,
    'roles/iam.serviceAccountTokenCreator': TOKEN_CREATOR,
    'roles/iam.serviceAccountAdmin': ACCOUNT_ADMIN,
    'roles/iam.serviceAccountKeyAdmin': KEY_ADMIN,
    'roles/logging.logWriter': LOG_WRITER,
    'roles/logging.viewer': LOG_VIEWER,
    'roles/logging.admin': LOG_ADMIN,
    'roles/monitoring.alertPolicyViewer': ALERT_POLICY_VIEWER,
    'roles/monitoring.alertPolicyEditor': ALERT_POLICY_EDITOR,
    'roles/monitoring.notificationChannelViewer': CHANNEL_VIEWER,
    'roles/monitoring.notificationChannelEditor': CHANNEL_EDITOR,
    'roles/monitoring.viewer': MONITORING_VIEWER,
    'roles/monitoring.editor': MONITORING_EDITOR,
    'roles/monitoring.admin': MONITORING_EDITOR,
    'roles/pubsub.publisher': ['pubsub.topics.publish'],
    'roles/pubsub.subscriber': PUBSUB_SUBSCRIBER,
    'roles/pubsub.viewer': PUBSUB_VIEWER,
    'roles/pubsub.editor': PUBSUB_EDITOR,
    'roles/pubsub.admin': PUBSUB_ADMIN,
    'roles/resourcemanager.projectIamAdmin': [
      'resourcemanager.projects.get',
      'resourcemanager.projects.getIamPolicy',
      'resourcemanager.projects.setIamPolicy',
    ],
    'roles/run.invoker': RUN_INVOKER,
    'roles/run.viewer': RUN_VIEWER,
    'roles/run.jobsExecutor': RUN_JOBS_EXECUTOR,
    'roles/run.jobsExecutorWithOverrides': [...RUN_JOBS_EXECUTOR, 'run.jobs.runWithOverrides'],
    'roles/run.developer': RUN_DEVELOPER,
    'roles/run.admin': RUN_ADMIN,
    'roles/secretmanager.secretAccessor': SECRET_ACCESSOR,
    'roles/secretmanager.secretVersionAdder': SECRET_VERSION_ADDER,
    'roles/secretmanager.secretVersionManager': SECRET_VERSION_MANAGER,
    'roles/secretmanager.viewer': SECRET_VIEWER,
    'roles/secretmanager.admin': SECRET_ADMIN,
    'roles/serviceusage.serviceUsageAdmin': USAGE_ADMIN,
    'roles/serviceusage.serviceUsageViewer': USAGE_VIEWER,
    'roles/storage.objectViewer': OBJECT_VIEWER,
    'roles/storage.objectCreator': OBJECT_CREATOR,
    'roles/storage.objectUser': OBJECT_USER,
    'roles/storage.objectAdmin': OBJECT_ADMIN,
    'roles/storage.admin': STORAGE_ADMIN,
    'roles/storage.hmacKeyAdmin': HMAC_KEY_ADMIN,
    'roles/storage.legacyBucketReader': LEGACY_BUCKET_READER,
    'roles/storage.legacyBucketWriter': LEGACY_BUCKET_WRITER,
    'roles/storage.legacyBucketOwner': LEGACY_BUCKET_OWNER,
    'roles/storage.legacyObjectReader': ['storage.objects.get'],
    'roles/viewer': BASIC_VIEWER,
    'roles/editor': BASIC_EDITOR,
    'roles/owner': BASIC_OWNER,
  }).map(([role, permissions]) => [role, new Set(permissions)]),
)

/** The service that a resource belongs to, as permissions begin; `undefined` for a project, which takes them all. */
function serviceOf(resource: string): string | undefined {
  if (resource.startsWith('projects/_/buckets/')) return 'storage'
  const groups = /^projects\/[^/]+\/(?:locations\/[^/]+\/)?(?<collection>[^/]+)\//.exec(resource)?.groups
  switch (groups?.['collection'] ?? '') {
    case 'topics':
    case 'subscriptions':
      return 'pubsub'
    case 'serviceAccounts':
      return 'iam'
    case 'secrets':
      return 'secretmanager'
    case 'repositories':
      return 'artifactregistry'
    case 'services':
    case 'jobs':
      return 'run'
    default:
      return undefined
  }
}

/** Whether a role can be granted on a resource: it is known and applies to resources of that kind. */
export function isGrantable(role: string, resource: string): boolean {
  const permissions = ROLES.get(role)
  if (permissions === undefined) return false
  const service = serviceOf(resource)
  if (service === undefined) return !role.startsWith('roles/storage.legacy')
  if (BASIC_ROLES.has(role)) return true
  return [...permissions].some((permission) => permission.startsWith(`${service}.`))
}

/** Whether a role holds a permission. */
export function roleHas(role: string, permission: string): boolean {
  return ROLES.get(role)?.has(permission) ?? false
}

/** The smallest role that holds `permission` and can be granted on `resource`, for advice in a denial; no legacy role. */
export function smallestRole(permission: string, resource: string): string | undefined {
  let best: {role: string; size: number} | undefined
  for (const [role, permissions] of ROLES) {
    if (!permissions.has(permission) || !isGrantable(role, resource) || role.includes('.legacy')) continue
    if (best === undefined || permissions.size < best.size) best = {role, size: permissions.size}
  }
  return best?.role
}
