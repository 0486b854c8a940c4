import type {Place} from '../core/config-sections.ts'
import type {Command} from '../core/suggestion.ts'

/**
 * The flags that select the pipeline, for a command that does not name them itself.
 * @param typed every flag as typed or chosen, by name
 */
export function selectionFor({args}: Command, typed: Readonly<Record<string, unknown>>): string[] {
  const flags = args.slice(0, args.includes('--') ? args.indexOf('--') : undefined)
  return (['target', 'project', 'pipeline', 'env'] as const).flatMap((name) => {
    const value = typed[name]
    const isNamed = flags.some((arg) => arg === `--${name}` || arg.startsWith(`--${name}=`))
    return typeof value !== 'string' || isNamed ? [] : [`--${name}`, value]
  })
}

/** The flags that choose a pipeline and an environment. */
export function selectionOf({pipeline, env}: Place): string[] {
  return [
    ...(pipeline === undefined ? [] : ['--pipeline', pipeline]),
    ...(env === undefined ? [] : ['--env', env]),
  ]
}

/** The command as it was typed, with another flag: what follows `--` is not a flag. */
export function typedWith(
  flags: readonly string[],
  {id, argv}: {readonly id: string; readonly argv: readonly string[]},
): Command {
  const end = argv.indexOf('--')
  const at = end === -1 ? argv.length : end
  const kept = withoutFlag(argv.slice(0, at), flags[0])
  return {verb: id.replaceAll(':', ' '), args: [...kept, ...flags, ...argv.slice(at)]}
}

/** Without a flag that has a value. */
function withoutFlag(words: readonly string[], flag: string | undefined): readonly string[] {
  if (flag === undefined) return words
  return words.filter(
    (word, index) => word !== flag && !word.startsWith(`${flag}=`) && words[index - 1] !== flag,
  )
}
