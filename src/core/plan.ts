import {forecast} from './cost/forecast.ts'
import {checkGiven} from './doctor/given.ts'
import {requireAll} from './doctor/prerequisites.ts'
import {filterWarnings} from './files/filter-warnings.ts'
import {SETTING_NAMES, SETTINGS, type Settings} from './settings/settings.ts'
import type {Context} from './ports/context.ts'
import type {PlannedResource} from './ports/infrastructure.ts'

export interface PlanResult {
  /** All resources of the pipeline, with what `setup` would do to each. */
  readonly resources: readonly PlannedResource[]
  /** How many of them would change. */
  readonly changes: number
  /** Names of the settings that this target only stores. */
  readonly withoutEffect: readonly string[]
  readonly warnings: readonly string[]
  /** Estimates in US dollars, after the free tier. */
  readonly monthlyCost: {
    readonly idle: number
    /** With 1,000 files of 5 MiB a month. */
    readonly thousandFiles: number
    /** What the free tier takes off `thousandFiles`. */
    readonly freeTier: number
  }
}

/** Placeholder until there is an image, so that resources that need one are planned too. */
const NO_DIGEST = `sha256:${'0'.repeat(64)}`

/**
 * What `setup` would create or change; changes nothing. The plan assumes the running image with its liveness probe, and
 * leaves out what `deploy` would do.
 * @throws AppError `prerequisites-missing` for what the settings name and does not exist
 */
export async function plan(context: Context): Promise<PlanResult> {
  const {cloud, pipeline, signal, step} = context
  requireAll(await checkGiven(context))
  step('Compare with what exists')
  const service = await cloud.services.get(pipeline.names.service)
  const image = service?.image || `${pipeline.names.image}@${NO_DIGEST}`
  const resources = await cloud.infrastructure.plan(
    {...pipeline, livenessPort: service?.livenessPort},
    {image, signal},
  )
  return {
    resources,
    changes: resources.filter(({action}) => action !== 'none').length,
    withoutEffect: withoutEffect(pipeline.settings),
    warnings: await filterWarnings(context),
    monthlyCost: monthlyCost(pipeline.settings),
  }
}

function monthlyCost(settings: Settings): PlanResult['monthlyCost'] {
  const month = {per: 'month', sizeBytes: 5 * 2 ** 20} as const
  const {cost: thousandFiles, free: freeTier} = forecast({...month, files: 1000}, settings)
  return {idle: forecast({...month, files: 0}, settings).cost, thousandFiles, freeTier}
}

/** Which settings, of those that differ from their defaults, the target only stores. */
function withoutEffect(settings: Settings): string[] {
  if (settings.target === 'gcp') return []
  const names: string[] = SETTING_NAMES.filter(
    (name) => !SETTINGS[name].hasLocalEffect && settings[name] !== SETTINGS[name].default,
  )
  return settings.alerts['slack'] === undefined ? names : [...names, 'alerts.slack']
}
