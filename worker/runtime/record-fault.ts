import {RESULT_METADATA, type ErrorReport, type Outcome} from '../contract.ts'
import type {PermanentError} from '../processor.ts'
import type {Committed} from './commit-state.ts'
import {removeUnfinished} from './outputs.ts'
import type {Run} from './run.ts'
import {Superseded, writeSidecar} from './sidecars.ts'

/**
 * Records a permanent fault as this generation's result. An older generation's result stays: it is the user's, and
 * its metadata names the generation it belongs to. Outputs that only a crashed run wrote are removed.
 */
export async function recordFault(
  run: Run,
  fault: PermanentError,
  {error, outputs}: {readonly error: Committed | undefined; readonly outputs: Committed | undefined},
): Promise<Outcome> {
  const {delivery, log, worker, signal, metadata} = run
  const {object, generation} = delivery.event
  const {storage, settings} = worker
  const report: ErrorReport = {
    code: fault.code,
    message: fault.message,
    ...(fault.line === undefined ? {} : {line: fault.line}),
    ...(fault.column === undefined ? {} : {column: fault.column}),
    suggestions: [...fault.suggestions],
    object,
    generation,
  }
  try {
    if (outputs?.metadata[RESULT_METADATA.pending] !== undefined)
      await removeUnfinished(storage, settings.outputBucket, object, outputs)
    const target = {object, generation, metadata}
    await writeSidecar(storage, settings.outputBucket, target, 'error.json', report, error, signal)
  } catch (failure) {
    if (failure instanceof Superseded) return reportSuperseded(run, failure)
    throw failure
  }
  const {code, line, column, suggestions} = report
  log('ERROR', `failed: ${fault.message}`, {outcome: 'failed', code, line, column, suggestions})
  return 'failed'
}

export function reportSuperseded(run: Run, reason: Superseded): Outcome {
  run.log('INFO', `superseded: ${reason.message}`, {outcome: 'superseded'})
  return 'superseded'
}
