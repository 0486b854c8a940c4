import {cp, mkdir, writeFile} from 'node:fs/promises'
import {dirname, join} from 'node:path'
import {text} from 'node:stream/consumers'
import {expect, test} from 'vitest'
import {deploy} from '../../../src/core/deploy/deploy.ts'
import {waitForResults} from '../../../src/core/files/wait.ts'
import {logs} from '../../../src/core/logs.ts'
import type {Context} from '../../../src/core/ports/context.ts'
import {planRedrive, redrive} from '../../../src/core/redrive.ts'
import {rollback} from '../../../src/core/rollback.ts'
import {setup} from '../../../src/core/setup/setup.ts'
import {planUpload} from '../../../src/core/upload/plan.ts'
import {upload} from '../../../src/core/upload/upload.ts'
import {startLocalPipeline} from '../../support/local-pipeline.ts'
import {writeWheel} from '../../support/python-wheel.ts'
import {missing} from '../../support/tool.ts'

const TEMPLATE = join(import.meta.dirname, '../../../worker/templates/python')
const NO_PYTHON = missing('python3')
const SHOUT = 'def shout(text):\n    return text.upper()\n'

/** A worker with a dependency; `work` is the body of `process`. */
const worker = (work: string): string => `from runtime import serve
from shout import shout

def process(input, output, context):
    with input.open() as file:
        text = file.read().decode()
${work.replaceAll(/^/gm, '        ')}

if __name__ == "__main__":
    serve(process, name="shouting")
`
const BROKEN = 'raise RuntimeError("not yet")'
const FIXED = 'print({"text": text})\noutput.write(shout(text))'

/** The Python template with a dependency from its requirements.txt, on a machine without a docker engine. */
async function start(broken: string) {
  const pipeline = await startLocalPipeline({minimumBackoff: '0s', maximumBackoff: '0s'})
  const engine = {...pipeline.engine, answers: () => Promise.resolve(false)}
  const context = {...pipeline, engine}
  const folder = join(context.folder, 'worker')
  await cp(TEMPLATE, folder, {recursive: true})
  await writeFile(join(folder, 'requirements.txt'), `./${writeWheel(folder, SHOUT)}\n`)
  await writeFile(join(folder, 'main.py'), worker(broken))
  return {context, folder, save: (work: string) => writeFile(join(folder, 'main.py'), worker(work))}
}

async function send(name: string, content: string, context: Context & {readonly folder: string}) {
  const path = join(context.folder, name)
  await mkdir(dirname(path), {recursive: true})
  await writeFile(path, content)
  const {uploaded} = await upload(await planUpload({sources: [path], cwd: context.folder}), {}, context)
  return waitForResults(uploaded, {timeoutMs: 60_000}, context)
}

test.skipIf(NO_PYTHON !== undefined)(
  `a Python worker with a dependency fails, is fixed and redriven, and rolled back, without docker${NO_PYTHON ?? ''}`,
  {timeout: 120_000},
  async () => {
    const {context, folder, save} = await start(BROKEN)
    await setup({workerFolder: folder}, context)
    expect(context.steps.filter((step) => /Install requirements|shout/.test(step))).toEqual([
      'Install requirements.txt',
      expect.stringMatching(/shout/),
      expect.stringMatching(/shout/),
      'Successfully installed shout-1.0',
    ])
    expect(await send('a.txt', 'hello', context)).toMatchObject({files: [{object: 'a.txt', state: 'dead'}]})

    await save(FIXED)
    context.steps.length = 0
    const second = await deploy({workerFolder: folder}, context)
    expect(second.unchanged).toBe(false)
    expect(context.steps.join('\n')).not.toContain('Install')
    const {redriven} = await redrive(await planRedrive([], context), context)
    expect(await waitForResults(redriven, {timeoutMs: 30_000}, context)).toMatchObject({
      files: [{object: 'a.txt', state: 'done'}],
    })
    const lines = []
    for await (const line of logs({object: 'a.txt', tail: false}, context)) lines.push(line.message)
    expect(lines).toContain("{'text': 'hello'}")
    expect(await deploy({workerFolder: folder}, context)).toMatchObject({unchanged: true})

    // A revision has the files of its deploy, whatever the folder has now.
    await save('output.write("third")')
    await deploy({workerFolder: folder}, context)
    await rollback({revision: second.service.latestReadyRevision}, context)
    await send('b.txt', 'again', context)
    const {cloud, pipeline, signal} = context
    const {generation = ''} = (await cloud.objects.stat(pipeline.names.outputBucket, 'b.txt')) ?? {}
    const result = await cloud.objects.read(pipeline.names.outputBucket, 'b.txt', {generation, signal})
    expect(await text(result)).toBe('AGAIN')
  },
)

test.skipIf(NO_PYTHON !== undefined)(
  `what is wrong with a worker's declaration, its command or its requirements is said${NO_PYTHON ?? ''}`,
  {timeout: 60_000},
  async () => {
    const {context, folder} = await start(FIXED)
    await setup({workerFolder: folder}, context)
    const declare = (json: string) => writeFile(join(folder, 'cloud-runner.worker.json'), json)
    const failure = () => deploy({workerFolder: folder}, context)
    await writeFile(join(folder, 'requirements.txt'), './no-such-package\n')
    await expect(failure()).rejects.toMatchObject({
      code: 'worker-build-failed',
      message: expect.stringMatching(
        /requirements of .*worker cannot be installed:\n(?:.*\n)*.*no-such-package/,
      ),
    })
    await declare('{"command": ["python3", "main.py"], "imege": "Dockerfile"}')
    await expect(failure()).rejects.toThrow('has the unknown field "imege"; did you mean "image"?')
    await declare('{"command": "python3 main.py"}')
    await expect(failure()).rejects.toThrow('must be a list of words')
    await declare('{command}')
    await expect(failure()).rejects.toThrow('is not valid JSON')
    await writeFile(join(folder, 'requirements.txt'), '')
    await declare('{"command": ["no-such-program"]}')
    await expect(failure()).rejects.toMatchObject({
      code: 'program-missing',
      message: expect.stringMatching(/"no-such-program" .* is not on this machine/),
    })
    await writeFile(join(folder, 'main.py'), 'raise SystemExit("broken")\n')
    await declare('{"command": ["python3", "main.py"]}')
    await expect(failure()).rejects.toMatchObject({
      code: 'deploy-failed',
      message: expect.stringMatching(/broken/),
    })
  },
)
