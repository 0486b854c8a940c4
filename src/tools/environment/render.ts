import {type Environment, gcloudEnvironment, type LocalCloudOrigins} from './environment.ts'
import {GOOGLE_PRODUCTS} from './google-products.ts'

/** `export A='b'` and `unset C`, for `eval "$(…)"` in any POSIX shell. */
function asShell({set, unset}: Environment): string[] {
  return [
    ...unset.map((name) => `unset ${name}`),
    ...Object.entries(set).map(
      ([name, value]) => `export ${name}='${value.replaceAll("'", String.raw`'\''`)}'`,
    ),
  ]
}

/** `A="b"`, in backticks if the value has quotes; variables to unset are empty, which all these tools treat as unset. */
function asDotenv({set, unset}: Environment): string[] {
  return [
    ...unset.map((name) => `${name}=`),
    ...Object.entries(set).map(
      ([name, value]) => `${name}=${value.includes('"') ? `\`${value}\`` : JSON.stringify(value)}`,
    ),
  ]
}

/**
 * An override file for a Terraform module (https://developer.hashicorp.com/terraform/language/files/override). It also
 * has what the environment cannot express: fast polling of operations, and no batching.
 */
function asTerraformOverride({endpoint, project, region}: LocalCloudOrigins): string[] {
  const endpoints = Object.entries(GOOGLE_PRODUCTS)
    .flatMap(([path, products]) =>
      products.map((product) => [`${product.toLowerCase()}_custom_endpoint`, `${endpoint}/${path}`] as const),
    )
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
  const width = Math.max(...endpoints.map(([name]) => name.length))
  return [
    '# For the google provider, version 7. Save it as local_override.tf in a module with a provider block, or as',
    '# local.tf in one without, and remove it before you apply the module to Google.',
    'provider "google" {',
    '  access_token  = "local"',
    `  project       = ${JSON.stringify(project)}`,
    `  region        = ${JSON.stringify(region)}`,
    '  poll_interval = "250ms"',
    '',
    ...endpoints.map(([name, value]) => `  ${name.padEnd(width)} = ${JSON.stringify(value)}`),
    '',
    '  batching {',
    '    enable_batching = false',
    '  }',
    '}',
  ]
}

/** A gcloud configuration, as `gcloud config configurations` stores them: a section for each group of properties. */
function asGcloudConfiguration(origins: LocalCloudOrigins): string[] {
  const sections = new Map<string, string[]>()
  for (const [name, value] of Object.entries(gcloudEnvironment(origins).set)) {
    const property = GCLOUD_PROPERTY.exec(name)?.groups
    if (property === undefined) continue
    const {section = '', key = ''} = property
    const lines = sections.get(section) ?? []
    lines.push(`${key.toLowerCase()} = ${value}`)
    sections.set(section, lines)
  }
  return [...sections].flatMap(([section, lines], index) => [
    ...(index === 0 ? [] : ['']),
    `[${section.toLowerCase()}]`,
    ...lines,
  ])
}

/** `CLOUDSDK_<section>_<property>`; CLOUDSDK_CONFIG is not a property. */
const GCLOUD_PROPERTY =
  /^CLOUDSDK_(?<section>COMPONENT_MANAGER|ARTIFACTS|AUTH|COMPUTE|CORE|PROXY|RUN)_(?<key>\w+)$/

const FORMATS = {
  shell: (_, environment) => asShell(environment),
  dotenv: (_, environment) => asDotenv(environment),
  json: (origins, environment) => JSON.stringify({...origins, ...environment}, undefined, 2).split('\n'),
  terraform: asTerraformOverride,
  gcloud: asGcloudConfiguration,
} satisfies Record<string, (origins: LocalCloudOrigins, environment: Environment) => string[]>

type EnvironmentFormat = keyof typeof FORMATS

/** Output formats of an environment. */
export const ENVIRONMENT_FORMATS = [
  'shell',
  'dotenv',
  'json',
  'terraform',
  'gcloud',
] as const satisfies EnvironmentFormat[]

/** The variables that point tools at a local cloud, as lines of text. */
export function renderEnvironment(
  format: EnvironmentFormat,
  origins: LocalCloudOrigins,
  environment: Environment,
): string[] {
  return FORMATS[format](origins, environment)
}
