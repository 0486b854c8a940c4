import {Command, Flags} from '@oclif/core'
import type {Input, ParserOutput} from '@oclif/core/interfaces'

import type {RunningConsole} from '../console/server.ts'
import type {Config} from '../core/config.ts'
import {fullName, type Choice, type Place} from '../core/config-sections.ts'
import {Advice, again, rendererWith, type Render, type Typed} from '../core/suggestion.ts'
import type {AskedDeployment} from './consent.ts'
import {failureOf} from './failure.ts'
import {tame, widthOf, wrap} from './format.ts'
import {
  localCloudOf,
  openChoices,
  openTarget,
  readSettings,
  type OpenTarget,
  type SettingFlags,
  type TargetFlags,
} from './targets.ts'
import {printFailure} from './print-failure.ts'
import {selectionFor, selectionOf, typedWith} from './selection.ts'
import {GRACE_MS, watchSignals, type Interruption} from './signals.ts'
import {translateUsageError} from './usage-error.ts'

/** Longer than Terraform needs for any single resource. */
const TERRAFORM_GRACE_MS = 15 * 60_000

const jsonFlag = {
  json: Flags.boolean({
    summary: 'Print the result, or the error, as JSON on standard output.',
    helpGroup: 'GLOBAL',
  }),
}

/** Flags that select the pipeline. */
export const selectionFlags = {
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
  env: Flags.string({
    summary: 'Environment in cloud-runner.json; none selects the pipeline outside all environments.',
    helpValue: '<name>',
    helpGroup: 'GLOBAL',
  }),
}

/** What every command has: the flags that select the pipeline, JSON, interruption, progress. */
export abstract class CloudRunnerCommand extends Command {
  static override enableJsonFlag = true

  /** Whether it uses a pipeline, so suggestions of it name the one that the user selected. */
  static isAboutPipeline = true

  static override baseFlags: typeof selectionFlags & Partial<typeof jsonFlag> = {
    ...jsonFlag,
    ...selectionFlags,
  }

  /** Printed at the first Ctrl-C; `undefined` if that is the usual way to end. */
  protected interruptHint: string | undefined =
    'Interrupted. Run the same command again to continue; Ctrl-C again ends at once.'

  /** Milliseconds that stopping may take after that. */
  protected graceMs = GRACE_MS

  /** Whether it changes files or the pipeline: then a running console shows what comes of it. */
  protected readonly isChange: boolean = false

  #interruption: Interruption | undefined

  /** Flags that select the pipeline, as typed or chosen: commands to type next get them. */
  #selected: Readonly<Record<string, unknown>> = {}

