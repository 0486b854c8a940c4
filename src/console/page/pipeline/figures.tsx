import type {PartPage} from '../../api.ts'
import {CommandLine} from '../command-line.tsx'
import {useRemote} from '../remote.ts'
import {Problem} from '../suggestions.tsx'

/** How much passes the pipeline, and what it has cost. */
export function PipelineFigures({throughput}: Pick<PartPage, 'throughput'>) {
  // Measuring reads the whole request log: once for each visit at most.
  const {value: cost, problem} = useRemote('GET /api/cost', {}, '')
  const {lastMinute, lastHour} = throughput
  return (
    <section>
      <h2>Throughput and cost</h2>
      <dl class="figures">
        <div>
          <dt>files in the last minute</dt>
          <dd>{lastMinute.toLocaleString('en')}</dd>
        </div>
        <div>
          <dt>files a minute in the last hour</dt>
          <dd>{(lastHour / 60).toLocaleString('en', {maximumFractionDigits: 1})}</dd>
        </div>
        <div>
          <dt>{cost?.isEstimate === true ? 'cost on Google, last 30 days' : 'cost, last 30 days'}</dt>
          <dd>{cost === undefined ? (problem === undefined ? '…' : '–') : `$${cost.usd.toFixed(2)}`}</dd>
        </div>
      </dl>
      {problem && <Problem problem={problem} />}
      {cost && <CommandLine line={cost.command} />}
    </section>
  )
}
