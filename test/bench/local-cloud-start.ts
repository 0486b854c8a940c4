import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {startLocalCloudProcess} from '../support/local-cloud-process.ts'
import {multiplyObjects} from '../support/many-objects.ts'
import {compare, timeProcess} from './measure.ts'
import {LOCAL_CLOUD} from './servers.ts'

const ROUNDS = 7
const OBJECTS = 100_000

/** Until the local cloud says that it is ready, on a new folder and on one with many objects. */
export async function benchLocalCloudStart(): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'cloud-runner-bench-'))
  const many = join(root, 'many')
  const timeStart = async (folder: string): Promise<number> => {
    const begin = performance.now()
    const cloud = await startLocalCloudProcess(folder, LOCAL_CLOUD)
    const duration = performance.now() - begin
    await cloud[Symbol.asyncDispose]()
    return duration
  }
  try {
    await fill(many)
    let count = 0
    await compare('The local cloud until it is ready', ROUNDS, {
      [`with ${OBJECTS} objects`]: () => timeStart(many),
      'on a new folder': () => timeStart(join(root, String(++count))),
      'node -e 0': () => timeProcess(['-e', '0']),
    })
  } finally {
    await rm(root, {recursive: true, force: true})
  }
}

async function fill(folder: string): Promise<void> {
  {
    await using cloud = await startLocalCloudProcess(folder, LOCAL_CLOUD)
    for (const [path, body] of [
      ['/storage/v1/b?project=p', '{"name":"many"}'],
      ['/upload/storage/v1/b/many/o?uploadType=media&name=n-', 'x'],
    ] as const)
      await fetch(`${cloud.endpoint}${path}`, {method: 'POST', body})
  }
  multiplyObjects(join(folder, 'state.db'), OBJECTS)
}