  /** Whether a pipeline that cloud-runner.json does not declare may be meant. */
  protected readonly isForNew: boolean = false

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
    this.#selected = parsed.flags
    return parsed
  }

  /**
   * Reads the settings of one pipeline: needs neither state nor network, so mistakes are reported at once. If several
   * are possible, the user chooses.
   * @throws AppError `choice-required` (exit 2) without a terminal
   */
  protected async configure(flags: TargetFlags, others?: SettingFlags): Promise<Config> {
    const choices = await this.choices(flags)
    const index = choices.length === 1 ? 0 : await this.#choose(choices, flags)
    return this.configureFor(choices[index], flags, others)
  }

  /** Reads the settings of the folder, for a command that uses no pipeline. */
  protected configureFolder(flags: TargetFlags): Promise<Config> {
    return readSettings(flags)
  }

  /** The pipelines, each in one of the environments, that the flags leave open; at least one. */
  protected async choices(flags: TargetFlags): Promise<Choice[]> {
    return openChoices(flags, {isNew: this.isForNew})
  }

  /** Reads the settings of one of the {@link choices}, which commands to type next then select. */
  protected async configureFor(
    choice: Choice | undefined,
    flags: TargetFlags,
    others?: SettingFlags,
  ): Promise<Config> {
    const config = await readSettings(flags, others, choice)
    this.#selected = {...this.#selected, ...selectedBy(config, flags)}
    return config
  }

  async #choose(choices: readonly Choice[], flags: TargetFlags): Promise<number> {
    const {chooseOne} = await import('./confirm.ts')
    const commands = choices.map(({pipeline, env}) =>
      again(
        ...selectionOf({
          pipeline: flags.pipeline === undefined && isOpen(choices, 'pipeline') ? pipeline : undefined,
          env: flags.env === undefined ? env : undefined,
        }),
      ),
    )
    return chooseOne('cloud-runner.json declares several pipelines', choices.map(fullName), {
      commands,
      interactive: !this.jsonEnabled(),
      signal: this.signal,
    })
  }

  /**
   * Asks for the pipeline's name before a change in a protected environment.
   * @param confirm value of `--confirm`; a wrong one is refused in any environment
   * @throws AppError `confirmation-required`, `confirmation-mismatch`
   */
  protected async agreeToChange(
    {settings, choice, isProtected}: Config,
    confirm: string | undefined,
  ): Promise<void> {
    if (!isProtected && confirm === undefined) return
    const {confirmByName} = await import('./confirm.ts')
    const {name} = settings
    await confirmByName({
      name,
      given: confirm,
      consequences: [`Environment ${choice.env} is protected: ${this.id} changes pipeline ${name}.`],
      command: again('--confirm', name),
      interactive: !this.jsonEnabled(),
      signal: this.signal,
    })
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
    const target = await openTarget(config, {
      create,
      rehearse,
      signal: this.signal,
      say: (line) => {
        if (!silent) write(process.stderr, [line])
      },
      starting: (work) => this.task('Start the local cloud', work),
    })
    if (this.isChange && !silent) {
      const {consoleLine} = await import('./console-page.ts')
      const line = await consoleLine(target.context(), process.stderr.isTTY)
      if (line !== undefined) write(process.stderr, [line])
    }
    return target
  }

  /** Serves the console of an open target until it is disposed of. @param port 0: any free one */
  protected async serveConsole(config: Config, target: OpenTarget, port = 0): Promise<RunningConsole> {
    const {serveConsole} = await import('../console/server.ts')
    const isLocal = config.settings.target === 'local'
    return serveConsole({
      port,
      context: target.context(),
      render: this.render,
      isProtected: config.isProtected,
      now: () => target.now(),
      requests: isLocal ? (after) => localCloudOf(config).requests(after) : undefined,
      explain: (error) => failureOf(error, {bin: this.config.bin, typed: this.typed}),
      version: this.config.version,
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
      interactive: !this.jsonEnabled(),
      render: this.render,
    }
    await agreeToReplacement({request, yes, ...typed}, target.context())
  }

  /** Prints results for people to standard output; nothing with `--json`. */
  protected print(lines: readonly string[]): void {
    if (!this.jsonEnabled()) write(process.stdout, lines)
  }

  /** What was typed, for commands to type next. */
  protected readonly typed: Typed = {
    selection: (command) => {
      const named = this.config.findCommand(command.verb.replaceAll(' ', ':'))
      return named?.['isAboutPipeline'] === false ? [] : selectionFor(command, this.#selected)
    },
    repeat: (flags) => typedWith(flags, {id: this.id ?? '', argv: this.argv}),
  }

  /** A suggestion as text. */
  protected readonly render: Render = rendererWith(this.typed)

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
    const translated = translateUsageError(signal?.aborted ? signal.reason : error, {
      bin: this.config.bin,
      command: (this.id ?? '').replaceAll(':', ' '),
      argv: this.argv,
      flags: Object.keys({...this.ctor.baseFlags, ...this.ctor.flags}),
    })
    printFailure(translated, {bin: this.config.bin, json: this.jsonEnabled(), typed: this.typed})
  }

  protected override async finally(): Promise<void> {
    this.#interruption?.[Symbol.dispose]()
  }
}

/** What was typed, and what the command would otherwise ask for. */
function selectedBy({choice, own}: Config, flags: TargetFlags): Place {
  return {
    pipeline: flags.pipeline ?? (own === undefined ? choice.pipeline : undefined),
    env: flags.env ?? choice.env,
  }
}

function isOpen(choices: readonly Choice[], part: keyof Choice): boolean {
  return new Set(choices.map((choice) => choice[part])).size > 1
}

function write(stream: NodeJS.WriteStream, lines: readonly string[]): void {
  if (lines.length === 0) return
  const width = widthOf(stream)
  stream.write(`${lines.flatMap((line) => wrap(tame(line), width, '  ')).join('\n')}\n`)
}
