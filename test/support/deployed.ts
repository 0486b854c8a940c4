import {mkdir} from 'node:fs/promises'
import {join} from 'node:path'
import {Cli, parseObject} from './cli.ts'
import {startLocalCloudProcess, type LocalCloudProcess} from './local-cloud-process.ts'
import {providerConfig} from './terraform.ts'
import {capitals} from './worker-folder.ts'

const NAME = 'cloud-runner'
const PROJECT = 'my-project-123'

export interface Revision {
  readonly name: string
  readonly image: string
  readonly percent: number
}

/** A pipeline of its own with a worker in capitals, by the built command line; disposing of it destroys it. */
export class Deployed implements AsyncDisposable {
  readonly #cli: Cli
  readonly #google: LocalCloudProcess | undefined
  readonly #environment: Readonly<Record<string, string>>
  readonly #project: string

  private constructor(cli: Cli, google: LocalCloudProcess | undefined) {
    this.#cli = cli
    this.#google = google
    this.#project = google === undefined ? 'cloud-runner-local' : PROJECT
    this.#environment =
      google === undefined
        ? {}
        : {
            CLOUD_RUNNER_GOOGLE_ENDPOINT: google.endpoint,
            TF_CLI_CONFIG_FILE: providerConfig(join(cli.folder, 'google')),
          }
  }

  /** Nothing is set up yet; on the target gcp a local cloud stands for Google. */
  static async on(target: 'local' | 'gcp'): Promise<Deployed> {
    const cli = await Cli.create()
    await Promise.all([mkdir(join(cli.folder, 'worker')), mkdir(join(cli.folder, 'google'))])
    const isGoogle = target === 'gcp'
    const google = isGoogle ? await startLocalCloudProcess(join(cli.folder, 'google')) : undefined
    const project = isGoogle ? {project: PROJECT} : {}
    await cli.write('cloud-runner.json', JSON.stringify({worker: './worker', ...project}))
    return new Deployed(cli, google)
  }

  /** Runs a command that must succeed. @returns its standard output */
  run(args: readonly string[]): Promise<string> {
    return this.#cli.text(args, {environment: this.#environment})
  }

  /** Makes another version of the worker. */
  async change(version: string): Promise<void> {
    await this.#cli.write('worker/processor.js', capitals(version))
  }

  /** Revisions, newest first. */
  async revisions(): Promise<Revision[]> {
    const {revisions} = parseObject(await this.run(['revisions', '--json']))
    if (!Array.isArray(revisions)) throw new Error('revisions lists no revisions')
    return revisions.map((revision) => {
      const {name, image, percent} = Object(revision)
      return {name: String(name), image: String(image), percent: Number(percent)}
    })
  }

  /** Image of the job, as Cloud Run names it. */
  async jobImage(): Promise<string> {
    const endpoint = this.#google?.endpoint ?? (await this.#cli.json(['local', 'status']))['endpoint']
    const path = `v2/projects/${this.#project}/locations/europe-west3/jobs/${NAME}-job`
    const job = parseObject(await (await fetch(`${String(endpoint)}/${path}`)).text())
    return /"image":"([^"]+)"/.exec(JSON.stringify(job['template']))?.[1] ?? ''
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.run(['destroy', '--confirm', NAME])
    } finally {
      await this.#google?.[Symbol.asyncDispose]()
      await this.#cli[Symbol.asyncDispose]()
    }
  }
}
