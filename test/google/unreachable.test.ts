import {subscribe, unsubscribe} from 'node:diagnostics_channel'
import {createServer} from 'node:net'
import {once} from 'node:events'
import {expect, onTestFinished, test} from 'vitest'
import {readConfig} from '../../src/core/config.ts'
import {pipelineOf} from '../../src/core/settings/pipeline.ts'
import {createGoogleCloud} from '../../src/google/cloud.ts'
import {temporaryFolder} from '../support/temporary-folder.ts'
import {AppError} from '../../src/core/errors.ts'
import {render} from '../../src/core/suggestion.ts'

test(
  'a local cloud that is not there is named as such by every port, and soon',
  {timeout: 60_000},
  async () => {
    const probe = createServer().listen(0, '127.0.0.1')
    await once(probe, 'listening')
    const address = probe.address()
    if (address === null || typeof address === 'string') throw new Error('a TCP server has a port')
    probe.close()
    await once(probe, 'close')

    const {settings} = await readConfig({cwd: await temporaryFolder(), environment: {}, flags: {}, cores: 1})
    const cloud = createGoogleCloud({
      projectId: settings.project,
      region: settings.region,
      endpoint: `http://127.0.0.1:${address.port}`,
    })
    onTestFinished(() => cloud.close())
    const signal = new AbortController().signal
    let connections = 0
    const count = () => (connections += 1)
    subscribe('net.client.socket', count)
    onTestFinished(() => void unsubscribe('net.client.socket', count))
    const asked = await Promise.allSettled([
      cloud.objects.stat('bucket', 'object'),
      Array.fromAsync(cloud.objects.list('bucket')),
      cloud.services.get('service'),
      cloud.messages.peek('subscription', {limit: 1, signal}),
      Array.fromAsync(cloud.logs.list({service: 'service'}, {limit: 1, signal})),
      cloud.infrastructure.plan(pipelineOf(settings), {image: undefined, signal}),
    ])
    for (const answer of asked) {
      const reason: unknown = answer.status === 'rejected' ? answer.reason : answer.value
      if (!(reason instanceof AppError)) throw reason
      expect(reason.code).toBe('unreachable')
      expect(reason.suggestions.map(render).join('\n')).toContain('cloud-runner local start')
    }
    // Backoffs double: more attempts than these would take minutes.
    expect(connections).toBeLessThanOrEqual(6 * asked.length)
  },
)
