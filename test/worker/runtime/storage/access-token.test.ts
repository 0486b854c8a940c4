import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {describe, expect, it, onTestFinished, vi} from 'vitest'
import {openStorage} from '../../../../worker/runtime/storage/index.ts'
import {startServer} from '../../../support/answering-server.ts'
import {temporaryFolder} from '../../../support/temporary-folder.ts'

describe('the access token', () => {
  it('comes from the metadata server on Cloud Run, once for many requests', async () => {
    const asked: string[] = []
    const origin = await startServer((request, response) => {
      asked.push(`${request.url} ${String(request.headers['metadata-flavor'])}`)
      response.end(JSON.stringify({access_token: 'secret', expires_in: 3600}))
    })
    const {accessToken} = openStorage({K_SERVICE: 'worker', GCE_METADATA_HOST: new URL(origin).host})
    expect([await accessToken?.(), await accessToken?.()]).toEqual(['secret', 'secret'])
    expect(asked).toEqual(['/computeMetadata/v1/instance/service-accounts/default/token Google'])
  })

  it('is requested once for concurrent callers, and stays in use while valid if renewal fails', async () => {
    const state = {asked: 0, isDown: false}
    const origin = await startServer((_, response) => {
      state.asked += 1
      if (state.isDown) response.writeHead(404).end()
      else response.end(JSON.stringify({access_token: `token ${state.asked}`, expires_in: 3600}))
    })
    vi.useFakeTimers({toFake: ['Date'], now: 0})
    onTestFinished(() => void vi.useRealTimers())
    const {accessToken} = openStorage(
      {K_SERVICE: 'worker', GCE_METADATA_HOST: new URL(origin).host},
      {wait: async () => undefined},
    )
    const many = () => Promise.all(Array.from({length: 20}, async () => accessToken?.()))
    expect(new Set(await many())).toEqual(new Set(['token 1']))
    vi.setSystemTime(57 * 60_000)
    expect(new Set(await many())).toEqual(new Set(['token 2']))
    expect(state.asked).toBe(2)

    state.isDown = true
    vi.setSystemTime(116 * 60_000)
    expect(new Set(await many())).toEqual(new Set(['token 2']))
    vi.setSystemTime(117 * 60_000)
    await expect(accessToken?.()).rejects.toThrow('HTTP 404')
  })

  it('is exchanged once if a credentials file is named', async () => {
    let exchanges = 0
    const answer = {access_token: 'secret', expires_in: 3600, token_type: 'Bearer', issued_token_type: 'urn'}
    const origin = await startServer((request, response) => {
      exchanges += 1
      request.resume()
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(answer))
    })
    const folder = await temporaryFolder()
    const file = join(folder, 'credentials.json')
    const subject = join(folder, 'subject')
    await writeFile(subject, 'who it is')
    const credentials = {
      type: 'external_account',
      audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/p',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      token_url: origin,
      credential_source: {file: subject},
    }
    await writeFile(file, JSON.stringify(credentials))
    vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', file)
    // Else the library asks Google for it.
    vi.stubEnv('GOOGLE_CLOUD_PROJECT', 'p-test')
    onTestFinished(() => void vi.unstubAllEnvs())
    const {accessToken} = openStorage({GOOGLE_APPLICATION_CREDENTIALS: file})
    expect([await accessToken?.(), await accessToken?.()]).toEqual(['secret', 'secret'])
    expect(exchanges).toBe(1)
  })

  it('does not exist for an emulator', () => {
    expect(openStorage({STORAGE_EMULATOR_HOST: 'localhost:1'}).accessToken).toBeUndefined()
  })
})
