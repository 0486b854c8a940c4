import {join} from 'node:path'
import {onTestFinished} from 'vitest'
import {readConfig} from '../../src/core/config.ts'
import type {Context} from '../../src/core/ports/context.ts'
import {pipelineOf} from '../../src/core/settings/pipeline.ts'
import type {SettingName} from '../../src/core/settings/settings.ts'
import {createGoogleCloud} from '../../src/google/cloud.ts'
import {createImages} from '../../src/image/images.ts'
import {LocalCloud} from '../../src/local-cloud/index.ts'
import {createDocker} from '../../src/tools/docker.ts'
import {createPrograms} from '../../src/tools/programs.ts'
import type {Clock} from '../../src/local-cloud/wire/clock.ts'
import {temporaryFolder} from './temporary-folder.ts'

/** A pipeline's context in a local cloud of its own, and the steps it reported. */
export interface LocalPipeline extends Context {
  readonly endpoint: string
  readonly steps: string[]
  readonly folder: string
  readonly local: LocalCloud
}

/**
 * A local cloud of the running test's own, and what an action needs to work on a pipeline in it.
 * @param options `projects` that exist from the beginning; the default is that every project exists
 */
export async function startLocalPipeline(
  flags: Partial<Record<SettingName, string | number>> = {},
  {projects, clock}: {readonly projects?: readonly string[]; readonly clock?: Clock} = {},
): Promise<LocalPipeline> {
  const folder = await temporaryFolder()
  const errors: unknown[] = []
  const local = await LocalCloud.start({
    stateFolder: join(folder, '.cloud-runner', 'local'),
    ...(projects === undefined ? {} : {projects}),
    ...(clock === undefined ? {} : {clock}),
    report: (error) => errors.push(error),
  })
  onTestFinished(async () => {
    await local[Symbol.asyncDispose]()
    if (errors.length > 0) throw new AggregateError(errors, 'The local cloud reported errors of its own.')
  })
  const {settings, stateFolder} = await readConfig({cwd: folder, environment: {}, flags, cores: 2})
  const cloud = createGoogleCloud({
    projectId: settings.project,
    region: settings.region,
    endpoint: local.endpoint,
  })
  onTestFinished(() => cloud.close())
  const steps: string[] = []
  return {
    folder,
    local,
    endpoint: local.endpoint,
    pipeline: pipelineOf(settings),
    cloud,
    engine: createDocker(),
    images: createImages(),
    programs: createPrograms(),
    stateFolder,
    signal: new AbortController().signal,
    steps,
    step: (text) => void steps.push(text),
  }
}
