import {defineTask, runAside} from '../../threads.ts'
import {Pacer} from '../pacer.ts'
import {stopwatch} from '../stopwatch.ts'
import type {Predictions} from '../training/model.ts'
import {type Quality, measure} from './metrics.ts'

/** The arguments of {@link measure}. */
interface Measured {
  rows: Uint32Array
  codes: Int32Array
  classes: readonly string[]
  predictions: Predictions
}

const measureAside = defineTask({
  name: 'measure',
  run: ({rows, codes, classes, predictions}: Measured) =>
    measure(rows, codes, classes, predictions, new Pacer(new AbortController().signal)),
})

/**
 * Measures how well rows were predicted, and writes the result: at the same time if another thread can measure.
 * @param log called once the rows are measured
 * @param write is not called if measuring before it fails
 */
export async function measureAndWrite<Written>(
  measured: Measured,
  log: (quality: Quality, predictMs: number) => void,
  write: () => Promise<Written>,
  pacer: Pacer,
): Promise<{quality: Quality; written: Written; predictMs: number; writeMs: number}> {
  const {rows, codes, classes, predictions} = measured
  const isAside = pacer.helpers > 0
  const lap = stopwatch()
  const measuring = (async () => {
    const quality = isAside
      ? await runAside(measureAside, measured, 0)
      : await measure(rows, codes, classes, predictions, pacer)
    const predictMs = lap()
    log(quality, predictMs)
    return {quality, predictMs}
  })()
  // Awaited below, after the result.
  measuring.catch(() => undefined)
  if (!isAside) await measuring
  await pacer.pause()
  const lapOfWriting = stopwatch()
  const written = await write()
  const writeMs = lapOfWriting()
  return {...(await measuring), written, writeMs}
}
