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
