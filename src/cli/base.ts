import {Command, Flags} from '@oclif/core'
import type {Input, ParserOutput} from '@oclif/core/interfaces'

import type {Config} from '../core/config.ts'
import {Advice, rendererWith, type Render} from '../core/suggestion.ts'
import type {AskedDeployment} from './consent.ts'
import {translateParseError} from './failure.ts'
import {tame, widthOf, wrap} from './format.ts'
import {openTarget, readSettings, type OpenTarget, type SettingFlags, type TargetFlags} from './open.ts'
import {printFailure} from './print-failure.ts'
import {selectionFor} from './selection.ts'
import {GRACE_MS, watchSignals, type Interruption} from './signals.ts'

/** Longer than Terraform needs for any single resource. */
const TERRAFORM_GRACE_MS = 15 * 60_000

/** What every command has: the flags that select the pipeline, JSON, interruption, progress. */
export abstract class CloudRunnerCommand extends Command {
  static override enableJsonFlag = true

  /** Whether it uses a pipeline, so suggestions of it name the one that the user selected. */
  static isAboutPipeline = true

  static override baseFlags = {
    json: Flags.boolean({
      summary: 'Print the result, or the error, as JSON on standard output.',
      helpGroup: 'GLOBAL',
    }),
    target: Flags.string({
      summary: 'Where the pipeline runs: this machine or Google Cloud. The default is local.',
      options: ['local', 'gcp'],
      helpGroup: 'GLOBAL',
    }),
    project: Flags.string({
      summary: 'Google Cloud project id.',
      helpValue: '<id>',
      helpGroup: 'GLOBAL',
    }),
    pipeline: Flags.string({
      summary: 'Name of the pipeline. The default is cloud-runner.',
      helpValue: '<name>',
      helpGroup: 'GLOBAL',
    }),
  }

  /** Printed at the first Ctrl-C; `undefined` if that is the usual way to end. */
  protected interruptHint: string | undefined =
    'Interrupted. Run the same command again to continue; Ctrl-C again ends at once.'

  /** Milliseconds that stopping may take after that. */
  protected graceMs = GRACE_MS

  #interruption: Interruption | undefined

  /** Flags as typed. */
  #typed: Readonly<Record<string, unknown>> = {}

  /** Aborted when the user interrupts. */
  protected get signal(): AbortSignal {
    this.#interruption ??= watchSignals(this.interruptHint, this.graceMs)
    return this.#interruption.signal
  }

  /** Stops listening for signals: another program in this terminal gets them. */
  protected releaseSignals(): void {
    this.#interruption?.[Symbol.dispose]()
    this.#interruption = undefined
  }

  /** Gives Terraform time to finish the resource in progress, so that its state records every resource it created. */
  protected waitForTerraform(): void {
    this.graceMs = TERRAFORM_GRACE_MS
    this.interruptHint =
      'Interrupted. Terraform is finishing the current resource so that none is lost; run the same command again to continue. Ctrl-C again ends at once and leaves Terraform to finish alone.'
  }

  protected override async parse<
    F extends Record<string, unknown>,
    B extends Record<string, unknown>,
    A extends Record<string, unknown>,
  >(options?: Input<F, B, A>, argv?: string[]): Promise<ParserOutput<F, B, A>> {
    const parsed = await super.parse(options, argv)
    this.#typed = parsed.flags
    return parsed
  }

  /** Reads the settings: needs neither state nor network, so mistakes are reported at once. */
  protected configure(flags: TargetFlags, others?: SettingFlags): Promise<Config> {
    return readSettings(flags, others)
  }

  /**
   * Opens the target, says which it is, and starts the local cloud unless it is running.
   * @param create whether to create a local target that was never set up; otherwise that is an error
   */
  protected async open(
    config: Config,
    {create, rehearse = false}: {create: boolean; rehearse?: boolean},
  ): Promise<OpenTarget> {
    const silent = this.jsonEnabled()
    return openTarget(config, {
      create,
      rehearse,
      signal: this.signal,
      say: (line) => {
        if (!silent) write(process.stderr, [line])
      },
      starting: (work) => this.task('Start the local cloud', work),
    })
  }

  /**
   * Does work under a title, with progress on standard error.
   * @param isFailed whether a returned result is a failure, which marks the title as failed
   */
  protected async task<R>(
    title: string,
    work: (step: (text: string) => void) => Promise<R>,
    isFailed?: (result: R) => boolean,
  ): Promise<R> {
    const {runTask} = await import('./tasks.ts')
    return runTask(title, {silent: this.jsonEnabled(), isFailed}, work)
  }

  /** Asks before a worker replaces a different one. */
  protected async agreeTo(
    request: AskedDeployment['request'],
    {yes}: {readonly yes: boolean},
    target: OpenTarget,
  ): Promise<void> {
    const {agreeToReplacement} = await import('./consent.ts')
    const typed = {
      command: this.id ?? '',
      argv: this.argv,
      interactive: !this.jsonEnabled(),
      render: this.render,
    }
    await agreeToReplacement({request, yes, ...typed}, target.context())
  }

  /** Prints results for people to standard output; nothing with `--json`. */
  protected print(lines: readonly string[]): void {
    if (!this.jsonEnabled()) write(process.stdout, lines)
  }

  /** A suggestion as text: its commands get the flags that were typed to select the pipeline. */
  protected readonly render: Render = rendererWith((command) => {
    const named = this.config.findCommand(command.verb.replaceAll(' ', ':'))
    return named?.['isAboutPipeline'] === false ? [] : selectionFor(command, this.#typed)
  })

  /** Prints messages for people to standard error, if standard output carries a file; nothing with `--json`. */
  protected explain(lines: readonly string[]): void {
    if (!this.jsonEnabled()) write(process.stderr, lines)
  }

  protected override logJson(json: unknown): void {
    process.stdout.write(`${this.inJson(json, 2)}\n`)
  }

  /** A result as JSON, with its suggestions as text. @param indent spaces per level; all on one line by default */
  protected inJson(result: unknown, indent?: number): string {
    const rendered = (_key: string, value: unknown) => (value instanceof Advice ? this.render(value) : value)
    return JSON.stringify(result, rendered, indent)
  }

  /** Prints the signal's error if one arrived, because everything that fails afterwards fails because of it. */
  protected override async catch(error: unknown): Promise<void> {
    const signal = this.#interruption?.signal
    const translated = translateParseError(signal?.aborted ? signal.reason : error, {
      bin: this.config.bin,
      command: (this.id ?? '').replaceAll(':', ' '),
      flags: ['json', ...Object.keys({...this.ctor.baseFlags, ...this.ctor.flags})],
    })
    printFailure(translated, {bin: this.config.bin, json: this.jsonEnabled(), render: this.render})
  }

  protected override async finally(): Promise<void> {
    this.#interruption?.[Symbol.dispose]()
  }
}

function write(stream: NodeJS.WriteStream, lines: readonly string[]): void {
  if (lines.length === 0) return
  const width = widthOf(stream)
  stream.write(`${lines.flatMap((line) => wrap(tame(line), width, '  ')).join('\n')}\n`)
}
