import {AppError, type ErrorCode} from '../../core/errors.ts'
import type {Diagnostic} from './events.ts'
import type {TerraformRun} from './program.ts'

interface Cause {
  readonly matches: RegExp
  readonly code: ErrorCode
  /** The message; absent: Terraform's own words. */
  readonly say?: (found: RegExpExecArray, folder: string) => string
  readonly next: (folder: string, found: RegExpExecArray) => readonly string[]
}

/**
 * What can go wrong by its cause, the most telling first. Terraform itself gives one title, "Error acquiring the state
 * lock", and one piece of advice, to switch locking off, to a folder that is not writable, a full disk, a spoiled
 * state and a newer one alike.
 */
const CAUSES: readonly Cause[] = [
  {
    matches: /no space left on device|disk quota exceeded/i,
    code: 'disk-full',
    say: (_found, folder) => `The disk is full: Terraform cannot write to ${folder}.`,
    next: (folder) => [`Make room: df -h ${folder}`, GO_ON],
  },
  {
    matches:
      /(?:open|create|write|rename|mkdir|unlink|remove) (\S+?):? (?:permission denied|operation not permitted|read-only file system)/i,
    code: 'state-unwritable',
    say: (found) => `Terraform may not write ${found[1] ?? 'its files'}: permission denied.`,
    next: (folder) => [`Look at the owner: ls -la ${folder}`, GO_ON],
  },
  {
    matches:
      /format version (\d+), which is not supported by Terraform (\S+?)\.\s.*?created by Terraform (\S+?)\.?(?:\s|$)|state snapshot was created by Terraform v?(\S+?),? which is newer/is,
    code: 'state-version',
    say: (found) =>
      `The state was written by Terraform ${found[3] ?? found[4] ?? 'of a later version'}, which is newer than the one here.`,
    next: () => ['Install that version, or a later one: https://developer.hashicorp.com/terraform/install'],
  },
  {
    matches:
      /state file could not be parsed|Unsupported state file format|does not have a "version" attribute|state data in .* does not have the expected content/i,
    code: 'state-unreadable',
    say: (_found, folder) => `The Terraform state in ${folder} is damaged.`,
    next: (folder) => [
      `The last one before it, where there is one: cp ${folder}/terraform.tfstate.backup ${folder}/terraform.tfstate`,
      'In a bucket, an older version of the object: gcloud storage ls --all-versions gs://BUCKET/PREFIX/**',
    ],
  },
  {
    matches:
      /Error acquiring the state lock.*?ID:\s+(\S+).*?Who:\s+([^\n]*?)\s*\n.*?Created:\s+([^\n]*?)\s*(?:\n|$)/is,
    code: 'locked',
    say: (found) =>
      `Another Terraform holds the lock of the state: ${found[2] ?? 'somebody'}, since ${found[3]?.replace(/\.\d+ \+0000 UTC/, ' UTC') ?? 'some time'}.`,
    next: (folder, found) => [
      'Wait until it is done, and try again.',
      `If that process is gone: cd ${folder} && terraform force-unlock -force ${found[1] ?? 'ID'}`,
    ],
  },
  {
    matches:
      /Failed to query available provider packages|Failed to install provider|could not connect to (?:registry|releases)\.|Inconsistent dependency lock file|provider .* (?:was not found|is not available)/i,
    code: 'provider-missing',
    say: (found) =>
      `Terraform cannot get the google provider: ${reason(found.input) ?? 'it is in no place where Terraform looks'}.`,
    next: () => [
      'It comes from registry.terraform.io: check the network, and HTTPS_PROXY.',
      'Without a network: a mirror, named in the file of TF_CLI_CONFIG_FILE: https://developer.hashicorp.com/terraform/cli/config/config-file#provider-installation',
    ],
  },
  {
    matches: /Unsupported Terraform Core version/i,
    code: 'program-unusable',
    say: () => 'This terraform is older than the module needs.',
    next: () => ['Install a later one: https://developer.hashicorp.com/terraform/install'],
  },
  {
    matches:
      /could not find default credentials|invalid_grant|invalid_rapt|reauth|Token has been expired or revoked|Error 401|UNAUTHENTICATED|Attempted to load application default credentials/i,
    code: 'unauthenticated',
    say: () => 'Google does not take the credentials, or they have expired.',
    next: () => ['Sign in: gcloud auth application-default login', GO_ON],
  },
  {
    matches: /has not been used in project (\S+) before or it is disabled|SERVICE_DISABLED/i,
    code: 'api-disabled',
    next: (_folder, found) => [
      `Enable it: gcloud services enable ${/([a-z]+\.googleapis\.com)/.exec(found.input)?.[1] ?? 'API'}${found[1] === undefined ? '' : ` --project ${found[1]}`}`,
      GO_ON,
    ],
  },
  {
    matches: /The requested bucket name is not available|Error 409: .*bucket.*(?:already|own)/i,
    code: 'conflict',
    next: () => [
      'Bucket names are unique in the world. Give the pipeline another name: cloud-runner setup --pipeline NAME',
    ],
  },
  {
    matches: /Error 409|already exists/i,
    code: 'conflict',
    next: (folder) => [
      `It was made by somebody else, or its record was lost. See what Terraform knows: cd ${folder} && terraform state list`,
      'Delete it, or take it over by terraform import; or give the pipeline another name: --pipeline NAME',
    ],
  },
  {
    matches: /Error 403|PERMISSION_DENIED|Error code 7,/i,
    code: 'permission-denied',
    next: () => ['See what is missing, and the command that mends it: cloud-runner doctor'],
  },
  {
    matches: /Error 429|RESOURCE_EXHAUSTED|Quota exceeded|rateLimitExceeded/i,
    code: 'rate-limited',
    next: () => ['Wait a minute and try again; what was made stays.', GO_ON],
  },
  {
    matches:
      /Error waiting to (?:create|update|creating|updating) Service|is not ready and cannot serve traffic/i,
    code: 'deploy-failed',
    next: () => ['See what the worker said: cloud-runner logs --severity error', GO_ON],
  },
  {
    matches:
      /connection refused|no such host|i\/o timeout|network is unreachable|TLS handshake timeout|connection reset/i,
    code: 'unreachable',
    next: () => ['Check the network connection.', GO_ON],
  },
  {
    matches:
      /contains resources? that will be deleted|bucket you tried to delete is not empty|without force_destroy/i,
    code: 'conflict',
    next: () => ['Something was uploaded meanwhile. Again: cloud-runner destroy'],
  },
]

