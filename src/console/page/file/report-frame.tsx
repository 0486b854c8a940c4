import {useSignal} from '@preact/signals'
import {CommandLine} from '../command-line.tsx'

/** The report's own page, as tall as its content. It has no scripts, and the sandbox would run none. */
export function ReportFrame({path, command}: {readonly path: string; readonly command: string}) {
  const height = useSignal(600)
  const fit = (event: Event) => {
    if (!(event.target instanceof HTMLIFrameElement)) return
    height.value = event.target.contentDocument?.documentElement.scrollHeight ?? height.value
  }
  return (
    <section>
      <h2>Report</h2>
      <CommandLine line={command} />
      <iframe
        title="Quality of the result"
        sandbox="allow-same-origin"
        src={path}
        onLoad={fit}
        style={{height: `${height.value}px`}}
      />
    </section>
  )
}
