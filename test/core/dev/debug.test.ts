import {cp, writeFile} from 'node:fs/promises'
import {execFileSync} from 'node:child_process'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {planUpload} from '../../../src/core/upload/plan.ts'
import {upload} from '../../../src/core/upload/upload.ts'
import {attachInspector} from '../../support/inspector-session.ts'
import {attachAdapter} from '../../support/debug-adapter.ts'
import {startDev, type RunningDev} from '../../support/running-dev.ts'
import {missing} from '../../support/tool.ts'
import {startLocalPipeline} from '../../support/local-pipeline.ts'
import {workerFolder} from '../../support/worker-folder.ts'

const STOPPING = `export default {
  name: 'stopping',
  async process(input, output) {
    debugger
    console.log({file: input.object, lines: [1, 2, 3].map((line) => ({line, text: 'x'.repeat(40)}))})
    await output.write('done')
  },
}
`

/** Waits until `a.txt` is done, at its first attempt. @returns its log line that begins so */
async function loggedOnce({seen}: RunningDev, beginning: string): Promise<string> {
  const done = await seen((event) =>
    event.event === 'file' && event.file.object === 'a.txt' && event.file.state === 'done'
      ? event.file
      : undefined,
  )
  expect(done.attempts).toBe(1)
  const logged = await seen((event) =>
    event.event === 'log' && event.line.message.startsWith(beginning) ? event.line : undefined,
  )
  expect(logged.object).toBe('a.txt')
  return logged.message
}

test('a breakpoint holds a file past its deadline, and the file is done at its first attempt', async () => {
  const context = await startLocalPipeline({requestTimeout: '2s', minimumBackoff: '600s'})
  const workerAt = await workerFolder('processor.js', STOPPING)
  const dev = startDev({workerFolder: workerAt, debug: 'inspect'}, context)
  const address = await dev.seen((event) =>
    event.event === 'log' ? /Debugger listening on (ws:\S+)/.exec(event.line.message)?.[1] : undefined,
  )
  using session = await attachInspector(address)
  const paused = session.next('Debugger.paused')
  await session.send('Debugger.enable')
  const path = join(context.folder, 'a.txt')
  await writeFile(path, 'a')
  await upload(await planUpload({sources: [path], cwd: context.folder}), {}, context)
  const {callFrames}: {callFrames?: [{callFrameId: string}]} = await paused
  const {result} = await session.send('Debugger.evaluateOnCallFrame', {
    callFrameId: callFrames?.[0].callFrameId,
    expression: 'for (const end = performance.now() + 3000; performance.now() < end;); input.object',
  })
  expect(result).toMatchObject({value: 'a.txt'})
  await session.send('Debugger.resume')

  const message = await loggedOnce(dev, '{ file:')
  expect(message).toMatch(/^\{ file: 'a\.txt', lines: \[.*\] \}$/)
})

const PYTHON = `from runtime import serve

def process(input, output, context):
    name = input.object
    print({"file": name, "lines": [{"line": line, "text": "x" * 40} for line in range(3)]})
    output.write(name)

if __name__ == "__main__":
    serve(process, name="stopping")
`

/** Why debugpy cannot be tried here. */
function noDebugpy(): string | undefined {
  const absent = missing('python3')
  if (absent !== undefined) return absent
  try {
    const args = ['-m', 'pip', 'install', '--dry-run', '--ignore-installed', '--quiet', 'debugpy']
    execFileSync('python3', args, {stdio: 'ignore', timeout: 20_000})
    return undefined
  } catch {
    return ' (skipped: debugpy cannot be installed)'
  }
}

const NO_DEBUGPY = noDebugpy()

test.skipIf(NO_DEBUGPY !== undefined)(
  `a breakpoint of Python holds a file, and what it prints carries the file's name${NO_DEBUGPY ?? ''}`,
  {timeout: 120_000},
  async () => {
    const context = await startLocalPipeline({requestTimeout: '2s', minimumBackoff: '600s'})
    const worker = join(context.folder, 'worker')
    await cp(join(import.meta.dirname, '../../../worker/templates/python'), worker, {recursive: true})
    await writeFile(join(worker, 'main.py'), PYTHON)
    const dev = startDev({workerFolder: worker, debug: 'debugpy'}, context)
    const address = await dev.seen((event) =>
      event.event === 'log' ? /debugpy listens on (\S+)/.exec(event.line.message)?.[1] : undefined,
    )
    await dev.seen((event) =>
      event.event === 'log' && event.line.message.includes('is listening on port') ? true : undefined,
    )
    using session = await attachAdapter(address)
    await session.send('initialize', {adapterID: 'test', pathFormat: 'path'})
    const initialized = session.next('initialized')
    const attached = session.send('attach', {justMyCode: false})
    await initialized
    const line = PYTHON.split('\n').findIndex((text) => text.includes('output.write')) + 1
    const {breakpoints} = await session.send('setBreakpoints', {
      source: {path: join(worker, 'main.py')},
      breakpoints: [{line}],
    })
    expect(breakpoints).toMatchObject([{verified: true, line}])
    const stopped = session.next('stopped')
    await session.send('configurationDone')
    await attached

    const path = join(context.folder, 'a.txt')
    await writeFile(path, 'a')
    await upload(await planUpload({sources: [path], cwd: context.folder}), {}, context)
    const {reason, threadId} = await stopped
    expect(reason).toBe('breakpoint')
    const {stackFrames}: {stackFrames?: {id: number}[]} = await session.send('stackTrace', {threadId})
    const evaluated = await session.send('evaluate', {
      expression: '(__import__("time").sleep(3), name)[1]',
      frameId: stackFrames?.[0]?.id,
      context: 'repl',
    })
    expect(evaluated).toMatchObject({result: "'a.txt'"})
    await session.send('continue', {threadId})

    const message = await loggedOnce(dev, "{'file'")
    expect(message).toMatch(/^\{'file': 'a\.txt', 'lines': \[.*\]\}$/)
  },
)
