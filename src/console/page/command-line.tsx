import {useSignal} from '@preact/signals'

/** The same in a shell, to copy. */
export function CommandLine({line}: {readonly line: string}) {
  const isCopied = useSignal(false)
  const copy = async () => {
    await navigator.clipboard.writeText(line)
    isCopied.value = true
    setTimeout(() => (isCopied.value = false), 1500)
  }
  return (
    <p class="command">
      <code>{line}</code>
      <button type="button" class="small" onClick={() => void copy()} aria-label={`Copy: ${line}`}>
        {isCopied.value ? 'Copied' : 'Copy'}
      </button>
    </p>
  )
}
