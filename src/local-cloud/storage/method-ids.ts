/**
 * The methods of the JSON API by HTTP method and path below `/storage/v1`, with their names in Google's discovery
 * document (https://storage.googleapis.com/$discovery/rest?version=v1), as faults and retry tests name them.
 */
const METHOD_IDS: Readonly<Record<string, string>> = {
  'GET /b': 'storage.buckets.list',
  'POST /b': 'storage.buckets.insert',
  'GET /b/:bucket': 'storage.buckets.get',
  'PATCH /b/:bucket': 'storage.buckets.patch',
  'PUT /b/:bucket': 'storage.buckets.update',
  'DELETE /b/:bucket': 'storage.buckets.delete',
  'POST /b/:bucket/restore': 'storage.buckets.restore',
  'POST /b/:bucket/lockRetentionPolicy': 'storage.buckets.lockRetentionPolicy',
  'GET /b/:bucket/storageLayout': 'storage.buckets.getStorageLayout',
  'GET /b/:bucket/iam': 'storage.buckets.getIamPolicy',
  'PUT /b/:bucket/iam': 'storage.buckets.setIamPolicy',
  'GET /b/:bucket/iam/testPermissions': 'storage.buckets.testIamPermissions',
  'GET /b/:bucket/notificationConfigs': 'storage.notifications.list',
  'POST /b/:bucket/notificationConfigs': 'storage.notifications.insert',
  'GET /b/:bucket/notificationConfigs/:notification': 'storage.notifications.get',
  'DELETE /b/:bucket/notificationConfigs/:notification': 'storage.notifications.delete',
  'GET /b/:bucket/o': 'storage.objects.list',
  'GET /b/:bucket/o/:object': 'storage.objects.get',
  'HEAD /b/:bucket/o/:object': 'storage.objects.get',
  'PATCH /b/:bucket/o/:object': 'storage.objects.patch',
  'PUT /b/:bucket/o/:object': 'storage.objects.update',
  'DELETE /b/:bucket/o/:object': 'storage.objects.delete',
  'POST /b/:bucket/o/:object/restore': 'storage.objects.restore',
  'POST /b/:bucket/o/bulkRestore': 'storage.objects.bulkRestore',
  'GET /b/:bucket/operations': 'storage.operations.list',
  'GET /b/:bucket/operations/:operation': 'storage.operations.get',
  'POST /b/:bucket/managedFolders': 'storage.managedFolders.insert',
  'GET /b/:bucket/managedFolders': 'storage.managedFolders.list',
  'GET /b/:bucket/managedFolders/:managedFolder': 'storage.managedFolders.get',
  'DELETE /b/:bucket/managedFolders/:managedFolder': 'storage.managedFolders.delete',
  'GET /b/:bucket/managedFolders/:managedFolder/iam': 'storage.managedFolders.getIamPolicy',
  'PUT /b/:bucket/managedFolders/:managedFolder/iam': 'storage.managedFolders.setIamPolicy',
  'GET /b/:bucket/managedFolders/:managedFolder/iam/testPermissions':
    'storage.managedFolders.testIamPermissions',
  'POST /b/:bucket/folders': 'storage.folders.insert',
  'GET /b/:bucket/folders': 'storage.folders.list',
  'GET /b/:bucket/folders/:folder': 'storage.folders.get',
  'DELETE /b/:bucket/folders/:folder': 'storage.folders.delete',
  'POST /b/:bucket/folders/:folder/renameTo/folders/:destination': 'storage.folders.rename',
  'POST /projects/:project/hmacKeys': 'storage.projects.hmacKeys.create',
  'GET /projects/:project/hmacKeys': 'storage.projects.hmacKeys.list',
  'GET /projects/:project/hmacKeys/:key': 'storage.projects.hmacKeys.get',
  'PUT /projects/:project/hmacKeys/:key': 'storage.projects.hmacKeys.update',
  'DELETE /projects/:project/hmacKeys/:key': 'storage.projects.hmacKeys.delete',
  'GET /projects/:project/serviceAccount': 'storage.projects.serviceAccount.get',
}
/** Access control lists, by the path of the list. */
const ACL_RESOURCES: Readonly<Record<string, string>> = {
  '/b/:bucket/acl': 'bucketAccessControls',
  '/b/:bucket/defaultObjectAcl': 'defaultObjectAccessControls',
  '/b/:bucket/o/:object/acl': 'objectAccessControls',
}
const ACL_METHODS: Readonly<Record<string, string>> = {
  'GET ': 'list',
  'POST ': 'insert',
  'GET /:entity': 'get',
  'PATCH /:entity': 'patch',
  'PUT /:entity': 'update',
  'DELETE /:entity': 'delete',
}
/** Resources that storage-testbench calls otherwise than the discovery document. */
const TESTBENCH_RESOURCES: Readonly<Record<string, string>> = {
  bucket_acl: 'bucketAccessControls',
  default_object_acl: 'defaultObjectAccessControls',
  object_acl: 'objectAccessControls',
  hmacKey: 'projects.hmacKeys',
  serviceaccount: 'projects.serviceAccount',
}
const OTHERS = [
  'storage.objects.insert',
  'storage.objects.compose',
  'storage.objects.copy',
  'storage.objects.move',
  'storage.objects.rewrite',
]
const KNOWN = new Set([
  ...Object.values(METHOD_IDS),
  ...OTHERS,
  ...Object.values(ACL_RESOURCES).flatMap((resource) =>
    Object.values(ACL_METHODS).map((method) => `storage.${resource}.${method}`),
  ),
])

/** The name of a method; `undefined` for what no client names. */
export function methodId(method: string, path: string): string | undefined {
  const last = /\/(?<verb>compose|copyTo|moveTo|rewriteTo)\b/.exec(path)?.groups?.['verb']
  if (last !== undefined) return `storage.objects.${last.replace(/To$/, '')}`
  const list = path.replace(/\/:entity$/, '')
  const resource = ACL_RESOURCES[list]
  return resource === undefined
    ? METHOD_IDS[`${method} ${path}`]
    : `storage.${resource}.${ACL_METHODS[`${method} ${path.slice(list.length)}`]}`
}

/** The name in the discovery document of a method as a retry test names it; `undefined` if there is none. */
export function methodOfRetryTest(name: string): string | undefined {
  const [, resource = '', method = ''] = /^storage\.(.+)\.(\w+)$/.exec(name) ?? []
  const id = `storage.${TESTBENCH_RESOURCES[resource] ?? resource}.${method}`
  return KNOWN.has(id) ? id : undefined
}
