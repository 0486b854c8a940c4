import {useSignal} from '@preact/signals'
import type {ComponentChildren} from 'preact'
import type {Problem as Shown} from '../../api.ts'
import {ask, problemOf} from '../client.ts'
import {counted} from '../format.ts'
import {Problem} from '../suggestions.tsx'

/** Uploads the files that are dropped on it. */
export function UploadArea({children}: {readonly children: ComponentChildren}) {
  const isOver = useSignal(false)
  const status = useSignal('')
  const problem = useSignal<Shown | undefined>(undefined)

  async function upload(files: readonly File[]): Promise<void> {
    problem.value = undefined
    try {
      for (const [index, file] of files.entries()) {
        status.value = `Uploading ${file.name} (${index + 1} of ${files.length}) …`
        await ask('POST /api/uploads/{object}', {name: file.name, body: file})
      }
      status.value = `${counted(files.length, 'file')} uploaded.`
    } catch (error) {
      status.value = ''
      problem.value = problemOf(error)
    }
  }

  return (
    <div
      class={isOver.value ? 'upload over' : 'upload'}
      onDragOver={(event) => {
        event.preventDefault()
        isOver.value = true
      }}
      onDragLeave={() => {
        isOver.value = false
      }}
      onDrop={(event) => {
        event.preventDefault()
        isOver.value = false
        void upload([...(event.dataTransfer?.files ?? [])])
      }}
    >
      {children}
      <p role="status" class="quiet">
        {status.value}
      </p>
      {problem.value && <Problem problem={problem.value} />}
    </div>
  )
}
