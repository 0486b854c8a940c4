import {execFileSync} from 'node:child_process'
import {join} from 'node:path'
import {expect, it} from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
/** What Node has loaded of itself once a module is there. */
const loadedBy = (module: string): string[] =>
  execFileSync(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `await import(${JSON.stringify(join(ROOT, module))}); console.log(process.moduleLoadList.join('\\n'))`,
    ],
    {encoding: 'utf8'},
  ).split('\n')

it.each(['src/local-cloud/index.ts', 'worker/runtime/index.ts'])(
  '%s serves HTTP without the client of WebSockets, which costs 13 MB',
  (module) => {
    const loaded = loadedBy(module)
    expect(loaded.filter((name) => name.includes('_http_server'))).not.toEqual([])
    expect(loaded.filter((name) => name.includes('undici'))).toEqual([])
  },
)

it('a start loads no gRPC, protos, TLS or archives, which take longer than the rest of it', () => {
  const loaded = execFileSync(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `import {createRequire} from 'node:module'
       const {LocalCloud} = await import(${JSON.stringify(join(ROOT, 'dist/src/local-cloud/index.js'))})
       await using cloud = await LocalCloud.start()
       console.log([...process.moduleLoadList, ...Object.keys(createRequire(import.meta.url).cache)].join('\\n'))`,
    ],
    {encoding: 'utf8'},
  ).split('\n')
  expect(loaded.filter((name) => /crc32/.test(name))).not.toEqual([])
  expect(
    loaded.filter((name) =>
      /http2|grpc|protobuf|NativeModule (?:https|tls|zlib|readline)$|tar-stream/.test(name),
    ),
  ).toEqual([])
})
