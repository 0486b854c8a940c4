import {shellWord} from './shell.ts'

/** A command of this program, before it is a line in a shell. */
export interface Command {
  /** `setup`, `model export`. */
  readonly verb: string
  /** What follows it, each as the program receives it. */
  readonly args: readonly string[]
  /** False if a word of it is for the user to choose, so that it is not to be run as it is. */
  readonly isRunnable?: false
  /** Whether `args` are flags to add to the command that was typed. */
  readonly isRepeat?: true
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

/** A command with words to fill in, or to choose: `cloud-runner upload FILE`, `cloud-runner local time advance 24h`. */
export function synopsis(verb: string, ...args: readonly string[]): Command {
  return {verb, args, isRunnable: false}
}

/** The command that was typed, with more flags. */
export function again(...flags: readonly string[]): Command {
  return {verb: '', args: flags, isRepeat: true}
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

/** What the user typed, as far as commands to type next need it. */
export interface Typed {
  /** The flags that select the pipeline, for a command. */
  selection(suggested: Command): readonly string[]
  /** The whole command, with these flags added; `undefined` if it names no command. */
  repeat(flags: readonly string[]): Command | undefined
}

export const NOTHING_TYPED: Typed = {selection: () => [], repeat: () => undefined}

/** Renders suggestions as text, with commands to paste into a shell. */
export function rendererWith(typed: Typed): Render {
  const line = (suggested: Command) => wordsOf(suggested, typed).map(shellWord).join(' ')
  return (suggestion) =>
    suggestion instanceof Advice
      ? suggestion.parts.map((part) => (typeof part === 'string' ? part : line(part))).join('')
      : suggestion
}

/** Renders suggestions where no flags are known. */
export const render = rendererWith(NOTHING_TYPED)

/**
 * The commands in suggestions that can be run as they are, in order.
 * @returns the words of each, from `cloud-runner` on
 */
export function commandsIn(suggestions: readonly Suggestion[], typed: Typed): string[][] {
  return suggestions
    .flatMap((suggestion) => (suggestion instanceof Advice ? suggestion.parts : []))
    .flatMap((part) => (typeof part === 'string' || part.isRunnable === false ? [] : [wordsOf(part, typed)]))
}

function wordsOf(suggested: Command, typed: Typed): string[] {
  const whole = suggested.isRepeat === true ? typed.repeat(suggested.args) : suggested
  if (whole === undefined) return [...suggested.args]
  return ['cloud-runner', ...whole.verb.split(' '), ...typed.selection(whole), ...whole.args]
}
