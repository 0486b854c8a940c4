import type {Preview} from '../../api.ts'
import {CommandLine} from '../command-line.tsx'
import {counted} from '../format.ts'
import {ScrollingTable} from '../scrolling-table.tsx'

/** The first rows of a result. */
export function PreviewTable({preview, command}: {readonly preview: Preview; readonly command: string}) {
  const {columns, rows, omitted = 0} = preview
  return (
    <section>
      <h2>Result</h2>
      <ScrollingTable label="First rows of the result">
        <thead>
          <tr>
            {columns.map((name, index) => (
              <th key={`${index} ${name}`} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, place) => (
            <tr key={place}>
              {row.map((value, index) => (
                <td key={index}>{value}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </ScrollingTable>
      {omitted > 0 && <p>({counted(omitted, 'column')} more)</p>}
      <CommandLine line={command} />
    </section>
  )
}
