import {readFileSync, globSync} from 'node:fs'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {isGrantable, roleHas, smallestRole} from '../../../src/local-cloud/iam/roles.ts'
import data from '../../../src/local-cloud/iam/predefined-roles.json' with {type: 'json'}

const SOURCES = join(import.meta.dirname, '../../../src/local-cloud')

test.each([
  ['roles/storage.bucketViewer', 'projects/_/buckets/b', true],
  ['roles/iam.workloadIdentityUser', 'projects/p/serviceAccounts/a@p.iam.gserviceaccount.com', true],
  ['roles/bigquery.jobUser', 'projects/p', true],
  ['roles/cloudkms.cryptoKeyEncrypterDecrypter', 'projects/p', true],
  ['roles/bigquery.jobUser', 'projects/p/topics/t', false],
  ['roles/storage.legacyBucketReader', 'projects/p', false],
  ['roles/bigquery.jobber', 'projects/p', false],
])('%s on %s: %s', (role, resource, expected) => {
  expect(isGrantable(role, resource)).toBe(expected)
})

test('roles hold what Google lists', () => {
  expect(roleHas('roles/run.invoker', 'run.jobs.run')).toBe(true)
  expect(roleHas('roles/run.invoker', 'run.jobs.runWithOverrides')).toBe(false)
  expect(roleHas('roles/bigquery.jobUser', 'storage.objects.get')).toBe(false)
  expect(smallestRole('storage.objects.create', 'projects/_/buckets/b')).toBe('roles/storage.objectCreator')
})

test('every permission that the services ask for is in the list', () => {
  const listed = new Set(
    Object.entries(data.permissions).flatMap(([kind, verbs]) =>
      verbs.split(' ').map((verb) => `${kind}.${verb}`),
    ),
  )
  const check = /\b(?:require\w*|permit|find)\([^'()]*'(?<permission>[a-z]+\.[a-zA-Z]+\.[a-zA-Z]+)'/g
  const asked = globSync('**/*.ts', {cwd: SOURCES})
    .flatMap((file) => [...readFileSync(join(SOURCES, file), 'utf8').matchAll(check)])
    .map(({groups}) => groups?.['permission'] ?? '')
  expect(asked.length).toBeGreaterThan(60)
  expect(asked.filter((permission) => !listed.has(permission))).toEqual([])
})
