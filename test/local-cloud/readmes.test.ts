import {existsSync, readdirSync, readFileSync} from 'node:fs'
import {createRequire} from 'node:module'
import {join} from 'node:path'
import {Client, credentials, type ServiceError, status} from '@grpc/grpc-js'
import {expect, it} from 'vitest'
import {LocalCloud} from '../../src/local-cloud/index.ts'
import {PROTO_FILES} from '../../src/local-cloud/wire/protos.ts'
import {describeService} from '../../src/local-cloud/wire/rpc.ts'
import {packageOf, readPackages} from '../support/imports.ts'
import {temporaryFolder} from '../support/temporary-folder.ts'

const FOLDER = join(import.meta.dirname, '../../src/local-cloud')
const require = createRequire(import.meta.url)

/** Cells of the tables of a service's README. */
function rowsOf(service: string): string[][] {
  return readFileSync(join(FOLDER, service, 'README.md'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
}

async function startCloud(): Promise<LocalCloud> {
  return LocalCloud.start({stateFolder: await temporaryFolder()})
}

const MONITORING = ['AlertPolicyService', 'NotificationChannelService'].map(
  (name) => `google.monitoring.v3.${name}`,
)

/** The methods of an API that Google's package describes, by service. */
function methodsOf(file: string, api: string): Map<string, string[]> {
  if (file === 'google-gax')
    return new Map(MONITORING.map((name) => [name, describeService(name).map((method) => method.name)]))
  let found: unknown = JSON.parse(readFileSync(require.resolve(file), 'utf8'))
  for (const part of api.split('.')) found = field(field(found, 'nested'), part)
  const members = field(found, 'nested')
  if (typeof members !== 'object' || members === null) throw new Error(`${file} has no ${api}.`)
  return new Map(
    Object.entries(members).flatMap(([name, member]): [string, string[]][] => {
      const methods = field(member, 'methods')
      return typeof methods === 'object' && methods !== null ? [[`${api}.${name}`, Object.keys(methods)]] : []
    }),
  )
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined
}

it.each([
  ['pubsub', PROTO_FILES[0], 'google.pubsub.v1'],
  ['run', PROTO_FILES[1], 'google.cloud.run.v2'],
  ['logging', PROTO_FILES[2], 'google.logging.v2'],
  ['secret-manager', PROTO_FILES[3], 'google.cloud.secretmanager.v1'],
  ['monitoring', 'google-gax', 'google.monitoring.v3'],
])('README of %s: its table of methods is what the server answers', async (service, file, api) => {
  await using cloud = await startCloud()
  const client = new Client(new URL(cloud.endpoint).host, credentials.createInsecure())
  const served = async (path: string): Promise<boolean> => {
    const call = client.makeBidiStreamRequest(
      path,
      (bytes: Buffer) => bytes,
      (bytes) => bytes,
    )
    call.write(Buffer.alloc(0))
    call.end()
    const code = await new Promise((resolve) => {
      call.on('error', (error: ServiceError) => resolve(error.code))
      call.on('status', ({code: ended}) => resolve(ended))
      call.on('data', () => resolve(status.OK))
    })
    return code !== status.UNIMPLEMENTED
  }
  const documented = new Map(
    rowsOf(service)
      .filter(([name = '']) => name.startsWith(`\`${api}.`))
      .map(([name = '', yes = '', no = '']) => [name.replaceAll('`', ''), {yes: words(yes), no: words(no)}]),
  )
  const answered = new Map<string, {yes: string[]; no: string[]}>()
  for (const [name, methods] of methodsOf(file, api)) {
    const answers = await Promise.all(methods.map((method) => served(`/${name}/${method}`)))
    answered.set(name, {
      yes: methods.filter((_, index) => answers[index]).toSorted(),
      no: methods.filter((_, index) => !answers[index]).toSorted(),
    })
  }
  client.close()
  expect(documented).toEqual(answered)
})

const words = (cell: string): string[] => (cell.match(/\w+/g) ?? []).toSorted()

/** A call in a table: `GET /storage/v1/b/BUCKET`, where capitals stand for any name, and DIGEST for one of an image. */
const CALL = /`(?<method>GET|HEAD|POST|PUT|PATCH|DELETE) (?<path>\/[^` ]*)`/g

it.each(['storage', 'iam', 'artifact-registry', 'projects', 'run', 'operations'])(
  'README of %s: its table of paths is what the server answers',
  async (service) => {
    await using cloud = await startCloud()
    const calls = rowsOf(service).flatMap(([cell = '', said = '']) =>
      [...cell.matchAll(CALL)].map(({groups}) => ({
        call: `${groups?.['method'] ?? ''} ${groups?.['path'] ?? ''}`,
        served: !said.startsWith('not served'),
      })),
    )
    expect(calls.length).toBeGreaterThan(3)
    const answered = await Promise.all(
      calls.map(async ({call}) => {
        const [method = '', path = ''] = call.split(' ')
        const named = path
          .replaceAll('DIGEST', `sha256:${'0'.repeat(64)}`)
          .replaceAll(/\b[A-Z]+\b/g, (name) => `some-${name.toLowerCase()}`)
        const response = await fetch(`${cloud.endpoint}${named}`, {method})
        const refused = /UNIMPLEMENTED|NotImplemented/.test(await response.text())
        return {call, served: !(response.status === 400 && refused)}
      }),
    )
    expect(answered).toEqual(calls)
  },
)

it('the top README links the README of every folder, and names existing files', () => {
  const readme = readFileSync(join(FOLDER, 'README.md'), 'utf8')
  const linked = [...readme.matchAll(/\]\(([^)]+)\)/g)].map(([, path = '']) => path)
  const folders = readdirSync(FOLDER, {withFileTypes: true}).filter((entry) => entry.isDirectory())
  expect(linked.toSorted()).toEqual(folders.map(({name}) => `${name}/README.md`).toSorted())
  const named = [...readme.matchAll(/`([\w-]+\/[\w/-]+\.ts)`/g)].map(([, path = '']) => path)
  const roots = [FOLDER, join(FOLDER, '../..')]
  const missing = [...linked, ...named].filter((path) => !roots.some((root) => existsSync(join(root, path))))
  expect(missing).toEqual([])
})

it('the README at the front door lists the packages that the local cloud needs', () => {
  const listed = rowsOf('.').flatMap(([cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
  )
  const imported = readPackages(join(FOLDER, '../..'), 'src/local-cloud')
  expect(listed.toSorted()).toEqual(
    [...new Set([...imported, ...PROTO_FILES.map(packageOf), 'google-gax'])].toSorted(),
  )
})
