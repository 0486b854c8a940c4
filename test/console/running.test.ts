import {readFile, readdir, stat, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {runningConsole, writeOpener} from '../../src/console/running.ts'
import {startServer} from '../support/answering-server.ts'
import {startConsole} from '../support/console.ts'
import {startLocalPipeline} from '../support/local-pipeline.ts'

/** A pipeline whose state folder does not exist yet, as in a fresh checkout. */
async function startInCheckout() {
  const context = await startLocalPipeline()
  return {...context, stateFolder: join(context.folder, 'checkout', '.cloud-runner')}
}

const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8)

test('a console in a fresh checkout keeps its token from other users and from git', async () => {
  const context = await startInCheckout()
  const {stateFolder} = context
  await using console = await startConsole(context)
  expect(await runningConsole(context)).toBe(console.address)
  await writeOpener(console.address, '/', context)
  const names = (await readdir(stateFolder)).toSorted()
  expect(names).toEqual([
    '.gitignore',
    'console-local-cloud-runner-local-cloud-runner.html',
    'console-local-cloud-runner-local-cloud-runner.json',
  ])
  expect(await readFile(join(stateFolder, '.gitignore'), 'utf8')).toBe('*\n')
  expect(await modeOf(stateFolder)).toBe('700')
  for (const name of names.slice(1)) expect(await modeOf(join(stateFolder, name))).toBe('600')
  await console[Symbol.asyncDispose]()
  expect(await readdir(stateFolder)).toEqual(['.gitignore'])
})

test('the address that a killed console left is not used, whatever serves its port now', async () => {
  const context = await startInCheckout()
  const file = join(context.stateFolder, 'console-local-cloud-runner-local-cloud-runner.json')
  const first = await startConsole(context)
  const left = await readFile(file, 'utf8')
  await first[Symbol.asyncDispose]()
  const leave = () => writeFile(file, left)

  await leave()
  expect(await runningConsole(context)).toBeUndefined()

  const second = await startConsole(context, Number(new URL(first.origin).port))
  expect(await runningConsole(context)).toBe(second.address)
  await leave()
  expect(await runningConsole(context)).toBeUndefined()
  await second[Symbol.asyncDispose]()

  const other = await startServer((_request, response) => {
    response.setHeader('content-type', 'application/json')
    response.end('{"status": "ok"}')
  })
  await writeFile(file, left.replace(first.origin, other))
  expect(await runningConsole(context)).toBeUndefined()
})
