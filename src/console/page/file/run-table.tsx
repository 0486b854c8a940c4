import type {FileStory} from '../../api.ts'
import {CommandLine} from '../command-line.tsx'
import {clock} from '../format.ts'
import {ScrollingTable} from '../scrolling-table.tsx'

/** Every run that has ended, the newest first, and the command that reads its result. */
export function RunTable({runs, command}: {readonly runs: FileStory['runs']; readonly command: string}) {
  if (runs.length === 0) return null
  return (
    <section>
      <h2>History</h2>
      <ScrollingTable label="Runs that have ended">
        <thead>
          <tr>
            <th scope="col">Run</th>
            <th scope="col">Ended</th>
            <th scope="col">Outcome</th>
            <th scope="col">Revision</th>
            <th scope="col">Label column</th>
            <th scope="col" class="number">
              AUC
            </th>
          </tr>
        </thead>
        <tbody>
          {runs.toReversed().map((run) => (
            <tr key={run.number}>
              <td>{run.number}</td>
              <td>
                <time dateTime={run.endedAt}>{clock(run.endedAt)}</time>
              </td>
              <td class={run.outcome === 'done' ? undefined : 'fault'}>
                {run.outcome}
                {run.error && `: ${run.error.message}`}
              </td>
              <td>{run.revision ?? run.execution}</td>
              <td>{run.labelColumn}</td>
              <td class="number">{run.auc?.toFixed(3)}</td>
            </tr>
          ))}
        </tbody>
      </ScrollingTable>
      <CommandLine line={command} />
    </section>
  )
}
