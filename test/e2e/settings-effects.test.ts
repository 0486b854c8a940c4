import {mkdir} from 'node:fs/promises'
import {join} from 'node:path'
import {Storage} from '@google-cloud/storage'
import {expect, test} from 'vitest'
import {Cli} from '../support/cli.ts'

const PROJECT = 'cloud-runner-local'
const ACCOUNT = `shared@${PROJECT}.iam.gserviceaccount.com`
const INPUT = `${PROJECT}-cloud-runner-input`
const OUTPUT = `${PROJECT}-cloud-runner-output`

/** Writes whom the metadata server says it runs as, and its input; ends the instance for a file named `crash`. */
const WORKER = `export const processor = {
  name: 'identity',
  async process(input, output) {
    if (input.object.includes('crash')) process.exit(1)
    const url = 'http://' + process.env.GCE_METADATA_HOST + '/computeMetadata/v1/instance/service-accounts/default/email'
    const account = await (await fetch(url, {headers: {'metadata-flavor': 'Google'}})).text()
    let content = ''
    for await (const chunk of await input.open()) content += chunk
    await output.write(account + ' ' + content)
  },
}
`

// What other settings do is proved in settings.test.ts, rehearsal.test.ts and test/core: this is the rest of them.
const SETTINGS = {
  worker: './worker',
  storageClass: 'NEARLINE',
  retentionDays: 2,
  noncurrentDays: 5,
  softDeleteDays: 10,
  inputLifecycleDays: 5,
  serviceAccount: ACCOUNT,
  maxDeliveryAttempts: 6,
  minimumBackoff: '0s',
  maximumBackoff: '0s',
  location: 'EU',
  ingress: 'all',
  cpuAlwaysAllocated: true,
  startupCpuBoost: false,
  binaryAuthorization: true,
  budget: 50,
}

test(
  'each setting is proved by what happens to files, results and their worker, or the plan says that it has no effect',
  {timeout: 180_000},
  async () => {
    await using cli = await Cli.create()
    await mkdir(join(cli.folder, 'worker'))
    await cli.write('worker/processor.js', WORKER)
    await cli.write('cloud-runner.json', JSON.stringify(SETTINGS))
    const endpoint = String((await cli.json(['local', 'start']))['endpoint'])
    await fetch(`${endpoint}/v1/projects/${PROJECT}/serviceAccounts`, {
      method: 'POST',
      body: JSON.stringify({accountId: 'shared'}),
    })
    const storage = new Storage({apiEndpoint: endpoint, projectId: PROJECT})
    const result = storage.bucket(OUTPUT).file('a.txt')
    const upload = async (content: string) => {
      await cli.write('a.txt', content)
      await cli.text(['upload', 'a.txt', '--wait'])
    }

    await cli.json(['setup'])
    const plan = await cli.text(['plan', '--detailed-exitcode'])
    expect(plan).toContain(
      'without effect on the local target: location, budget, ingress, binaryAuthorization, cpuAlwaysAllocated, startupCpuBoost.',
    )

    // serviceAccount, storageClass
    await upload('one')
    expect(String((await result.download())[0])).toBe(`${ACCOUNT} one`)
    const [{storageClass}] = await storage.bucket(INPUT).file('a.txt').getMetadata()
    const [written] = await result.getMetadata()
    expect([storageClass, written.storageClass]).toEqual(['NEARLINE', 'NEARLINE'])

    // versioning, by default: the replaced result is still there. retentionDays: it cannot be deleted.
    await upload('two')
    const replaced = storage.bucket(OUTPUT).file('a.txt', {generation: Number(written.generation)})
    expect(String((await replaced.download())[0])).toBe(`${ACCOUNT} one`)
    await expect(replaced.delete()).rejects.toMatchObject({code: 403})

    // maxDeliveryAttempts
    await cli.write('crash.txt', 'x')
    expect((await cli.run(['upload', 'crash.txt', '--wait', '--timeout', '60s'])).exitCode).toBe(3)
    expect((await cli.json(['status', 'crash.txt']))['files']).toMatchObject([{state: 'dead', attempts: 6}])

    // inputLifecycleDays, and noncurrentDays once the retention is over
    expect(await storage.bucket(INPUT).file('a.txt').exists()).toEqual([true])
    await cli.text(['local', 'time', 'advance', '6d'])
    await expect.poll(() => storage.bucket(INPUT).file('a.txt').exists()).toEqual([false])
    expect(String((await result.download())[0])).toBe(`${ACCOUNT} two`)

    await expect.poll(() => replaced.exists()).toEqual([false])

    // softDeleteDays
    await storage
      .bucket(OUTPUT)
      .file('a.txt')
      .restore({generation: Number(written.generation)})
    expect(String((await result.download())[0])).toBe(`${ACCOUNT} one`)
    const [restored] = await result.getMetadata()
    await cli.text(['local', 'time', 'advance', '3d'])
    const again = storage.bucket(OUTPUT).file('a.txt', {generation: Number(restored.generation)})
    await again.delete()
    await cli.text(['local', 'time', 'advance', '11d'])
    await expect(again.restore({generation: Number(restored.generation)})).rejects.toMatchObject({code: 404})
  },
)
