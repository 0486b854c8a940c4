import {relative, resolve} from 'node:path'

import {Args, Flags} from '@oclif/core'

import {CloudRunnerCommand} from '../cli/base.ts'
import {usageError} from '../cli/failure.ts'
import {dockerAnswers, hasPipeline} from '../cli/open.ts'
import {showInit} from '../cli/show-init.ts'
import {init, TEMPLATES, type InitResult} from '../core/init/init.ts'
import {command, suggest} from '../core/suggestion.ts'

export default class Init extends CloudRunnerCommand {
  static override isAboutPipeline = false
  static override summary = 'Create a worker of your own, ready to run.'
  static override description = `All templates run on this machine without docker, if their language is installed; on Google Cloud, docker builds those that are not TypeScript. cloud-runner.json then names the worker; in a folder that already has a pipeline, for a new pipeline, so the existing one keeps its worker. Nothing is overwritten.`
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

  override async run(): Promise<InitResult> {
    const {args, flags} = await this.parse(Init)
    if (args.folder.trim() === '')
      throw usageError('FOLDER is empty.', [suggest`${command('init', 'my-worker')}`])
    const template = TEMPLATES.find((name) => name === flags.template) ?? 'typescript'
    const config = await this.configure(flags)
    const request = {folder: resolve(args.folder), template, taken: await hasPipeline(config)}
    const made = await init(request, config)
    this.print(
      showInit(made, {
        here: (path) => relative(process.cwd(), path) || '.',
        render: this.render,
        engineMissing: made.needsDocker && !(await dockerAnswers()),
      }),
    )
    return made
  }
}
