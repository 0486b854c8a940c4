import {Command, Flags} from '@oclif/core'

import type {Config} from '../core/config.ts'
import type {AskedDeployment} from './consent.ts'
import {forPipeline, suggestForPipeline, translateParseError} from './failure.ts'
import {tame, widthOf, wrap} from './format.ts'
import {openTarget, readSettings, type OpenTarget, type SettingFlags, type TargetFlags} from './open.ts'
import {GRACE_MS, watchSignals, type Interruption} from './signals.ts'

/** Longer than any single resource takes. */
const TERRAFORM_GRACE_MS = 15 * 60_000

/** What every command has: the flags that say which pipeline, JSON, interruption, progress. */
export abstract class CloudRunnerCommand extends Command {
  static override enableJsonFlag = true

  static override baseFlags = {
    json: Flags.boolean({
      summary: 'Print the result, or the error, as JSON on standard output.',
      helpGroup: 'GLOBAL',
    }),
    target: Flags.string({
      summary: 'Where the pipeline runs: this machine, or Google Cloud. The default is local.',
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

  /** Said at the first Ctrl-C; none where that is the usual end. */
  protected interruptHint: string | undefined =
    'Interrupted. The same command goes on from here; Ctrl-C again ends at once.'

  /** How long it may take to stop after that. */
  protected graceMs = GRACE_MS

  #interruption: Interruption | undefined

  /** As it was typed. */
  #pipeline: string | undefined

  /** Aborted when the user interrupts. */
  protected get signal(): AbortSignal {
    this.#interruption ??= watchSignals(this.interruptHint, this.graceMs)
    return this.#interruption.signal
  }

  /** From here on, signals are not ours: another program in this terminal gets them. */
  protected releaseSignals(): void {
    this.#interruption?.[Symbol.dispose]()
    this.#interruption = undefined
  }

  /** For what Terraform does: it finishes the resource that is in work, so that none is made and then forgotten. */
  protected waitForTerraform(): void {
    this.graceMs = TERRAFORM_GRACE_MS
    this.interruptHint =
      'Interrupted. Terraform finishes the resource in work, so that none is lost; the same command goes on from here. Ctrl-C again leaves it to end by itself.'
  }

  /** Reads the settings: needs no state and no network, so mistakes are answered at once. */
  protected configure(flags: TargetFlags, others?: SettingFlags): Promise<Config> {
    this.#pipeline = flags.pipeline
    return readSettings(flags, others)
  }

  /**
   * Opens the target, says which it is, and starts the local cloud where it does not run.
   * @param create whether a local target that was never set up is made; else that is an error
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
   * @param isFailed whether what the work returned is a failure, and the title is to be marked as failed
   */
  protected async task<R>(
    title: string,
    work: (step: (text: string) => void) => Promise<R>,
    isFailed?: (result: R) => boolean,
  ): Promise<R> {
    const {runTask} = await import('./tasks.ts')
    return runTask(title, {silent: this.jsonEnabled(), isFailed}, work)
  }

  /** Has a person agree before a worker takes the place of a different one. */
  protected async agreeTo(
    request: AskedDeployment['request'],
    {yes}: {readonly yes: boolean},
    target: OpenTarget,
  ): Promise<void> {
    const {agreeToReplacement} = await import('./consent.ts')
    const typed = {command: this.id ?? '', argv: this.argv, interactive: !this.jsonEnabled()}
    await agreeToReplacement({request, yes, ...typed}, target.context())
  }

  /** Results for people: to standard output, nothing under `--json`. */
  protected print(lines: readonly string[]): void {
    if (!this.jsonEnabled()) write(process.stdout, lines)
  }

  /** Results with commands to type next, which go to the pipeline that was named by a flag. */
  protected advise(lines: readonly string[]): void {
    this.print(lines.map((line) => forPipeline(line, this.#pipeline)))
  }

  /** What people are told where standard output is a file's: to standard error, nothing under `--json`. */
  protected explain(lines: readonly string[]): void {
    if (!this.jsonEnabled()) write(process.stderr, lines)
  }

  protected override logJson(json: unknown): void {
    process.stdout.write(`${JSON.stringify(json, undefined, 2)}\n`)
  }

  /** The signal's own error where one came, since all that fails afterwards fails because of it. */
  protected override async catch(error: unknown): Promise<never> {
    if (this.#interruption?.signal.aborted) throw this.#interruption.signal.reason
    const translated = translateParseError(error, {
      bin: this.config.bin,
      command: (this.id ?? '').replaceAll(':', ' '),
      flags: ['json', ...Object.keys({...this.ctor.baseFlags, ...this.ctor.flags})],
    })
    throw suggestForPipeline(translated, this.#pipeline)
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
