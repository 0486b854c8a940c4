import {Flags} from '@oclif/core'

import {CloudRunnerCommand} from '../cli/base.ts'
import {usageError} from '../cli/failure.ts'
import {confirmFlag, wholeNumberFlag} from '../cli/flags.ts'
import {showDeploy} from '../cli/show-deploy.ts'
import {BUILDERS} from '../core/deploy/choose-builder.ts'
import {deploy, promote, type DeployResult} from '../core/deploy/deploy.ts'
import type {Rollout} from '../core/service/traffic.ts'

const TAG = /^[a-z][a-z0-9-]{0,45}[a-z0-9]$/

export default class Deploy extends CloudRunnerCommand {
  static override summary = 'Build the worker and move traffic to it once it is ready.'
  static override description = `Files in progress finish on the revision that started them. If the new revision does not become ready, the old one keeps the traffic, and the command fails with the new one's log lines. Files that the replaced image is still processing are listed with the command that stops them.

A canary gets a share of the files: "deploy --promote" gives it all of them, and "rollback" ends it. The command asks before it replaces a different worker (from another folder, built in, or an image built elsewhere); without a terminal it needs --yes. In a protected environment it first asks for the pipeline's name.`
  static override examples = [
    {description: 'After a change to the worker', command: '<%= config.bin %> <%= command.id %>'},
    {
      description: 'Try it on about one file in ten, then on all',
      command:
        '<%= config.bin %> <%= command.id %> --canary 10 && <%= config.bin %> <%= command.id %> --promote',
    },
    {
      description: 'Send it no files yet, but get a URL to try it at',
      command: '<%= config.bin %> <%= command.id %> --no-traffic --tag next',
    },
    {
      description: 'Deploy an image built elsewhere',
      command: '<%= config.bin %> <%= command.id %> --image registry.example.com/worker:1.2.3',
    },
    {
      description: 'Show what would change, validated by Cloud Run',
      command: '<%= config.bin %> <%= command.id %> --dry-run --json',
    },
  ]
  static override flags = {
    canary: wholeNumberFlag({
      summary: 'Percentage of files to send to the new revision.',
      min: 1,
      max: 99,
      helpValue: '<percent>',
      exclusive: ['no-traffic', 'promote'],
    }),
    promote: Flags.boolean({
      summary: 'Send all traffic to the newest revision without building anything.',
      exclusive: ['image', 'builder', 'tag', 'no-traffic', 'dry-run'],
    }),
    'no-traffic': Flags.boolean({summary: 'Create the revision, but leave the traffic as it is.'}),
    tag: Flags.string({
      summary: 'Give the new revision its own URL, with this name.',
      helpValue: '<name>',
    }),
    image: Flags.string({
      summary: "Deploy this image from the pipeline's registry or the local docker engine.",
      helpValue: '<reference>',
      exclusive: ['builder'],
    }),
    builder: Flags.option({
      summary:
        'docker builds the Dockerfile; layer assembles the image without docker; cloudbuild builds the Dockerfile, or the Procfile by buildpacks, on Google Cloud. The default on the local target is layer (a worker with a command then runs as a process); on Google Cloud it is docker if available, otherwise whatever fits the worker.',
      options: BUILDERS,
    })(),
    yes: Flags.boolean({summary: 'Do not ask before replacing a different worker.'}),
    confirm: confirmFlag,
    'dry-run': Flags.boolean({summary: 'Build and have Cloud Run validate the request, but change nothing.'}),
  }

  protected override readonly isChange = true

  override async run(): Promise<DeployResult> {
    const {flags} = await this.parse(Deploy)
    const {tag, image, canary} = flags
    if (tag !== undefined && !TAG.test(tag)) {
      throw usageError(
        `--tag is "${tag}"; it must be 2 to 47 lower-case letters, digits and hyphens, beginning with a letter.`,
        ['For example: --tag next'],
      )
    }
    const config = await this.configure(flags)
    if (!flags['dry-run']) await this.agreeToChange(config, flags.confirm)
    await using target = await this.open(config, {create: false})
    const request = {workerFolder: config.workerFolder, image}
    if (!flags.promote && !flags['dry-run']) await this.agreeTo(request, flags, target)
    const rollout: Rollout =
      canary === undefined ? {kind: flags['no-traffic'] ? 'none' : 'all'} : {kind: 'canary', percent: canary}
    const result = await this.task(
      flags.promote ? 'Promote the newest revision' : 'Deploy the worker',
      (step) =>
        flags.promote
          ? promote(target.context(step))
          : deploy(
              {
                ...request,
                builder: flags.builder,
                rollout,
                tag,
                dryRun: flags['dry-run'],
              },
              target.context(step),
            ),
    )
    this.print(showDeploy(result, this.render))
    return result
  }
}
