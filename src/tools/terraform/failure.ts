import {AppError, type ErrorCode} from '../../core/errors.ts'
import type {Diagnostic} from './events.ts'
import type {TerraformRun} from './program.ts'
import {shellPath} from '../../core/shell.ts'
import {command, suggest, synopsis, type Suggestion} from '../../core/suggestion.ts'

interface Cause {
  readonly matches: RegExp
  readonly code: ErrorCode
  /** Absent: Terraform's own message. */
  readonly message?: (found: RegExpExecArray, folder: string) => string
  readonly next: (folder: string, found: RegExpExecArray) => readonly Suggestion[]
}

/**
 * Known causes of failure, the most specific first. Terraform itself has one title, "Error acquiring the state lock",
 * and one piece of advice, to disable locking, for a folder that is not writable, a full disk, a corrupt state and a
 * newer one alike.
 */
const CAUSES: readonly Cause[] = [
  {
    matches: /no space left on device|disk quota exceeded/i,
    code: 'disk-full',
    message: (_found, folder) => `The disk is full: Terraform cannot write to ${folder}.`,
    next: (folder) => [`Free some space: df -h ${shellPath(folder)}`, CONTINUE],
  },
  {
    matches:
      /(?:open|create|write|rename|mkdir|unlink|remove) (\S+?):? (?:permission denied|operation not permitted|read-only file system)/i,
    code: 'state-unwritable',
    message: (found) => `Terraform cannot write ${found[1] ?? 'its files'}: permission denied.`,
    next: (folder) => [`Check the owner: ls -la ${shellPath(folder)}`, CONTINUE],
  },
  {
    matches:
      /format version (\d+), which is not supported by Terraform (\S+?)\.\s.*?created by Terraform (\S+?)\.?(?:\s|$)|state snapshot was created by Terraform v?(\S+?),? which is newer/is,
    code: 'state-version',
    message: (found) =>
      `The state was written by Terraform ${found[3] ?? found[4] ?? 'of a later version'}, which is newer than the installed one.`,
    next: () => ['Install that version or a later one: https://developer.hashicorp.com/terraform/install'],
  },
  {
    matches:
      /state file could not be parsed|Unsupported state file format|does not have a "version" attribute|state data in .* does not have the expected content/i,
    code: 'state-unreadable',
    message: (_found, folder) => `The Terraform state in ${folder} is corrupt.`,
    next: (folder) => [
      `If it is a file, restore the previous state: cp ${shellPath(`${folder}/terraform.tfstate.backup`)} ${shellPath(`${folder}/terraform.tfstate`)}`,
      'If it is in a bucket, find an older version: gcloud storage ls --all-versions gs://BUCKET/PREFIX/**',
    ],
  },
  {
    matches:
      /Error acquiring the state lock.*?ID:\s+(\S+).*?Who:\s+([^\n]*?)\s*\n.*?Created:\s+([^\n]*?)\s*(?:\n|$)/is,
    code: 'locked',
    message: (found) =>
      `Another Terraform has locked the state: ${found[2] ?? 'unknown'}, since ${found[3]?.replace(/\.\d+ \+0000 UTC/, ' UTC') ?? 'an unknown time'}.`,
    next: (folder, found) => [
      'Wait until it is done, then try again.',
      `If that process is gone: cd ${shellPath(folder)} && terraform force-unlock -force ${found[1] ?? 'ID'}`,
    ],
  },
  {
    matches:
      /Failed to query available provider packages|Failed to install provider|could not connect to (?:registry|releases)\.|Inconsistent dependency lock file|provider .* (?:was not found|is not available)/i,
    code: 'provider-missing',
    message: (found) =>
      `Terraform cannot install the google provider: ${reason(found.input) ?? 'it is not available'}.`,
    next: () => [
      'It comes from registry.terraform.io: check the network and HTTPS_PROXY.',
      'Offline, name a mirror in TF_CLI_CONFIG_FILE: https://developer.hashicorp.com/terraform/cli/config/config-file#provider-installation',
    ],
  },
  {
    matches: /Unsupported Terraform Core version/i,
    code: 'program-unusable',
    message: () => 'This terraform is older than the module requires.',
    next: () => ['Install a later version: https://developer.hashicorp.com/terraform/install'],
  },
  {
    matches:
      /could not find default credentials|invalid_grant|invalid_rapt|reauth|Token has been expired or revoked|Error 401|UNAUTHENTICATED|Attempted to load application default credentials/i,
    code: 'unauthenticated',
    message: () => 'Google rejects the credentials, or they have expired.',
    next: () => ['Sign in: gcloud auth application-default login', CONTINUE],
  },
  {
    matches: /has not been used in project (\S+) before or it is disabled|SERVICE_DISABLED/i,
    code: 'api-disabled',
    next: (_folder, found) => [
      `Enable it: gcloud services enable ${/([a-z]+\.googleapis\.com)/.exec(found.input)?.[1] ?? 'API'}${found[1] === undefined ? '' : ` --project ${found[1]}`}`,
      CONTINUE,
    ],
  },
  {
    matches: /The requested bucket name is not available|Error 409: .*bucket.*(?:already|own)/i,
    code: 'conflict',
    next: () => [
      suggest`Bucket names are globally unique. Choose another pipeline name: ${synopsis('setup', '--pipeline', 'NAME')}`,
    ],
  },
  {
    matches: /Error 409|already exists/i,
    code: 'conflict',
    next: (folder) => [
      `Something else created it, or Terraform lost track of it. See what Terraform knows: cd ${shellPath(folder)} && terraform state list`,
      'Delete it, or adopt it with terraform import, or choose another pipeline name: --pipeline NAME',
    ],
  },
  {
    matches: /Error 403|PERMISSION_DENIED|Error code 7,/i,
    code: 'permission-denied',
    next: () => [suggest`See what is missing and how to fix it: ${command('doctor')}`],
  },
  {
    matches: /Error 429|RESOURCE_EXHAUSTED|Quota exceeded|rateLimitExceeded/i,
    code: 'rate-limited',
    next: () => ['Wait a minute; what was created stays.', CONTINUE],
  },
  {
    matches:
      /Error waiting to (?:create|update|creating|updating) Service|is not ready and cannot serve traffic/i,
    code: 'deploy-failed',
    next: () => [suggest`See the worker's errors: ${command('logs', '--severity', 'error')}`, CONTINUE],
  },
  {
    matches:
      /connection refused|no such host|i\/o timeout|network is unreachable|TLS handshake timeout|connection reset/i,
    code: 'unreachable',
    next: () => ['Check the network connection.', CONTINUE],
  },
  {
    matches:
      /contains resources? that will be deleted|bucket you tried to delete is not empty|without force_destroy/i,
    code: 'conflict',
    next: () => [suggest`Something was uploaded in the meantime. Try again: ${command('destroy')}`],
  },
]

