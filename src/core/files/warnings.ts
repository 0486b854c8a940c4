import {sidecarObject} from '../../../worker/contract.ts'
import type {Context} from '../ports/context.ts'
import {AppError} from '../errors.ts'
import {isJsonObject} from '../json.ts'
import {eachOf} from '../parallel.ts'
import {sourceGeneration} from './commits.ts'
import type {FileStatus} from './files.ts'
import {describeLeftOut} from './left-out.ts'

const READS_AT_ONCE = 8

/** Adds to finished files the warnings of their reports, and the columns left out; a missing report has none. */
export async function withWarnings(files: readonly FileStatus[], context: Context): Promise<FileStatus[]> {
  const warned = new Map<FileStatus, string[]>()
  const done = files.filter(({state}) => state === 'done')
  await eachOf(done, READS_AT_ONCE, async (file) => {
    const warnings = await readWarnings(file, context)
    if (warnings.length > 0) warned.set(file, warnings)
  })
  return files.map((file) => {
    const warnings = warned.get(file)
    return warnings === undefined ? file : {...file, warnings}
  })
}

async function readWarnings({object, generation}: FileStatus, {cloud, pipeline}: Context): Promise<string[]> {
  const stored = await cloud.objects.stat(pipeline.names.outputBucket, sidecarObject(object, 'report.json'))
  if (stored === undefined || sourceGeneration(stored) !== generation) return []
  const report = await cloud.objects.readJson(stored).catch((error: unknown) => {
    if (error instanceof AppError && error.code === 'not-found') return undefined
    throw error
  })
  if (!isJsonObject(report)) return []
  const {warnings, leftOut} = report
  const columns = Array.isArray(leftOut) ? leftOut.filter(isLeftOut) : []
  return [
    ...(Array.isArray(warnings) ? warnings.filter((warning) => typeof warning === 'string') : []),
    ...(columns.length > 0 ? [`Left out: ${describeLeftOut(columns)}.`] : []),
  ]
}

function isLeftOut(value: unknown): value is {column: string; reason: string} {
  return isJsonObject(value) && typeof value['column'] === 'string' && typeof value['reason'] === 'string'
}
