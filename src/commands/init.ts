import {relative, resolve} from 'node:path'

import {Args, Flags} from '@oclif/core'

import {CloudRunnerCommand} from '../cli/base.ts'
import {usageError} from '../cli/failure.ts'
import {dockerAnswers, hasPipeline, readSettings, type TargetFlags} from '../cli/open.ts'
import {showInit} from '../cli/show-init.ts'
import {init, TEMPLATES, type InitResult} from '../core/init/init.ts'
import type {Choice} from '../core/sections.ts'

export default class Init extends CloudRunnerCommand {
  static override summary = 'Create a worker of your own, ready to run.'
  static override description = `A TypeScript worker runs without docker; a Python one (standard library only) and any other container need a docker engine. cloud-runner.json then names the worker; in a folder that already has a pipeline, for a new pipeline, so the existing one keeps its worker. Nothing is overwritten.`
  static override examples = [
    {description: 'In TypeScript, in ./worker', command: '<%= config.bin %> <%= command.id %>'},
    {
      description: 'In Python',
      command: '<%= config.bin %> <%= command.id %> totals --template python',
    },
    {
      description: 'In any language: a Dockerfile and the contract to implement',
      command: '<%= config.bin %> <%= command.id %> totals --template container',
    },
  ]
  static override args = {
    folder: Args.string({
      description: 'folder for the worker, new or empty',
      default: 'worker',
      ignoreStdin: true,
    }),
  }
  static override flags = {
    template: Flags.string({
      summary: 'What to start from.',
      options: [...TEMPLATES],
      default: 'typescript',
    }),
  }

  protected override readonly isForNew = true

  override async run(): Promise<InitResult> {
    const {args, flags} = await this.parse(Init)
    if (args.folder.trim() === '') throw usageError('FOLDER is empty.', ['cloud-runner init my-worker'])
    const template = TEMPLATES.find((name) => name === flags.template) ?? 'typescript'
    // A worker belongs to the pipeline, in whichever environment.
    const choices = await this.choices(flags)
    const [first] = choices
    const config = await readSettings(flags, {}, first && {...first, env: undefined})
    const request = {folder: resolve(args.folder), template, taken: await isTaken(choices, flags)}
    const made = await init(request, config)
    this.print(
      showInit(made, {
        here: (path) => relative(process.cwd(), path) || '.',
        engineMissing: made.needsDocker && !(await dockerAnswers()),
      }),
    )
    return made
  }
}

/** Whether the folder already has a pipeline, in any environment, or declares several. */
async function isTaken(choices: readonly Choice[], flags: TargetFlags): Promise<boolean> {
  if (new Set(choices.map(({pipeline}) => pipeline)).size > 1) return true
  const found = await Promise.all(
    choices.map(async (choice) => hasPipeline(await readSettings(flags, {}, choice))),
  )
  return found.includes(true)
}
