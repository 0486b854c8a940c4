import {alertsOf, type Pipeline} from '../../core/settings/pipeline.ts'
import type {ModuleVariable} from '../../core/settings/setting.ts'
import {secretsOf} from '../../core/secrets/declared.ts'
import {parseAmount} from '../../core/settings/amount.ts'
import {MEMORY_LIMITS} from '../../core/settings/memory-limits.ts'
import {snakeCase} from '../../core/settings/setting-names.ts'
import {ORDERED} from '../../core/settings/ordered.ts'
import {SETTING_NAMES, SETTINGS} from '../../core/settings/settings.ts'

/** Values of the module's variables. @param image reference with digest; `undefined`: only what needs no image */
export function variables(
  {settings, model, livenessPort, currentImage}: Pipeline,
  image: string | undefined,
): Record<string, unknown> {
  return {
    project_id: settings.project,
    image: image ?? null,
    image_digest: digestOf(currentImage ?? image),
    model: model ?? null,
    liveness_port: livenessPort ?? null,
    ...Object.fromEntries(
      SETTING_NAMES.filter((name) => SETTINGS[name].variable !== undefined).map((name) => [
        snakeCase(name),
        settings[name] ?? null,
      ]),
    ),
    alerts: alertsOf(settings),
    // The local cloud bills nobody, and serves no budgets.
    ...(settings.target === 'local' ? {budget: null} : {}),
    secrets: Object.fromEntries(
      secretsOf(settings).map(({variable, secret, version}) => [variable, `${secret}:${version}`]),
    ),
  }
}

function digestOf(image: string | undefined): string | null {
  return /sha256:[0-9a-f]{64}$/.exec(image ?? '')?.[0] ?? null
}

/** Text of `terraform/settings.tf`: one variable for each setting that the module has. */
export function settingsModule(): string {
  const blocks = SETTING_NAMES.flatMap((name) => {
    const {description, variable, default: value} = SETTINGS[name]
    if (variable === undefined) return []
    const own = snakeCase(name)
    const validations = [
      {condition: variable.condition(`var.${own}`), message: `${own} must be ${variable.rule}.`},
      ...ORDERED.filter(({lower}) => lower === name).map(({lower, upper, strict, why}) => ({
        condition: `var.${snakeCase(lower)} ${strict ? '<' : '<='} var.${snakeCase(upper)}`,
        message: `${snakeCase(lower)} must ${strict ? 'be below' : 'not be above'} ${snakeCase(upper)}: ${why}.`,
      })),
      ...(name === 'memory' ? [memoryValidation()] : []),
    ]
    return [
      `variable "${own}" {`,
      `  description = ${JSON.stringify(inTerraform(description, variable))}`,
      `  type        = ${variable.type}`,
      `  default     = ${value === undefined ? 'null' : JSON.stringify(value)}`,
      ...(value === undefined ? [] : ['  nullable    = false']),
      ...validations.flatMap(({condition, message}) =>
        condition === undefined
          ? []
          : [
              '',
              '  validation {',
              `    condition     = ${condition}`,
              `    error_message = ${JSON.stringify(message)}`,
              '  }',
            ],
      ),
      '}',
      '',
    ]
  })
  return [
    '# Generated from src/core/settings/settings.ts by `npm run build`: make changes there.',
    '',
    ...blocks,
  ].join('\n')
}

/** An amount that has another form is left to the validation of forms, which Terraform evaluates as well. */
function memoryValidation(): {readonly condition: string; readonly message: string} {
  const [least, most] = [0, 1].map((end) =>
    Object.entries(MEMORY_LIMITS).map(
      ([cpu, ends]) => `"${cpu}" = ${(parseAmount(ends[end] ?? '') ?? 0) / 2 ** 20}`,
    ),
  )
  const mebibytes =
    'tonumber(trimsuffix(replace(var.memory, "Gi", "Mi"), "Mi")) * (endswith(var.memory, "Gi") ? 1024 : 1)'
  const limit = (ends: readonly string[] = []): string => `{ ${ends.join(', ')} }[var.cpu]`
  return {
    condition: `try(${mebibytes} >= ${limit(least)} && ${mebibytes} <= ${limit(most)}, true)`,
    message: `memory must be what Cloud Run offers with var.cpu: ${Object.entries(MEMORY_LIMITS)
      .map(([cpu, ends]) => `${ends.join(' to ')} with ${cpu}`)
      .join(', ')}.`,
  }
}

/** The description of a setting, with the names and the unit that the module has. */
export function inTerraform(description: string, {rule}: ModuleVariable): string {
  const named = SETTING_NAMES.reduce(
    (text, name) => text.replaceAll(new RegExp(String.raw`\b${name}\b`, 'g'), snakeCase(name)),
    description,
  )
  return rule.endsWith(' seconds') ? `${named} In seconds.` : named
}
