import {shellWord} from './shell.ts'

/** A command of this program, before it is a line in a shell. */
export interface Command {
  /** `setup`, `model export`. */
  readonly verb: string
  /** What follows it, each as the program receives it. */
  readonly args: readonly string[]
}

/** Text with commands in it: only the command line knows the flags that select the user's pipeline. */
export class Advice {
  readonly parts: readonly (string | Command)[]

  constructor(parts: readonly (string | Command)[]) {
    this.parts = parts
  }
}

/** What to do next, on one line. */
export type Suggestion = string | Advice

/** Turns a suggestion into the text to print. */
export type Render = (suggestion: Suggestion) => string

/** The command `cloud-runner VERB ARGS…`. */
export function command(verb: string, ...args: readonly string[]): Command {
  return {verb, args}
}

/** A command about an object. The flags come first if the name starts like a flag. */
export function commandFor(verb: string, object: string, ...flags: readonly string[]): Command {
  return {verb, args: object.startsWith('-') ? [...flags, '--', object] : [object, ...flags]}
}

/** Text with commands in it: suggest`Create it: ${command('setup')}`. */
export function suggest(
  texts: TemplateStringsArray,
  ...values: readonly (string | number | Command | Advice)[]
): Advice {
  return new Advice(
    texts.flatMap((text, index) => {
      const value = values[index]
      if (value === undefined) return [text]
      if (value instanceof Advice) return [text, ...value.parts]
      return [text, typeof value === 'number' ? String(value) : value]
    }),
  )
}

/**
 * Renders suggestions as text, with commands to paste into a shell.
 * @param selection the flags that select the user's pipeline, for a command
 */
export function rendererWith(selection: (typed: Command) => readonly string[]): Render {
  const line = (typed: Command) =>
    ['cloud-runner', typed.verb, ...[...selection(typed), ...typed.args].map(shellWord)].join(' ')
  return (suggestion) =>
    suggestion instanceof Advice
      ? suggestion.parts.map((part) => (typeof part === 'string' ? part : line(part))).join('')
      : suggestion
}

/** Renders suggestions where no flags are known. */
export const render = rendererWith(() => [])