const CONTINUE = 'Then run the same command again to continue.'

/** Refusals that go away once a new grant, account or API has propagated in Google Cloud. */
const PASSING = [
  // The notification, https://cloud.google.com/storage/docs/reporting-changes
  /does not have permission to publish messages to/i,
  // A service agent, or an account that was created a moment ago.
  /Service account \S+ does not exist/i,
  /Error 400: .*(?:service account|principal).*does not exist/i,
  /Permission 'iam\.serviceaccounts?\.actAs' denied/i,
  // An API that was enabled a moment ago.
  /has not been used in project \S+ before or it is disabled/i,
  /SERVICE_DISABLED/,
]

/** Whether every error may go away in a moment. */
export function isPassing({errors}: Pick<TerraformRun, 'errors'>): boolean {
  const causes = errors.filter(({summary}) => !/execution halted/i.test(summary))
  return (
    causes.length > 0 &&
    causes.every((diagnostic) => PASSING.some((pattern) => pattern.test(textOf(diagnostic))))
  )
}

/** Describes a failed run: what failed, why, and what to do. */
export function terraformFailed(doing: string, run: TerraformRun, folder: string): AppError {
  const all = run.errors.length > 0 ? run.errors.map(textOf).join('\n') : run.noise
  for (const {matches, code, message, next} of CAUSES) {
    const found = matches.exec(all)
    if (found === null) continue
    return new AppError(message?.(found, folder) ?? `${doing}: ${inWords(run)}`, {
      code,
      suggestions: next(folder, found),
    })
  }
  return new AppError(`${doing}: ${inWords(run)}`, {
    code: 'terraform-failed',
    suggestions: [`See Terraform's output in ${folder}, in the files terraform-*.log.`, CONTINUE],
  })
}

/** At most three errors, each with its resource, without the box, the links and the details in JSON. */
function inWords({errors, noise}: TerraformRun): string {
  if (errors.length === 0) return noise.trim().slice(0, 600) || 'Terraform printed nothing.'
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