const GO_ON = 'The same command then goes on from here.'

/** Refusals that pass by themselves once Google knows a new grant, account or API everywhere. */
const PASSING = [
  // The notification, https://cloud.google.com/storage/docs/reporting-changes
  /does not have permission to publish messages to/i,
  // A service agent, or an account that was made a moment ago.
  /Service account \S+ does not exist/i,
  /Error 400: .*(?:service account|principal).*does not exist/i,
  /Permission 'iam\.serviceaccounts?\.actAs' denied/i,
  // An API that was enabled a moment ago.
  /has not been used in project \S+ before or it is disabled/i,
  /SERVICE_DISABLED/,
]

/** Whether all that went wrong may be right in a moment. */
export function isPassing({errors}: Pick<TerraformRun, 'errors'>): boolean {
  const told = errors.filter(({summary}) => !/execution halted/i.test(summary))
  return (
    told.length > 0 && told.every((diagnostic) => PASSING.some((pattern) => pattern.test(textOf(diagnostic))))
  )
}

/** A run that failed, as an error that says what, why and what to do. */
export function terraformFailed(doing: string, run: TerraformRun, folder: string): AppError {
  const told = run.errors.length > 0 ? run.errors.map(textOf) : [run.noise]
  const all = told.join('\n')
  for (const {matches, code, say, next} of CAUSES) {
    const found = matches.exec(all)
    if (found === null) continue
    return new AppError(say?.(found, folder) ?? `${doing}: ${inWords(run)}`, {
      code,
      suggestions: next(folder, found),
    })
  }
  return new AppError(`${doing}: ${inWords(run)}`, {
    code: 'terraform-failed',
    suggestions: [`Terraform's own words are in ${folder}, in the files terraform-*.log.`, GO_ON],
  })
}

/** At most three errors, each by its resource, without the box, the links and the details in JSON. */
function inWords({errors, noise}: TerraformRun): string {
  if (errors.length === 0) return noise.trim().slice(0, 600) || 'Terraform ended without a word.'
  const lines = errors.slice(0, 3).map(({summary, detail, address}) => {
    const words = [summary, detail.split('\n\n')[0] ?? '']
      .filter((part) => part !== '')
      .join(': ')
      .replace(/\nDetails:[^]*$/, '')
      .replaceAll(/\s+/g, ' ')
      .trim()
    return address === undefined ? words : `${address}: ${words}`
  })
  const more = errors.length - lines.length
  return [...lines, ...(more > 0 ? [`and ${more} more`] : [])].join('\n')
}

/** The innermost reason of a failed download. */
function reason(text: string): string | undefined {
  return /could not connect to (\S+?):/.exec(text)?.[0].replace(/:$/, '')
}

function textOf({summary, detail}: Diagnostic): string {
  return `${summary}\n${detail}`
}
