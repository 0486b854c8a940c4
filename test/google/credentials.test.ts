import {mkdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {afterEach, expect, test, vi} from 'vitest'
import {createGoogleCloud} from '../../src/google/cloud.ts'
import {temporaryFolder} from '../support/temporary-folder.ts'

afterEach(() => {
  vi.unstubAllEnvs()
})

test('Google without credentials: every client says so, and closing is quiet', async () => {
  vi.stubEnv('HOME', await temporaryFolder())
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', undefined)
  const {signal} = new AbortController()
  const cloud = createGoogleCloud({projectId: 'my-project-123', region: 'europe-west3'})
  const calls = [
    () => cloud.services.get('cloud-runner'),
    () => cloud.jobs.image('cloud-runner-job'),
    () => cloud.messages.peek('cloud-runner-dead-letter', {limit: 1, signal}),
    () => cloud.objects.stat('bucket', 'object'),
    () => Array.fromAsync(cloud.logs.list({service: 'cloud-runner'}, {limit: 1, signal})),
    () => cloud.project.principal(),
    () => cloud.registry.authorization(),
  ]
  for (const call of calls) {
    await expect(call()).rejects.toMatchObject({
      code: 'unauthenticated',
      suggestions: ['Sign in: gcloud auth application-default login'],
    })
  }
  await cloud.close()
})

test.each([
  [undefined, 'does not exist'],
  ['folder', 'is not a file'],
  ['nonsense', 'is not JSON'],
  ['{"type": "service_account"}', 'does not contain credentials'],
])(
  'GOOGLE_APPLICATION_CREDENTIALS that names a file of %j: it %s, and what to do',
  async (content, reason) => {
    const file = join(await temporaryFolder(), 'key.json')
    if (content === 'folder') await mkdir(file)
    else if (content !== undefined) await writeFile(file, content)
    vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', file)
    const cloud = createGoogleCloud({projectId: 'my-project-123', region: 'europe-west3'})
    const failed = {
      code: 'unauthenticated',
      message: `GOOGLE_APPLICATION_CREDENTIALS names ${file}, which ${reason}.`,
      suggestions: [
        'Name a file with credentials: export GOOGLE_APPLICATION_CREDENTIALS=FILE',
        expect.stringContaining('unset GOOGLE_APPLICATION_CREDENTIALS && gcloud auth'),
      ],
    }
    await expect(cloud.project.principal()).rejects.toMatchObject(failed)
    await expect(cloud.services.get('cloud-runner')).rejects.toMatchObject(failed)
    await cloud.close()
  },
)

test('stored credentials of gcloud that are damaged: sign in again', async () => {
  const home = await temporaryFolder()
  await mkdir(join(home, '.config', 'gcloud'), {recursive: true})
  await writeFile(join(home, '.config', 'gcloud', 'application_default_credentials.json'), '{')
  vi.stubEnv('HOME', home)
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', undefined)
  const cloud = createGoogleCloud({projectId: 'my-project-123', region: 'europe-west3'})
  await expect(cloud.project.principal()).rejects.toMatchObject({
    code: 'unauthenticated',
    message: expect.stringMatching(/^The credentials that gcloud stored cannot be used: .*JSON/),
    suggestions: ['Sign in again: gcloud auth application-default login'],
  })
})
