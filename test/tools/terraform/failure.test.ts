import {describe, expect, test} from 'vitest'
import {isPassing, terraformFailed} from '../../../src/tools/terraform/failure.ts'
import {render} from '../../../src/core/suggestion.ts'

/** A run that ended with these errors, each `summary\ndetail`. */
function failedWith(...texts: readonly string[]) {
  const errors = texts.map((text) => {
    const [summary = '', ...detail] = text.split('\n')
    return {severity: 'error' as const, summary, detail: detail.join('\n'), address: undefined}
  })
  return {exitCode: 1, errors, noise: ''}
}

const NOTIFICATION =
  "Error creating notification config for bucket p-cloud-runner-input: googleapi: Error 403: The service account 'service-1@gs-project-accounts.iam.gserviceaccount.com' does not have permission to publish messages to to the Cloud Pub/Sub topic '//pubsub.googleapis.com/projects/p/topics/cloud-runner-uploads', or that topic does not exist., forbidden"
const AGENT =
  'Error applying IAM policy for pubsub topic "projects/p/topics/x": Error setting IAM policy: googleapi: Error 400: Service account service-1@gcp-sa-pubsub.iam.gserviceaccount.com does not exist., badRequest'
const API =
  'Error creating Repository: googleapi: Error 403: Artifact Registry API has not been used in project 1 before or it is disabled. Enable it by visiting https://console.developers.google.com/apis/api/artifactregistry.googleapis.com/overview?project=1 then retry. If you enabled this API recently, wait a few minutes'

describe('what passes without help', () => {
  test.each([
    ['a grant that is not known yet', true, [NOTIFICATION]],
    ['a service agent that is not there yet', true, [AGENT]],
    ['an API that was enabled a moment ago', true, [API]],
    ['all of them at once', true, [NOTIFICATION, AGENT, API]],
    [
      'one of them, and something else',
      false,
      [NOTIFICATION, 'Error creating Bucket: googleapi: Error 409: taken'],
    ],
    [
      'a lack of permission',
      false,
      ["Error creating Topic: googleapi: Error 403: Permission 'pubsub.topics.create' denied"],
    ],
    ['nothing that was said', false, []],
  ])('%s: %s', (_name, passes, texts) => {
    expect(isPassing(failedWith(...texts))).toBe(passes)
  })
})

describe('causes', () => {
  test.each([
    [
      'Failed to save state\nError saving state: write terraform.tfstate: no space left on device',
      'disk-full',
      /The disk is full/,
    ],
    [
      'Error acquiring the state lock\nError message: open terraform.tfstate: permission denied\n\nTerraform acquires a state lock',
      'state-unwritable',
      /cannot write terraform\.tfstate/,
    ],
    [
      'Error acquiring the state lock\nError message: writing "gs://b/p/default.tflock" failed: googleapi: Error 412: conditionNotMet\nLock Info:\n  ID:        1732294800000001\n  Path:      gs://b/p/default.tflock\n  Operation: OperationTypeApply\n  Who:       ann@laptop\n  Version:   1.11.4\n  Created:   2026-11-22 16:00:00.123456 +0000 UTC\n  Info:      \n\nTerraform acquires',
      'locked',
      /ann@laptop, since 2026-11-22 16:00:00 UTC/,
    ],
    [
      'Error: storage.NewClient() failed: dialing: google: could not find default credentials',
      'unauthenticated',
      /credentials/,
    ],
    ['Error reading Topic "x"\noauth2: "invalid_grant" "Bad Request"', 'unauthenticated', /expired/],
    [API, 'api-disabled', /Artifact Registry API/],
    [NOTIFICATION, 'permission-denied', /does not have permission to publish/],
    [
      'googleapi: Error 409: The requested bucket name is not available. The bucket namespace is shared by all users',
      'conflict',
      /not available/,
    ],
    [
      'Error creating Service: googleapi: Error 429: Quota exceeded for quota metric',
      'rate-limited',
      /Quota exceeded/,
    ],
    [
      'Error waiting to create Service: Error code 9, message: The user-provided container failed to start',
      'deploy-failed',
      /failed to start/,
    ],
    [
      'Get "https://pubsub.googleapis.com/v1/x": dial tcp: lookup pubsub.googleapis.com: no such host',
      'unreachable',
      /no such host/,
    ],
    ['Something new', 'terraform-failed', /terraform apply failed: Something new/],
  ])('%s', (text, code, message) => {
    const failure = terraformFailed('terraform apply failed', failedWith(text), '/folder')
    expect(failure).toMatchObject({code, message: expect.stringMatching(message)})
    expect(failure.suggestions.length).toBeGreaterThan(0)
    expect(`${failure.message}${failure.suggestions.map(render).join('')}`).not.toMatch(/lock=false|[│╷╵]/)
  })
})

test.each([
  ['no space left on device', "Free some space: df -h '/my work/gcp'"],
  ['open terraform.tfstate: permission denied', "Check the owner: ls -la '/my work/gcp'"],
  [
    'state file could not be parsed',
    "If it is a file, restore the previous state: cp '/my work/gcp/terraform.tfstate.backup' '/my work/gcp/terraform.tfstate'",
  ],
  [
    'Error acquiring the state lock\nID: 12\nWho: ann@laptop\nCreated: 2026-11-22',
    "If that process is gone: cd '/my work/gcp' && terraform force-unlock -force 12",
  ],
  ['Error 409: it exists', "See what Terraform knows: cd '/my work/gcp' && terraform state list"],
])('%s: the command is one to paste, even if the folder has a space', (text, line) => {
  const {suggestions} = terraformFailed('terraform apply failed', failedWith(text), '/my work/gcp')
  expect(suggestions.map(render).join('\n')).toContain(line)
})
