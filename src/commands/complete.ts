import {Command} from '@oclif/core'
import {namesIn} from '../cli/completion/names.ts'
import {FILES} from '../cli/completion/scripts.ts'
import {selectionIn, wantedAt, type NameKind} from '../cli/completion/wanted.ts'

/** A shell waits for this at Tab. */
const PATIENCE_MS = 2000

/** What the scripts of `completion` run at Tab: candidates for the last word, one per line, a tab before what each is. */
export default class Complete extends Command {
  static override hidden = true
  static override summary = 'Print candidates for the last word after --.'
  static override strict = false

  override async run(): Promise<void> {
    const typed = this.argv.slice(this.argv.indexOf('--') + 1)
    // bash makes a word of its own of each "=".
    const words = typed.flatMap((word, index) =>
      word === '=' ? (index === typed.length - 1 ? [''] : []) : [word],
    )
    const {words: known, names, files, before, prefix} = wantedAt(words, this.config)
    const found = names === undefined ? [] : await namesOf(names, words.slice(0, -1), prefix)
    const lines = [
      ...known.map(({word, about}) => `${before}${word}\t${about}`),
      ...found.map((name) => `${before}${name}\t${names ?? ''}`),
      ...(files === true ? [FILES] : []),
    ]
    process.stdout.write(lines.map((line) => `${line}\n`).join(''))
  }
}

/** Nothing is started for it, and nothing that fails is worth a message at Tab. */
async function namesOf(kind: NameKind, words: readonly string[], prefix: string): Promise<string[]> {
  try {
    // Most of what Tab completes needs none of Google's clients.
    const {declaredNames, openTarget, readSettings} = await import('../cli/targets.ts')
    if (kind === 'pipeline' || kind === 'env') {
      const {pipelines, environments} = await declaredNames()
      const names = kind === 'pipeline' ? pipelines : environments
      return names.filter((name) => name.startsWith(prefix))
    }
    const signal = AbortSignal.timeout(PATIENCE_MS)
    await using target = await openTarget(await readSettings(selectionIn(words)), {
      create: false,
      signal,
      say: () => {},
      starting: () => Promise.reject(new Error('The local cloud does not run.')),
    })
    return await namesIn(target, kind, prefix)
  } catch {
    return []
  }
}
