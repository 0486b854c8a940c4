import {Flags} from '@oclif/core'

import {CloudRunnerCommand} from '../cli/base.ts'
import {usageError} from '../cli/failure.ts'
import {showDeploy} from '../cli/show-deploy.ts'
import {BUILDERS} from '../core/deploy/build.ts'
import {deploy, promote, type DeployResult} from '../core/deploy/deploy.ts'
import type {Rollout} from '../core/service/traffic.ts'

const TAG = /^[a-z][a-z0-9-]{0,45}[a-z0-9]$/

export default class Deploy extends CloudRunnerCommand {
  static override summary = 'Build the worker as it is now, and move the traffic to it when it is ready.'
  static override description = `Files that are in work are finished by the revision that has them. Where the new revision does not become ready, the old one keeps the traffic and the command fails with its log lines. What the replaced image is still processing is listed, with the command that stops it. A canary gets a part of the files: "deploy --promote" gives it all, "rollback" ends it. Before a worker replaces a different one (another folder, the one that comes with cloud-runner, or an image built elsewhere), the command asks; without a terminal it needs --yes.`
  static override examples = [
    {description: 'After a change to the worker', command: '<%= config.bin %> <%= command.id %>'},
    {
      description: 'About one file in ten first, then all',
      command:
        '<%= config.bin %> <%= command.id %> --canary 10 && <%= config.bin %> <%= command.id %> --promote',
    },
    {
      description: 'No files yet, but an address to try it at',
      command: '<%= config.bin %> <%= command.id %> --no-traffic --tag next',
    },
    {
      description: 'An image that was built elsewhere',
      command: '<%= config.bin %> <%= command.id %> --image registry.example.com/worker:1.2.3',
    },
    {
      description: 'What would be done, checked by Cloud Run',
      command: '<%= config.bin %> <%= command.id %> --dry-run --json',
    },
  ]
  static override flags = {
    canary: Flags.integer({
      summary: 'Percentage of the files that the new revision gets.',
      min: 1,
      max: 99,
      helpValue: '<percent>',
      exclusive: ['no-traffic', 'promote'],
    }),
    promote: Flags.boolean({
      summary: 'Build nothing: give all traffic to the newest revision.',
      exclusive: ['image', 'builder', 'tag', 'no-traffic', 'dry-run'],
    }),
    'no-traffic': Flags.boolean({summary: 'Make the revision ready, and leave the traffic where it is.'}),
    tag: Flags.string({summary: 'Name for an address of the new revision alone.', helpValue: '<name>'}),
    image: Flags.string({
      summary: "An image that is built already, in the pipeline's registry or in the docker engine here.",
      helpValue: '<reference>',
      exclusive: ['builder'],
    }),
    builder: Flags.string({
      summary:
        'docker builds the Dockerfile, layer puts the image together without docker. The default is layer on the local target; docker on Google Cloud, where it is there.',
      options: [...BUILDERS],
    }),
    yes: Flags.boolean({summary: 'Do not ask before a different worker takes over.'}),
    'dry-run': Flags.boolean({summary: 'Build, have Cloud Run check the request, and change nothing.'}),
  }

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
                builder: BUILDERS.find((builder) => builder === flags.builder),
                rollout,
                tag,
                dryRun: flags['dry-run'],
              },
              target.context(step),
            ),
    )
    this.advise(showDeploy(result))
    return result
  }
}
