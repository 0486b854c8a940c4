import type {FileView} from '../../api.ts'
import {ago, bytes} from '../format.ts'
import {inJob} from '../in-job.ts'
import {now} from '../now.ts'
import {ScrollingTable} from '../scrolling-table.tsx'
import {StateMark} from '../state-mark.tsx'
import {fileAddress} from '../where.ts'

/** One page of files. Rows keep their elements while they change, and so the focus. */
export function FileTable({files}: {readonly files: readonly FileView[]}) {
  return (
    <ScrollingTable label="List of files" class="files">
      <thead>
        <tr>
          <th scope="col">File</th>
          <th scope="col">State</th>
          <th scope="col" class="number">
            Attempts
          </th>
          <th scope="col" class="number">
            Size
          </th>
          <th scope="col">Uploaded</th>
          <th scope="col">Problem</th>
        </tr>
      </thead>
      <tbody>
        {files.map((file) => (
          <Row key={`${file.object} ${file.generation}`} file={file} />
        ))}
      </tbody>
    </ScrollingTable>
  )
}

function Row({file}: {readonly file: FileView}) {
  const {object, state, attempts, sizeBytes, uploadedAt} = file
  return (
    <tr>
      <th scope="row">
        <a href={fileAddress(object)} data-row>
          {object}
        </a>
      </th>
      <td>
        <StateMark state={state} />
      </td>
      <td class="number">{attempts}</td>
      <td class="number">{bytes(sizeBytes)}</td>
      <td>
        <time dateTime={uploadedAt} title={new Date(uploadedAt).toLocaleString()}>
          {ago(uploadedAt, now.value)}
        </time>
      </td>
      <td class="fault">{faultOf(file)}</td>
    </tr>
  )
}

function faultOf({state, attempts, error, lastError, job}: FileView): string {
  if (state === 'running' && job !== undefined) return inJob(job, now.value)
  const isSentAgain = state === 'waiting' && attempts === 0
  const last = isSentAgain && lastError ? `sent again; before: ${lastError.message}` : lastError?.message
  return error?.message ?? last ?? ''
}
