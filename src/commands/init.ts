import {relative, resolve} from 'node:path'

import {Args, Flags} from '@oclif/core'

import {CloudRunnerCommand} from '../cli/base.ts'
import {usageError} from '../cli/failure.ts'
import {dockerAnswers, hasPipeline, readSettings, type TargetFlags} from '../cli/targets.ts'
import {showInit, showWorkflow} from '../cli/show-init.ts'
import {init, TEMPLATES, type InitResult} from '../core/init/init.ts'
import type {Choice} from '../core/config-sections.ts'
import {command, suggest} from '../core/suggestion.ts'
import {CI_SERVICES, writeWorkflow, type WorkflowResult} from '../core/init/workflow.ts'

const here = (path: string): string => relative(process.cwd(), path) || '.'

export default class Init extends CloudRunnerCommand {
  static override isAboutPipeline = false
  static override summary = 'Create a worker of your own, or a CI workflow.'
  static override description = `All templates run on this machine without docker if their language is installed; for Google Cloud, docker or Cloud Build builds those that are not TypeScript. The worker is added to cloud-runner.json, for a new pipeline if the folder already has one, so the existing pipeline keeps its worker. Nothing is overwritten.

With --ci github, writes .github/workflows/cloud-runner.yml instead: pull requests rehearse the pipeline against the local cloud, without an account; main deploys it, a canary first, with Workload Identity Federation.`
  static override examples = [
    {description: 'In TypeScript, in ./worker', command: '<%= config.bin %> <%= command.id %>'},
    {
      description: 'In Python',
      command: '<%= config.bin %> <%= command.id %> totals --template python',
    },
    {
      description: 'In any language: a Procfile, a Dockerfile and the contract to implement',
      command: '<%= config.bin %> <%= command.id %> totals --template container',
    },
    {
      description: "A workflow for the folder's pipeline",
      command: '<%= config.bin %> <%= command.id %> --ci github',
    },
  ]
  static override args = {
    folder: Args.string({
      description: 'folder for the worker, new or empty (default: worker)',
      ignoreStdin: true,
    }),
  }
  static override flags = {
    template: Flags.option({
      summary: 'What to start from. The default is typescript.',
      options: TEMPLATES,
    })(),
    ci: Flags.option({summary: 'Write a workflow for this CI service.', options: CI_SERVICES})(),
  }

  protected override readonly isForNew = true

  override async run(): Promise<InitResult | WorkflowResult> {
    const {args, flags} = await this.parse(Init)
    if (args.folder?.trim() === '')
      throw usageError('FOLDER is empty.', [suggest`${command('init', 'my-worker')}`])
    // A worker belongs to the pipeline, in whichever environment.
    const choices = await this.choices(flags)
    const [first] = choices
    const config = await readSettings(flags, {}, first && {...first, env: undefined})
    if (flags.ci !== undefined) {
      if (args.folder !== undefined || flags.template !== undefined) {
        throw usageError('--ci writes a workflow and no worker: it takes neither FOLDER nor --template.', [
          suggest`${command('init', '--ci', flags.ci)}`,
        ])
      }
      const written = await writeWorkflow(config)
      this.print(showWorkflow(written, here))
      return written
    }
    const request = {
      folder: resolve(args.folder ?? 'worker'),
      template: flags.template ?? 'typescript',
      taken: await isTaken(choices, flags),
    }
    const made = await init(request, config)
    this.print(
      showInit(made, {
        here,
        render: this.render,
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
