import {ARCHIVE_PREFIX, WORKER_ENVIRONMENT} from '../../worker/contract.ts'
import type {Suggestion} from './suggestion.ts'
import {AppError, EXIT} from './errors.ts'
import {pipelineOf} from './settings/pipeline.ts'
import {parseAmount} from './settings/amount.ts'
import {MEMORY_LIMITS} from './settings/memory-limits.ts'
import {ORDERED} from './settings/ordered.ts'
import {SETTINGS, type SettingName, type Settings} from './settings/settings.ts'

/** Where a value came from. Messages name `place`: a file, a variable, a flag. */
export interface Source {
  readonly kind: 'default' | 'file' | 'environment' | 'flag' | 'implied'
  readonly place: string
}

/** Wrong configuration: exit code 2. */
export function invalid(message: string, ...suggestions: Suggestion[]): AppError {
  return new AppError(message, {code: 'config-invalid', exitCode: EXIT.usage, suggestions})
}

/** Its options are set as a variable. */
const {modelOptions: _, ...SET_BY_PIPELINE} = WORKER_ENVIRONMENT

/** Names of variables that Cloud Run or the pipeline sets: https://cloud.google.com/run/docs/container-contract */
const RESERVED_VARIABLE = new RegExp(
  `^(?:PORT|K_SERVICE|K_REVISION|K_CONFIGURATION|CLOUD_RUN_.*|${Object.values(SET_BY_PIPELINE).join('|')})$`,
)

/** Checks rules over more than one setting. @throws AppError `config-invalid` (exit 2) */
export function checkTogether(settings: Settings, sources: Readonly<Record<SettingName, Source>>): void {
  const given = (setting: (typeof ORDERED)[number]['lower' | 'upper']) =>
    `${setting} (${settings[setting]}${SETTINGS[setting].schema['type'] === 'integer' ? '' : ' s'}, ${sources[setting].place})`
  for (const setting of ['environment', 'secrets'] as const) {
    const reserved = Object.keys(settings[setting]).find((name) => RESERVED_VARIABLE.test(name))
    if (reserved !== undefined)
      throw invalid(
        `${setting} sets ${reserved}, which the pipeline or Cloud Run sets itself.`,
        `Choose another name: MY_${reserved}`,
      )
  }
  const twice = Object.keys(settings.secrets).find((name) => Object.hasOwn(settings.environment, name))
  if (twice !== undefined)
    throw invalid(
      `${twice} is in secrets and in environment${settings.envFile === undefined ? '' : ' or its envFile'}: a variable has one value.`,
      'Remove it from one of them; the value that a secret has on this machine belongs in .cloud-runner/secrets.env.',
    )
  if ('cloud-runner' in settings.labels)
    throw invalid('labels sets cloud-runner, by which a pipeline finds its resources.', 'Choose another key.')
  if (settings.afterwards === 'archive' && settings.filter['prefix']?.startsWith(ARCHIVE_PREFIX))
    throw invalid(
      `afterwards is archive, which moves files to ${ARCHIVE_PREFIX}, but filter processes only files under ${settings.filter['prefix']}.`,
      `Choose a prefix outside ${ARCHIVE_PREFIX}, or "afterwards": "keep"`,
    )
  const {inputBucket, outputBucket} = pipelineOf(settings).names
  if (inputBucket === outputBucket)
    throw invalid(
      `inputBucket and outputBucket are both ${inputBucket}: each result would be processed again, endlessly.`,
      'Leave outputBucket out, so that the pipeline creates one.',
    )
  if (
    settings.subnetwork === undefined &&
    settings.network === undefined &&
    sources.egress.kind !== 'default'
  )
    throw invalid(
      `egress (${sources.egress.place}) needs network or subnetwork.`,
      'For example: "network": "default"',
    )
  if (settings.noResultMinutes !== undefined && Object.keys(settings.alerts).length === 0)
    throw invalid(
      `noResultMinutes (${sources.noResultMinutes.place}) needs alerts, which say who is notified.`,
      'For example: "alerts": {"email": "ops@example.com"}',
    )
  const webhook = settings.alerts['webhook']
  if (settings.target === 'gcp' && webhook?.startsWith('http:') === true)
    throw invalid(
      `alerts.webhook (${webhook}) is an address on this machine, which Google cannot reach.`,
      'Use an https URL.',
    )
  if (settings.retentionDays !== undefined && !settings.versioning)
    throw invalid(
      `retentionDays (${sources.retentionDays.place}) needs versioning: otherwise no result could be replaced.`,
      'For example: "versioning": true',
    )
  const [least = '', most = ''] = MEMORY_LIMITS[settings.cpu] ?? []
  const bytes = parseAmount(settings.memory) ?? 0
  const isTooLittle = bytes < (parseAmount(least) ?? 0)
  if (isTooLittle || bytes > (parseAmount(most) ?? Infinity))
    throw invalid(
      `memory (${settings.memory}, ${sources.memory.place}) must be between ${least} and ${most} with cpu ${settings.cpu} (${sources.cpu.place}): Cloud Run offers no other.`,
      `For example: "memory": "${isTooLittle ? least : most}"`,
    )
  for (const {lower, upper, strict, why} of ORDERED) {
    const isInOrder = strict ? settings[lower] < settings[upper] : settings[lower] <= settings[upper]
    if (isInOrder) continue
    throw invalid(
      `${given(lower)} must ${strict ? 'be below' : 'not be above'} ${given(upper)}: ${why}.`,
      `For example: ${upper} ${SETTINGS[upper].example} with ${lower} ${SETTINGS[lower].example}`,
    )
  }
}
