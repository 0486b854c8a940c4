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
