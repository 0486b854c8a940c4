import {Readable} from 'node:stream'
import type {Context} from './ports/context.ts'
import {logs} from './logs.ts'
import type {LogLine} from './ports/logs.ts'
import {results, type Results} from './results/results.ts'
import {generateSample} from './sample/index.ts'
import {setup, type SetupResult} from './setup/setup.ts'
import {planUpload} from './upload/plan.ts'
import {upload} from './upload/upload.ts'
import {waitForResults} from './files/wait.ts'

/** The object that the demo uploads, and the column to predict. */
export const DEMO = {object: 'financial_statements.csv', labelColumn: 'bankrupt'} as const

/** The stages of the demo, in order. */
export type DemoStage = 'setup' | 'upload' | 'wait'

export interface DemoRequest {
  /** Runs a stage's work and shows its progress. */
  readonly stage: <R>(stage: DemoStage, work: (step: (text: string) => void) => Promise<R>) => Promise<R>
}

export interface Demo {
  readonly setup: SetupResult
  readonly results: Results
  /** The worker's log lines about this generation of the file. */
  readonly lines: readonly LogLine[]
  /** 0, or what `upload --wait` would end with. */
  readonly exitCode: number
}

/** Takes one file through the whole pipeline: sets up the pipeline, uploads the sample, waits for its result, reads its logs. */
export async function demo({stage}: DemoRequest, context: Context): Promise<Demo> {
  const made = await stage('setup', (step) => setup({workerFolder: undefined}, {...context, step}))
  const planned = await planUpload({
    sources: ['-'],
    name: DEMO.object,
    cwd: context.stateFolder,
    stdin: Readable.from(generateSample()),
  })
  const sent = await stage('upload', (step) =>
    upload(planned, {labelColumn: DEMO.labelColumn}, {...context, step}),
  )
  const [refused] = sent.failed
  if (refused) throw refused.error
  const ended = await stage('wait', (step) =>
    waitForResults(
      sent.uploaded,
      {timeoutMs: undefined, changed: ({object, state}) => step(`${object}: ${state}`)},
      {...context, step},
    ),
  )
  const generation = sent.uploaded[0]?.generation
  const lines: LogLine[] = []
  for await (const line of logs({object: DEMO.object, tail: false}, context)) {
    if (line.generation === generation) lines.push(line)
  }
  return {
    setup: made,
    results: await results({object: DEMO.object}, context),
    lines,
    exitCode: ended.exitCode,
  }
}
