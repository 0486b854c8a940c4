import type {Config} from '../core/config.ts'
import {fullName} from '../core/config-sections.ts'
import {CloudRunnerCommand} from './base.ts'
import {failureOf, type FailureOutput} from './failure.ts'
import {style} from './format.ts'
import type {TargetFlags} from './targets.ts'

/** `--json` output for several pipelines: by name, the result of each, or its error. */
export interface ByPipeline<R> {
  readonly pipelines: Readonly<Record<string, R | FailureOutput>>
}

/** A command that changes nothing: it shows several pipelines one after the other. */
export abstract class ReadOnlyCommand extends CloudRunnerCommand {
  // oclif takes what it writes into the manifest only from a command and its direct parent.
  static override enableJsonFlag = true

  /**
   * Looks at the pipeline that is selected or, without a choice, at each that is declared, under its name.
   * @returns the result of the one, or of all by name; the exit code is the highest
   */
  protected async lookAt<R>(
    flags: TargetFlags,
    look: (config: Config) => Promise<R>,
  ): Promise<R | ByPipeline<R>> {
    const choices = await this.choices(flags)
    if (choices.length === 1) return look(await this.configureFor(choices[0], flags))
    const pipelines: Record<string, R | FailureOutput> = {}
    const codes: number[] = []
    for (const [index, choice] of choices.entries()) {
      const name = fullName(choice)
      this.print([...(index === 0 ? [] : ['']), style('bold', name)])
      process.exitCode = 0
      try {
        // Suggestions in it select this pipeline, not the last one.
        const result: R = JSON.parse(this.inJson(await look(await this.configureFor(choice, flags))))
        pipelines[name] = result
      } catch (error) {
        this.signal.throwIfAborted()
        const failure = failureOf(error, {bin: this.config.bin, typed: this.typed})
        pipelines[name] = {error: failure}
        this.print([failure.message, ...failure.suggestions.map((line) => `  ${line}`)])
        process.exitCode = failure.exitCode
      }
      codes.push(process.exitCode)
    }
    process.exitCode = Math.max(...codes)
    return {pipelines}
  }
}
