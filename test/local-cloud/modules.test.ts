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
