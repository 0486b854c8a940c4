import {attemptsOf} from '../core/files/attempts.ts'
import {readNamedFiles} from '../core/files/read-files.ts'
import type {FileStatus} from '../core/files/files.ts'
import {readRuns} from '../core/history/runs.ts'
import type {Context} from '../core/ports/context.ts'
import type {LogLine} from '../core/ports/logs.ts'
import {results, type Results} from '../core/results/results.ts'
import type {Render} from '../core/suggestion.ts'
import type {FileStory} from './api.ts'
import {commandsAbout} from './commands.ts'
import {rendered} from './rendered.ts'

/** Lines of one file that a page shows, the newest. */
const MOST_LINES = 1000
/** A clock of another machine may be this much behind. */
const CLOCK_SKEW_MS = 60_000

/**
 * Everything about one file, read afresh.
 * @param pathTo a path of this file that a browser may load without a token: its report, or its export
 * @throws AppError `object-unknown`, `not-set-up`
 */
export async function tellStory(
  object: string,
  {
    context,
    render,
    pathTo,
  }: {
    readonly context: Context
    readonly render: Render
    readonly pathTo: (what: 'report' | 'export') => string
  },
): Promise<FileStory> {
  const [file] = await readNamedFiles([object], context)
  if (file === undefined) throw new TypeError('readNamedFiles answers for each name')
  const [lines, outcome, runs] = await Promise.all([
    linesAbout(file, context),
    outcomeOf(file, context),
    readRuns(object, context),
  ])
  const {preview, report} = outcome ?? {}
  return {
    file: rendered(outcome?.file ?? file, render),
    attempts: attemptsOf(lines, file),
    runs: rendered(runs, render),
    lines,
    ...(preview === undefined ? {} : {preview}),
    ...(report === undefined ? {} : {model: modelOf(report), reportPath: pathTo('report')}),
    exportPath: pathTo('export'),
    commands: commandsAbout(object, render),
  }
}

/** The newest lines about this generation; lines without one count if they are from after the upload. */
async function linesAbout(
  {object, generation, uploadedAt}: FileStatus,
  context: Context,
): Promise<LogLine[]> {
  const {cloud, pipeline, signal} = context
  const {service, job} = pipeline.names
  const since = new Date(Date.parse(uploadedAt) - CLOCK_SKEW_MS).toISOString()
  const newestFirst: LogLine[] = []
  const query = {service, job, objects: [object], since}
  const isOwn = (line: LogLine) =>
    line.generation === undefined
      ? Date.parse(line.time) >= Date.parse(uploadedAt)
      : line.generation === generation
  for await (const line of cloud.logs.list(query, {limit: MOST_LINES, signal}))
    if (isOwn(line)) newestFirst.push(line)
  return newestFirst.toReversed()
}

async function outcomeOf({object, state}: FileStatus, context: Context): Promise<Results | undefined> {
  return state === 'done' ? results({object}, context) : undefined
}

function modelOf({
  metrics,
  label,
  rows,
  warnings,
}: NonNullable<Results['report']>): NonNullable<FileStory['model']> {
  const {auc, accuracy, logLoss} = metrics
  return {auc, accuracy, logLoss, labelColumn: label.column, rows: rows.total, warnings}
}
