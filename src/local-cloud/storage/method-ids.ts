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
  'PATCH /b/:bucket/o/:object': 'storage.objects.patch',
  'PUT /b/:bucket/o/:object': 'storage.objects.update',
  'DELETE /b/:bucket/o/:object': 'storage.objects.delete',
  'POST /b/:bucket/o/:object/restore': 'storage.objects.restore',
  'POST /projects/:project/hmacKeys': 'storage.projects.hmacKeys.create',
  'GET /projects/:project/hmacKeys': 'storage.projects.hmacKeys.list',
  'GET /projects/:project/hmacKeys/:key': 'storage.projects.hmacKeys.get',
  'PUT /projects/:project/hmacKeys/:key': 'storage.projects.hmacKeys.update',
  'DELETE /projects/:project/hmacKeys/:key': 'storage.projects.hmacKeys.delete',
  'GET /projects/:project/serviceAccount': 'storage.projects.serviceAccount.get',
}
const OTHERS = [
  'storage.objects.insert',
  'storage.objects.compose',
  'storage.objects.copy',
  'storage.objects.move',
  'storage.objects.rewrite',
]
const KNOWN = new Set([...Object.values(METHOD_IDS), ...OTHERS])

/** The name of a method; `undefined` for what no client names. */
export function methodId(method: string, path: string): string | undefined {
  const last = /\/(?<verb>compose|copyTo|moveTo|rewriteTo)\b/.exec(path)?.groups?.['verb']
  if (last !== undefined) return `storage.objects.${last.replace(/To$/, '')}`
  return METHOD_IDS[`${method} ${path}`]
}

export function isMethodId(name: string): boolean {
  return KNOWN.has(name)
}
